"""Code of the user's own that a model file needs: layers and functions that are not Keras'."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import keras

from collector.errors import ModelError, reason

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def known(path: str | None) -> AbstractContextManager[Any]:
    """Let models that Keras makes while the block runs have what a file defines, if there is one.

    Raises:
        ModelError: as for :func:`run`.
    """
    scope: AbstractContextManager[Any] = keras.saving.custom_object_scope(
        {} if path is None else run(path)
    )
    return scope


@cache
def run(path: str) -> dict[str, object]:
    """Run a Python file, once in a process, so that Keras knows what it registers.

    Modules beside it can be imported by it, as if it were run by itself.

    Args:
        path: of the file.

    Returns:
        The classes and functions that it defines, by their plain names, for models that were saved
        before these were registered.

    Raises:
        ModelError: there is no such file, it is no Python, or it fails.
    """
    file = Path(path)
    if not file.is_file():
        raise ModelError(f"--custom {path}: there is no such file.")
    # No other module's name, whatever the file is called.
    name = f"_custom_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if file.suffix != ".py" or spec is None or spec.loader is None:
        raise ModelError(f"--custom {path} is no Python module; its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    beside = str(file.resolve().parent)
    sys.path.insert(0, beside)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise ModelError(
            f"--custom {path} cannot be run: {type(error).__name__}: {reason(error)}"
        ) from error
    finally:
        if beside in sys.path:
            sys.path.remove(beside)
    return {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type | FunctionType) and value.__module__ == name
    }
