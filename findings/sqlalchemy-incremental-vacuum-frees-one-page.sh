#!/bin/sh
# sqlalchemy 2.1.9 over Python's sqlite3: PRAGMA incremental_vacuum(500) on a file with a thousand free
# pages gives back one, without a word, however it is asked for (exec_driver_sql, text, fetchall too).
# The pragma frees a page a step, as if each were a row of no columns, and the driver takes one step.
# apsw 3.54.1.0, which steps to the end, and sqlite3's own executescript free all 500.
# Output seen: pages freed: exec_driver_sql 1, text 1, executescript 500, apsw 500.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check sqlalchemy==2.1.9 apsw==3.54.1.0
cd "$folder" && "$folder/venv/bin/python" - <<'PYTHON'
import sqlite3

import apsw
import sqlalchemy as sa

VACUUM = "PRAGMA incremental_vacuum(500)"


def freed(how):
    made = sqlite3.connect(f"{how.__name__}.db", isolation_level=None)
    made.execute("PRAGMA auto_vacuum = incremental")
    made.execute("CREATE TABLE t (x)")
    made.executemany("INSERT INTO t VALUES (?)", [(bytes(4000),)] * 1000)
    made.execute("DELETE FROM t")
    before = made.execute("PRAGMA freelist_count").fetchone()[0]
    how(f"{how.__name__}.db")
    return before - made.execute("PRAGMA freelist_count").fetchone()[0]


def exec_driver_sql(path):
    with sa.create_engine(f"sqlite:///{path}").connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(VACUUM)


def text(path):
    with sa.create_engine(f"sqlite:///{path}").connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text(VACUUM))


def executescript(path):
    sqlite3.connect(path).executescript(VACUUM)


def by_apsw(path):
    list(apsw.Connection(path).execute(VACUUM))


found = {how.__name__: freed(how) for how in (exec_driver_sql, text, executescript, by_apsw)}
print("sqlalchemy", sa.__version__, "apsw", apsw.apsw_version(), found)
assert found == {"exec_driver_sql": 1, "text": 1, "executescript": 500, "by_apsw": 500}, "changed"
PYTHON
