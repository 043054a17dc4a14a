"""What the scripts of the pages take from Python: component ids, rules, and shapes of payloads.

python -m tools.generate            write ``reactcnn_dash/assets/generated/``
python -m tools.generate --check    fail if it is not what Python says now
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import sys
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import (
    Any,
    Final,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from reactcnn_dash import analysis, ids
from reactcnn_dash.analysis import scales
from reactcnn_dash.analysis.comparison import CONFIDENT_MARGIN, CONFIDENT_R
from reactcnn_dash.analysis.redundancy import LEAST_IMAGES
from reactcnn_dash.analysis.stability import FEW_IMAGES
from reactcnn_dash.db import FLOAT32
from reactcnn_dash.pages import glossary, palette
from reactcnn_dash.pages.compare import payload as compare
from reactcnn_dash.pages.filter import routes as filters
from reactcnn_dash.pages.live import deviation_panel, deviation_routes, search
from reactcnn_dash.results.deviations import scores

FOLDER: Final = Path(__file__).parents[1] / "reactcnn_dash/assets/generated"
SHAPES: Final = {
    "shared": "reactcnn_dash.pages.shapes",
    "live": "reactcnn_dash.pages.live.shapes",
    "runs": "reactcnn_dash.pages.runs.shapes",
    "compare": "reactcnn_dash.pages.compare.shapes",
    "redundancy": "reactcnn_dash.pages.redundancy.shapes",
    "slim": "reactcnn_dash.pages.slim.shapes",
    "filter": "reactcnn_dash.pages.filter.shapes",
}
"""Modules whose TypedDicts become types, by the name of the file that is made of each."""

RULES: Final[dict[str, Any]] = {
    "FLOAT32": FLOAT32,
    "CODES": scales.CODES,
    "NOT_FINITE": scales.NOT_FINITE,
    "NOUGHT": scales.NOUGHT,
    "ONE_SIDED": scales.ONE_SIDED,
    "BOTH_WAYS": scales.BOTH_WAYS,
    "CODES_A_DEVIATION": deviation_routes.CODES_A_DEVIATION,
    "FALSE_ALARM_RATES": [rate for rate, _ in deviation_panel.RATES],
    "FALSE_ALARM_RATE": f"{scores.RATE:g}",
    "METHODS": {
        key: {"symbol": method.symbol, "help": method.help}
        for key, method in analysis.METHODS.items()
    },
    "RANGES": {key: [method.minimum, method.maximum] for key, method in analysis.METHODS.items()},
    "OVERVIEW": analysis.OVERVIEW.key,
    "REDUNDANT": analysis.REDUNDANT.key,
    "HITS_A_PAGE": search.PAGE,
    "MOST_THUMBNAILS": search.MOST_THUMBNAILS,
    "MOST_MAPS": filters.MOST_MAPS,
    "CHANGED_A_PAGE": compare.PAGE,
    "CONFIDENT_R": CONFIDENT_R,
    "CONFIDENT_MARGIN": CONFIDENT_MARGIN,
    "LEAST_MAP_IMAGES": LEAST_IMAGES,
    "FEW_IMAGES": FEW_IMAGES,
    "SINGLETON_COLOUR": palette.SINGLETON,
    "CONSTANT_COLOUR": palette.CONSTANT,
}
"""Constants that both languages go by."""

_INNER: Final = {"ONE_SIDED": "string[]", "BOTH_WAYS": "string[]", "RANGES": "number[]"}
_PLAIN: Final[dict[Any, str]] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    NoneType: "null",
}
_HEAD: Final = "Made by `python -m tools.generate` from {}; change that."


def ids_module() -> str:
    """Return the component ids as constants of a module."""
    names = [(name, value) for name, value in vars(ids).items() if name.isupper()]
    lines = [f"/* {_HEAD.format('ids.py')} */"]
    lines += [f"export const {name} = {json.dumps(value)};" for name, value in names]
    return "\n".join(lines) + "\n"


def rules_module() -> str:
    """Return the constants that both languages go by."""
    lines = [f"/* {_HEAD.format('Python (see its RULES)')} */"]
    for name, value in RULES.items():
        if isinstance(value, dict):
            inner = _INNER.get(name, "Record<string, string>")
            lines.append(f"/** @type {{Record<string, {inner}>}} */")
        lines.append(f"export const {name} = {json.dumps(value, ensure_ascii=False)};")
    return "\n".join(lines) + "\n"


def glossary_module() -> str:
    """Return the words that pages explain, and what finds them in a text."""
    words = json.dumps(glossary.GLOSSARY, ensure_ascii=False, indent=2)
    return (
        f"/* {_HEAD.format('pages/glossary.py')} */\n"
        f"/** @type {{Record<string, string>}} */\nexport const GLOSSARY = {words};\n"
        f"export const TERMS = {json.dumps(glossary.PATTERN, ensure_ascii=False)};\n"
    )


def shapes_module(module: ModuleType) -> str:
    """Return the types of a module's TypedDicts."""
    shared = importlib.import_module(SHAPES["shared"])
    imported: set[str] = set()
    known = {}
    for name, value in vars(module).items():
        if is_typeddict(value):
            if module.__name__ != SHAPES["shared"] and getattr(shared, name, None) is value:
                imported.add(name)
            else:
                known[name] = value
    lines = [f"/* {_HEAD.format(module.__name__.replace('.', '/') + '.py')} */"]
    if imported:
        lines.append(f'import type {{ {", ".join(sorted(imported))} }} from "./shared.d.ts";')
    lines += [_interface(name, value) for name, value in known.items()]
    return "\n\n".join(lines) + "\n"


def _base(shape: Any) -> Any:
    """Return the TypedDict of its module that a TypedDict adds to; at runtime none is known."""
    (written,) = ast.parse(inspect.getsource(shape)).body
    names = [one.id for one in getattr(written, "bases", ()) if isinstance(one, ast.Name)]
    return next(
        (vars(sys.modules[shape.__module__])[one] for one in names if one != "TypedDict"), None
    )


def _interface(name: str, shape: Any) -> str:
    fields, base = get_type_hints(shape, include_extras=True), _base(shape)
    more = f" extends {base.__name__}" if base else ""
    lines = [
        f"/** {' '.join((inspect.getdoc(shape) or '').split())} */",
        f"export interface {name}{more} {{",
    ]
    for field, kind in fields.items():
        if base and field in base.__annotations__:
            continue
        wanted = field in shape.__required_keys__ and get_origin(kind) is not NotRequired
        lines.append(f"  {field}{'' if wanted else '?'}: {_type(kind)};")
    return "\n".join([*lines, "}"])


def _type(kind: Any) -> str:
    origin, parts = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        text = _PLAIN[kind]
    elif is_typeddict(kind):
        text = str(kind.__name__)
    elif origin is NotRequired:
        text = _type(parts[0])
    elif origin is Literal:
        text = " | ".join(json.dumps(part) for part in parts)
    elif origin in (Union, UnionType):
        text = " | ".join(_type(part) for part in parts)
    elif origin is list:
        inner = _type(parts[0])
        text = f"({inner})[]" if " | " in inner else f"{inner}[]"
    elif origin is tuple:
        text = f"[{', '.join(_type(part) for part in parts)}]"
    elif origin is dict:
        text = f"Record<{_type(parts[0])}, {_type(parts[1])}>"
    else:
        raise TypeError(f"no type of the scripts stands for {kind!r}")
    return text


def files() -> dict[str, str]:
    """Return the text of every file by its name."""
    made = {
        "ids.mjs": ids_module(),
        "rules.mjs": rules_module(),
        "glossary.mjs": glossary_module(),
    }
    for name, module in SHAPES.items():
        made[f"{name}.d.ts"] = shapes_module(importlib.import_module(module))
    return made


def drifted(folder: Path = FOLDER) -> list[str]:
    """Return the names of the files that are not what Python says now, or that nothing makes."""
    made = files()
    here = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*")}
    return sorted(name for name in made.keys() | here.keys() if made.get(name) != here.get(name))


def main(argv: list[str] | None = None) -> int:
    """Write the files, or check them; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    if parser.parse_args(argv).check:
        for name in drifted():
            print(
                f"assets/generated/{name} is out of date: python -m tools.generate", file=sys.stderr
            )
        return int(bool(drifted()))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*"):
        path.unlink()
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
