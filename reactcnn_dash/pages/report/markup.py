"""The markup of a report: one HTML file with all that it shows, and no script."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path
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

_LOOK: Final = Path(__file__).parents[2] / "assets/report/report.css"

_DEEP: Final = Markup(
    '<td style="background: color-mix(in srgb, var(--accent) {}%, transparent)">{}</td>'
)
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
    return str(
        _PAGE.format(title, Markup(_LOOK.read_text(encoding="utf-8")), head, joined(sections), foot)
    )


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
                _DEEP.format(round(60 * share) if math.isfinite(share) else 0, text)
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
