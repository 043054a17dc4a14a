"""What a model is to the collector, whatever framework runs it.

Importing this module imports no framework.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from reactcnn_dash.db import BFLOAT16, FLOAT32

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from collector.frameworks.reading import Reading
    from reactcnn_dash.db import Kernel, MapBatch
    from reactcnn_dash.results.precision import Rounding

    Pixels = NDArray[np.uint8] | NDArray[np.float32]

AUTO: Final = "auto"
PRECISIONS: Final = (FLOAT32, BFLOAT16, AUTO)
"""What convolutions can be asked to be computed in."""

DEFAULT_SIZE = 224
"""Height and width for a model that takes any size when the images' own size varies."""

IN_FLIGHT = 2
"""Batches in the network at a time.

A layer of a small network does not keep all cores busy to its end. Measured with VGG-16 on two
cores: 1.04 times the images a second at batch size 64, 1.27 times at 1; a third batch adds 1 %.
"""


class Loaded(Protocol):
    """Which model it is."""

    @property
    def framework(self) -> str:
        """Name of the :class:`Framework` that runs it."""

    @property
    def name(self) -> str:
        """The model's own name."""

    @property
    def source(self) -> str:
        """What was asked for: a packaged checkpoint's name or an absolute path."""

    @property
    def sha256(self) -> str:
        """Hex digest of the weights."""

    @property
    def parameters(self) -> int:
        """Number of weights, those that are not trained included."""

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of its classes where they are known."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A :class:`Loaded` model, for frameworks that have nothing to add to it."""

    framework: str
    name: str
    source: str
    sha256: str
    parameters: int
    class_names: tuple[str, ...] | None


class Feeding(Protocol):
    """How a model is given images."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images."""


SWITCH_SECONDS: Final = 0.0005
"""How long a thread keeps the interpreter while networks run.

The writer thread holds it for moments only, but the network must not wait for it: Python's usual
five milliseconds are half of what one image takes.
"""


class Tap(Protocol):
    """One convolution, through normalisation and activation: a layer of the store."""

    @property
    def name(self) -> str:
        """The convolution's name, unique among the taps."""

    @property
    def kind(self) -> str:
        """What kind of convolution it is, as its framework calls it."""

    @property
    def tap(self) -> str:
        """Name of what stands last on the path and whose output is read."""

    @property
    def filters(self) -> int:
        """Number of feature maps."""

    @property
    def height(self) -> int:
        """Their height."""

    @property
    def width(self) -> int:
        """Their width."""


@dataclass(frozen=True, slots=True, eq=False)
class Captured:
    """What the network said about B images.

    Attributes:
        probabilities: (B, K) float32.
        gap: (B, F) float32, global average pooling (Lin, Chen & Yan 2014) of every feature map of
            every tapped layer, layers side by side; NaN and infinite values as they are.
        maps: one a layer, or ``None`` when they were not wanted: value = low + step · code with low
            the smaller of 0 and the least value, step 1/255 of the distance from there to the
            larger of 0 and the greatest, 0 for a map of zeros, and NaN, with codes of 0, for a map
            with values that are not finite.
    """

    probabilities: NDArray[np.float32]
    gap: NDArray[np.float32]
    maps: tuple[MapBatch, ...] | None


class Capture(Protocol):
    """A network made ready for collecting; called by several threads at once."""

    @property
    def arithmetic(self) -> str:
        """How convolutions are computed, as far as one run must not mix two ways."""

    def __call__(self, pixels: Pixels) -> Captured:
        """Run (B, H, W, C) images of 0–255, B ≥ 1, through the network."""


@dataclass(frozen=True, slots=True, eq=False)
class Proven:
    """A capture that says what the model says.

    Attributes:
        capture: compiled, warm.
        notices: what the user should know, one line each.
        precision: what its convolutions are computed in, ``float32`` or ``bfloat16``.
        rounding: what bfloat16 costs, where it was measured.
        against: the capture in float32 that it is measured against.
    """

    capture: Capture
    notices: tuple[str, ...]
    precision: str = FLOAT32
    rounding: Rounding | None = None
    against: Capture | None = None


class Network(Protocol):
    """A model that can be collected."""

    @property
    def loaded(self) -> Loaded:
        """Which model it is."""

    @property
    def taps(self) -> Sequence[Tap]:
        """What is watched, at least one, in the order in which it is computed."""

    @property
    def filters(self) -> int:
        """Number of filters of all taps, the length of a GAP row."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images."""

    @property
    def outputs(self) -> int:
        """Number of classes."""

    @property
    def reading(self) -> Reading:
        """How its output becomes probabilities."""

    @property
    def rescales(self) -> bool:
        """Whether anything before the first kernels changes the scale of the pixels."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know, one line each."""

    @property
    def details(self) -> Mapping[str, Any]:
        """What else is to be kept with the run's options, as JSON has it."""

    def has_weights(self, sha256: str) -> bool:
        """Return whether a checkpoint of a store, by its digest, holds this model's weights."""

    def kernels(self) -> tuple[Kernel, ...]:
        """Return the kernel of every tapped convolution, in the order of the taps."""

    def proven(
        self,
        pixels: Pixels,
        *,
        pixel_range: str,
        maps: bool,
        batch_size: int,
        exact: bool,
        precision: str = FLOAT32,
    ) -> Proven:
        """Make the network ready, and prove that it says what the model itself says.

        Args:
            pixels: (n, H, W, C), n ≥ 1, the run's first images; float32 if they are not rounded.
            pixel_range: key of ``scaling.SCALINGS``.
            maps: whether feature maps are wanted.
            batch_size: how many images it is to be fast for; it takes any number.
            exact: whether every convolution is computed by its definition.
            precision: ``float32``, or ``bfloat16`` if the framework can: convolutions multiply in
                it and sum in float32, and what is reduced stays float32.

        Raises:
            ModelError: the model cannot be run, or what would be stored is not what it says.
        """


class Fed:
    """What a :class:`Network` says by its parts, for frameworks that have nothing to add to it."""

    __slots__ = ()
    loaded: Identity
    feeding: Feeding

    @property
    def filters(self: Network) -> int:
        """Number of filters of all taps, the length of a GAP row."""
        return sum(tap.filters for tap in self.taps)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the images."""
        return self.feeding.shape

    def has_weights(self, sha256: str) -> bool:
        """See :class:`Network`."""
        return sha256 == self.loaded.sha256


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user says of a model that its file does not, and what the images say.

    Attributes:
        class_names: names of its classes.
        native_shape: (height, width) for models that take any size; ``None`` where the images vary.
        head: key of ``reading.HEADS``, what the model ends in; ``None`` to judge it.
        custom_ops: path of a library of operators, which is code.
        custom: path of a Python file that registers layers of a Keras model; it is run.
        weights: path of a file of weights, for models that are made by code.
        trusted: whether files may run code when they are opened.
    """

    class_names: tuple[str, ...] | None = None
    native_shape: tuple[int, int] | None = None
    head: str | None = None
    custom_ops: str | None = None
    custom: str | None = None
    weights: str | None = None
    trusted: bool = False


@dataclass(frozen=True, slots=True)
class Framework:
    """What runs models of one kind. None of it is imported before :attr:`start`.

    Attributes:
        name: of the framework.
        reads: whether what ``--model`` says is a model of this kind, judged by its name alone.
        check: refuse what can be refused without the framework; raises ``ModelError``.
        start: bring the framework up, quietly.
        load: the model as a network; raises ``ModelError`` if it cannot be loaded or watched.
        bfloat16: whether its networks can be computed in bfloat16.
        takes_weights: whether a file of weights may go with a model that is made by code.
        takes_custom: whether a Python file may register layers of a model.
    """

    name: str
    reads: Callable[[str], bool]
    check: Callable[[str], None]
    start: Callable[[], None]
    load: Callable[[str, Asked], Network]
    bfloat16: bool = False
    takes_weights: bool = False
    takes_custom: bool = False
