"""The markup of a report: one HTML file with all that it shows, and no script."""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from markupsafe import Markup
from PIL import Image as Picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

NOTHING: Final = Markup("")
LARGEST: Final = 160
"""Pixels of a picture's longer side; a larger image is made smaller."""
_KEPT_AS_IT_IS: Final = 64
"""Up to this side a picture is stored without loss."""

_LOOK: Final = """
:root { --ground: #f4f6f9; --surface: #fff; --line: #dfe4ec; --ink: #1a2230; --soft: #5a6577;
  --accent: #2259b3; --bar: #9db4d8; --track: #eaeef5; --good: #1d7f4e; --bad: #a83200; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161d; --surface: #1a1f29;
  --line: #2c3442; --ink: #e6ebf3; --soft: #a3aec0; --accent: #6aaef8; --bar: #4a6a9c;
  --track: #262d39; --good: #5bc78d; --bad: #ff9a66; } }
* { box-sizing: border-box; }
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 24px; max-width: 1180px; background: var(--ground);
  color: var(--ink); font: 14px/1.45 Inter, "Segoe UI", Roboto, "Liberation Sans", Arial,
  sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0 0 8px; }
p { margin: 4px 0 10px; max-width: 75ch; }
.soft, figcaption, th { color: var(--soft); }
section { background: var(--surface); border: 1px solid var(--line); border-radius: 8px;
  padding: 16px; margin: 16px 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 9px; text-align: right; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
.by-layer th:last-child, .by-layer td:last-child, .redundant th:last-child,
.redundant td:last-child { text-align: left; white-space: normal; min-width: 260px; }
dl { display: flex; flex-wrap: wrap; gap: 12px 32px; margin: 12px 0; }
dt { color: var(--soft); } dd { margin: 0; font-size: 19px; font-weight: 600; }
figure { margin: 0; } figcaption { font-size: 12px; overflow-wrap: anywhere; }
.images { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); }
.pictures { display: flex; gap: 8px; align-items: flex-start; overflow: hidden; }
.pixels { image-rendering: pixelated; width: 96px; height: auto; border-radius: 4px; flex: none; }
.filters { image-rendering: pixelated; height: 96px; min-width: 0; max-width: 100%;
  object-fit: fill; }
.two .pixels { width: 72px; }
.wrong { color: var(--bad); } .right { color: var(--good); }
.bar { display: inline-block; width: 140px; height: 9px; background: var(--track);
  border-radius: 4px; overflow: hidden; vertical-align: middle; }
.bar i { display: block; height: 100%; background: var(--bar); }
.confusion td, .cka td { text-align: center; padding: 2px 6px; min-width: 34px; }
.confusion th, .cka th { max-width: 150px; overflow: hidden; text-overflow: ellipsis; }
.mark { background: color-mix(in srgb, var(--accent) var(--share), transparent); }
.cluster { display: inline-block; height: 12px; margin-right: 1px; vertical-align: middle; }
svg text { fill: var(--soft); font: 11px sans-serif; } svg rect { fill: var(--bar); }
svg line { stroke: var(--bad); }
@media print { :root { --ground: #fff; --surface: #fff; --line: #ccc; --ink: #000; --soft: #444;
  --accent: #2259b3; --bar: #9db4d8; --track: #eee; --good: #1d7f4e; --bad: #a83200;
  color-scheme: light; } * { print-color-adjust: exact; } body { padding: 0; }
  section { border: 0; padding: 8px 0; } figure, tr, h2 { break-inside: avoid; }
  h2 { break-after: avoid; } .scroll { overflow: visible; } }
"""

_PAGE: Final = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{}</title>'
    "<style>{}</style></head><body><header>{}</header><main>{}</main>"
    '<footer class="soft">{}</footer></body></html>\n'
)


def page(title: str, head: Markup, sections: Iterable[Markup], foot: str) -> str:
    """Return a whole document; it asks for nothing from anywhere."""
    return str(_PAGE.format(title, Markup(_LOOK), head, joined(sections), foot))


def joined(parts: Iterable[Markup]) -> Markup:
    """Return pieces one after the other."""
    return NOTHING.join(parts)


def section(name: str, title: str, *parts: Markup | str) -> Markup:
    """Return a part of the report below a heading."""
    body = joined(
        one if isinstance(one, Markup) else Markup("<p>{}</p>").format(one) for one in parts
    )
    return Markup('<section id="{}"><h2>{}</h2>{}</section>').format(name, title, body)


def figures(values: Iterable[tuple[str, str, str]]) -> Markup:
    """Return the report's main figures: id, what it is, and how it is written."""
    return Markup("<dl>{}</dl>").format(
        joined(
            Markup('<div><dt>{}</dt><dd id="{}">{}</dd></div>').format(what, name, value)
            for name, what, value in values
        )
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str | Markup]], kind: str = "") -> Markup:
    """Return a table; the first cell of each row names it."""
    cells = joined(Markup('<th scope="col">{}</th>').format(one) for one in head)
    body = joined(
        Markup("<tr>{}</tr>").format(joined(Markup("<td>{}</td>").format(one) for one in row))
        for row in rows
    )
    return Markup(
        '<div class="scroll"><table class="{}"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
        "</div>"
    ).format(kind, cells, body)


def matrix(
    head: Sequence[str],
    side: Sequence[str],
    values: NDArray[np.float64],
    written: Sequence[Sequence[str]],
    kind: str,
) -> Markup:
    """Return a table whose cells are as deep as their value, from 0 to 1, is large."""
    columns = joined(Markup('<th scope="col" title="{0}">{0}</th>').format(one) for one in head)
    rows = joined(
        Markup('<tr><th scope="row" title="{0}">{0}</th>{1}</tr>').format(
            name,
            joined(
                Markup('<td class="mark" style="--share: {}%">{}</td>').format(
                    round(60 * share) if math.isfinite(share) else 0, text
                )
                for share, text in zip(shares.tolist(), texts, strict=True)
            ),
        )
        for name, shares, texts in zip(side, values, written, strict=True)
    )
    return Markup(
        '<div class="scroll"><table class="{}"><thead><tr><th></th>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(kind, columns, rows)


def bar(share: float) -> Markup:
    """Return a share as a bar."""
    return Markup('<span class="bar"><i style="width: {}%"></i></span>').format(
        round(100 * share) if math.isfinite(share) else 0
    )


def picture(values: NDArray[np.uint8], words: str, kind: str = "pixels") -> Markup:
    """Return pixels, (height, width) or with 1, 3 or 4 channels last, as a picture in the file."""
    if values.ndim == 3 and values.shape[2] not in (3, 4):
        values = values[..., 0]
    drawn = Picture.fromarray(np.ascontiguousarray(values))
    lossless = kind != "pixels" or max(drawn.size) <= _KEPT_AS_IT_IS
    buffer = io.BytesIO()
    if lossless:
        drawn.save(buffer, "PNG", optimize=True)
    else:
        drawn.thumbnail((LARGEST, LARGEST))
        drawn.convert("RGB").save(buffer, "JPEG", quality=82)
    data = base64.b64encode(buffer.getvalue()).decode()
    return Markup('<img class="{}" alt="{}" src="data:image/{};base64,{}">').format(
        kind, words, "png" if lossless else "jpeg", data
    )


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share in per cent, a dash for none."""
    return "–" if share is None or not math.isfinite(share) else f"{share:.{digits}%}"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number, a dash for none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"
