"""What only PostgreSQL does: refusals of a server, turns, upgrades with a dump, secrets."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, make_url, text

from reactcnn_dash.app import create_server
from reactcnn_dash.callbacks import poll
from reactcnn_dash.cli import main
from reactcnn_dash.db import (
    EditRefused,
    NotAStore,
    RunNotFound,
    RunWriter,
    StoreError,
    StoreFull,
    StoreLocked,
    StoreMissing,
    StoreOutdated,
    StoreReader,
    StoreReadOnly,
    StoreUnreachable,
    check_writable,
    delete_run,
    edit_run,
    put_password_away,
    upgrade,
    without_password,
)
from reactcnn_dash.db.address import StoreAddress
from reactcnn_dash.db.models import metadata
from reactcnn_dash.db.postgresql import take_turn
from reactcnn_dash.jobs.runner import Jobs
from reactcnn_dash.pages.empty import empty_store
from tests import looking, served
from tests.db.samples import batch, new_run, state
from tests.postgres import engine_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres import Databases, OwnServer

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("schema-*.db"))
SESAME = "sesame-53cret"


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    made = databases.make()
    yield made
    databases.drop(made)


@pytest.fixture
def blank(databases: Databases) -> Iterator[str]:
    """The URL of a database without a table."""
    made = databases.make(empty=True)
    yield made
    databases.drop(made)


def collected(url: str, images: int = 6) -> str:
    with RunWriter.begin(url, new_run()) as writer:
        for start in range(0, images, 3):
            writer.append(batch(start, 3))
        writer.finish()
    return url


def said(error: pytest.ExceptionInfo[StoreError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert text.startswith("postgresql://")
    return text


# --- what a server refuses ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kind", "words"),
    [
        ("postgresql://x@/y?host=/nowhere", StoreUnreachable, "cannot be reached (No such file"),
        ("postgresql://x:pw@127.0.0.1:9/y", StoreUnreachable, "(Connection refused): start it, or"),
        ("postgres://x@no.such.host.invalid/y", StoreUnreachable, "no.such.host.invalid"),
    ],
)
def test_a_server_that_is_not_there_is_named(url: str, kind: type[StoreError], words: str) -> None:
    for way in (
        lambda: StoreReader(url).runs(),
        lambda: RunWriter.begin(url, new_run()),
        lambda: check_writable(url),
        lambda: edit_run(url, 1, note="x"),
        lambda: delete_run(url, 1),
        lambda: upgrade(url),
    ):
        with pytest.raises(kind) as error:
            way()
        assert words in said(error)


def test_a_missing_database_is_told_with_how_to_make_it(url: str) -> None:
    missing = make_url(url).set(database="no_such_one").render_as_string(hide_password=False)
    with pytest.raises(StoreMissing, match=r"createdb no_such_one") as error:
        StoreReader(missing).runs()
    assert said(error)


def test_a_user_that_the_server_does_not_know_is_told_apart(url: str) -> None:
    stranger = make_url(url).set(username="stranger").render_as_string(hide_password=False)
    with pytest.raises(StoreError, match="the database server refuses") as error:
        StoreReader(stranger).runs()
    assert "PGPASSWORD" in said(error)


def test_a_database_of_something_else_is_left_alone(blank: str) -> None:
    looking.change(blank, "CREATE TABLE recipes (title text)")
    for way in (lambda: StoreReader(blank).runs(), lambda: RunWriter.begin(blank, new_run())):
        with pytest.raises(NotAStore) as error:
            way()
        assert said(error)
    assert looking.rows(blank, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [
        (1,)
    ]


def test_an_empty_database_is_a_store_without_runs_and_is_made_one_by_the_first(blank: str) -> None:
    reader = StoreReader(blank)
    assert reader.runs() == ()
    with pytest.raises(StoreMissing, match="the store is empty"):
        edit_run(blank, 1, note="x")
    collected(blank)
    assert reader.run(1).stored == 6


def test_a_full_disk_keeps_what_was_acknowledged(url: str) -> None:
    with RunWriter.begin(url, new_run()) as writer:
        writer.append(batch(0, 3))
        # The server's own report, as of a disk that is full.
        looking.change(
            url,
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE EXCEPTION 'could not extend file: No space left on device' "
            "USING ERRCODE = '53100'; END $$",
        )
        looking.change(
            url,
            "CREATE TRIGGER no_room BEFORE INSERT ON images EXECUTE FUNCTION full_disk()",
        )
        with pytest.raises(StoreFull, match="the disk is full") as error:
            writer.append(batch(3, 3))
        assert said(error)
        looking.change(url, "DROP TRIGGER no_room ON images")
        writer.append(batch(3, 3))
    assert np.array_equal(StoreReader(url).gap_rows(1, 0, 9), batch(0, 6).gap)


def test_a_database_that_takes_no_changes_is_read(url: str) -> None:
    collected(url)
    name = make_url(url).database
    looking.change(url, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    assert StoreReader(url).run(1).stored == 6
    for way in (lambda: edit_run(url, 1, note="x"), lambda: RunWriter.begin(url, new_run())):
        with pytest.raises(StoreReadOnly) as error:
            way()
        assert said(error)


def test_what_no_row_can_have_is_not_there_and_no_fault(url: str) -> None:
    collected(url)
    reader = StoreReader(url)
    for ref in ("a\0b", 2**40, 2**70, "\udc80", str(2**62)):
        with pytest.raises(RunNotFound):
            reader.run(ref)
    for note in ("a\0b", "\ud800"):
        with pytest.raises(EditRefused):
            edit_run(url, 1, note=note)


# --- who writes beside whom --------------------------------------------------------------------


def test_who_looks_before_it_writes_is_alone_and_waits_only_so_long(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reactcnn_dash.db.engine.BUSY_SECONDS", 0.2)
    with RunWriter.begin(url, new_run()) as one, RunWriter.begin(url, new_run()) as two:
        with engine_of(url).begin() as other:
            take_turn(other, alone=False)
            # Side by side with another that only adds to a run of its own.
            one.append(batch(0, 3))
            two.append(batch(0, 3))
            with pytest.raises(StoreLocked, match="keeps the store locked") as error:
                edit_run(url, 1, name="x")
            assert said(error)
        edit_run(url, 1, name="alone")
        with engine_of(url).begin() as other:
            take_turn(other, alone=True)
            with pytest.raises(StoreLocked):
                one.append(batch(3, 3))
            assert StoreReader(url).run(1).stored == 3
        one.append(batch(3, 3))
    assert StoreReader(url).run("alone").stored == 6


def test_two_who_make_one_store_at_once_make_it_together(blank: str) -> None:
    barrier, failures = threading.Barrier(4), list[StoreError]()

    def begin(name: str) -> None:
        barrier.wait()
        try:
            with RunWriter.begin(blank, new_run(name=name)) as writer:
                writer.append(batch(0, 3))
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=begin, args=(f"run {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [run.stored for run in StoreReader(blank).runs()] == [3] * 4
    assert {run.checkpoint.id for run in StoreReader(blank).runs()} == {1}


def test_a_reading_sees_the_store_at_one_moment(url: str) -> None:
    reader = StoreReader(collected(url))
    with reader._read() as connection:
        assert connection is not None
        before = connection.execute(text("SELECT name FROM runs")).scalar()
        edit_run(url, 1, name="later")
        assert connection.execute(text("SELECT name FROM runs")).scalar() == before
    assert reader.run(1).name == "later"


def test_a_deletion_gives_its_space_back_to_the_server(url: str) -> None:
    collected(url, 600)
    size = "SELECT pg_total_relation_size('images') + pg_total_relation_size('feature_maps')"
    before = looking.rows(url, size)[0][0]
    done = delete_run(url, 1)
    assert 0 < done.given_back == before - looking.rows(url, size)[0][0]


def test_durable_waits_for_the_servers_disk_whatever_the_server_was_told(url: str) -> None:
    name = make_url(url).database
    looking.change(url, f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    for durable, waits in ((False, "off"), (True, "on")):
        with RunWriter.begin(url, new_run(), durable=durable) as writer:
            with writer.line.connection.begin():
                found = writer.line.connection.execute(text("SHOW synchronous_commit")).scalar()
            assert found == waits


# --- upgrades ----------------------------------------------------------------------------------


def frozen(url: str, fixture: Path) -> str:
    """Make a database of an older schema by the migrations, with the rows of a frozen file."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    with engine_of(url).begin() as connection, closing(sqlite3.connect(fixture)) as raw:
        raw.row_factory = sqlite3.Row
        revision = raw.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        there = MetaData()
        there.reflect(connection)
        old = engine_of(f"sqlite:///{fixture}")
        here = MetaData()
        here.reflect(old)
        with old.connect() as source:
            for table in there.sorted_tables:
                found = source.execute(here.tables[table.name].select()).mappings().all()
                if found and table.name != "alembic_version":
                    connection.execute(table.insert(), [dict(row) for row in found])
    return str(revision)


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """In a working directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def compressed_again(url: str) -> list[str]:
    """The columns of bytes that the server tries to compress; there are some to look at."""
    ways = (
        "SELECT c.relname || '.' || a.attname, a.attstorage FROM pg_attribute a "
        "JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind = 'r' AND a.attnum > 0 "
        "AND c.relnamespace = current_schema()::regnamespace AND a.atttypid = 'bytea'::regtype"
    )
    with engine_of(url).connect() as connection:
        found = connection.execute(text(ways)).all()
    assert len(found) >= 15
    return [column for column, way in found if str(way) != "e"]


def test_what_is_compressed_here_is_not_compressed_again_by_the_server(url: str) -> None:
    assert compressed_again(url) == []


@pytest.mark.parametrize("fixture", FIXTURES, ids=[one.stem for one in FIXTURES])
def test_an_older_store_is_upgraded_and_its_dump_brings_it_back(
    blank: str, fixture: Path, databases: Databases, in_folder: pytest.MonkeyPatch, binaries: Path
) -> None:
    monkeypatch, tmp_path = in_folder, Path.cwd()
    old = frozen(blank, fixture)
    with pytest.raises(StoreOutdated, match=r"upgrade --store postgresql://"):
        StoreReader(blank).runs()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StoreError, match=r"there is no pg_dump here.*--backed-up"):
        upgrade(blank)
    monkeypatch.setenv("PATH", f"{binaries}{os.pathsep}{tmp_path}")
    result = upgrade(blank)
    name = make_url(blank).database
    assert result.backup == tmp_path / f"{name}.backup-{old}"
    run = StoreReader(blank).run("trial")
    assert np.array_equal(StoreReader(blank).gap_rows(1, 0, 6), batch(0, 6).gap)
    with engine_of(blank).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert compressed_again(blank) == []
    with RunWriter.resume(blank, "trial") as writer:
        writer.append(batch(6, 3), [state(0, 9)])
    assert StoreReader(blank).run(run.id).stored == 9
    assert upgrade(blank).backup is None
    back = databases.make(empty=True)
    restore = [
        str(binaries / "pg_restore"),
        "--dbname",
        str(StoreAddress.of(back)),
        str(result.backup),
    ]
    subprocess.run(restore, check=True)
    assert looking.rows(back, "SELECT version_num FROM alembic_version") == [(old,)]
    assert looking.rows(back, "SELECT stored FROM runs") == [(6,)]
    databases.drop(back)


def test_an_upgrade_without_a_dump_is_had_by_saying_so(
    blank: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    frozen(blank, FIXTURES[0])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["upgrade", "--store", blank]) == StoreError.exit_code
    assert main(["upgrade", "--store", blank, "--backed-up"]) == 0
    assert StoreReader(blank).run("trial").stored == 6


# --- a password is nobody's business -----------------------------------------------------------


def test_no_name_of_a_store_shows_its_password() -> None:
    for written, shown in (
        (f"postgresql://u:{SESAME}@h:5/x", "postgresql://u@h:5/x"),
        (f"postgres://u:{SESAME}@h/x?sslmode=require", "postgresql://u@h/x?sslmode=require"),
        (f"postgresql+psycopg2://u@h/x?password={SESAME}", "postgresql://u@h/x"),
        (f"postgresql://u@h/x?sslpassword={SESAME}", "postgresql://u@h/x"),
        ("reactcnn.db", "reactcnn.db"),
    ):
        assert without_password(written) == shown
        assert SESAME not in str(StoreAddress.of(written))


@pytest.mark.parametrize(
    "url",
    [f"postgresql://u:a@{SESAME}@h/x", f"nonsense://u:{SESAME}@h/x", f"postgresql:/u:{SESAME}://"],
)
def test_a_url_that_is_not_understood_does_not_show_it_either(url: str) -> None:
    with pytest.raises(StoreError) as error:
        StoreReader(url)
    assert SESAME not in str(error.value)


def test_a_password_is_put_where_the_driver_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    left = put_password_away("postgresql://u:p%40ss@h/x?options=-csearch_path%3Da")
    assert left == "postgresql+psycopg://u@h/x?options=-csearch_path%3Da"
    assert os.environ["PGPASSWORD"] == "p@ss"
    for plain in ("reactcnn.db", "sqlite:///a.db", "postgresql://u@h/x"):
        assert put_password_away(plain) == plain


@pytest.fixture(scope="module")
def guarded(own_server: OwnServer) -> str:
    """A store on a server that asks its user for a password; the URL without it."""
    rules = own_server.folder / "pg_hba.conf"
    rules.write_text(f"local all guest scram-sha-256\n{rules.read_text()}")
    with engine_of(own_server.url, isolation_level="AUTOCOMMIT").connect() as server:
        server.execute(text(f"CREATE ROLE guest LOGIN PASSWORD '{SESAME}'"))
        server.execute(text("CREATE DATABASE guarded OWNER guest"))
    own_server.stop()
    own_server.start()
    return f"postgresql://guest@/guarded?host={own_server.folder}"


@pytest.mark.process
def test_no_program_says_a_password(guarded: str, tmp_path: Path) -> None:
    right = guarded.replace("guest@", f"guest:{SESAME}@")
    wrong = guarded.replace("guest@", f"guest:{SESAME}-x@")
    collected(right)
    programs = [
        ("reactcnn_dash", ["runs", "--store", right], 0),
        ("reactcnn_dash", ["runs", "--store", wrong], 1),
        ("reactcnn_dash", ["runs", "--store", guarded], 1),
        ("reactcnn_dash", ["delete", "99", "--yes", "--store", right], 1),
        ("reactcnn_dash", ["copy", "x.db", "--store", right], 1),
        ("collector", ["rebuild", "1", "--store", right], 0),
        ("collector", ["rebuild", "1", "--store", wrong], 1),
        ("collector", ["rebuild", "1", "--debug", "--store", wrong], 1),
        ("reactcnn_dash", ["runs", "--debug", "--store", wrong], 1),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PGPASSWORD"}
    environment["PYTHONPATH"] = str(ROOT)
    for module, words, failed in programs:
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert bool(done.returncode) == bool(failed), done.stderr
        assert SESAME not in done.stdout + done.stderr
        if failed and "--debug" not in words:
            assert len(done.stderr.splitlines()) == 1


def test_no_page_says_a_password_and_all_go_on_when_the_server_is_back(
    guarded: str, own_server: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "")
    right = put_password_away(guarded.replace("guest@", f"guest:{SESAME}@"))
    collected(right)
    server = create_server(StoreReader(right), right, Jobs())
    context = served.context(right)

    def pages() -> list[str]:
        with server.test_client() as http:
            routes = ("/", "/runs/", "/compare/", "/redundancy/", "/slim/", "/filters/of")
            said = [http.get(one).text for one in routes]
        return [*said, json.dumps(poll.answer(context, {}))]

    before = pages()
    own_server.stop()
    away = pages()
    assert "the database server" in json.loads(away[-1])["notice"]
    own_server.start()
    assert json.loads(pages()[-1])["image"] == json.loads(before[-1])["image"]
    assert not any(SESAME in text for text in (*before, *away))
    command = empty_store(guarded.replace("guest@", f"guest:{SESAME}@"))["empty"]["command"]
    assert command == f"python -m collector --store {StoreAddress.of(guarded)}"


def test_a_wrong_password_is_told_with_where_to_put_the_right_one(
    guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    # Another name than those whose connections are open.
    other = f"{guarded}&application_name=other"
    for name in (other, other.replace("guest@", "guest:wrong-one@")):
        with pytest.raises(StoreError, match=r"refuses .*PGPASSWORD, ~/\.pgpass") as error:
            StoreReader(name).runs()
        assert "wrong-one" not in said(error)
    monkeypatch.setenv("PGPASSWORD", SESAME)
    assert isinstance(StoreReader(other).runs(), tuple)


def test_a_user_without_rights_is_told_which(guarded: str, own_server: OwnServer) -> None:
    right = guarded.replace("guest@", f"guest:{SESAME}@")
    collected(right)
    with engine_of(own_server.url.set(database="guarded")).begin() as server:
        server.execute(text("CREATE ROLE looker LOGIN"))
        server.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker"))
    looker = guarded.replace("guest@", "looker@")
    assert StoreReader(looker).runs()
    with pytest.raises(StoreReadOnly, match="permission denied for table runs") as error:
        edit_run(looker, 1, note="x")
    # What would be kept is worked out all the same.
    assert main(["redundancy", "1", "--store", looker]) == 0
    assert said(error)
