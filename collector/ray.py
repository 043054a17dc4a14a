"""Collecting on a Ray cluster: images of a Ray dataset, a pool of actors, one shared run.

Ray gives every batch at least once, since a worker that is gone has its work done again. A batch is
known by what is in it, and the store takes it once: its rows and its sums count once, whoever was
killed. Images stand in the order in which Ray's workers were done with them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import threading
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from collector.batches import as_stored, batches
from collector.callback_options import checked_precision
from collector.errors import CollectorError
from collector.frameworks.registry import framework_of
from collector.images import Labelling, fitted, joined
from collector.images.arrays import ArrayImages
from collector.recorder import HEARTBEAT_SECONDS, SAVE_EVERY, Rate
from collector.request import DEFAULT_STORE, Request, check_options
from collector.session import prepare, prepare_again
from collector.statistics import restore
from reactcnn_dash.db import (
    RunState,
    SharedRun,
    StoreError,
    StoreReader,
    find_shared,
)
from reactcnn_dash.db.packing import pixel_hash
from reactcnn_dash.results.moments import merged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import ray.data
    from numpy.typing import NDArray

    from collector.images import ImageChunk
    from collector.session import Prepared
    from reactcnn_dash.db import Run

_log = logging.getLogger(__name__)

BATCH_SIZE: Final = 32
_FIRST: Final = 64
"""Images that are looked at before anything is begun."""


def collect(
    dataset: ray.data.Dataset,
    model: str,
    *,
    store: str = DEFAULT_STORE,
    name: str | None = None,
    image: str = "image",
    label: str | None = None,
    path: str | None = None,
    workers: int = 2,
    cpus: float = 0.5,
    batch_size: int | None = None,
    feature_maps: str | None = None,
    pixel_range: str | None = None,
    preprocess: str | None = None,
    size: tuple[int, int] | None = None,
    head: str | None = None,
    class_names: Sequence[str] | None = None,
    resume: int | str | None = None,
    precision: str | None = None,
) -> Run:
    """Run a network over a Ray dataset and store what its filters answer.

    Args:
        dataset: any, such as ``ray.data.read_images(folder, mode="RGB", include_paths=True)``.
        model: as ``--model``: every worker must find it there.
        store: as ``--store``: of every worker, so PostgreSQL where they are on several machines.
        name: the run's name, which no other shared run of the store has.
        image: the column of images, each (H, W) or (H, W, C) uint8.
        label: the column of labels, integers from 0 on, -1 for none.
        path: the column of names, such as paths.
        workers: how many actors.
        cpus: what Ray is told that each of them needs; its own reading tasks need some too.
        batch_size: as ``--batch-size``; 32 unless it is said.
        feature_maps: as ``--feature-maps``.
        pixel_range: as ``--pixel-range``.
        preprocess: as ``--preprocess``.
        size: height and width, as ``--size``.
        head: as ``--head``.
        class_names: names of the model's outputs in their order, as in ``--classes``.
        resume: id or name of a run that was interrupted, over the same dataset: images that it has
            already, by name and pixels, are passed over. Options that are left out are the run's.
        precision: as ``--precision``; ``auto`` is tried here, and holds for every worker.

    Returns:
        The run, finished.

    Raises:
        ModelError, ImageSourceError, StoreError: as the collector.
        CollectorError: the dataset is empty, there is a shared run of this name, or none to resume.
        ResumeError: the run to resume is of another network, or was begun with other options.
        ray.exceptions.RayError: what Ray could not recover from; what was stored before stays.
    """
    import ray.data  # noqa: PLC0415 - an extra, and seconds to import

    before = None if resume is None else _interrupted(store, str(resume))
    if before is not None and before.state is RunState.FINISHED:
        return before
    columns = _Columns(image, label, path)
    first = next(iter(dataset.iter_batches(batch_size=_FIRST, batch_format="numpy")), None)
    if first is None or image not in first:
        has = "no images" if first is None else f"no column {image!r}, but {sorted(first)}"
        raise CollectorError(f"the dataset has {has}.")
    names = None if class_names is None else tuple(class_names)
    request = Request(
        store=store,
        model=model,
        name=name,
        batch_size=batch_size or (BATCH_SIZE if before is None else before.batch_size),
        feature_maps=feature_maps,
        pixel_range=pixel_range,
        preprocess=preprocess,
        size=size,
        head=head,
        class_names=names,
        precision=None if precision is None else checked_precision(precision),
    )
    framework = framework_of(model)
    framework.check(model)
    framework.start()
    looked_at = _first_source(columns, first)
    with (
        _begun(request, looked_at)
        if before is None
        else _joined(request, before, looked_at) as shared
    ):
        # One run, one precision: what was chosen is not tried again by each worker.
        request = dataclasses.replace(request, precision=shared.run.precision)
        try:
            done = dataset.map_batches(
                _Actor,
                batch_size=request.batch_size,
                batch_format="numpy",
                compute=ray.data.ActorPoolStrategy(size=workers),
                num_cpus=cpus,
                fn_constructor_args=(
                    request,
                    shared.run.id,
                    looked_at,
                    columns,
                    before is not None,
                ),
            )
            given = sum(
                int(batch["images"].sum())
                for batch in done.iter_batches(batch_size=None, batch_format="numpy")
            )
            _save_states(shared)
            shared.finish()
        except BaseException:
            with suppress(StoreError):
                shared.leave()
            raise
        run = shared.progress()
    if run.stored < given:
        warnings.warn(
            f"{given - run.stored:,} images came in batches that are the same as others to the "
            "last byte, and are stored once: give them names (path=) if that is not meant.",
            stacklevel=2,
        )
    return run


def _interrupted(store: str, ref: str) -> Run:
    found = find_shared(store, ref)
    # Nobody knows how many images a run on Ray will have, until it is finished.
    if found is None or (found.total is not None and found.state is not RunState.FINISHED):
        raise CollectorError(f"{store} has no run {ref!r} that was begun on Ray.")
    return found


def _begun(request: Request, looked_at: ArrayImages) -> SharedRun:
    prepared, new = prepare(request, looked_at)
    _tell(prepared)
    new = dataclasses.replace(new, total=None, name=request.name or f"{new.model} on Ray")
    shared = SharedRun.begin(request.store, new.name, new, merged, in_any_order=True)
    if shared is None:
        raise CollectorError(
            f"{request.store} has a shared run {new.name!r} already: choose another name, or go on "
            f"with it (resume=)."
        )
    return shared


def _joined(request: Request, run: Run, looked_at: ArrayImages) -> SharedRun:
    check_options(request, run)
    _tell(prepare_again(request, run, looked_at, in_any_order=True))
    return SharedRun.join(request.store, run.id, merged)


def _tell(prepared: Prepared) -> None:
    for line in prepared.notices:
        _log.warning("%s", line)


@dataclasses.dataclass(frozen=True, slots=True)
class _Columns:
    image: str
    label: str | None
    path: str | None

    def images(self, batch: Mapping[str, NDArray[Any]]) -> list[NDArray[np.uint8]]:
        """Return the images of a batch, each (H, W, C) uint8.

        Raises:
            CollectorError: they are something else.
        """
        found = []
        for one in batch[self.image]:
            pixels = np.asarray(one)
            if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
                raise CollectorError(
                    f"column {self.image!r} has {pixels.dtype} of shape {pixels.shape}: images "
                    "must be uint8, (H, W) or (H, W, C)."
                )
            found.append(pixels[..., None] if pixels.ndim == 2 else pixels)
        return found

    def labels(self, batch: Mapping[str, NDArray[Any]]) -> Labelling:
        """Return what the column of labels says; -1 is for none.

        Raises:
            ImageSourceError: they fit nothing.
        """
        count = len(batch[self.image])
        if self.label is None:
            return Labelling(np.full(count, -1, np.int64))
        rows = np.stack([np.asarray(one) for one in batch[self.label]])
        return fitted(rows, count, None, f"column {self.label!r}")

    def names(self, batch: Mapping[str, NDArray[Any]]) -> tuple[str | None, ...]:
        """Return the names, None without a column of them."""
        if self.path is None:
            return (None,) * len(batch[self.image])
        return tuple(" ".join(str(one).split()) for one in batch[self.path])

    def key(self, batch: Mapping[str, NDArray[Any]]) -> str:
        """Return what a batch is known by: SHA-256 (hex) over all that is read of it."""
        digest = hashlib.sha256(repr(self.names(batch)).encode())
        said = self.labels(batch)
        for known in (said.labels, said.targets):
            digest.update(b"" if known is None else known.tobytes())
        for one in self.images(batch):
            digest.update(repr(one.shape).encode())
            digest.update(np.ascontiguousarray(one).data)
        return digest.hexdigest()


def _source(pixels: NDArray[np.uint8], said: Labelling, places: Sequence[int]) -> ArrayImages:
    """Return images with the labels that stand at some places of a batch."""
    labels = None if said.labels is None else said.labels[places]
    targets = None if said.targets is None else said.targets[places]
    return ArrayImages(pixels, labels, targets=targets, spec="ray", description="a Ray dataset")


def _first_source(columns: _Columns, batch: Mapping[str, NDArray[Any]]) -> ArrayImages:
    """Return the first images, as far as they have the size of the very first."""
    images, labels = columns.images(batch), columns.labels(batch)
    alike = [index for index, one in enumerate(images) if one.shape == images[0].shape]
    return _source(np.stack([images[index] for index in alike]), labels, alike)


def _mark(name: str | None, sha256: bytes) -> bytes:
    """Return what an image is known by, in 16 bytes."""
    return hashlib.sha256(repr(name).encode() + sha256).digest()[:16]


def _save_states(shared: SharedRun) -> None:
    run = shared.progress()
    statistics = restore(StoreReader(shared.url), run, shared.layers)
    shared.save_states(statistics.states())


class _Actor:
    """A worker of the pool; Ray makes it, and makes another where one was killed."""

    def __init__(
        self,
        request: Request,
        run_id: int,
        looked_at: ArrayImages,
        columns: _Columns,
        resumed: bool,
    ) -> None:
        framework_of(request.model_or_default).start()
        reader = StoreReader(request.store)
        if resumed:
            run = reader.run(run_id)
            self._prepared = prepare_again(request, run, looked_at, in_any_order=True)
        else:
            self._prepared, _ = prepare(request, looked_at)
        self._columns = columns
        self._rate = Rate()
        self._shared = SharedRun.join(request.store, run_id, merged)
        self._stored: set[bytes] = set()
        if resumed:
            run = self._shared.run
            for one in reader.image_facts(run, 0, run.stored):
                self._stored.add(_mark(one.name, bytes.fromhex(one.sha256)))
        # It ends with its process, which Ray ends.
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def __call__(self, batch: dict[str, NDArray[Any]]) -> dict[str, NDArray[np.int64]]:
        count = len(batch[self._columns.image])
        batch, chunk = self._not_stored(batch, self._chunk(batch))
        if chunk is None:
            return {"images": np.array([count])}
        captured = self._prepared.proven.capture(chunk.given)
        read = as_stored(chunk, captured, self._prepared.labels, 0)
        stored = self._shared.put(
            self._columns.key(batch),
            dataclasses.replace(read, names=self._columns.names(batch)),
            rate=self._rate.after(len(chunk)),
        )
        # Readers fold what follows the states themselves: it must not become much.
        if stored is not None and stored // SAVE_EVERY > (stored - len(chunk)) // SAVE_EVERY:
            _save_states(self._shared)
        return {"images": np.array([count])}

    def _not_stored(
        self, batch: dict[str, NDArray[Any]], chunk: ImageChunk
    ) -> tuple[dict[str, NDArray[Any]], ImageChunk | None]:
        """Return what of a batch an interrupted run has not yet; None for nothing."""
        if not self._stored:
            return batch, chunk
        named = zip(self._columns.names(batch), chunk.pixels, strict=True)
        new = [_mark(name, pixel_hash(one)) not in self._stored for name, one in named]
        if all(new):
            return batch, chunk
        left = {name: column[np.array(new)] for name, column in batch.items()}
        return left, self._chunk(left) if any(new) else None

    def _chunk(self, batch: dict[str, NDArray[Any]]) -> ImageChunk:
        shape = self._shared.run.image_shape
        labels = self._columns.labels(batch)
        sources = [
            _source(one[None], labels, [index])
            for index, one in enumerate(self._columns.images(batch))
        ]
        return joined([next(batches(source, shape, size=1)) for source in sources])

    def _beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(HEARTBEAT_SECONDS):
            try:
                self._shared.heartbeat()
            except StoreError:
                # The next batch says what is wrong.
                return
