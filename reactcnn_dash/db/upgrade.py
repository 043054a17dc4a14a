"""Bringing an older store to this version's schema, with a backup kept beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reactcnn_dash.db import version
from reactcnn_dash.db.address import StoreAddress, require_driver
from reactcnn_dash.db.driver_errors import translated
from reactcnn_dash.db.engine import (
    can_shrink,
    let_shrink,
    sqlite_connection,
    transaction,
    write_engine,
)
from reactcnn_dash.db.errors import StoreError, StoreMissing, StoreNewer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreUrl


@dataclass(frozen=True, slots=True)
class UpgradeResult:
    """What an upgrade did.

    `backup` is None when there was nothing to migrate, or none was wanted. `made_to_shrink` says
    that the file was written anew so that it gives back the space of deleted runs; when that could
    not be done, `stays_large` says why.
    """

    backup: Path | None
    before: str
    after: str
    made_to_shrink: bool = False
    stays_large: str | None = None


def migrations_folder() -> Path:
    """Return the folder of the Alembic migrations, of the installed package or the source."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def upgrade(url: StoreUrl, *, backed_up: bool = False) -> UpgradeResult:
    """Bring a store to the newest schema; all of it happens, or the store stays as it was.

    A SQLite store is first copied to `NAME.backup-REVISION` beside it, and one in PostgreSQL dumped
    by its `pg_dump` to such a file in the working directory. Afterwards a SQLite file of an older
    version is written anew, so that it can shrink; see `reactcnn_dash.db.deletion`.

    Args:
        url: the store.
        backed_up: there is a backup already, so none is made.

    Raises:
        StoreMissing, NotAStore: if there is no store to upgrade.
        StoreNewer: if the store is newer than this tool.
        StoreError: if it cannot be read or written, or no backup can be made.
    """
    place = StoreAddress.of(url)
    require_driver(place)
    migrated = _upgrade(place, backed_up=backed_up)
    try:
        return replace(migrated, made_to_shrink=_let_shrink(place))
    except StoreError as error:
        return replace(migrated, stays_large=str(error))


def _upgrade(place: StoreAddress, *, backed_up: bool) -> UpgradeResult:
    engine = write_engine(place, foreign_keys=False)
    with translated(place), engine.connect() as connection, transaction(connection, place):
        before = version.revision(connection, place)
        if before is None:
            raise StoreMissing(f"{place}: the store is empty: there is nothing to upgrade")
        if before > version.HEAD:
            raise StoreNewer.at(place)
        if before == version.HEAD:
            return UpgradeResult(None, before, before)
        # Copied under the write lock: nothing can be stored between the copy and the migration.
        backup = None if backed_up else _back_up(place, before)
        _migrate(connection)
        _check_references(connection, place)
        after = version.revision(connection, place)
    return UpgradeResult(backup, before, str(after))


def _let_shrink(place: StoreAddress) -> bool:
    """Let a SQLite file shrink that could not; True when it had to be written anew for that."""
    with translated(place), write_engine(place).connect() as connection:
        raw = sqlite_connection(connection)
        if raw is None or can_shrink(raw):
            return False
        let_shrink(raw)
        raw.execute("VACUUM")
        return True


def _back_up(place: StoreAddress, revision: str) -> Path:
    return _dump(place, revision) if place.path is None else _copy(place.path, revision)


def _copy(path: Path, revision: str) -> Path:
    backup = _free_name(path, revision)
    try:
        with (
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(backup)) as target,
        ):
            source.backup(target)
    except BaseException:
        backup.unlink(missing_ok=True)
        raise
    return backup


def _dump(place: StoreAddress, revision: str) -> Path:
    """Let PostgreSQL's own program write the database to a file."""
    otherwise = "back the database up by other means, then: upgrade --backed-up"
    program = shutil.which("pg_dump")
    if program is None:
        raise StoreError(f"{place}: there is no pg_dump here to make a backup with: {otherwise}")
    backup = _free_name(Path.cwd() / (place.url.database or "reactcnn"), revision)
    # By the environment: everybody on this machine can read a command line.
    password = {} if place.url.password is None else {"PGPASSWORD": str(place.url.password)}
    done = subprocess.run(
        [program, "-w", "-Fc", "-f", str(backup), "-d", str(place)],
        env=os.environ | password,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        backup.unlink(missing_ok=True)
        said = " ".join(done.stderr.split())
        raise StoreError(f"{place}: no backup could be made ({said}): {otherwise}")
    return backup


def _free_name(path: Path, revision: str) -> Path:
    number = 1
    while True:
        suffix = "" if number == 1 else f"-{number}"
        backup = path.with_name(f"{path.name}.backup-{revision}{suffix}")
        try:
            backup.touch(exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return backup


def _migrate(connection: Connection) -> None:
    # Alembic takes a quarter of a second to import, and only an upgrade needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_references(connection: Connection, place: StoreAddress) -> None:
    if sqlite_connection(connection) is None:
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise StoreError(
            f"{place}: rows of {broken[0]} refer to nothing: the store stays as it was"
        )
