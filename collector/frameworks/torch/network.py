"""What a PyTorch module is to the collector: how it is fed and read, and what is watched."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from collector.errors import ModelError, out_of_memory, reason
from collector.frameworks.agreement import (
    IMAGES,
    LEAST_ROUNDING,
    Parted,
    first_difference,
    prove,
    some,
)
from collector.frameworks.following import unwatched_notice
from collector.frameworks.kernels import kernel, weights_of
from collector.frameworks.precision import NoBfloat16
from collector.frameworks.protocol import Fed, Identity
from collector.frameworks.reading import (
    Reading,
    are_shares,
    are_squashed,
    classes_of,
    keeps_scale,
    sigmoids,
    told,
    told_notice,
    unbounded,
)
from collector.frameworks.scaling import AS_IT_IS, SCALINGS
from collector.frameworks.torch.capture import (
    Capture,
    by_graph,
    by_hooks,
    probabilities_of,
)
from collector.frameworks.torch.exported import Exported, NotExported, exported
from collector.frameworks.torch.feeding import CHANNELS, Feeding, feedings_of, first_channels
from collector.frameworks.torch.hooks import CONVOLUTIONS, Listened, hear, listen
from collector.frameworks.torch.returned import fitting, leaves
from collector.frameworks.torch.state import quiet, undisturbed, unwrapped
from collector.frameworks.torch.steps import details_of
from collector.frameworks.torch.taps import plain_path
from reactcnn_dash.db import BFLOAT16, FLOAT32

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from collector.frameworks.protocol import Asked, Captured, Pixels, Proven
    from collector.frameworks.torch.taps import Tap
    from reactcnn_dash.db import Kernel

_REHEARSED = 4
_ROUNDING = {torch.float16: 1e-2, torch.bfloat16: 5e-2}


@dataclass(frozen=True, slots=True, eq=False)
class Network(Fed):
    """See ``protocol.Network``.

    Attributes:
        module: the module itself, unwrapped.
        way: how it is watched: its exported program, or by hooks.
        output: which of what it returns is the classes'.
        kept: what is to be kept with the run's options.
    """

    loaded: Identity
    module: nn.Module
    way: Exported | Listened
    feeding: Feeding
    output: int
    outputs: int
    reading: Reading
    rescales: bool
    kept: Mapping[str, Any]
    notices: tuple[str, ...]

    @property
    def taps(self) -> tuple[Tap, ...]:
        """What is watched."""
        return self.way.taps

    @property
    def details(self) -> Mapping[str, Any]:
        """See ``protocol.Network``."""
        if isinstance(self.way, Exported):
            return {"watched_by": "torch.export", **details_of(self.way), **self.kept}
        return {"watched_by": "hooks", **self.kept}

    def kernels(self) -> tuple[Kernel, ...]:
        """See ``protocol.Network``; one that depends on the image is left out."""
        if isinstance(self.way, Exported):
            weights = self.way.kernels(self.module)
        else:
            modules = {plain_path(path): one for path, one in self.module.named_modules()}
            heard = (modules.get(tap.path) for tap in self.taps)
            weights = [one.weight if isinstance(one, CONVOLUTIONS) else None for one in heard]
        return tuple(
            kernel(
                tap.name,
                weights_of(
                    weight.detach().float().cpu().numpy(),
                    transposed=tap.transposed,
                    filters=tap.filters,
                ),
            )
            for tap, weight in zip(self.taps, weights, strict=True)
            if weight is not None
        )

    def proven(
        self,
        pixels: Pixels,
        *,
        pixel_range: str,
        maps: bool,
        batch_size: int,
        exact: bool,  # noqa: ARG002 - there is one arithmetic
        precision: str = FLOAT32,
    ) -> Proven:
        """See ``protocol.Network``; the proof is the module itself, as it was written."""
        brief = precision == BFLOAT16
        if brief:
            self._check_brief()
        pixels = pixels[:IMAGES]
        with undisturbed(self.module):
            if isinstance(self.way, Exported):
                try:
                    run = by_graph(self.way, self.module, maps=maps, brief=brief)
                except NotExported as error:
                    raise Parted(f"the module is no longer what was exported: {error}.") from error
            else:
                run = by_hooks(self.way, self.module, self._output_of, maps=maps)
            capture = Capture(run, self.taps, self.feeding, self.reading, pixel_range)
            dtype = torch.bfloat16 if brief else self.feeding.dtype
            limit = _ROUNDING.get(dtype, LEAST_ROUNDING)
            parts = functools.partial(self._parts, pixels, pixel_range, limit=limit)
            return prove(capture, pixels, batch_size, parts, precision=precision)

    def _check_brief(self) -> None:
        """Refuse what cannot be computed in bfloat16.

        Raises:
            NoBfloat16: the module cannot be.
        """
        if self.feeding.device.type != "cpu":
            raise NoBfloat16(
                f"bfloat16 is for processors, and the model is on {self.feeding.device}; leave "
                "precision out."
            )
        if self.feeding.dtype != torch.float32:
            raise NoBfloat16(f"the model is of {self.feeding.dtype} itself; leave precision out.")
        if not isinstance(self.way, Exported):
            raise NoBfloat16(
                "only a model that can be exported is computed in bfloat16, and this one is "
                "listened to by hooks; leave precision out."
            )
        if not self.way.in_bfloat16():
            raise NoBfloat16(
                "the model has no layer that could be computed in bfloat16: convolutions but for "
                "the first and dense layers but for the last can; leave precision out."
            )

    def by_hooks(self) -> Network:
        """Return the same module, watched by hooks.

        Raises:
            ModelError: there is nothing that hooks hear.
        """
        noise = _noise(self.feeding)
        with undisturbed(self.module), quiet(self.feeding.device):
            way = _listened(self.module, self.feeding.scaled(noise, AS_IT_IS))
        notice = _heard_notice(way, "its exported program says something else than the module")
        return dataclasses.replace(self, way=way, notices=(*self.notices, notice))

    def _output_of(self, returned: Any) -> torch.Tensor:
        output: torch.Tensor = leaves(returned)[self.output][1]
        return output

    def _parts(
        self, pixels: Pixels, pixel_range: str, captured: Captured, limit: float
    ) -> str | None:
        """Where the capture says something else than the module, run by itself.

        Layers are held against it where a module gives their values; what functions give is seen
        in the outputs alone.
        """
        places = [place for place in some(len(self.taps)) if self.taps[place].leaf]
        taps = tuple(self.taps[place] for place in places)
        if isinstance(self.way, Exported):
            calls = tuple((tap.leaf or "", 1) for tap in taps)
        else:
            calls = tuple(self.way.calls[place] for place in places)
        with quiet(self.feeding.device):
            images = self.feeding.images(pixels, SCALINGS[pixel_range])
            listened = Listened(taps, calls, None, None)
            returned, maps = hear(self.module, listened, images, _planar)
            said = probabilities_of(self._output_of(returned), self.reading)
        return first_difference(
            self, captured, places, maps, said.astype(np.float64), limit=limit
        )  # fmt: skip


def understand(
    module: nn.Module,
    asked: Asked,
    *,
    source: str,
    name: str | None = None,
    kept: Mapping[str, Any] | None = None,
) -> Network:
    """Find out how a module is fed and read, and what there is to watch.

    The module is as before afterwards.

    Args:
        module: the module, in whatever it is wrapped.
        asked: what the user says of it.
        source: where it comes from.
        name: what it is called (default: its class).
        kept: what is to be kept with the run's options.

    Raises:
        ModelError: it cannot be run on images, its output is not images × classes, or it has no
            convolutions.
    """
    module = unwrapped(module)
    feedings, sizes = feedings_of(module, asked.native_shape)
    with undisturbed(module), quiet(feedings[0].device):
        feeding, images, returned = _rehearsed(module, feedings)
        output, said = fitting(returned, len(images), stored=asked.head != "none")
        way, lost = _way(module, images, output)
        given = _entering(way, module, images)
    if not way.taps:
        raise ModelError("the model has no convolutions that can be watched.")
    classes = 0 if asked.head == "none" else int(said.shape[1])
    last = way.last_operation() if isinstance(way, Exported) else type(way.last).__name__.lower()
    values = said.double().cpu().numpy()
    exact = said.dtype == torch.float32
    if asked.head:
        squashed = asked.head != "none" and _squashed(values, last)
        reading = told(asked.head, classes, squashed=squashed)
        of_reading = told_notice(asked.head, reading)
    else:
        reading = _judged(values, last, exact=exact)
        of_reading = reading.notice
    kept_of = [one for one in module.state_dict().values() if isinstance(one, torch.Tensor)]
    sizes_of = [one.numel() for one in kept_of if one.is_floating_point()]
    texts = (sizes, of_reading, lost, unwatched_notice(way.unwatched))
    return Network(
        loaded=Identity(
            framework="PyTorch",
            name=name or type(module).__name__,
            source=source,
            sha256=weights_digest(module),
            parameters=sum(sizes_of),
            class_names=asked.class_names,
        ),
        module=module,
        way=way,
        feeding=feeding,
        output=output,
        outputs=classes_of(reading, classes),
        reading=reading,
        rescales=bool(given) and not any(keeps_scale(one[0], one[-1]) for one in given),
        kept=kept or {},
        notices=tuple(text for text in texts if text),
    )


def weights_digest(module: nn.Module) -> str:
    """SHA-256 (hex) over name, dtype, shape and bytes of all that a module's state_dict holds."""
    digest = hashlib.sha256()
    for name, value in unwrapped(module).state_dict().items():
        if isinstance(value, torch.Tensor):
            plain = value.detach().cpu().contiguous()
            digest.update(f"{plain_path(name)} {plain.dtype} {tuple(plain.shape)}\n".encode())
            digest.update(plain.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _noise(feeding: Feeding) -> torch.Tensor:
    """Noise of 0–255, noise of 0–1, and black, (B, C, H, W)."""
    height, width, channels = feeding.shape
    shape = (_REHEARSED, channels, height, width)
    noise = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    noise[1] /= 255
    noise[2:] = 0
    return torch.from_numpy(noise).to(feeding.device)


def _rehearsed(
    module: nn.Module, feedings: Sequence[Feeding]
) -> tuple[Feeding, torch.Tensor, Any]:  # fmt: skip
    """Run the module once: how it was fed, what it was given, and what it returned."""
    failed: _NotTaken | None = None
    for feeding in feedings:
        images = feeding.scaled(_noise(feeding), AS_IT_IS)
        try:
            return feeding, images, _called(module, images)
        except _NotTaken as error:
            failed = failed or error
    height, width, channels = feedings[0].shape
    takes = first_channels(module)
    odd = (
        f" (its first convolution takes {takes} channels; only 1 (grey) or 3 (RGB) can be given to "
        "it)"
    )
    raise ModelError(
        f"the model cannot be run on images of {height} × {width} × {channels}"
        f"{'' if takes in CHANNELS else odd}: {failed}"
    ) from failed


class _NotTaken(Exception):
    """A module cannot be run on what it was given; the text says why."""


def _called(module: nn.Module, images: torch.Tensor) -> Any:
    try:
        return module(images)
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise out_of_memory(len(images)) from error
    except Exception as error:
        # Whatever the module's own code may raise.
        raise _NotTaken(f"{type(error).__name__}: {reason(error)}") from error


def _way(
    module: nn.Module, images: torch.Tensor, output: int
) -> tuple[Exported | Listened, str | None]:
    try:
        way = exported(module, images, output)
    except NotExported as error:
        listened = _listened(module, images)
        return listened, _heard_notice(listened, str(error))
    return way, None


def _listened(module: nn.Module, images: torch.Tensor) -> Listened:
    listened = listen(module, images)
    if not listened.taps:
        closed = ", TorchScript cannot be looked into" if listened.unwatched else ""
        raise ModelError(f"the model has no convolutions that can be watched by hooks{closed}.")
    return listened


def _heard_notice(listened: Listened, why: str) -> str:
    silent, taps = listened.silent, len(listened.taps)
    before = f"; {silent} of {taps} layers are shown pre-activation" if silent else ""
    return (
        f"the model cannot be exported ({why.rstrip('.')}), so its modules are listened to and "
        f"functions between them, like F.relu, are not heard{before}."
    )


def _entering(
    way: Exported | Listened, module: nn.Module, images: torch.Tensor
) -> list[NDArray[np.float32]]:
    """Return what the first convolutions are given, where that is not the image itself."""
    if isinstance(way, Exported):
        values: Sequence[torch.Tensor] = ()
        if way.entering:
            _, values = way.with_values(way.entering)(*way.bound(module), images)
    else:
        values = () if way.entering is None or way.entering is images else (way.entering,)
    return [value.float().cpu().numpy() for value in values if len(value) == len(images)]


def _judged(output: NDArray[np.float64], last: str, *, exact: bool) -> Reading:
    """Return how outputs become probabilities, by their values and what they went through last."""
    classes = output.shape[1]
    rows = output[np.isfinite(output).all(axis=1)]
    shares = are_shares(rows, exact=exact) if len(rows) else "softmax" in last
    if classes > 1 and shares and "log" not in last:
        return Reading.AS_IS
    if last in ("sigmoid", "hardsigmoid"):
        return sigmoids(classes)
    return unbounded(rows, classes)


def _squashed(output: NDArray[np.float64], last: str) -> bool:
    """Return whether outputs are probabilities already, see ``are_squashed``."""
    kept: bool | None = None
    if "log" not in last and ("sigmoid" in last or "softmax" in last):
        kept = True
    elif last.startswith(("addmm", "conv", "linear", "matmul", "mm")):
        kept = False
    return are_squashed(output[np.isfinite(output).all(axis=1)], kept)


def _planar(tap: Tap, values: torch.Tensor) -> NDArray[np.float64]:
    planar = values.permute(0, 3, 1, 2) if tap.channels_last else values
    maps: NDArray[np.float64] = planar.double().cpu().numpy().copy()
    return maps
