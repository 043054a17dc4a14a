"""Wrong usage of a command line: one line that says what is wrong, and what was meant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

from reactcnn_dash.printing import one_line, write_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def common(*, debug: str, **store: Any) -> Parser:
    """Return the options of every command of a program: ``--store`` and ``--debug``.

    They may stand before a command and behind it, so they have no default.

    Args:
        debug: what ``--debug`` says of itself.
        store: what ``--store`` takes, as ``add_argument`` does.
    """
    result = Parser(add_help=False)
    unset = argparse.SUPPRESS
    result.add_argument("--store", default=unset, metavar="URL", **store)
    result.add_argument("--debug", action="store_true", default=unset, help=debug)
    return result


class Parser(argparse.ArgumentParser):
    """A parser of both programs, and of their commands."""

    def error(self, message: str) -> NoReturn:
        """End with exit code 2 and one line."""
        write_error(f"{self.prog}: {one_line(message)} (--help explains every option)")
        self.exit(2)

    def check_options(self, argv: Sequence[str] | None = None) -> None:
        """Refuse a misspelt option by its name; argparse would take its value for a command."""
        known = list(self.options())
        for word in sys.argv[1:] if argv is None else argv:
            if word == "--":
                return
            name = word.partition("=")[0]
            if name.startswith("--") and not any(option.startswith(name) for option in known):
                meant = get_close_matches(name, known, 1)
                hint = f"; did you mean {meant[0]}?" if meant else ""
                self.error(f"there is no option {name}{hint}")

    def options(self) -> Iterator[str]:
        """Yield the long options of the parser and of its commands."""
        yield from (name for name in self._option_string_actions if name.startswith("--"))
        for action in self._actions:
            if isinstance(action.choices, Mapping):
                for command in action.choices.values():
                    yield from command.options()
