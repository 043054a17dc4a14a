"""What a page says about itself: words with their meaning, and keys with what they do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dash import html

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Help:
    """The text of a page's help dialog.

    Attributes:
        concepts: each word with its meaning.
        shortcuts: keys, with blanks between those that do it alike, and what they do.
        first: what stands above both.
    """

    concepts: Sequence[tuple[str, str]]
    shortcuts: Sequence[tuple[str, str]]
    first: Sequence[Any] = field(default=())

    def body(self) -> list[Any]:
        """Return the body of the dialog."""
        words: list[Any] = []
        for term, text in self.concepts:
            words += [html.Dt(term), html.Dd(text)]
        rows = [
            html.Tr(
                [
                    html.Td(
                        [html.Kbd(key) for key in keys.split(" ")] if "," not in keys else keys
                    ),
                    html.Td(what),
                ]
            )
            for keys, what in self.shortcuts
        ]
        return [
            *self.first,
            html.Dl(words, className="help-words"),
            html.H3("Keys", className="section"),
            html.Table(html.Tbody(rows), className="help-keys"),
        ]
