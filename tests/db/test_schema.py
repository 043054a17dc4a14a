from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Select, create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateIndex, CreateTable

from reactcnn_dash.db import (
    RunState,
    RunWriter,
    StoreError,
    StoreMissing,
    StoreNewer,
    StoreOutdated,
    StoreReader,
    queries,
    save_clustering,
    upgrade,
    version,
)
from reactcnn_dash.db.models import metadata
from tests.db.samples import batch, files, new_run, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine.interfaces import ReflectedIndex

upgrade_module = sys.modules["reactcnn_dash.db.upgrade"]
ROOT = Path(__file__).resolve().parents[2]
FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("schema-*.db"))

HEAD = version.HEAD
TOMORROW = f"{int(HEAD) + 1:04d}"
NEXT = '''
"""A migration of a day to come."""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("runs") as runs:
        runs.add_column(sa.Column("mark", sa.Text(), nullable=True))
    with op.batch_alter_table("images", recreate="always") as images:
        images.alter_column("name", new_column_name="name", type_=sa.String(500))
    {more}


def downgrade():
    op.drop_column("runs", "mark")
'''


def migrate(path: Path) -> None:
    """Make an empty database by the migrations alone, as a developer would."""
    code = (
        "import sys; from alembic.config import main; "
        "main(argv=['-c', sys.argv[1], '-x', 'store=' + sys.argv[2], 'upgrade', 'head'])"
    )
    ini = path.with_suffix(".ini")
    ini.write_text(f"[alembic]\nscript_location = {ROOT / 'migrations'}\n")
    subprocess.run([sys.executable, "-c", code, str(ini), str(path)], cwd=ROOT, check=True)


def schema(path: Path) -> dict[str, object]:
    """The schema as SQLAlchemy sees it in the file, whatever the spelling of its SQL."""
    engine = create_engine(f"sqlite:///{path}")
    seen = inspect(engine)
    tables: dict[str, object] = {
        name: {
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in seen.get_columns(name)],
            "key": seen.get_pk_constraint(name),
            "foreign": sorted(map(str, seen.get_foreign_keys(name))),
            "unique": sorted(map(str, seen.get_unique_constraints(name))),
            "indexes": sorted(map(_index, seen.get_indexes(name))),
        }
        for name in seen.get_table_names()
    }
    engine.dispose()
    with closing(sqlite3.connect(path)) as raw:
        tables["autoincrement"] = {
            name: "AUTOINCREMENT" in sql
            for name, sql in raw.execute("SELECT name, sql FROM sqlite_master WHERE type='table'")
        }
    return tables


def _index(index: ReflectedIndex) -> str:
    options = {name: str(value) for name, value in index.pop("dialect_options", {}).items()}
    return f"{index} {options}"


def write_next(folder: Path, more: str) -> None:
    text = NEXT.format(revision=TOMORROW, head=HEAD, more=more)
    (folder / "versions" / f"{TOMORROW}_mark.py").write_text(text)


@pytest.fixture
def tomorrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A version of the tool with one migration more; gives its migrations."""
    folder = tmp_path / "migrations"
    shutil.copytree(ROOT / "migrations", folder)
    write_next(folder, "pass")
    monkeypatch.setattr(version, "HEAD", TOMORROW)
    monkeypatch.setattr(upgrade_module, "migrations_folder", lambda: folder)
    return folder


@pytest.fixture(params=FIXTURES, ids=[one.stem for one in FIXTURES])
def fixture(request: pytest.FixtureRequest) -> Path:
    """A store of each released schema before this one."""
    found: Path = request.param
    return found


@pytest.fixture
def frozen(path: Path, fixture: Path) -> Path:
    shutil.copy(fixture, path)
    return path


@pytest.mark.process
def test_models_and_migrations_agree(tmp_path: Path) -> None:
    migrated, made = tmp_path / "migrated.db", tmp_path / "made.db"
    migrate(migrated)
    RunWriter.begin(str(made), new_run()).close()
    assert schema(migrated) == schema(made)
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [version.HEAD]
    revisions = [one.revision for one in script.walk_revisions()]
    # Older and newer are told apart by comparing the text.
    assert revisions == sorted(revisions, reverse=True)
    assert all(len(one) == 4 and one.isdigit() for one in revisions)


def test_the_schema_is_postgresql_too() -> None:
    dialect = make_url("postgresql://").get_dialect()()
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "CREATE" in str(CreateIndex(index).compile(dialect=dialect))
    statements = [one for one in vars(queries).values() if isinstance(one, Select)]
    assert len(statements) > 15
    for statement in statements:
        assert "SELECT" in str(statement.compile(dialect=dialect))


def test_a_frozen_store_is_upgraded_read_and_written(frozen: Path) -> None:
    upgrade(str(frozen))
    reader = StoreReader(str(frozen))
    run = reader.run("trial")
    assert (run.stored, run.state, run.rate) == (6, RunState.INTERRUPTED, 8.0)
    truth = batch(0, 6)
    assert np.array_equal(reader.gap_rows(1, 0, 6), truth.gap)
    assert np.array_equal(reader.image(1, 5).pixels, truth.pixels[5])
    maps = reader.feature_maps(run.uuid, 2, 1)
    assert maps is not None
    assert truth.maps is not None
    assert np.array_equal(maps.codes, truth.maps[1].codes[2])
    saved = reader.correlation_state(1, 1)
    assert saved is not None
    assert np.allclose(saved.comoment, state(1, 6).comoment, rtol=1e-12)
    clustering = reader.clustering(1, 1, "louvain", 1.25)
    assert clustering is not None
    assert clustering.labels.tolist() == [1, 0, 0, -1, 1]
    with RunWriter.resume(str(frozen), "trial") as writer:
        writer.append(batch(6, 3))
        writer.finish()
    save_clustering(str(frozen), 1, clustering)
    assert np.array_equal(reader.gap_rows(1, 0, 9), batch(0, 9).gap)
    assert upgrade(str(frozen)).backup is None


def test_an_older_store_is_refused_with_the_command_and_upgraded_by_it(
    frozen: Path, fixture: Path, tomorrow: Path
) -> None:
    old = fixture.stem.removeprefix("schema-")
    url = f"sqlite:///{frozen}"
    before = frozen.read_bytes()
    openings: list[Callable[[], object]] = [
        lambda: StoreReader(url).frame(None, None),
        lambda: RunWriter.begin(url, new_run()),
        lambda: RunWriter.resume(url, "trial"),
    ]
    for opening in openings:
        with pytest.raises(StoreOutdated) as error:
            opening()
        assert f"python -m reactcnn_dash upgrade --store {frozen}" in str(error.value)
        assert "\n" not in str(error.value)
    assert frozen.read_bytes() == before

    result = upgrade(url)
    assert (result.before, result.after) == (old, TOMORROW)
    assert result.backup == frozen.with_name(f"{frozen.name}.backup-{old}")
    assert np.array_equal(StoreReader(url).gap_rows(1, 0, 6), batch(0, 6).gap)
    with closing(sqlite3.connect(frozen)) as raw:
        assert "mark" in [row[1] for row in raw.execute("PRAGMA table_info(runs)")]
        # Making `images` anew must not take along what refers to it.
        assert raw.execute("SELECT count(*) FROM feature_maps").fetchone() == (4,)
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    with RunWriter.resume(url, "trial") as writer:
        writer.append(batch(6, 2))
    assert StoreReader(url).run(1).stored == 8
    assert upgrade(url).backup is None


def test_an_upgraded_store_says_what_a_new_one_says(frozen: Path, tmp_path: Path) -> None:
    assert upgrade(str(frozen)).after == HEAD
    made = tmp_path / "made.db"
    with RunWriter.begin(str(made), new_run(feature_maps="last:4")) as writer:
        writer.append(batch(0, 6), [state(0, 6), state(1, 6)])
    assert StoreReader(str(frozen)).run(1).size == StoreReader(str(made)).run(1).size > 0
    values = []
    for path in (frozen, made):
        with closing(sqlite3.connect(path)) as raw:
            values.append(
                [
                    raw.execute(f"SELECT {columns} ORDER BY 1, 2, 3").fetchall()
                    for columns in (
                        "ordinal, label, confidence FROM images",
                        "label, prediction, answered, images FROM tallies",
                    )
                ]
            )
    assert values[0] == values[1]
    assert len(values[0][0]) == sum(kind[3] for kind in values[0][1]) == 6


def test_the_backup_is_the_store_as_it_was(
    frozen: Path, fixture: Path, tomorrow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fixture.stem.removeprefix("schema-")
    taken = frozen.with_name(f"{frozen.name}.backup-{old}")
    taken.write_text("an earlier backup")
    result = upgrade(str(frozen))
    assert result.backup == frozen.with_name(f"{frozen.name}.backup-{old}-2")
    assert taken.read_text() == "an earlier backup"
    monkeypatch.undo()
    assert result.backup is not None
    copies = []
    for path in (result.backup, fixture):
        with closing(sqlite3.connect(path)) as raw:
            copies.append(list(raw.iterdump()))
    assert copies[0] == copies[1]
    with pytest.raises(StoreNewer, match="upgrade the tool"):
        StoreReader(str(frozen)).runs()
    writing: list[Callable[[], object]] = [
        lambda: upgrade(str(frozen)),
        lambda: RunWriter.begin(str(frozen), new_run()),
    ]
    for refused in writing:
        with pytest.raises(StoreNewer) as error:
            refused()
        assert "\n" not in str(error.value)


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(
    frozen: Path, tomorrow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_next(tomorrow, "raise RuntimeError('a fault in the migration')")
    before = schema(frozen)
    with pytest.raises(RuntimeError, match="a fault"):
        upgrade(str(frozen))
    assert schema(frozen) == before
    write_next(tomorrow, "op.execute('DELETE FROM images WHERE ordinal = 3')")
    with pytest.raises(StoreError, match="feature_maps refer to nothing"):
        upgrade(str(frozen))
    assert schema(frozen) == before
    monkeypatch.undo()
    upgrade(str(frozen))
    assert np.array_equal(StoreReader(str(frozen)).gap_rows(1, 0, 6), batch(0, 6).gap)


def test_there_is_nothing_to_upgrade_in_an_empty_file(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreMissing, match="nothing to upgrade"):
        upgrade(str(path))
    assert files(path.parent) == [path.name]


@pytest.mark.process
def test_reading_does_not_import_alembic(frozen: Path) -> None:
    upgrade(str(frozen))
    code = (
        "import sys; from reactcnn_dash.db import StoreReader; "
        "StoreReader(sys.argv[1]).frame(None, None); "
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(frozen)], cwd=ROOT, check=True)
