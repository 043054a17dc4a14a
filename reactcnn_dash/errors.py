"""The base of every error that a user can mend; light to import, for the command lines."""

# Named by what happened, as the caller reads them.

from __future__ import annotations

DONE, FAILED, USAGE, INPUT, STORE, OUTPUT = range(6)
"""What both command lines return; `EXIT_CODES` explains them."""

EXIT_CODES = """\
exit codes:
  0   done
  1   not done: a fault of the program (--debug shows where), or it was declined
  2   wrong usage: options or words that do not fit
  3   bad input: a model, images or a choice that cannot be used; or done, but images were skipped
  4   the store: missing, unreadable, damaged, full, busy, or without what was asked for
  5   the output: a file that cannot be written, a port that is taken
  129, 130, 143   ended by a closed terminal, Ctrl-C, SIGTERM
"""


class UserError(Exception):
    """Something that a user can mend; the text is one line: what is wrong and what to do."""

    exit_code = INPUT
    """What a command line that ends by it returns."""


class WrongUsage(UserError):
    """A command was given words that do not fit together."""

    exit_code = USAGE
