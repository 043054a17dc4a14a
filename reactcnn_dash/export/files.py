"""A run taken out of the store as files: NumPy archive, Parquet, GraphML.

Each file is written beside its place and moved there when it is complete, so that a broken export
never leaves half a file under a good name.
"""

from __future__ import annotations

import sys
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from reactcnn_dash import analysis
from reactcnn_dash.export import FORMATS, ExportError, NoSuchLayer, file_name, run_stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from reactcnn_dash.db import Layer
    from reactcnn_dash.store import StoredRun

    Write = Callable[[StoredRun, Sequence[Layer], Path], None]

_BLOCK = 8192
"""Images of which a table is made at once."""


def export(
    run: StoredRun,
    folder: Path,
    formats: Sequence[str] = FORMATS,
    *,
    layers: Sequence[str] | None = None,
    force: bool = False,
    bar: bool | None = False,
) -> list[Path]:
    """Write a run's files into a folder, which is made if it is missing.

    * ``npz``: NAME.npz with ``gap`` (N, F) float32, ``addresses`` (F,), ``labels`` (N,) int64, -1
      without one, ``predictions`` (N,), ``probabilities`` (N, K), ``class_names`` (K,), ``about``,
      a text that says what these mean and what -1 and NaN stand for, for each layer
      ``correlation/LAYER`` (F, F) float64 and ``clusters/LAYER`` (F,) int32, and, of a network of
      labels or values where any are known, ``targets`` (N, K) float32.
    * ``parquet``: NAME-gap.parquet, a column a filter with its address as the name and ``ordinal``,
      written a block of images at a time; NAME-images.parquet, the rows of `StoredRun.images`.
      ``about`` stands in the metadata of both.
    * ``graphml``: NAME-LAYER.graphml, the cluster graph of each layer as the page draws it.

    NAME is the run's id and name, with what no file name should hold replaced. Layers with too few
    images for a correlation have neither matrix nor clusters nor graph.

    Args:
        run: the run.
        folder: where to.
        formats: some of `FORMATS`.
        layers: names of the layers whose filters are written; ``None``: all. Their order is the
            network's.
        force: write over files that exist.
        bar: show a progress bar on stderr; ``None``: if that is a terminal.

    Returns:
        The files written.

    Raises:
        ExportError: there is no such layer, a file exists, or the folder cannot be written to.
        StoreError: the store cannot be read.
    """
    name = run_stem(run.info.id, run.info.name)
    chosen = _chosen(run, layers)
    jobs: list[tuple[Path, Write]] = []
    if "npz" in formats:
        jobs.append((folder / f"{name}.npz", _write_npz))
    if "parquet" in formats:
        jobs.append((folder / f"{name}-gap.parquet", _write_gap))
        jobs.append((folder / f"{name}-images.parquet", _write_images))
    if "graphml" in formats:
        parts = [file_name(layer.name) for layer in chosen]
        for layer, part in zip(chosen, parts, strict=True):
            # Names that differ only in what no file name should hold.
            unique = f"{part}-{layer.position}" if parts.count(part) > 1 else part
            jobs.append((folder / f"{name}-{unique}.graphml", _graph_writer(layer.name)))
    taken = [path for path, _ in jobs if path.exists()]
    if taken and not force:
        raise ExportError(f"{taken[0]} exists; write over it with --force, or choose another --to.")
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, write in tqdm(
            jobs,
            unit="file",
            file=sys.stderr,
            leave=False,
            disable=None if bar is None else not bar,
        ):
            try:
                with _complete(path) as place:
                    write(run, chosen, place)
            except analysis.TooFewImages:
                continue
            written.append(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExportError(f"cannot write to {folder}: {reason.lower()}.") from error
    return written


def _chosen(run: StoredRun, names: Sequence[str] | None) -> Sequence[Layer]:
    if names is None:
        return run.layers
    try:
        wanted = {run.layer(name).position for name in names}
    except KeyError as error:
        raise NoSuchLayer(f"{error.args[0]}.") from error
    return [layer for layer in run.layers if layer.position in wanted]


def _addresses(run: StoredRun, layers: Sequence[Layer]) -> list[str]:
    return [address for layer in layers for address in run.addresses(layer.name)]


def _gap_blocks(run: StoredRun, layers: Sequence[Layer]) -> Iterator[NDArray[np.float32]]:
    columns = np.concatenate(
        [np.arange(layer.offset, layer.offset + layer.filters) for layer in layers]
    )
    for rows in run.gap_blocks():
        yield rows if len(columns) == rows.shape[1] else rows[:, columns]


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """Yield a place to write to, which becomes ``path`` when all is well."""
    # The suffix stays: NumPy would add its own to another.
    place = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield place
        place.replace(path)
    finally:
        place.unlink(missing_ok=True)


def _write_npz(run: StoredRun, layers: Sequence[Layer], path: Path) -> None:
    """Write array by array, and the GAP rows block by block: the memory needed does not grow."""
    addresses = _addresses(run, layers)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        _add_rows(archive, "gap", (run.info.stored, len(addresses)), _gap_blocks(run, layers))
        labels, predictions, probabilities = run.answers()
        arrays: dict[str, NDArray[Any]] = {
            "addresses": np.array(addresses),
            "labels": labels,
            "predictions": predictions,
            "probabilities": probabilities,
            "class_names": np.array(run.info.class_names, str),
            "about": np.array(run.about()),
        }
        if run.has_targets:
            arrays["targets"] = run.targets()
        for name, array in arrays.items():
            _add(archive, name, array)
        for layer in layers:
            try:
                clusters, correlation = run.clustered(layer.name)
            except analysis.TooFewImages:
                continue
            _add(archive, f"correlation/{layer.name}", correlation.r)
            _add(archive, f"clusters/{layer.name}", clusters.to_numpy(np.int32))


def _add(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _add_rows(
    archive: zipfile.ZipFile,
    name: str,
    shape: tuple[int, int],
    blocks: Iterator[NDArray[np.float32]],
) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for rows in blocks:
            file.write(np.ascontiguousarray(rows, "<f4").data)


def _write_gap(run: StoredRun, layers: Sequence[Layer], path: Path) -> None:
    addresses = _addresses(run, layers)
    columns_of = [("ordinal", pa.int64()), *((one, pa.float32()) for one in addresses)]
    schema = pa.schema(columns_of, metadata={"about": run.about()})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        ordinal = 0
        for rows in _gap_blocks(run, layers):
            columns = [pa.array(np.arange(ordinal, ordinal + len(rows)))]
            columns += [pa.array(column) for column in np.ascontiguousarray(rows.T)]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
            ordinal += len(rows)


def _write_images(run: StoredRun, _layers: Sequence[Layer], path: Path) -> None:
    stored = run.info.stored
    first = pa.Table.from_pandas(run.images(stop=min(_BLOCK, stored)))
    # Beside what pandas keeps there of its own.
    metadata = {**(first.schema.metadata or {}), b"about": run.about().encode()}
    first = first.replace_schema_metadata(metadata)
    with pq.ParquetWriter(path, first.schema) as writer:
        writer.write_table(first)
        for start in range(_BLOCK, stored, _BLOCK):
            rows = run.images(start=start, stop=min(start + _BLOCK, stored))
            writer.write_table(pa.Table.from_pandas(rows, schema=first.schema))


def _graph_writer(layer: str) -> Write:
    def write(run: StoredRun, _layers: Sequence[Layer], path: Path) -> None:
        nx.write_graphml(run.graph(layer), path)

    return write
