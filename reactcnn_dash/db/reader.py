"""The read side: every call opens the store read-only, reads in one transaction and closes it."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from reactcnn_dash.db import from_rows, queries, search
from reactcnn_dash.db.address import StoreAddress, require_driver
from reactcnn_dash.db.columns import DamagedValue
from reactcnn_dash.db.comparisons import ComparisonKey, find_comparison
from reactcnn_dash.db.driver_errors import translated
from reactcnn_dash.db.engine import read_engine, sqlite_connection, transaction
from reactcnn_dash.db.errors import DamagedBlob, ImageNotFound, Pruned, RunNotFound
from reactcnn_dash.db.kept_results import KeptResult, find_kept
from reactcnn_dash.db.ownership import LOOK_SECONDS
from reactcnn_dash.db.packing import maps_of, unpack_state
from reactcnn_dash.db.predictions import NO_PREDICTION, class_of, predictions_of
from reactcnn_dash.db.records import Answers, Frame, GapBlock, Identity, Kernel, Listing
from reactcnn_dash.db.search import SearchOrder, SearchPage
from reactcnn_dash.db.slimmings import (
    Slimming,
    find_slimming,
    find_slimmings,
    find_source,
)
from reactcnn_dash.db.tallies import tally_of
from reactcnn_dash.db.targets import targets_of
from reactcnn_dash.db.version import require_head
from reactcnn_dash.db.wholeness import lacks_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from reactcnn_dash.db.address import StoreUrl
    from reactcnn_dash.db.predictions import Predictions
    from reactcnn_dash.db.queries import AnyRow
    from reactcnn_dash.db.records import (
        Clustering,
        CorrelationState,
        FeatureMaps,
        Float32Array,
        Image,
        ImageFacts,
        Layer,
        Run,
        RunSummary,
        UInt8Array,
    )
    from reactcnn_dash.db.search import ImageFilter
    from reactcnn_dash.db.tallies import Tally
    from reactcnn_dash.db.targets import Targets

_BLOCK = 1024
_ROWS = 32
"""Rows that are held at once while a block of GAP rows is read, each of 17 KB for VGG-16."""


class StoreReader:
    """Reads a store; holds no connection between calls, so it may be shared by threads.

    Each method raises a `StoreError` when the store is missing, of another version or cannot be
    read, `RunNotFound` for a run that is not there and `DamagedBlob` for a value that fails its
    checks, unless it says otherwise. A database without tables reads as a store without runs.
    """

    def __init__(self, url: StoreUrl) -> None:
        self._place = StoreAddress.of(url)
        require_driver(self._place)
        self._engine = read_engine(self._place)

    def runs(self, limit: int = 100, offset: int = 0) -> tuple[Run, ...]:
        """Return `limit` runs from the `offset`-th on, newest first; damaged ones are left out."""
        return self.runs_listed(limit, offset).runs

    def runs_listed(self, limit: int = 100, offset: int = 0) -> Listing[Run]:
        """Return the same, and which are left out."""
        with self._read() as connection:
            if connection is None:
                return Listing(())
            values = {"limit": limit, "offset": offset}
            rows, damaged = queries.sound_runs(connection, queries.RUNS, **values)
            runs = []
            for row in rows:
                try:
                    runs.append(from_rows.run_of(row))
                except DamagedValue as error:
                    damaged[row.id] = error
            return Listing(tuple(runs), self._left_out(damaged))

    def summaries(self, *, certain: bool = False) -> tuple[RunSummary, ...]:
        """Return what a list shows of every run but damaged ones, newest first; see `listing`."""
        return self.listing(certain=certain).runs

    def listing(self, *, certain: bool = False) -> Listing[RunSummary]:
        """Return what a list shows of every run, newest first; 5,000 runs in some 0.1 s.

        Args:
            certain: look a second time, seconds later, where one look cannot tell whether a run is
                still collected: its collector runs on another machine, and the clocks disagree.
        """
        rows, damaged = self._summaries()
        if certain and not all(from_rows.state_is_certain(row) for row in rows):
            time.sleep(LOOK_SECONDS)
            rows, damaged = self._summaries()
        return Listing(tuple(from_rows.summary_of(row) for row in rows), self._left_out(damaged))

    def run(self, ref: int | str) -> Run:
        """Return a run by id, UUID or name (the newest of that name)."""
        with self._read() as connection:
            return from_rows.run_of(self._find(connection, ref))

    def identity(self, ref: int | str) -> Identity:
        """Return what a run is called, by id, UUID or name, though the rest of it be damaged."""
        with self._read() as connection:
            if connection is None:
                raise RunNotFound(f"{self._place}: no run {ref!r}")
            row = queries.find_run(connection, ref, str(self._place), brief=True)
            return Identity(row.id, row.name, row.stored, row.size)

    def latest_run(self) -> Run | None:
        """Return the newest run, None when there is none."""
        with self._read() as connection:
            row = queries.first_run(connection, queries.RUN_LATEST) if connection else None
            return from_rows.run_of(row) if row else None

    def layers(self, run_id: int) -> tuple[Layer, ...]:
        """Return the tapped layers of a run by position."""
        with self._read() as connection:
            found = self._layers(connection, run_id) if connection else ()
        if not found:
            raise RunNotFound(f"{self._place}: no run {run_id}")
        return found

    def kernel(self, run_id: int, layer: str) -> Kernel | None:
        """Return the kernel of a layer in the checkpoint of a run, None when it is not stored."""
        rows = self._all(queries.KERNEL, run_id=run_id, layer=layer)
        if not rows:
            return None
        what = f"layer {layer}: its kernel"
        weights = rows[0].weights
        return Kernel(
            layer=layer,
            weights=None if weights is None else from_rows.array_of(weights, what),
            spatial=from_rows.array_of(rows[0].spatial, what),
            channels=from_rows.array_of(rows[0].channels, what).astype(np.float32),
        )

    def frame(self, run_id: int | None, ordinal: int | None) -> Frame | None:
        """Return what a poll needs: a run, one of its images and that image's GAP row.

        Args:
            run_id: the run, None for the newest.
            ordinal: the image, None for the newest stored.

        Returns:
            None when the store has no run. Damaged values are None in the frame, and described.
        """
        with self._read() as connection:
            row: AnyRow | None = None
            if connection is not None:
                if run_id is None:
                    row = queries.first_run(connection, queries.RUN_LATEST)
                else:
                    row = queries.first_run(connection, queries.RUN_BY_ID, run_id=run_id)
            if connection is None or row is None:
                if run_id is None:
                    return None
                raise RunNotFound(f"{self._place}: no run {run_id}")
            run = from_rows.run_of(row)
            wanted = run.stored - 1 if ordinal is None else ordinal
            found = connection.execute(
                queries.IMAGE_WITH_GAP, {"run_id": run.id, "ordinal": wanted}
            ).first()
            return _frame(run, row.latest_id, found)

    def image(self, run_id: int, ordinal: int) -> Image:
        """Return one image; `ImageNotFound` when the run has none with this ordinal."""
        return from_rows.image_of(self._one_of_image(queries.IMAGE, run_id, ordinal))

    def gap_row(self, run_id: int, ordinal: int) -> Float32Array:
        """Return the (F,) float32 GAP row of one image; `ImageNotFound` when there is none."""
        row = self._one_of_image(queries.GAP, run_id, ordinal)
        return from_rows.gap_of(row)

    def gap_rows(
        self, run_id: int, start: int, stop: int, layer: Layer | None = None
    ) -> Float32Array:
        """Return the GAP rows with start ≤ ordinal < stop, of all layers or one: (n, F) float32.

        Damaged rows are left out; `gap_blocks` names them. `Pruned` where one was pruned.
        """
        walk = self.gap_blocks(run_id, start, stop, layer)
        blocks = [block.rows for block in walk if len(block.ordinals)]
        if not blocks:
            layers = (layer,) if layer is not None else self.layers(run_id)
            return np.empty((0, sum(one.filters for one in layers)), np.float32)
        return np.concatenate(blocks)

    def gap_blocks(
        self, run_id: int, start: int, stop: int, layer: Layer | None = None, size: int = _BLOCK
    ) -> Iterator[GapBlock]:
        """Yield the GAP rows with start ≤ ordinal < stop in blocks of up to `size` ordinals.

        Each block is a transaction of its own, so that a long walk does not make the log grow.
        """
        for first in range(start, stop, size):
            last = min(first + size, stop)
            block = self._gaps(
                queries.GAP_RANGE, last - first, layer, run_id, start=first, stop=last
            )
            if not len(block.ordinals) and not block.damaged:
                return
            yield block

    def image_facts(
        self, run: Run, start: int, stop: int, size: int = _BLOCK
    ) -> Iterator[ImageFacts]:
        """Yield the facts of the images with start ≤ ordinal < stop, read in blocks."""
        for first in range(start, stop, size):
            last = min(first + size, stop)
            for row in self._all(queries.IMAGE_FACTS, run_id=run.id, start=first, stop=last):
                yield from_rows.facts_of(row, len(run.class_names))

    def gap_rows_of(
        self, run_id: int, ordinals: Sequence[int], layer: Layer | None = None
    ) -> GapBlock:
        """Return the GAP rows of some images, of all layers or one, in the order of their ordinals.

        At most a few thousand images; those that the run has not are left out.
        """
        wanted = list(ordinals)
        block = self._gaps(queries.GAP_OF, len(wanted), layer, run_id, ordinals=wanted)
        order = np.argsort(block.ordinals, kind="stable")
        if np.array_equal(order, np.arange(len(order))):
            return block
        return GapBlock(block.ordinals[order], block.rows[order], tuple(sorted(block.damaged)))

    def search(
        self,
        run_id: int,
        wanted: ImageFilter,
        order: SearchOrder = SearchOrder.ORDINAL,
        *,
        offset: int = 0,
        limit: int = 60,
        near: int | None = None,
    ) -> SearchPage:
        """Return `limit` of the images that are wanted, from the `offset`-th on, and their number.

        `near` is an image whose place among them is told too. A run without images, or none of
        that id, has no hits.
        """
        with self._read() as connection:
            if connection is None:
                return SearchPage(0, (), None)
            return search.search_page(
                connection, run_id, wanted, order, offset=offset, limit=limit, near=near
            )

    def matching(self, run_id: int, wanted: ImageFilter) -> NDArray[np.int64]:
        """Return the ordinals of all images that are wanted, ascending: (n,) int64."""
        with self._read() as connection:
            if connection is None:
                return np.empty(0, np.int64)
            return search.matching_ordinals(connection, run_id, wanted)

    def count(self, run_id: int, wanted: ImageFilter) -> int:
        """Return how many images are wanted; without a range, in no time that grows with a run."""
        with self._read() as connection:
            return search.count_matching(connection, run_id, wanted) if connection else 0

    def matching_among(
        self, run_id: int, wanted: ImageFilter, ordinals: Sequence[int]
    ) -> NDArray[np.int64]:
        """Return which of some images are wanted, ascending: (n,) int64."""
        found = [np.empty(0, np.int64)]
        with self._read() as connection:
            for start in range(0, len(ordinals), _BLOCK):
                if connection is None:
                    break
                part = ordinals[start : start + _BLOCK]
                found.append(search.matching_among(connection, run_id, wanted, part))
        return np.sort(np.concatenate(found))

    def tally(self, run: Run) -> Tally:
        """Return how many images of a run have which label and which answer."""
        with self._read() as connection:
            if connection is None:
                raise RunNotFound(f"{self._place}: no run {run.id}")
            return tally_of(connection, run.id)

    def predictions(self, run: Run) -> Predictions:
        """Return the hash, label, prediction and confidence of every image of a run."""
        with self._read() as connection:
            if connection is None:
                raise RunNotFound(f"{self._place}: no run {run.id}")
            key = {"run_id": run.id, "stop": run.stored}
            said = connection.execute(queries.ANSWERS, key).all()
            return predictions_of(said, connection.execute(queries.HASHES, key).all())

    def targets(self, run: Run) -> Targets:
        """Return what is known to be right of the images of a run, by ordinal."""
        rows = self._all(queries.TARGETS, run_id=run.id, stop=run.stored)
        labels = len(run.class_names) if run.answers is Answers.LABELS else 0
        return targets_of(rows, labels)

    def classes_of(self, run_id: int, ordinals: Sequence[int]) -> NDArray[np.int64]:
        """Return the class of some images: the label, or what was predicted where there is none.

        Args:
            run_id: the run.
            ordinals: n of its images, at most a few thousand.

        Returns:
            (n,) int64 in the order of `ordinals`; -1 for an image without label or answer, or one
            that the run has not.
        """
        rows = self._all(queries.ANSWERS_OF, run_id=run_id, ordinals=list(ordinals))
        found = {row.ordinal: class_of(row) for row in rows}
        return np.array([found.get(one, NO_PREDICTION) for one in ordinals], np.int64)

    def feature_maps(self, run_uuid: str, ordinal: int, layer: int) -> FeatureMaps | None:
        """Return the maps of one layer for one image, None when they are not kept (any longer)."""
        maps = self.image_maps(run_uuid, ordinal)
        return maps[layer] if maps is not None and 0 <= layer < len(maps) else None

    def image_maps(self, run_uuid: str, ordinal: int) -> tuple[FeatureMaps, ...] | None:
        """Return the maps of all layers for one image, None when they are not kept (any longer)."""
        with self._read() as connection:
            if connection is None:
                return None
            row = connection.execute(queries.MAPS, {"uuid": run_uuid, "ordinal": ordinal}).first()
            if row is None:
                return None
            layers = self._layers(connection, row.run_id)
        what = f"image {ordinal}: its feature maps"
        filters = sum(one.filters for one in layers)
        size = sum(one.filters * one.height * one.width for one in layers)
        codes = from_rows.array_of(row.codes, what, (size,), "|u1")
        low, step = from_rows.array_of(row.scales, what, (2, filters), "<f4")
        return maps_of(layers, codes, low, step)

    def images_with_maps(self, run_id: int) -> tuple[int, ...]:
        """Return the ordinals of the images whose feature maps are kept, in order."""
        return tuple(row.ordinal for row in self._all(queries.WITH_MAPS, run_id=run_id))

    def pixels(self, run_uuid: str, ordinal: int) -> UInt8Array:
        """Return the (H, W, C) uint8 pixels of one image; `ImageNotFound` when there is none."""
        rows = self._all(queries.PIXELS, uuid=run_uuid, ordinal=ordinal)
        if not rows:
            raise ImageNotFound(f"{self._place}: run {run_uuid} has no image {ordinal}")
        return from_rows.pixels_of(rows[0])

    def pixels_of(self, run_uuid: str, ordinals: Sequence[int]) -> dict[int, UInt8Array]:
        """Return the pixels of some images by ordinal; missing and damaged ones are left out."""
        found: dict[int, UInt8Array] = {}
        for row in self._all(queries.PIXELS_OF, uuid=run_uuid, ordinals=list(ordinals)):
            with suppress(DamagedBlob):
                found[row.ordinal] = from_rows.pixels_of(row)
        return found

    def nearest_misclassified(self, run_id: int, ordinal: int, forward: bool) -> int | None:
        """Return the next (or previous) ordinal after (before) this one that was predicted wrongly.

        None when there is none. The cost does not depend on the number of images.
        """
        statement = queries.WRONG_AFTER if forward else queries.WRONG_BEFORE
        rows = self._all(statement, run_id=run_id, ordinal=ordinal)
        return rows[0].ordinal if rows else None

    def correlation_state(self, run_id: int, layer: int) -> CorrelationState | None:
        """Return the saved state of one layer, None when there is none yet."""
        rows = self._all(queries.STATE, run_id=run_id, layer=layer)
        if not rows:
            return None
        row = rows[0]
        try:
            return unpack_state(row.layer, row.covered, row.n, row.moments, row.filters)
        except DamagedBlob as error:
            msg = f"the correlation state of layer {layer}: the stored value {error}; rebuild it"
            raise DamagedBlob(msg) from error

    def clusterings(self, run_id: int, layer: int | None = None) -> tuple[Clustering, ...]:
        """Return the stored clusterings of a run, or of one layer; damaged ones are left out."""
        with self._read() as connection:
            if connection is None:
                return ()
            if layer is None:
                rows = queries.sound_rows(connection, queries.CLUSTERINGS_OF_RUN, run_id=run_id)
            else:
                statement = queries.CLUSTERINGS_OF_LAYER
                rows = queries.sound_rows(connection, statement, run_id=run_id, layer=layer)
        return tuple(found for row in rows if (found := _undamaged(row)) is not None)

    def clustering(
        self, run_id: int, layer: int, method: str, parameter: float, images: int | None = None
    ) -> Clustering | None:
        """Return a stored clustering over `images` images, or over the most when that is None.

        None when there is none, or when it is damaged: it can be computed again.
        """
        key = {"run_id": run_id, "layer": layer, "method": method, "parameter": float(parameter)}
        statement = queries.CLUSTERING_LATEST if images is None else queries.CLUSTERING
        if images is not None:
            key |= {"images": images}
        with self._read() as connection:
            rows = queries.sound_rows(connection, statement, **key) if connection else []
        return _undamaged(rows[0]) if rows else None

    def comparison(self, key: ComparisonKey) -> bytes | None:
        """Return the comparison that `save_comparison` stored for this very key, None without."""
        with self._read() as connection:
            return find_comparison(connection, key) if connection else None

    def kept(self, run_id: int, kind: str, key: str) -> KeptResult | None:
        """Return the result that `keep_result` stored, None when there is none."""
        with self._read() as connection:
            return find_kept(connection, run_id, kind, key) if connection else None

    def slimmings(self, run_id: int) -> tuple[Slimming, ...]:
        """Return the slim networks that were made of a run's, the first made first.

        Damaged ones are left out.
        """
        with self._read() as connection:
            return find_slimmings(connection, run_id) if connection else ()

    def slimming(self, slimming_id: int) -> Slimming | None:
        """Return a slim network by its id, None when there is none or it is damaged."""
        with self._read() as connection:
            return find_slimming(connection, slimming_id) if connection else None

    def slimmed_from(self, run_id: int) -> Slimming | None:
        """Return the slim network that a run is of, None for a run of any other."""
        with self._read() as connection:
            return find_source(connection, run_id) if connection else None

    def lacks_log(self) -> str | None:
        """Say so if the store's file was copied or moved without its log; None if it was not.

        Images, or all of it, may be missing then: to be asked where there is less than expected.
        """
        path = self._place.path
        if path is None:
            return None
        with translated(self._place), self._engine.connect() as connection:
            raw = sqlite_connection(connection)
            if raw is None or not lacks_log(raw, path):
                return None
        return (
            f"{path}: its log, {path.name}-wal, is missing, and what was stored last is in that: "
            f"put it beside the store, or copy the store with python -m reactcnn_dash copy"
        )

    @contextmanager
    def _read(self) -> Iterator[Connection | None]:
        with transaction(self._engine, self._place) as connection:
            yield connection if require_head(connection, self._place) else None

    def _all(self, statement: Any, **values: Any) -> list[AnyRow]:
        with self._read() as connection:
            return list(connection.execute(statement, values).all()) if connection else []

    def _gaps(
        self, statement: Any, most: int, layer: Layer | None, run_id: int, **values: Any
    ) -> GapBlock:
        with self._read() as connection:
            if connection is None:
                return _gap_block((), 0, layer)
            found = connection.execute(statement, values | {"run_id": run_id})
            return _gap_block(chain.from_iterable(found.partitions(_ROWS)), most, layer)

    def _summaries(self) -> tuple[list[AnyRow], dict[int, DamagedValue]]:
        with self._read() as connection:
            return queries.sound_runs(connection, queries.SUMMARIES) if connection else ([], {})

    def _layers(self, connection: Connection, run_id: int) -> tuple[Layer, ...]:
        found = connection.execute(queries.LAYERS, {"run_id": run_id})
        return from_rows.layers_of(found.all())

    def _left_out(self, damaged: Mapping[int, DamagedValue]) -> tuple[str, ...]:
        """Return a line for each damaged run, the newest first."""
        return tuple(
            f"Run {run_id} is left out, since it is damaged ({damaged[run_id]}): restore a copy of "
            f"the store, or delete the run: python -m reactcnn_dash delete {run_id} --store "
            f"{self._place}"
            for run_id in sorted(damaged, reverse=True)
        )

    def _find(self, connection: Connection | None, ref: int | str) -> AnyRow:
        if connection is None:
            raise RunNotFound(f"{self._place}: no run {ref!r}")
        return queries.find_run(connection, ref, str(self._place))

    def _one_of_image(self, statement: Any, run_id: int, ordinal: int) -> AnyRow:
        rows = self._all(statement, run_id=run_id, ordinal=ordinal)
        if not rows:
            raise ImageNotFound(f"{self._place}: run {run_id} has no image {ordinal}")
        return rows[0]


def _frame(run: Run, latest: int, row: AnyRow | None) -> Frame:
    if row is None:
        return Frame(run, latest, None, None)
    image: Image | None = None
    gap: NDArray[Any] | None = None
    damaged: list[str] = []
    try:
        image = from_rows.image_of(row)
    except DamagedBlob as error:
        damaged.append(str(error))
    try:
        gap = from_rows.gap_of(row)
    except Pruned as error:
        # The image is shown all the same, its filters as ones without a value.
        gap = np.full(int(row.width), np.nan, np.float32)
        damaged.append(str(error))
    except DamagedBlob as error:
        damaged.append(str(error))
    return Frame(run, latest, image, gap, "; ".join(damaged) or None)


def _gap_block(rows: Iterable[AnyRow], most: int, layer: Layer | None) -> GapBlock:
    """Copy what is wanted of each row as it comes: a layer is a small part of them."""
    part = slice(None) if layer is None else slice(layer.offset, layer.offset + layer.filters)
    ordinals: list[int] = []
    damaged: list[int] = []
    made = np.empty((0, 0), np.float32)
    for row in rows:
        try:
            gap = from_rows.gap_of(row)[part]
        except Pruned:
            # What is worked out from the others alone would not be about what was asked.
            raise
        except DamagedBlob:
            damaged.append(row.ordinal)
            continue
        if not ordinals:
            made = np.empty((most, len(gap)), np.float32)
        made[len(ordinals)] = gap
        ordinals.append(row.ordinal)
    # What was found is most often all: only a part of it is worth a copy.
    full = len(ordinals) == len(made)
    return GapBlock(
        ordinals=np.array(ordinals, np.int64),
        rows=made if full else made[: len(ordinals)].copy(),
        damaged=tuple(damaged),
    )


def _undamaged(row: AnyRow) -> Clustering | None:
    try:
        return from_rows.clustering_of(row)
    except DamagedBlob:
        return None
