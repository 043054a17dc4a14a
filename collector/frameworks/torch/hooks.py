"""A module that cannot be exported, listened to by forward hooks.

Hooks hear modules only. What a function does between two modules (``F.relu``) is not heard, so a
convolution that no normalisation or activation module takes up is read as it is, before whatever
follows, and said to be.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from collector.errors import ModelError
from collector.frameworks.torch.taps import Tap, plain_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PRE_ACTIVATION = "pre-activation"
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
_NORMALISATIONS = (
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.GroupNorm,
    nn.LocalResponseNorm,
)
_ACTIVATIONS = (
    nn.CELU, nn.ELU, nn.GELU, nn.Hardshrink, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh,
    nn.LeakyReLU, nn.LogSigmoid, nn.Mish, nn.PReLU, nn.ReLU, nn.ReLU6, nn.RReLU, nn.SELU, nn.SiLU,
    nn.Sigmoid, nn.Softplus, nn.Softshrink, nn.Softsign, nn.Tanh, nn.Tanhshrink, nn.Threshold,
)  # fmt: skip
_PASSING = (nn.Identity, nn.Dropout, nn.Dropout2d)
_NEVER_NEGATIVE = (nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Hardsigmoid, nn.Softplus)

Call = tuple[str, int]
"""A module's path, and which of its calls it is."""


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """One call of a module without modules of its own."""

    call: Call
    module: nn.Module
    given: torch.Tensor
    made: torch.Tensor


@dataclass(frozen=True, slots=True)
class Listened:
    """What is watched by hooks.

    Attributes:
        taps: what is watched.
        calls: the call of a module whose output is read, for each tap.
        entering: what the first convolution was given, once it was tried.
        last: the module that was called last.
        unwatched: number of calls of convolutions that are not watched.
    """

    taps: tuple[Tap, ...]
    calls: tuple[Call, ...]
    entering: torch.Tensor | None
    last: nn.Module | None
    unwatched: int = 0

    @property
    def silent(self) -> int:
        """Number of taps whose activation is not heard."""
        return sum(PRE_ACTIVATION in tap.tap for tap in self.taps)


_ONE_AT_A_TIME = threading.Lock()


def listen(module: nn.Module, images: torch.Tensor) -> Listened:
    """Run a module once, and find out which of its calls are to be listened to."""
    heard: list[_Heard] = []

    def note(call: Call, one: nn.Module, given: torch.Tensor, made: torch.Tensor) -> None:
        heard.append(_Heard(call, one, given, made))

    with _hooked(module, note):
        module(images)
    takers: dict[int, list[_Heard]] = {}
    for one in heard:
        takers.setdefault(id(one.given), []).append(one)
    taps, calls, first = [], [], None
    convolutions = [one for one in heard if isinstance(one.module, nn.modules.conv._ConvNd)]
    for one in convolutions:
        watched = one.made.ndim == 4 and len(one.made) == len(images)
        if not isinstance(one.module, CONVOLUTIONS) or not watched:
            continue
        first = one.given if first is None else first
        last = _last(one, takers)
        path, turn = one.call
        _, filters, height, width = last.made.shape
        acts = isinstance(last.module, _ACTIVATIONS)
        taps.append(
            Tap(
                name=path if turn == 1 else f"{path}#{turn}",
                path=path,
                kind=_kind(one.module),
                tap=last.call[0] if acts else f"{last.call[0]} ({PRE_ACTIVATION})",
                filters=filters,
                height=height,
                width=width,
                channels_last=False,
                never_negative=_never_negative(last.module),
                leaf=last.call[0],
                transposed=isinstance(one.module, nn.ConvTranspose2d),
            )
        )
        calls.append(last.call)
    last_of_all = heard[-1].module if heard else None
    unwatched = len(convolutions) - len(taps) + _in_script(module)
    return Listened(tuple(taps), tuple(calls), first, last_of_all, unwatched)


def _in_script(module: nn.Module) -> int:
    """Return the number of convolutions in TorchScript, which takes no hooks."""
    scripts = (one for one in module.modules() if isinstance(one, torch.jit.ScriptModule))
    return sum(one.original_name.startswith("Conv") for one in scripts)


def hear(
    module: nn.Module,
    listened: Listened,
    images: torch.Tensor,
    each: Callable[[Tap, torch.Tensor], Any],
) -> tuple[Any, list[Any]]:
    """Run a module, and make something of the maps of each tap as soon as they are there.

    At once, since an in-place activation that follows would overwrite them.

    Returns:
        What the module returns, and what ``each`` made for each tap.

    Raises:
        ModelError: the module made other calls than when it was listened to.
    """
    places: dict[Call, list[int]] = {}
    for place, call in enumerate(listened.calls):
        places.setdefault(call, []).append(place)
    results: list[Any] = [None] * len(listened.taps)

    def make(call: Call, one: nn.Module, given: torch.Tensor, made: torch.Tensor) -> None:  # noqa: ARG001 - as hooks are called
        for place in places.get(call, ()):
            results[place] = each(listened.taps[place], made)

    with _hooked(module, make):
        returned = module(images)
    if any(one is None for one in results):
        raise ModelError(
            "the module calls other convolutions for some images than for others; such a one "
            "cannot be collected."
        )
    return returned, results


@contextmanager
def _hooked(
    module: nn.Module, note: Callable[[Call, nn.Module, torch.Tensor, torch.Tensor], None]
) -> Iterator[None]:
    turns = Counter[str]()

    def hook_of(path: str) -> Any:
        def hook(one: nn.Module, given: Any, made: Any) -> None:
            turns[path] += 1
            if given and isinstance(given[0], torch.Tensor) and isinstance(made, torch.Tensor):
                note((path, turns[path]), one, given[0], made)

        return hook

    # Two threads that call one module would hear each other.
    with _ONE_AT_A_TIME:
        handles = [
            one.register_forward_hook(hook_of(plain_path(path)))
            for path, one in module.named_modules()
            if next(one.children(), None) is None and not isinstance(one, torch.jit.ScriptModule)
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _last(one: _Heard, takers: dict[int, list[_Heard]]) -> _Heard:
    """Return the last call on a convolution's path, as far as modules tell."""
    last = following = one
    while True:
        row = takers.get(id(following.made), [])
        # What was computed in place is the same tensor again: who took it before is behind.
        row = row[row.index(following) + 1 :] if following in row else row
        if not row or (len(row) > 1 and row[0].made is not row[0].given):
            return last
        following = row[0]
        if isinstance(following.module, _PASSING):
            continue
        if not isinstance(following.module, (*_NORMALISATIONS, *_ACTIVATIONS)):
            return last
        if following.made.shape != one.made.shape:
            return last
        last = following


def _kind(module: nn.Module) -> str:
    groups = getattr(module, "groups", 1)
    depthwise = groups > 1 and groups == getattr(module, "in_channels", 0)
    return f"{type(module).__name__} (depthwise)" if depthwise else type(module).__name__


def _never_negative(module: nn.Module) -> bool:
    return isinstance(module, _NEVER_NEGATIVE)
