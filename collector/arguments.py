"""The command line: its options, their defaults and what they mean."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields
from typing import TYPE_CHECKING

from collector import request as defaults
from collector.frameworks.protocol import PRECISIONS
from collector.frameworks.reading import HEADS
from collector.options import (
    add_custom,
    add_reading,
    add_scaling,
    count,
    path,
    rate,
    size,
    text,
    with_joined_range,
)
from collector.packaged import EARLY, NAME
from collector.request import Request
from collector.slim import command as slim
from collector.training import command as train
from reactcnn_dash import __version__
from reactcnn_dash.errors import EXIT_CODES
from reactcnn_dash.export import command as export
from reactcnn_dash.usage import Parser, common

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "python -m collector"

DESCRIPTION = """\
Run a CNN over images and store, live, what each of its filters answers: the mean of every
feature map (GAP), the feature maps themselves, and how the filters of a layer correlate.
Without options: the packaged VGG-16 (CIFAR-10) over the best images at hand, into reactcnn.db.
"""

EPILOG = """\
examples:
  python -m collector                                   VGG-16, one image after the other
  python -m collector --pace 2 --limit 200              slowly enough to watch each image
  python -m collector --images photos/ --batch-size 32  a folder; its subfolders are the classes
  python -m collector --model my.keras --pixel-range 0-1
  python -m collector --model net.onnx --preprocess imagenet --classes names.txt
  python -m collector --resume 3                        go on with run 3
  python -m collector --share big --images photos/      take part in run "big", beside others
  python -m collector rebuild 3                         make run 3's correlations from its GAP rows
  python -m collector export 3 --to files               write run 3 as .npz, Parquet and GraphML
  python -m collector train --data photos/              train on them, one run an epoch
  python -m collector slim --parameters 25%             write a network of a quarter of its size

Watch with `python -m reactcnn_dash` in the same folder, while it runs or afterwards.
"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; usage errors end the process with code 2 and one line."""
    known = parser()
    known.check_options(argv)
    arguments = known.parse_args(with_joined_range(argv))
    arguments.debug = getattr(arguments, "debug", False)
    arguments.store = getattr(arguments, "store", None)
    # A training that goes on has its store from its beginning.
    if arguments.store is None and arguments.command != "train":
        arguments.store = defaults.DEFAULT_STORE
    return arguments


def request_of(arguments: argparse.Namespace) -> Request:
    """Return the parsed options of a collecting call as a request: its fields name them."""
    given = vars(arguments)
    return Request(**{one.name: given[one.name] for one in fields(Request) if one.name in given})


def parser() -> Parser:
    """Return the command line's parser; commands other than collecting are subparsers."""
    options = common(
        debug="show the traceback of an error",
        type=text,
        help="file or SQLAlchemy URL of the store (default: reactcnn.db in this folder)",
    )
    result = Parser(
        prog=PROGRAM,
        usage="%(prog)s [options]\n       %(prog)s rebuild RUN [--store URL]\n"
        "       %(prog)s export RUN [--store URL] [--to FOLDER]\n"
        "       %(prog)s train [--data DATA] [--resume] [...]\n"
        "       %(prog)s slim --parameters SHARE [--evaluate DATA] [...]",
        description=DESCRIPTION,
        epilog=f"{EPILOG}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[options],
        allow_abbrev=False,
    )
    _add_what(result)
    _add_how(result)
    _add_store(result)
    result.add_argument("--version", action="version", version=f"ReactCNN {__version__}")
    commands = result.add_subparsers(
        dest="command", metavar="COMMAND", title="other commands", prog=PROGRAM
    )
    rebuild = commands.add_parser(
        "rebuild",
        parents=[options],
        help="make a run's correlation states again from its stored GAP rows",
        description="Make the correlation states of a run again from its stored GAP rows. The "
        "states are a cache; this replaces damaged or missing ones.",
        allow_abbrev=False,
    )
    rebuild.add_argument("run", metavar="RUN", help="id, UUID or name (the newest of that name)")
    export.add_parser(commands, [options])
    train.add_parser(commands, [options])
    slim.add_parser(commands, [options])
    return result


def _add_what(result: argparse.ArgumentParser) -> None:
    group = result.add_argument_group("what to run")
    group.add_argument(
        "--model",
        metavar="MODEL",
        type=text,
        help=f"{NAME}, the packaged network; {EARLY}, the same after two epochs of training; or "
        f"the path of a .keras file with a Sequential or Functional CNN, of an .onnx file (needs "
        f"reactcnn[onnx]), or package.module:factory of a PyTorch module with --weights FILE "
        f"(default: {NAME})",
    )
    group.add_argument(
        "--images",
        metavar="IMAGES",
        type=text,
        help="sample (crops of photographs, works offline), cifar10 (Keras' copy, downloaded if "
        "need be), a folder (its subfolders are the classes; a targets.csv in it has a line a "
        "picture), or an .npz file with images and optionally labels (a class each, or 0 and 1 a "
        "label), targets (the values that are due) and class_names (default: cifar10 if Keras has "
        "it, otherwise sample)",
    )
    add_reading(group)
    add_scaling(group)
    group.add_argument(
        "--size",
        metavar="HxW",
        type=size,
        help="height and width of the images that a model of any size is given, 224x224 say "
        "(default: that of the images where it is the same for all, else 224x224)",
    )
    group.add_argument(
        "--head",
        metavar="HEAD",
        choices=HEADS,
        help="what the model's outputs mean: softmax (classes of which one is right), sigmoid "
        "(independent labels, or one probability), regression (values) or none (what it says is "
        "not stored: backbones, segmenters, several outputs). Of softmax and sigmoid the model's "
        "last activation says whether they are probabilities already; if not, it is applied. "
        "logits: softmax is applied in any case, sigmoid to a single output (default: judged by "
        "what it says, and said)",
    )
    group.add_argument(
        "--threshold",
        dest="thresholds",
        metavar="P",
        type=_thresholds,
        help="the probability from which on a label of a model of independent labels is given: "
        "one for all, or one a label with commas between (default: 0.5)",
    )
    add_custom(group)
    group.add_argument(
        "--custom-ops",
        metavar="FILE",
        type=path,
        help="library of operators that an ONNX model needs; it is code and is run (default: none, "
        "and a model that needs one is refused)",
    )
    group.add_argument(
        "--weights",
        metavar="FILE",
        type=path,
        help="weights of a PyTorch model: a .safetensors file or a state_dict, which is read "
        "without running code (default: those that the factory gives it)",
    )
    group.add_argument(
        "--trusted",
        action="store_true",
        help="open whole PyTorch models (.pt, .pth, .pt2) and pickled weights too, which can run "
        "code; only from people whom you trust (default: they are refused)",
    )


def _add_how(result: argparse.ArgumentParser) -> None:
    group = result.add_argument_group("how to run it")
    group.add_argument(
        "--batch-size",
        metavar="N",
        type=count,
        help="images computed and stored at a time; larger is faster (default: 1, every image "
        "appears at once)",
    )
    amount = group.add_mutually_exclusive_group()
    amount.add_argument(
        "--limit",
        metavar="N",
        type=count,
        help="stop when the run holds N images, drawn evenly over the classes and always the same "
        "(default: all of the source)",
    )
    amount.add_argument(
        "--first",
        metavar="N",
        type=count,
        help="stop when the run holds N images, the first of the source (default: all of it)",
    )
    group.add_argument(
        "--pace",
        metavar="RATE",
        type=rate,
        help="at most RATE images a second, so that a person can follow (default: no limit)",
    )
    group.add_argument(
        "--exact",
        action="store_true",
        help="compute every convolution by its definition (default: deep ones of large batches by "
        "Winograd's minimal filtering, which differs by rounding; checked at the start)",
    )
    group.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="what convolutions and dense layers multiply: float32; bfloat16, with sums in float32 "
        "(faster where the processor has AMX or AVX512-BF16; what it costs is measured at the "
        "start and kept with the run); or auto, which takes bfloat16 where a trial of seconds "
        "shows it faster (default: float32)",
    )
    group.add_argument("--quiet", action="store_true", help="say nothing but errors")


def _add_store(result: argparse.ArgumentParser) -> None:
    group = result.add_argument_group("what to store")
    group.add_argument(
        "--name", metavar="NAME", type=text, help="name of the run (default: model and images)"
    )
    group.add_argument(
        "--experiment",
        metavar="NAME",
        type=text,
        help="what this run has in common with the runs of other checkpoints, so that they can be "
        "compared as one experiment (default: none)",
    )
    group.add_argument(
        "--epoch",
        metavar="N",
        type=count,
        help="how many epochs the checkpoint was trained (default: not known)",
    )
    group.add_argument(
        "--feature-maps",
        metavar="WHICH",
        type=_feature_maps,
        help="whose feature maps to keep: all, none, or last:N for the newest N images; GAP "
        "values are kept of all (default: last:1000)",
    )
    group.add_argument(
        "--no-scores",
        dest="scores",
        action="store_false",
        help="do not score images for what stands out; the page does it when somebody looks "
        "(default: they are scored from 512 images on, beside the network)",
    )
    group.add_argument(
        "--durable",
        action="store_true",
        help="wait for the disk after every batch, so that even a power cut loses nothing "
        "(default: a crash of the program loses nothing, a power cut perhaps the last batches)",
    )
    going_on = group.add_mutually_exclusive_group()
    going_on.add_argument(
        "--resume",
        metavar="RUN",
        type=text,
        help="go on with an interrupted run: its id, UUID or name; model, images and options are "
        "those of the run, but for --durable, --no-scores and what runs code (--custom, "
        "--custom-ops, --trusted), which are said again (default: begin a new run)",
    )
    going_on.add_argument(
        "--share",
        metavar="RUN",
        type=text,
        help="take part in a run that any number of collectors share, each a range of images at a "
        "time: its id or its name, with which the first to come begins it; what is left out is as "
        "in the run, and a finished one is left alone (default: collect alone)",
    )


def _thresholds(text: str) -> tuple[float, ...]:
    try:
        found = tuple(map(float, text.split(",")))
    except ValueError:
        found = ()
    if not found or not all(0 < one < 1 for one in found):
        raise argparse.ArgumentTypeError(f"{text!r} is not numbers between 0 and 1")
    return found


def _feature_maps(text: str) -> str:
    if text in ("all", "none"):
        return text
    match = re.fullmatch(r"last:0*([1-9][0-9]{0,8})", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is none of all, none, last:N")
    return f"last:{match[1]}"
