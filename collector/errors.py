"""Errors of the collector; the text of each is one line for the user: what is wrong, what to do."""

import re

from reactcnn_dash.errors import UserError

_STYLE = re.compile("\x1b\\[[0-9;]*m")
"""What makes text bold in a terminal."""
_WHERE = ("Graph execution", "Exception encountered when calling", "File ", "[[")


class CollectorError(UserError):
    """Base of what makes a run impossible."""


class ModelError(CollectorError):
    """The model cannot be loaded or cannot be watched."""


class ResumeError(CollectorError):
    """A run cannot be continued with what was given."""


def out_of_memory(images: int) -> ModelError:
    """Return what to say where so many images do not fit."""
    return ModelError(
        f"not enough memory for {images} images at a time; use a smaller --batch-size."
    )


def reason(error: BaseException) -> str:
    """Return the line of an error of TensorFlow or Keras that says what is wrong.

    Of an error inside a compiled function it is the last one, after those that say where.
    """
    text, _, _ = _STYLE.sub("", str(error)).partition("Arguments received by")
    lines = [line.strip() for line in text.splitlines()]
    telling = [line for line in lines if line and not line.startswith(_WHERE)]
    if not telling:
        return type(error).__name__
    return telling[-1] if lines[0].startswith("Graph execution") else telling[0]
