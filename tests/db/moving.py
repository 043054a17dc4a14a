"""A real move for the tests: `python -m tests.db.moving FROM TO`, a line for every step."""

from __future__ import annotations

import sys
from contextlib import closing

from reactcnn_dash.db import Move


def say(count: int) -> None:
    sys.stdout.write(f"moved {count}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with closing(Move(*sys.argv[1:])) as move:
        for row in move.runs():
            move.copy(row, say)
