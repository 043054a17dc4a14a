"""The base of every error that a user can mend; light to import, for the command lines."""

# Named by what happened, as the caller reads them.

from __future__ import annotations


class UserError(Exception):
    """Something that a user can mend; the text is one line: what is wrong and what to do."""

    exit_code = 1
    """What a command line that ends by it returns."""


class WrongUsage(UserError):
    """A command was given words that do not fit together."""

    exit_code = 2
