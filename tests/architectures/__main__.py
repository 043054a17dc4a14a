"""Real architectures by every road, held against the frameworks themselves; random weights.

``python -m tests.architectures tv:resnet18 keras:MobileNetV2 --roads module,dynamo+extended``: a
name is of ``tv:`` (torchvision), ``timm:`` or ``keras:`` (keras.applications), with its options
behind commas and the size of its images behind ``@``. A road is ``module`` (what the collector
makes of it in its own framework), an exporter (``dynamo``, ``older``; ``keras``, ``tf2onnx``,
``nchw``) with its opset, and behind ``+`` what tools make of that file, see ``treated``. Whatever
the roads need (torch, torchvision, timm, onnxscript, tf2onnx, onnxsim …) must be installed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import io
import logging
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.architectures.said import ALLOWED, Said, line, other_names
from tests.architectures.treated import treat

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

IMAGES = 3
_ROADS = {"tv": "module,dynamo,older", "timm": "module,dynamo,older", "keras": "module,keras"}


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network, and how to make it known.

    Attributes:
        library: the module here that makes it, runs it and writes it as ONNX.
        model: the network.
        size: height and width of its images.
        folder: where its files may stand.
    """

    library: Any
    model: Any
    size: int
    folder: Path

    def said(self, road: str, pixels: NDArray[np.uint8]) -> tuple[Said, float]:
        """Take a road; return what the collector says, and how far off it may be."""
        exporter, *tools = road.split("+")
        if exporter == "module":
            return self.library.watched(self.model, pixels, self.folder), ALLOWED
        path, allowed = str(self.folder / f"{exporter}.onnx"), ALLOWED
        with _quiet():
            if not Path(path).exists():
                self.library.export(self.model, self.size, path, exporter)
            for tool in tools:
                path, more = treat(path, tool, self.library.given(pixels))
                allowed = max(allowed, more)
        return Said.of_file(path, pixels, self.library.PIXEL_RANGE), allowed


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(prog="python -m tests.architectures", description=__doc__)
    result.add_argument("architectures", nargs="+")
    result.add_argument("--roads", help="with commas between them")
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each road of each architecture; return how many lines tell of a fault."""
    given = parser().parse_args(argv)
    faults = 0
    for one in given.architectures:
        _say(one)
        roads = (given.roads or _ROADS[one.partition(":")[0]]).split(",")
        with tempfile.TemporaryDirectory() as folder:
            try:
                for text, fault in _lines(one, roads, Path(folder)):
                    faults += fault
                    _say(f"  {text}")
            except Exception as error:  # noqa: BLE001 - an architecture may not take such images
                faults += 1
                _say(f"  {type(error).__name__}: {error}")
    return min(faults, 1)


def _lines(spec: str, roads: Sequence[str], folder: Path) -> Iterator[tuple[str, bool]]:
    library, _, rest = spec.partition(":")
    named, _, size = rest.partition("@")
    name, *options = named.split(",")
    kind = "keras_applications" if library == "keras" else "torch_libraries"
    chosen = {key: ast.literal_eval(value) for key, _, value in (o.partition("=") for o in options)}
    own = importlib.import_module(f"tests.architectures.{kind}")
    model = own.made(library, name, int(size or 64), chosen)
    made = Architecture(own, model, int(size or 64), folder)
    pixels = _noise(made.size)
    expected = own.expected_of(made.model, own.given(pixels))
    names: tuple[str, ...] = ()
    for road in roads:
        try:
            found, allowed = made.said(road, pixels)
        except Exception as error:  # noqa: BLE001 - exporters and tools may raise anything
            yield f"{road:16} {type(error).__name__}: {' '.join(str(error).split())[:300]}", True
            continue
        names = names or found.names
        text, fault = line(found, expected, allowed, other_names(found.names, names))
        yield f"{road:16} {text}", fault


def _noise(size: int) -> NDArray[np.uint8]:
    """Return images of noise, the later ones brighter."""
    draws = np.random.default_rng(1).integers(0, 256, (IMAGES, size, size, 3))
    return (draws * np.linspace(0.3, 1, IMAGES)[:, None, None, None]).astype(np.uint8)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what exporters print."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
