"""PyTorch, watched from the user's own training: three lines, or a Lightning callback."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import sys
from typing import TYPE_CHECKING, Any

from torch import nn

from collector.callback_options import checked_count, checked_text
from collector.errors import ModelError
from collector.frameworks.agreement import IMAGES, Parted, first_images
from collector.frameworks.precision import MEASURED, proven_in
from collector.frameworks.protocol import Asked
from collector.frameworks.torch.exported import Exported
from collector.frameworks.torch.network import Network, understand, weights_digest
from collector.frameworks.torch.state import first_weight, undisturbed, unwrapped
from collector.probing import labels_of
from collector.session import check_shape
from collector.watching import Watching
from reactcnn_dash.db import FLOAT32

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from os import PathLike

    from numpy.typing import ArrayLike

    from collector.frameworks.protocol import Proven
    from collector.images import LabelFit
    from reactcnn_dash.db import StoreUrl

__all__ = ["Watch", "lightning_callback", "watch"]

_LIGHTNINGS = ("lightning.pytorch", "pytorch_lightning")


class Watch(Watching):
    """Collects runs of a module over the same probe images; made by :func:`watch`."""

    _log = logging.getLogger(__name__)

    def __init__(
        self,
        module: nn.Module | None,
        store: StoreUrl,
        probe_images: ArrayLike | str | PathLike[str] | Iterable[Any],
        *,
        size: tuple[int, int] | None = None,
        **options: Any,
    ) -> None:
        checked = _checked_size(size)
        super().__init__(store, probe_images, **options)
        self._request = dataclasses.replace(self._request, size=checked)
        if module is not None:
            self._take(module)

    def _begin(self) -> None:
        super()._begin()
        self._module: nn.Module | None = None
        self._watched: _Watched | None = None
        self._epoch, self._stored, self._precision = 0, "", ""

    def _take(self, module: nn.Module) -> None:
        """Watch this module from now on; another one begins another experiment."""
        if not isinstance(module, nn.Module):
            raise TypeError(f"module is a {type(module).__name__}; it has to be a torch.nn.Module.")
        module = unwrapped(module)
        if module is self._module:
            return
        self._module, self._watched, self._precision = module, None, ""
        self._epoch, self._stored = 0, ""
        self._account.warned = self._account.path_warned = False
        self.experiment = self._experiments.of(module, type(module).__name__).name

    def record(
        self, *, epoch: int | None = None, logs: Mapping[str, Any] | None = None
    ) -> int | None:
        """Collect a run ``EXPERIMENT · epoch N`` of the weights that the module has now.

        The module, gradients and random numbers are as before afterwards. What goes wrong is
        logged as a warning, once, and counted; the training goes on.

        Args:
            epoch: the epoch's number (default: the one after the last).
            logs: values that ``checkpoint`` asks for.

        Returns:
            The run's id; ``None`` if ``every`` leaves this epoch out, or it failed.
        """
        self._epoch = self._epoch + 1 if epoch is None else checked_count("epoch", epoch, 0)
        if self._epoch % self._every:
            return None
        path = self._account.path_of(self._checkpoint, self._epoch, logs or {})
        return self._try_to_collect(self._epoch, path)

    def finish(self) -> int | None:
        """Collect a run ``EXPERIMENT · final`` unless these weights were the last collected.

        Returns:
            The run's id; ``None`` if there is none.
        """
        assert self._module is not None
        before = len(self.runs)
        if weights_digest(self._module) != self._stored:
            self._try_to_collect(None, None)
        self._log.info("%s", self.summary)
        return self.runs[-1] if len(self.runs) > before else None

    def _try_to_collect(self, epoch: int | None, path: str | None) -> int | None:
        return self._account.try_to_collect(epoch, lambda: self._collect(epoch, path))

    def _collect(self, epoch: int | None, path: str | None) -> int:
        assert self._module is not None
        # All of it at once: hooks listen to the module itself while it runs.
        with undisturbed(self._module):
            watched, proven = self._proven()
            digest = weights_digest(self._module)
            run = self._collect_as(
                watched.network, proven, watched.labels, sha256=digest, path=path, epoch=epoch
            )
            self._stored = digest
            return run

    def look(self) -> None:
        """Find out what there is to watch; raises what stands in the way."""
        assert self._module is not None
        with undisturbed(self._module):
            self._proven()

    def _proven(self) -> tuple[_Watched, Proven]:
        """Return the network, ready with the weights of now and held against the module itself."""
        watched = self._watched
        if watched is not None and watched.form == _form(self._module):
            try:
                return watched, self._prove(watched.network)
            except Parted:
                # The module does something else than when it was looked at.
                self._log.info("the module has changed; it is looked at anew.")
        return self._look()

    def _look(self) -> tuple[_Watched, Proven]:
        module, request = self._module, self._request
        assert module is not None
        # On another device, or in another form, another may be faster, or none be there.
        self._precision = ""
        asked = Asked(
            class_names=self._class_names or None,
            native_shape=request.size or self._source.native_shape,
            head=request.head,
        )
        network = understand(module, asked, source=str(self.experiment))
        check_shape(network.image_shape, request.preprocess)
        labels = labels_of(network, self._source)
        try:
            proven = self._prove(network)
        except Parted:
            if not isinstance(network.way, Exported):
                raise
            network = network.by_hooks()
            proven = self._prove(network)
        self._tell(network, labels, proven, runs=1)
        self._watched = _Watched(network, labels, _form(module))
        return self._watched, proven

    def _prove(self, network: Network) -> Proven:
        request = self._request
        # What was chosen once holds for all epochs of a module; what it costs, each measures.
        asked = self._precision or request.precision_or_default
        most = IMAGES if asked == FLOAT32 else MEASURED
        pixels = first_images(self._source, network.image_shape, most)

        def make(precision: str) -> Proven:
            return network.proven(
                pixels,
                pixel_range=request.pixel_range_or_default,
                maps=request.feature_maps_or_default != "none",
                batch_size=1,
                exact=request.exact,
                precision=precision,
            )

        proven = proven_in(asked, network, make, pixels, request.batch_size_or_default)
        self._precision = proven.precision
        return proven


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class _Watched:
    """What stays the same from epoch to epoch."""

    network: Network
    labels: LabelFit
    form: object


def _form(module: nn.Module | None) -> object:
    """Return what a module is made of; another, once it was changed, cast or moved."""
    assert module is not None
    weights = ((name, one.shape, one.dtype, one.device) for name, one in module.named_parameters())
    return repr(module), tuple(weights)


def watch(
    module: nn.Module,
    store: StoreUrl,
    probe_images: ArrayLike | str | PathLike[str] | Iterable[Any],
    **options: Any,
) -> Watch:
    """Watch a module from a training loop: ``watched.record(epoch=…)`` collects a run.

    The module is looked at now, while there is time to mend what is wrong, and is as before
    afterwards: training mode, gradients, autocast, device, random numbers.

    Args:
        module: the module, on whatever device; ``DataParallel`` and ``torch.compile`` are looked
            through.
        store: file or SQLAlchemy URL of the store; made if it does not exist.
        probe_images: an array of images (N, H, W, C) of 0–255, or of numbers as ``--images`` takes
            them in an ``.npz``; a path that ``--images`` takes; or an iterable of batches.
        **options: those of :class:`collector.watching.Watching`, as the Keras callback has them,
            and ``size=(height, width)`` for images of another size.

    Raises:
        TypeError, ValueError: an option is of no use as it is.
        ModelError: the module cannot be watched.
        ImageSourceError: the probe images cannot be opened, or do not fit the module.
        StoreError: no run can be stored at that place.
    """
    watched = Watch(module, store, probe_images, **options)
    first = first_weight(module)
    # A lazy module has no weights before its first batch; it is looked at when it is recorded.
    if first is None or not nn.parameter.is_lazy(first):
        with watched._account.timed():
            watched.look()
    return watched


def lightning_callback(
    store: StoreUrl,
    probe_images: ArrayLike | str | PathLike[str] | Iterable[Any],
    *,
    member: str | None = None,
    **options: Any,
) -> Any:
    """Return a callback of Lightning that collects a run after each epoch.

    It is one of ``lightning.pytorch`` or of ``pytorch_lightning``, whichever is in use.

    Args:
        store: as for :func:`watch`.
        probe_images: as for :func:`watch`.
        member: name of the LightningModule's member that is watched, as ``model`` (default: the
            LightningModule itself).
        **options: as for :func:`watch`.

    Raises:
        ModuleNotFoundError: neither is installed.
        TypeError, ValueError, ImageSourceError, StoreError: as for :func:`watch`.
    """
    if member is not None:
        checked_text("member", member)
    bases = _lightning_bases()
    cls = type("ReactCNNCallback", (_Lightning, *bases), {"__module__": __name__})
    return cls(Watch(None, store, probe_images, **options), member)


def _lightning_bases() -> list[type]:
    known = [sys.modules.get(name) for name in _LIGHTNINGS]
    loaded = [module for module in known if module is not None]
    if not loaded:
        for name in _LIGHTNINGS:
            try:
                loaded = [importlib.import_module(name)]
            except ModuleNotFoundError:
                continue
            break
        else:
            raise ModuleNotFoundError("pip install lightning, or pytorch-lightning, for this.")
    return list(dict.fromkeys(module.Callback for module in loaded))


class _Lightning:
    """What the callback does; Lightning's own class is put behind it."""

    def __init__(self, watched: Watch, member: str | None) -> None:
        self.watched = watched
        self._member = member

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Look at the module while there is time to mend what is wrong."""
        if trainer.is_global_zero:
            self.watched._take(self._of(pl_module))
            with self.watched._account.guarded(f"watch {type(pl_module).__name__}"):
                self.watched.look()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Collect a run if it is due."""
        if trainer.is_global_zero:
            logs = {name: float(value) for name, value in trainer.callback_metrics.items()}
            self.watched.record(epoch=trainer.current_epoch + 1, logs=logs)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Collect what the module ends with, once every callback has done with it."""
        if trainer.is_global_zero:
            self.watched.finish()

    def _of(self, pl_module: Any) -> Any:
        if self._member is None:
            return pl_module
        found = pl_module
        for part in self._member.split("."):
            found = getattr(found, part, None)
        if not isinstance(found, nn.Module):
            raise ModelError(f"{type(pl_module).__name__} has no module {self._member!r}.")
        return found


def _checked_size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    if isinstance(size, str) or not hasattr(size, "__len__") or len(size) != 2:
        raise TypeError(f"size is {size!r}; give height and width, as in (224, 224).")
    return checked_count("size", size[0]), checked_count("size", size[1])
