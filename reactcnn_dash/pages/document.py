"""What a page's document loads: the page's own module and styles, and the libraries it shows.

Scripts are ES modules, served as they stand in ``assets/``. A document names them below an address
that is made of their contents, so that a browser may keep them for ever and never runs modules of
two versions together. Dash would load every component library that any page imports; a document
here loads those of which its page's layout has components. What a page puts in place only when
somebody wants it stands in the document with the addresses of the libraries that it takes.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections import defaultdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dash import Dash
from flask import Blueprint, Response

from reactcnn_dash.guard import FOR_ALL
from reactcnn_dash.proxy import root

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dash.development.base_component import Component

FOLDER: Final = Path(__file__).parents[1] / "assets"
SHARED: Final = "base"
"""The folder of ``assets/`` that holds the looks of every page."""
KINDS: Final = {".css": "text/css", ".mjs": "text/javascript"}
"""The files that are served, with their types; a system's own table may know no modules."""

_ALWAYS: Final = "dash"
_PACKAGES: Final = {
    "dash_core_components": "dash/dcc",
    "dash_html_components": "dash/html",
    "dash_table": "dash/dash_table",
}
"""Paths below ``_dash-component-suites/`` of the libraries that have no package of their own."""
_IMPORT = re.compile(r'^(?:import|export)\b[^;"]*"(\.[^"]+)";', re.MULTILINE)
_SCHEME: Final = """
{ const kept = localStorage.getItem("mantine-color-scheme-value");
  const wanted = matchMedia("(prefers-color-scheme: dark)").matches;
  const dark = kept === "dark" || (kept !== "light" && wanted);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light"); }
"""
"""Sets light or dark before the first paint, so that a dark page never flashes white."""
# Dash spells a slash in its own way.
_LINK = re.compile(r'("href": ?")(?=/|\\u002f)')
_SUITE = re.compile(r'<script src="[^"]*?(_dash-component-suites/[^"]+)"></script>')


class Assets:
    """The scripts and styles of all pages, read once.

    Args:
        folder: holds a folder for each page, and that of ``SHARED``.

    Attributes:
        suites: paths of the component libraries' files that documents name, by package.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.suites: defaultdict[str, set[str]] = defaultdict(set)
        self._files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in KINDS
        }

    @cached_property
    def version(self) -> str:
        """A name for exactly these files."""
        whole = hashlib.sha256()
        for name, data in self._files.items():
            whole.update(f"{name}\0{len(data)}\0".encode())
            whole.update(data)
        return whole.hexdigest()[:12]

    def address(self, name: str) -> str:
        """Return where a file is served, for the request that is answered."""
        return f"{root()}/assets/{self.version}/{name}"

    def styles(self, folder: str) -> list[str]:
        """Return the names of a page's styles, those of all pages first."""
        return [
            name
            for place in (SHARED, folder)
            for name in self._files
            if name.startswith(f"{place}/") and name.endswith(".css")
        ]

    def modules(self, main: str) -> list[str]:
        """Return the names of a module and of all that it imports before it runs."""
        found, ahead = {main: None}, [main]
        while ahead:
            name = ahead.pop()
            for path in _IMPORT.findall(self._files[name].decode()):
                one = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
                if one not in found:
                    found[one] = None
                    ahead.append(one)
        return list(found)

    def blueprint(self) -> Blueprint:
        """Return the route that serves the files of this version, and of no other."""
        routes = Blueprint("assets", __name__)

        @routes.get("/assets/<version>/<path:name>")
        def asset(version: str, name: str) -> Response:
            data = self._files.get(name)
            if data is None or version != self.version:
                return Response("No such file in this version.", 404, mimetype="text/plain")
            response = Response(data, mimetype=KINDS[Path(name).suffix])
            response.headers["Cache-Control"] = FOR_ALL
            return response

        return routes


class PageApp(Dash):
    """A Dash app whose document loads what its page needs.

    Args:
        folder: the page's folder in ``assets/``.
        assets: the files of all pages.
        later: components that are put in place when they are needed, by the id of the place.
        **options: see ``Dash``.
    """

    def __init__(
        self, folder: str, assets: Assets, later: Mapping[str, Component], **options: Any
    ) -> None:
        super().__init__(
            __name__,
            include_assets_files=False,
            # A page may have callbacks of components that are not in place yet.
            suppress_callback_exceptions=True,
            add_log_handler=False,
            update_title="",
            **options,
        )
        # What one page's document names, the app of the first address serves for all.
        self.registered_paths = assets.suites
        self._folder = folder
        self._files = assets
        self._later = later

    def interpolate_index(self, **parts: Any) -> str:  # type: ignore[override]
        """Return the page's document, see ``Dash.interpolate_index``."""
        files = self._files
        needed = self._libraries(self.layout)
        awaited: dict[str, list[str]] = {}

        def suite(found: re.Match[str]) -> str:
            # One address for all pages, so that the browser fetches a library once.
            address = f"{root()}/{found[1]}"
            library = _library_of(address)
            if library in (_ALWAYS, *needed):
                return f'<script src="{address}"></script>'
            awaited.setdefault(library, []).append(address)
            return ""

        parts["scripts"] = _SUITE.sub(suite, parts["scripts"])
        parts["favicon"] = parts["favicon"].replace('href="/', f'href="{root()}/')
        main = f"{self._folder}/main.mjs"
        parts["css"] = "\n".join(
            [
                f"<script>{_SCHEME}</script>",
                parts["css"],
                *(_link("stylesheet", files.address(one)) for one in files.styles(self._folder)),
                *(_link("modulepreload", files.address(one)) for one in files.modules(main)),
            ]
        )
        # Dash looks for the page's functions as soon as it has the layout.
        parts["renderer"] = (
            f"{self._later_html(awaited)}"
            '<script type="module" id="_dash-renderer">'
            f'import "{files.address(main)}"; {self.renderer}</script>'
        )
        whole = str(super().interpolate_index(**parts))  # type: ignore[no-untyped-call]
        return whole.replace("<html>", '<html lang="en">', 1)

    def _config(self) -> dict[str, object]:
        """Return what Dash's scripts know of the server, see ``Dash._config``."""
        config = super()._config()  # type: ignore[no-untyped-call]
        own = config["requests_pathname_prefix"]
        return {**config, "url_base_pathname": None, "requests_pathname_prefix": f"{root()}{own}"}

    def serve_layout(self) -> Response:
        """Return the page's layout, its links below the path that the request sees."""
        response: Response = super().serve_layout()  # type: ignore[no-untyped-call]
        response.set_data(_below_root(response.get_data(as_text=True)))
        return response

    def _later_html(self, awaited: Mapping[str, list[str]]) -> str:
        places = {
            place: {
                "component": component.to_plotly_json(),
                "scripts": [
                    address
                    for library in sorted(self._libraries(component))
                    for address in awaited.get(library, [])
                ],
            }
            for place, component in self._later.items()
        }
        text = json.dumps(places, default=lambda one: one.to_plotly_json()).replace("<", "\\u003c")
        return f'<script type="application/json" id="later">{_below_root(text)}</script>'

    def _libraries(self, component: Component) -> set[str]:
        found = {component._namespace}
        for part in component._traverse():
            found.add(getattr(part, "_namespace", "dash_html_components"))
        return {_PACKAGES.get(one, one) for one in found}


def _below_root(text: str) -> str:
    """Return the JSON of components with their links below the path that the request sees."""
    # No text of a page is taken for a link: its quotes are escaped.
    return _LINK.sub(lambda found: f"{found[0]}{root()}", text)


def _link(rel: str, address: str) -> str:
    return f'<link rel="{rel}" href="{address}">'


def _library_of(address: str) -> str:
    path = address.split("_dash-component-suites/", 1)[1]
    shared = next((one for one in _PACKAGES.values() if path.startswith(f"{one}/")), None)
    return shared or path.split("/", 1)[0]
