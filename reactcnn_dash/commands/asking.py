"""What commands have in common that take something away: a question, and a bar."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from reactcnn_dash.errors import WrongUsage
from reactcnn_dash.printing import write_out

if TYPE_CHECKING:
    from tqdm import tqdm


def confirmed(question: str, before: str) -> bool:
    """Ask, and return whether the answer is yes.

    Args:
        question: what is going to be done; that it is for good is added.
        before: what is refused where nobody can be asked, as "delete asks before it deletes".

    Raises:
        WrongUsage: nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise WrongUsage(f"{before}, and nobody is there to answer: add --yes")
    write_out(f"{question}? It cannot be brought back. [y/N] ")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def bar(unit: str, total: int | None = None) -> tqdm[None]:
    """Return a bar on standard error, where that is a terminal, that goes when it is done."""
    from tqdm import tqdm  # noqa: PLC0415 - --help needs none of it

    return tqdm(total=total, unit=unit, file=sys.stderr, leave=False, disable=None)


def show(shown: tqdm[None], done: int) -> None:
    """Bring a bar to where the work is."""
    shown.update(done - shown.n)
