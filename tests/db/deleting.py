"""A real deletion for the tests: `python -m tests.db.deleting URL RUN`, a line for every step."""

from __future__ import annotations

import sys

from reactcnn_dash.db import delete_run


def say(left: int) -> None:
    sys.stdout.write(f"left {left}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    delete_run(sys.argv[1], sys.argv[2], say)
    say(0)
