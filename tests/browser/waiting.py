"""Waiting for a page until something is true of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

_FUNCTION = re.compile(r"\s*(\([^()]*\)|\w+)\s*=>")
_LOOK = """
([arg, every, timeout]) => new Promise((done, failed) => {
  const holds = CONDITION;
  const late = performance.now() + timeout;
  const again = every > 0 ? (look) => setTimeout(look, every) : requestAnimationFrame;
  const look = () => {
    if (holds(arg)) done(true);
    else if (performance.now() > late) failed(new Error(`never true: ${holds}`));
    else again(look);
  };
  look();
})
"""


def until(
    page: Page, condition: str, *, arg: Any = None, every: float = 0, timeout: float = 15_000
) -> None:
    """Wait until a JavaScript function, or an expression, is true.

    Playwright's own `wait_for_function` makes the page evaluate text, which our pages forbid.

    Args:
        page: where.
        condition: a function of `arg`, or an expression.
        arg: what the function is given.
        every: milliseconds between two looks; 0 for every frame.
        timeout: milliseconds until it is an error.
    """
    function = condition if _FUNCTION.match(condition) else f"() => ({condition})"
    page.evaluate(_LOOK.replace("CONDITION", function.strip()), [arg, every, timeout])
