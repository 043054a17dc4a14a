"""Settings that hold for every test."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# No deadline: a slow machine is not a fault. On CI the same examples every time, so that a change
# is judged by what it changes; everywhere else new ones are tried.
settings.register_profile("everywhere", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "everywhere")

# A shell starts background jobs with Ctrl-C ignored; the programs that tests interrupt would
# inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
