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
from importlib.util import find_spec
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

from reactcnn_dash import analysis, ids, vocabulary
from reactcnn_dash.analysis import scales
from reactcnn_dash.analysis.comparison import CONFIDENT_MARGIN, CONFIDENT_R
from reactcnn_dash.analysis.proportions import NORMAL_95
from reactcnn_dash.analysis.redundancy import LEAST_IMAGES
from reactcnn_dash.analysis.stability import FEW_IMAGES
from reactcnn_dash.db import FLOAT32
from reactcnn_dash.pages import elements, glossary, palette
from reactcnn_dash.pages.compare import experiment
from reactcnn_dash.pages.compare import layout as compare_layout
from reactcnn_dash.pages.compare import payload as compare
from reactcnn_dash.pages.live import deviation_panel, deviation_routes, search, sheet
from reactcnn_dash.pages.live import layout as live_layout
from reactcnn_dash.pages.registry import PAGES
from reactcnn_dash.pages.runs import layout as runs_layout
from reactcnn_dash.pages.slim import layout as slim_layout
from reactcnn_dash.results import what_if
from reactcnn_dash.results.deviations import scores

FOLDER: Final = Path(__file__).parents[1] / "reactcnn_dash/assets/generated"
_SHARED: Final = "reactcnn_dash.pages.shapes"
SHAPES: Final = {"shared": _SHARED} | {
    page.folder: module
    for page in PAGES
    if find_spec(module := f"reactcnn_dash.pages.{page.folder}.shapes") is not None
}
"""Modules whose TypedDicts become types, by the name of the file that is made of each."""

RULES: Final[dict[str, Any]] = {
    "FLOAT32": FLOAT32,
    "CODES": scales.CODES,
    "NOT_FINITE": scales.NOT_FINITE,
    "NOUGHT": scales.NOUGHT,
    "ONE_SIDED": scales.ONE_SIDED,
    "BOTH_WAYS": scales.BOTH_WAYS,
    "AMBER": scales.AMBER,
    "CODES_A_DEVIATION": deviation_routes.CODES_A_DEVIATION,
    "FALSE_ALARM_RATES": tuple(deviation_panel.RATES),
    "FALSE_ALARM_RATE": f"{scores.RATE:g}",
    "METHODS": {
        key: {"symbol": method.symbol, "help": method.help}
        for key, method in analysis.METHODS.items()
    },
    "RANGES": {key: [method.minimum, method.maximum] for key, method in analysis.METHODS.items()},
    "OVERVIEW": analysis.OVERVIEW.key,
    "REDUNDANT": analysis.REDUNDANT.key,
    "HITS_A_PAGE": search.PAGE,
    "CHANGED_A_PAGE": compare.PAGE,
    "CONFIDENT_R": CONFIDENT_R,
    "CONFIDENT_MARGIN": CONFIDENT_MARGIN,
    "LEAST_MAP_IMAGES": LEAST_IMAGES,
    "FEW_IMAGES": FEW_IMAGES,
    "NORMAL_95": NORMAL_95,
    "UNDO_SECONDS": runs_layout.UNDO_SECONDS,
    "SINGLETON_COLOUR": palette.SINGLETON,
    "CONSTANT_COLOUR": palette.CONSTANT,
    "SCALES": tuple(elements.SCALES),
    "MODES": tuple(live_layout.MODES),
    "DEVIATIONS_AGAINST": tuple(live_layout.AGAINST),
    "INSTEAD": what_if.INSTEAD,
    "SHEET_ORDERS": tuple(sheet.ORDERS),
    "COMPARE_TABS": tuple(compare_layout.TABS),
    "CHANGE_KINDS": tuple(compare.KINDS),
    "PAIR_SHOWN": tuple(compare_layout.SHOWN),
    "EPOCHS_AGAINST": tuple(experiment.AGAINST),
    "SLIM_AGAINST": tuple(slim_layout.AGAINST),
    "SLIM_BUDGETS": tuple(vocabulary.SLIM_BUDGETS),
    "SLIM_METHODS": vocabulary.SLIM_CHOSEN,
}
"""Constants that both languages go by; a tuple has choices, of which the first is the usual one."""

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
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict):
            lines.append(f"/** @type {{{_type_of(value)}}} */")
        elif isinstance(value, tuple):
            text = f"/** @type {{const}} */ ({text})"
        lines.append(f"export const {name} = {text};")
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
    shared = importlib.import_module(_SHARED)
    imported: set[str] = set()
    known = {}
    for name, value in vars(module).items():
        if is_typeddict(value):
            if module.__name__ != _SHARED and getattr(shared, name, None) is value:
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


def _type_of(value: Any) -> str:
    """Return the type of a constant whose parts are all of one kind."""
    if isinstance(value, dict):
        return f"Record<string, {_type_of(next(iter(value.values())))}>"
    return f"{_type_of(value[0])}[]" if isinstance(value, (list, tuple)) else _PLAIN[type(value)]


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
