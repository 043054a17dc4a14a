"""Which folders are classes, and the names that a user gives to a model's classes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from collector.images.base import ImageSourceError
from collector.images.formats import SUFFIXES, begins_like_a_picture
from collector.images.scan import display_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CLASSES_BY_NAME: Final = {
    "imagenet": Path(__file__).parents[1] / "data" / "imagenet-classes.txt",
}
"""Lists of names that come with the collector. The file: WordNet's first word for each of the 1,000
classes of ILSVRC 2012, in the order of their synsets; names that stand for two classes each
(crane, maillot, cardigan) are told apart."""

_SPLIT = re.compile(
    r"(?P<more>[a-z0-9]+[ _-])??(?P<kind>train|val|dev|eval|test|holdout)"
    r"(?:ing|id|idation|val|uation)?(?:[ _-]?(?:set|data|images|split|[0-9]{1,4}))?"
)
_LOOKED_AT = 64
"""Files without a picture's suffix that are opened to see whether a folder has pictures."""


def class_of(file: str) -> str:
    """First folder of a path; empty for a file that lies directly in the root."""
    return file.partition("/")[0] if "/" in file else ""


def class_folders(
    root: Path, files: Sequence[str], given: Sequence[str] | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the folders that are classes, in the order of their names.

    A folder without any picture is none, and folders called like splits of a data set are none.

    Args:
        root: the folder that holds them.
        files: paths in it, with ``/``.
        given: names of the classes, if the user gave them.

    Returns:
        The folders' names, and what the user should know, one line each.

    Raises:
        ImageSourceError: the folders are splits, and their own folders the classes.
    """
    top = _with_pictures(root, files, "")
    _refuse_splits(root, files, "", top, {plain_name(name) for name in given or ()})
    if len(top) == 1 and not any("/" not in file for file in files if _is_named(file)):
        below = _with_pictures(root, files, f"{top[0]}/")
        if len(below) > 1:
            path = display_name(str(root / top[0]))
            return tuple(top), (
                f"the only class is {display_name(top[0])}, whose folder has {few(below)} in it; "
                f"if those are the classes, give {path}.",
            )
    return tuple(top), ()


def order_notice(names: Sequence[str]) -> str | None:
    """Return what to say where numbered classes are in the order of text, not of numbers."""
    forms = [re.sub("[0-9]+", "0", name) for name in names]
    form = max(forms, key=forms.count, default="")
    numbered = [name for name, its in zip(names, forms, strict=True) if its == form]
    if "0" not in form or 2 * len(numbered) <= len(names) or sorted(numbered) != numbered:
        return None
    if sorted(numbered, key=_numbers) == numbered:
        return None
    return (
        f"numbered classes count in the order of their text ({few(numbered, 5)}), as Keras takes "
        "them; if your model counts otherwise, give the names in its order with --classes FILE."
    )


def read_classes(spec: str | Path) -> tuple[str, ...]:
    """Read names of a model's classes: a line a class, in the order of its outputs.

    Args:
        spec: a path, or one of :data:`CLASSES_BY_NAME`.

    Raises:
        ImageSourceError: the file cannot be read, or has an empty or a repeated line.
    """
    path = CLASSES_BY_NAME.get(str(spec), Path(spec))
    try:
        lines = path.read_text("utf-8-sig").rstrip().splitlines()
    except OSError as error:
        raise ImageSourceError(f"cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ImageSourceError(f"{path} is not UTF-8 text; a line a class is needed.") from error
    names = [display_name(line.strip()) for line in lines]
    if not names:
        raise ImageSourceError(f"{path} is empty; a line a class is needed.")
    seen: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if not name:
            raise ImageSourceError(f"{path}: line {number} is empty; each line names a class.")
        if plain_name(name) in seen:
            raise ImageSourceError(
                f"{path}: line {number} names {name} again (line {seen[plain_name(name)]})."
            )
        seen[plain_name(name)] = number
    return tuple(names)


def plain_name(name: str) -> str:
    """Return a class' name for comparing: case, spaces, hyphens and underscores do not count."""
    return "".join(c for c in name.casefold() if c not in " -_")


def few(names: Sequence[str], most: int = 4) -> str:
    """Return the first names, with dots if there are more."""
    return ", ".join(map(display_name, names[:most])) + (", …" if len(names) > most else "")


def _with_pictures(root: Path, files: Iterable[str], inside: str) -> list[str]:
    """Return the folders directly in ``inside`` ("" or ending in /) that hold a picture."""
    found: set[str] = set()
    unsure: dict[str, list[str]] = {}
    for file in files:
        if not file.startswith(inside):
            continue
        name = class_of(file[len(inside) :])
        if not name or name in found:
            continue
        if _is_named(file):
            found.add(name)
        else:
            unsure.setdefault(name, []).append(file)
    found |= {
        name
        for name, others in unsure.items()
        if name not in found
        and any(begins_like_a_picture(root / file) for file in others[:_LOOKED_AT])
    }
    return sorted(found)


def _refuse_splits(
    root: Path, files: Sequence[str], inside: str, names: Sequence[str], given: set[str]
) -> None:
    splits = {name: match for name in names if (match := _SPLIT.fullmatch(name.casefold()))}
    if splits and given.issuperset(map(plain_name, splits)):
        return
    if splits and _are_splits(root, files, inside, names, splits):
        path = root / inside / next(iter(splits))
        are = "is a split" if len(splits) == 1 else "are splits"
        raise ImageSourceError(
            f"{few([*splits])} in {root / inside} {are} of a data set, not classes; give one "
            f"alone, such as {path}."
        )
    if len(names) == 1 and not splits:
        deeper = f"{inside}{names[0]}/"
        if not any(_is_named(file) and "/" not in file[len(deeper) :] for file in files):
            _refuse_splits(root, files, deeper, _with_pictures(root, files, deeper), given)


def _are_splits(
    root: Path,
    files: Sequence[str],
    inside: str,
    names: Sequence[str],
    splits: Mapping[str, re.Match[str]],
) -> bool:
    """Return whether folders are splits.

    "train" among others may be a vehicle, as may "steam train".
    """
    if len({match["kind"] for match in splits.values()}) > 1:
        return True
    if len(splits) == len(names) and not any(match["more"] for match in splits.values()):
        return True
    below = {name: set(_with_pictures(root, files, f"{inside}{name}/")) for name in names}
    return any(below[one] & below[other] for one in splits for other in names if one != other)


def _is_named(file: str) -> bool:
    return file.lower().endswith(SUFFIXES)


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", name)]
