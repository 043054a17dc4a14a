"""A module that is being trained, asked something in between and left as it was."""

from __future__ import annotations

import random
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterator


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the module out of ``DataParallel``, ``DistributedDataParallel`` or a compiled one."""
    while True:
        compiled = getattr(module, "_orig_mod", None)
        if isinstance(compiled, nn.Module):
            module = compiled
        elif isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            module = module.module
        else:
            return module


def first_weight(module: nn.Module) -> torch.Tensor | None:
    """Return the first tensor of floating-point numbers that a module has.

    ``None`` if it has none.
    """
    tensors = (*module.parameters(), *module.buffers())
    return next((one for one in tensors if one.is_floating_point()), None)


@contextmanager
def quiet(device: torch.device) -> Iterator[None]:
    """No gradients, no autocast and nothing compiled, in this thread, for as long as it lasts.

    Not inference mode: what a module keeps of one call for the next could not be trained with.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        for kind in dict.fromkeys(("cpu", device.type)):
            stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@contextmanager
def undisturbed(module: nn.Module) -> Iterator[None]:
    """Yield a module in inference mode, and afterwards exactly as before, whatever happens.

    The training flag of each of its modules (set without their ``train()``, which people
    override), buffers, and random numbers (those of torch, NumPy and Python) come back.
    """
    modules = list(module.modules())
    flags = [one.training for one in modules]
    buffers = [(one, name, kept, _copy(kept)) for one in modules for name, kept in _buffers(one)]
    python, numpy = random.getstate(), np.random.get_state()
    devices = {one.device for one in module.parameters() if one.device.type == "cuda"}
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(sorted(one.index or 0 for one in devices)))
        # Compiled parts run as they were written: hooks are heard and nothing is compiled anew.
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            for one in modules:
                one.training = False
            yield
        finally:
            for one, flag in zip(modules, flags, strict=True):
                one.training = flag
            _bring_back(buffers)
            random.setstate(python)
            np.random.set_state(numpy)


def _buffers(module: nn.Module) -> list[tuple[str, torch.Tensor | None]]:
    return list(module._buffers.items())


def _copy(kept: torch.Tensor | None) -> tuple[int, torch.Tensor] | None:
    return None if kept is None else (kept._version, kept.detach().clone())


def _bring_back(buffers: list[tuple[nn.Module, str, torch.Tensor | None, Any]]) -> None:
    for module, name, kept, copy in buffers:
        module._buffers[name] = kept
        if kept is not None and kept._version != copy[0]:
            with torch.no_grad():
                kept.copy_(copy[1])
