"""A run taken out of the store by the browser: arrays, tables, and a layer's cluster graph."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from flask import Response, request, send_file

from reactcnn_dash.analysis import OVERVIEW
from reactcnn_dash.export import ExportError, file_name, run_stem
from reactcnn_dash.jobs.command import CommandBusy
from reactcnn_dash.pages.json_routes import decimal, optional_number
from reactcnn_dash.pages.live.search import BadSearch, cluster_request
from reactcnn_dash.pages.routes import file_routes
from reactcnn_dash.results.clusters.graph import cluster_graph
from reactcnn_dash.results.naming import column_name

if TYPE_CHECKING:
    from flask import Blueprint

    from reactcnn_dash.db import Run
    from reactcnn_dash.pages.page import Context
    from reactcnn_dash.results.clusters.clustering import ClusterRequest, ClusterView

TYPES: Final = {
    ".npz": "application/zip",
    ".zip": "application/zip",
    ".graphml": "application/graphml+xml",
}


def write_files(url: str, run_id: int, format_: str, folder: Path) -> Path:
    """Export a run in a process of its own; return the one file that holds all of it.

    A long run is read whole and may be large in memory: neither must hold up the page.

    Raises:
        ExportError: the export failed; the text is what it said.
    """
    command = [sys.executable, "-m", "reactcnn_dash", "export", str(run_id), "--store", url]
    done = subprocess.run(
        [*command, "--to", str(folder), "--format", format_],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ExportError(done.stderr.strip().rpartition("\n")[2] or "The export failed.")
    files = [Path(line) for line in done.stdout.splitlines()]
    if len(files) == 1:
        return files[0]
    name = files[0].stem.removesuffix("-gap")
    together = folder / f"{name}-{format_}.zip"
    with zipfile.ZipFile(together, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            archive.write(path, path.name)
            path.unlink()
    return together


def graphml(view: ClusterView, run: Run, subset: str | None) -> bytes:
    """Return the clusters on the page as GraphML; the graph says where they come from."""
    layer = view.layer
    graph = cluster_graph(
        [column_name(layer.name, i) for i in range(layer.filters)],
        view.labels.tolist(),
        view.edges,
        layer=layer.name,
        run=run.name,
        method=view.request.method,
        parameter=str(view.parameter),
        images=str(view.images),
        **({"subset": subset} if subset else {}),
    )
    file = io.BytesIO()
    from networkx import write_graphml  # noqa: PLC0415 - slow to import

    write_graphml(graph, file)
    return file.getvalue()


def _cluster_request(run_id: int, layers: int) -> tuple[ClusterRequest, str | None]:
    """Return the clusters that the address asks for, and the subset as it is spelled there."""
    asked = optional_number("layer")
    layer = -1 if asked is None else asked
    if not 0 <= layer < layers:
        raise BadSearch(f"The run has no layer {layer}: it has {layers}.")
    method = request.args.get("method", OVERVIEW.key)
    parameter = decimal("parameter")
    subset = request.args.get("subset") or None
    return cluster_request(run_id, layer, method, parameter, subset), subset


def blueprint(context: Context) -> Blueprint:
    """Return the routes that hand a run's files to the browser.

    ``/runs/<uuid>/export/npz`` and ``…/parquet`` give the whole run; ``…/graphml?layer=N`` the
    clusters of a layer, with ``method``, ``parameter`` and ``subset`` as on the page.
    """
    routes = file_routes("downloads")
    reader = context.reader
    one_at_a_time = threading.Lock()

    @routes.get("/runs/<uuid>/export/<any(npz, parquet):format_>")
    def whole_run(uuid: str, format_: str) -> Response:
        run = reader.run(uuid)
        if request.method == "HEAD":
            # Whoever asks whether there is something need not wait until it is written.
            return Response(mimetype=TYPES[".zip"], headers={"Cache-Control": "no-store"})
        if not one_at_a_time.acquire(blocking=False):
            raise CommandBusy("Another export is under way. Try again when it is done.")
        folder = TemporaryDirectory(prefix="reactcnn-export-")
        try:
            path = write_files(context.url, run.id, format_, Path(folder.name))
        except BaseException:
            folder.cleanup()
            raise
        finally:
            one_at_a_time.release()
        response = send_file(
            path, mimetype=TYPES[path.suffix], as_attachment=True, download_name=path.name
        )
        response.headers["Cache-Control"] = "no-store"
        # Passed through to the server, the response would never be told that it is done.
        response.direct_passthrough = False
        response.call_on_close(folder.cleanup)
        return response

    @routes.get("/runs/<uuid>/export/graphml")
    def graph(uuid: str) -> Response:
        run = reader.run(uuid)
        layers = reader.layers(run.id)
        wanted, subset = _cluster_request(run.id, len(layers))
        view = context.clusters.view(wanted)
        name = f"{run_stem(run.id, run.name)}-{file_name(view.layer.name)}"
        return send_file(
            io.BytesIO(graphml(view, run, subset)),
            mimetype=TYPES[".graphml"],
            as_attachment=True,
            download_name=f"{name}.graphml",
        )

    return routes
