"""What stands at an address that has nothing: a page that says so, and leads to those that are."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from flask import Response, request

from reactcnn_dash.proxy import root

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reactcnn_dash.pages.document import Assets
    from reactcnn_dash.pages.page import Page


def missing_page(assets: Assets, pages: Iterable[Page]) -> Response:
    """Return the page of an address that has none, with links to all pages that are listed."""
    style = f'<link rel="stylesheet" href="{assets.address("base/base.css")}">'
    links = "".join(
        f'<a class="page-link" href="{root()}{page.path}">{page.name}</a>'
        for page in pages
        if page.listed
    )
    text = f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Nothing here · ReactCNN</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">{style}</head>
<body><main class="app"><div class="empty"><h1>There is no page at this address</h1>
<p><code>{escape(request.path[:200])}</code> leads nowhere. These do:</p>
<nav class="pages" aria-label="Pages">{links}</nav></div></main></body>
</html>"""
    return Response(text, status=404, mimetype="text/html")


def wants_page() -> bool:
    """Return whether the request comes from a person's browser that goes to a page."""
    return request.method == "GET" and "text/html" in request.headers.get("Accept", "")
