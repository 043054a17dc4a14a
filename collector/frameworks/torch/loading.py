"""Modules from the command line: a factory of the user's own Python, and weights from a file."""

from __future__ import annotations

import importlib
import inspect
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from collector.errors import ModelError, reason
from collector.frameworks.shapes import times

if TYPE_CHECKING:
    from collections.abc import Mapping

_INSIDE = ("state_dict", "model_state_dict", "model", "net", "weights")
_PREFIXES = {
    "module.": "DataParallel puts there; save model.module.state_dict()",
    "_orig_mod.": "torch.compile puts there; save model._orig_mod.state_dict()",
    "model.": "LightningModules of a member 'model' have; save module.model.state_dict()",
}
_RUNS_CODE = "which can run code when it is opened"


def load_module(model: str, weights: str | None, *, trusted: bool) -> nn.Module:
    """Make the module that ``--model`` names and give it its weights, in inference mode.

    Args:
        model: ``package.module:factory``, or a file of a whole model where it is trusted.
        weights: path of a ``.safetensors`` file or a state_dict.
        trusted: whether files may run code.

    Raises:
        ModelError: it cannot be had.
    """
    module = _whole(model, trusted=trusted) if Path(model).suffix else None
    if module is None:
        module = _made(model)
    if weights is not None:
        _fill(module, _state(weights, trusted=trusted), weights)
    for one in module.modules():
        one.training = False
    if torch.cuda.is_available():
        module.to("cuda")
    return module


def _made(spec: str) -> nn.Module:
    path, _, name = spec.partition(":")
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is not None and (path == error.name or path.startswith(f"{error.name}.")):
            raise ModelError(
                f"there is no Python module {error.name}; --model package.module:factory is "
                "looked for in this folder and in what is installed."
            ) from error
        raise ModelError(f"{path} cannot be imported: {reason(error)}") from error
    except Exception as error:
        raise ModelError(
            f"{path} cannot be imported: {type(error).__name__}: {reason(error)}"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise ModelError(f"{path} has no {name}; name the function that makes the model.")
        found = getattr(found, part)
    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise ModelError(f"{spec} is a {type(found).__name__}, not a function that makes a model.")
    needed = _needed(found)
    if needed:
        raise ModelError(
            f"{spec} needs arguments ({', '.join(needed)}); name a function that takes none."
        )
    try:
        module = found()
    except Exception as error:
        where = " (a device that is not there)" if _is_of_device(error) else ""
        raise ModelError(f"{spec} raised {type(error).__name__}{where}: {reason(error)}") from error
    if not isinstance(module, nn.Module):
        raise ModelError(f"{spec} returned a {type(module).__name__}, not a torch.nn.Module.")
    return module


def _needed(factory: Any) -> list[str]:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in parameters if one.default is one.empty and one.kind not in optional]


def _is_of_device(error: Exception) -> bool:
    text = str(error)
    return any(word in text for word in ("CUDA", "cuda", "MPS", "mps", "xpu", "Invalid device"))


def _whole(model: str, *, trusted: bool) -> nn.Module | None:
    """Return a whole model out of a file; ``None`` if ``model`` is the name of no file."""
    path = Path(model).expanduser()
    kind = path.suffix.lower()
    if kind == ".safetensors":
        raise ModelError(
            f"{model} holds weights alone: --model package.module:factory --weights {model}"
        )
    if kind not in (".pt", ".pth", ".pt2"):
        return None
    if not path.is_file():
        raise ModelError(f"there is no file {model}.")
    if not trusted:
        others = "" if kind == ".pt2" else " (if it is a state_dict, --weights of it)"
        raise ModelError(
            f"{model} is a whole PyTorch model, {_RUNS_CODE}: say --model package.module:factory"
            f"{others}, or --trusted if you trust whoever made it."
        )
    try:
        if kind == ".pt2":
            return torch.export.load(path).module()
        found = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:
        raise ModelError(
            f"{model} cannot be loaded: {type(error).__name__}: {reason(error)}"
        ) from error
    if isinstance(found, torch.jit.ScriptModule):
        raise ModelError(
            f"{model} is TorchScript, which cannot be looked into; export it to ONNX, or give the "
            "Python module as package.module:factory."
        )
    if not isinstance(found, nn.Module):
        raise ModelError(
            f"{model} holds a {type(found).__name__}, not a model; a state_dict goes with "
            "--model package.module:factory as --weights."
        )
    return found


def _state(weights: str, *, trusted: bool) -> dict[str, torch.Tensor]:
    """Return the tensors of a file of weights, by their names."""
    path = Path(weights).expanduser()
    if not path.is_file():
        raise ModelError(f"there is no file {weights}.")
    found: Any
    if path.suffix.lower() == ".safetensors":
        try:
            from safetensors.torch import load_file  # noqa: PLC0415 - only where it is needed
        except ModuleNotFoundError as error:
            raise ModelError(
                f"{weights} is of safetensors: pip install 'reactcnn[torch]' to read it."
            ) from error
        try:
            found = load_file(path)
        except Exception as error:
            raise ModelError(f"{weights} is no safetensors file: {reason(error)}") from error
    else:
        try:
            found = torch.load(path, map_location="cpu", weights_only=not trusted)
        except pickle.UnpicklingError as error:
            raise ModelError(
                f"{weights} holds more than a state_dict, or is damaged, and opening it could run "
                "code: torch.save(model.state_dict(), …) it, or say --trusted."
            ) from error
        except Exception as error:
            raise ModelError(
                f"{weights} cannot be read: {type(error).__name__}: {reason(error)}"
            ) from error
    state = _tensors(found)
    if not state:
        raise ModelError(f"{weights} holds no state_dict.")
    return state


def _tensors(found: Any) -> dict[str, torch.Tensor]:
    if isinstance(found, nn.Module):
        found = found.state_dict()
    if not isinstance(found, dict):
        return {}
    for name in _INSIDE:
        if isinstance(found.get(name), (dict, nn.Module)):
            return _tensors(found[name])
    return {str(name): one for name, one in found.items() if isinstance(one, torch.Tensor)}


def _fill(module: nn.Module, state: Mapping[str, torch.Tensor], weights: str) -> None:
    """Load weights, all of them or none.

    Raises:
        ModelError: keys do not fit: how many, the first three, and what explains it.
    """
    wanted = {
        name: one for name, one in module.state_dict().items() if isinstance(one, torch.Tensor)
    }
    wrong = _misfits(wanted, state)
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        count = "1 key does" if len(wrong) == 1 else f"{len(wrong)} keys do"
        raise ModelError(
            f"{weights}: {count} not fit the model: {'; '.join(wrong[:3])}{more}."
            f"{_explained(wanted, state)}"
        )
    module.load_state_dict(dict(state), strict=False)


def _misfits(wanted: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> list[str]:
    found = []
    for name, one in wanted.items():
        # Older checkpoints do not count batches.
        if name not in state and not name.endswith("num_batches_tracked"):
            found.append(f"{name} is missing")
        elif name in state and not is_lazy(one) and state[name].shape != one.shape:
            has, needs = (times(known.shape) or "a number" for known in (state[name], one))
            found.append(f"{name} is {has} instead of {needs}")
    found.extend(f"{name} is not the model's" for name in state if name not in wanted)
    return found


def _explained(wanted: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> str:
    for prefix, text in _PREFIXES.items():
        if all(name.startswith(prefix) for name in state):
            stripped = {name.removeprefix(prefix): one for name, one in state.items()}
            if not _misfits(wanted, stripped):
                return f" All begin with {prefix!r}, which {text}."
        if wanted and all(name.startswith(prefix) for name in wanted):
            stripped = {name.removeprefix(prefix): one for name, one in wanted.items()}
            if not _misfits(stripped, state):
                return f" Only {prefix!r} before them is missing; return the model without it."
    return ""
