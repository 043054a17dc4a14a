"""The ``slim`` command: its options, and what it does."""

from __future__ import annotations

import argparse
import shutil
import sys
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from collector.frameworks.keras.entry import KERAS
from collector.frameworks.keras.modelfile import check_model
from collector.frameworks.keras.runtime import start_tensorflow
from collector.frameworks.reading import HEADS
from collector.frameworks.registry import framework_of
from collector.images import fit_labels, open_images, parse_value_range, read_classes
from collector.options import add_custom, add_reading, add_scaling, count, rate, text
from collector.progress import Console, Lines, Progress, Silent, follow_input
from collector.request import DEFAULT_IMAGES, DEFAULT_MODEL
from collector.slim.request import METHODS, SlimError, SlimRequest, share
from collector.training import command as train
from collector.training.checkpoints import PATTERN, Checkpoints
from reactcnn_dash.db import Answers
from reactcnn_dash.printing import write_error
from reactcnn_dash.results.slimming.files import digest
from reactcnn_dash.results.text import percent_text
from reactcnn_dash.vocabulary import CALIBRATION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from collector.frameworks.keras.network import Network
    from collector.images import ImageSource
    from collector.signals import StopSignals
    from collector.slim.evaluating import Measured
    from collector.slim.feeding import Feed
    from collector.slim.searching import Judged
    from collector.slim.slimming import Cut, Slimming

DEFAULT_OUTPUT = "slim.keras"
FINE_TUNING_RATE = 0.02


def add_parser(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    """Add the command."""
    slim = commands.add_parser(
        "slim",
        parents=parents,
        help="write a smaller network, whose accuracy is measured",
        description="Cut the filters whose work the others can do, hand that work over to them by "
        "least squares, and write the smaller network as a .keras file that needs Keras alone. "
        "Nothing is trained unless --fine-tune is given, and no labels are needed.",
        allow_abbrev=False,
    )
    what = slim.add_argument_group("what to slim")
    add = what.add_argument
    add("--model", metavar="MODEL", type=text, default=DEFAULT_MODEL, help="the packaged network "
        "or the path of a .keras file (default: %(default)s)")  # fmt: skip
    add("--images", metavar="IMAGES", type=text, default=DEFAULT_IMAGES, help="images like those "
        "that it was trained on, without labels: sample, cifar10, a folder, or an .npz file "
        "(default: cifar10 if Keras has it, otherwise sample)")  # fmt: skip
    add("--limit", metavar="N", type=count, default=CALIBRATION, help="how many of them "
        "(default: %(default)s, drawn evenly over the classes if there are any)")  # fmt: skip
    add_reading(what)
    add_scaling(what)
    add("--head", metavar="HEAD", choices=[one for one in HEADS if one != "none"], help="what the "
        "model ends in: softmax, logits, sigmoid or regression (default: judged by what it says)"
        )  # fmt: skip
    add_custom(what)
    how = slim.add_argument_group("how slim")
    add = how.add_argument
    add("--parameters", metavar="SHARE", type=_share, help="share that may stay: 25%%, or 0.25")
    add("--multiply-adds", dest="work", metavar="SHARE", type=_share, help="the same for "
        "multiply-adds; with --parameters too, both are kept")  # fmt: skip
    add("--loss", metavar="POINTS", type=rate, help="points of accuracy that may be lost over the "
        "images of --evaluate (without labels: per cent of images whose class changes); the "
        "fewest parameters for that are searched")  # fmt: skip
    add("--lossless", action="store_true", help="cut only what the others explain exactly: dead "
        "filters, copies, linear combinations")  # fmt: skip
    add("--plan", metavar="FILE", type=text, help="cut what a redundancy report confirms: the JSON "
        "of the page, or of python -m reactcnn_dash redundancy RUN --json")  # fmt: skip
    add("--method", choices=METHODS, default=METHODS[0], help="which filters stay: those that "
        "explain the others (refit), one of each cluster of GAP values, the largest by L1 norm, or "
        "any; the last three to compare with (default: %(default)s)")  # fmt: skip
    add("--seed", metavar="N", type=count, default=1, help="what --method random chooses by "
        "(default: %(default)s)")  # fmt: skip
    then = slim.add_argument_group("what then")
    add = then.add_argument
    add("--evaluate", metavar="DATA", type=text, help="images to measure with, not those that it "
        "was slimmed with: two runs, of the whole and of the slim network, go to the "
        "store")  # fmt: skip
    add("--evaluate-limit", metavar="N", type=count, help="how many of these, drawn evenly "
        "over the classes (default: all)")  # fmt: skip
    add("--fine-tune", metavar="EPOCHS", type=count, help="train the slim network so long with "
        "labelled images, to answer as the whole one does")  # fmt: skip
    add("--data", metavar="DATA", type=text, help="images to fine-tune with: cifar10, a folder "
        "whose subfolders are the classes, or an .npz file with labels")  # fmt: skip
    add("--learning-rate", metavar="RATE", type=rate, default=FINE_TUNING_RATE, help="its highest "
        "value while fine-tuning (default: %(default)s)")  # fmt: skip
    add("--output", metavar="FILE", type=text, default=DEFAULT_OUTPUT, help="the .keras file to "
        "write; NAME-channels.json and NAME-result.json go beside it (default: "
        "%(default)s)")  # fmt: skip
    add("--force", action="store_true", help="write over files that exist")
    add("--quiet", action="store_true", help="say nothing but errors and the result")
    add("--progress", choices=("bar", "lines"), default="bar", help="how it is told how far it is: "
        "lines is for programs, a line of JSON a step on standard output; it ends when standard "
        "input does (default: %(default)s)")  # fmt: skip


def run(arguments: argparse.Namespace, signals: StopSignals) -> int:
    """Slim a network; returns the exit code.

    Raises:
        CollectorError, ImageSourceError, StoreError: it cannot be done, and why.
    """
    request = _request(arguments)
    request.check()
    _check_tuning(arguments, request)
    framework = framework_of(request.model)
    if framework is not KERAS:
        raise SlimError(
            f"{request.model}: slim cuts Keras models only as yet; what an {framework.name} model "
            "could spare is on its redundancy page, once it is collected."
        )
    check_model(request.model)
    progress = _progress(arguments)
    stream = sys.stderr if isinstance(progress, Console) else None
    source = _images(request, request.images, stream)
    evaluation = None
    if request.evaluate is not None:
        evaluation = _images(request, request.evaluate, stream)
    start_tensorflow()
    from collector.frameworks.keras.custom import known  # noqa: PLC0415 - imports TensorFlow

    job = _Job(request, arguments, signals, progress)
    # The slim network is made of the same layers.
    with known(request.custom):
        return job.run(source, evaluation)


def _images(request: SlimRequest, spec: str, stream: TextIO | None) -> ImageSource:
    range_ = request.value_range
    return open_images(
        spec,
        progress=stream,
        reading=request.reading,
        value_range=None if range_ is None else parse_value_range(range_),
        classes=request.class_names,
    )


def _progress(arguments: argparse.Namespace) -> Progress:
    if arguments.progress == "lines":
        follow_input()
        return Lines()
    return Silent() if arguments.quiet else Console()


class _Budget(TypedDict):
    parameters: float | None
    multiply_adds: float | None
    loss: float | None
    lossless: bool
    plan: str | None


class _Calibration(TypedDict):
    images: str
    count: int


class _Asked(TypedDict):
    """What was asked for, and, empty so far, what will be measured."""

    method: str
    asked: _Budget
    calibration: _Calibration
    fine_tuned_epochs: int
    output: str
    accuracy: None
    agreement: None
    runs: None
    images_a_second: None
    file_sha256: None


class _Job:
    def __init__(
        self,
        request: SlimRequest,
        arguments: argparse.Namespace,
        signals: StopSignals,
        progress: Progress,
    ) -> None:
        self._request, self._arguments = request, arguments
        self._signals, self._progress = signals, progress
        self._phase = ""
        self._told: set[str] = set()

    def run(self, source: ImageSource, evaluation: ImageSource | None) -> int:
        from collector import session  # noqa: PLC0415 - SciPy is not needed for --help
        from collector.slim.slimming import Slimming  # noqa: PLC0415 - imports TensorFlow

        request, progress = self._request, self._progress
        network = cast(
            "Network",
            session.open_network(
                request.model, request.collecting(), source.native_shape, head=request.head
            ),
        )
        feed = self._feed(source, network, min(request.limit, len(source)))
        if network.reading.answers is not Answers.CLASSES and evaluation is not None:
            if request.loss is not None:
                raise SlimError(
                    "--loss counts right classes, and the model names none; say how "
                    "small it is to be by --parameters "
                    "or --multiply-adds."
                )
            self._say("the model names no class, so how often it is right is not measured")
            evaluation = None
        if evaluation is not None:
            evaluation.check(network.image_shape)
        progress.notice(
            f"model   {network.loaded.name}: {network.loaded.parameters:,} parameters\n"
            f"images  {feed.limit:,} of {source.description} to slim it with"
        )
        given = request.preprocess or request.pixel_range
        told = (
            session.of_custom(request.collecting()),
            *network.notices,
            *source.notices,
            session.pixel_range_hint(network, source, given),
        )
        for line in filter(None, told):
            self._notice(line)
        saving = (request.work is None or request.parameters is not None, request.work is not None)
        try:
            slimming = Slimming(network, feed, saving, self._working)
            for name, reason in slimming.left_whole().items():
                progress.notice(f"whole   {name}: {reason}")
            judged = self._judged(network, evaluation) if request.loss is not None else None
            cut = self._cut(slimming, judged)
        finally:
            progress.close()
        return self._finish(slimming, cut, evaluation)

    def _cut(self, slimming: Slimming, judged: Judged | None) -> Cut:
        from collector.slim.planning import planned  # noqa: PLC0415
        from collector.slim.searching import search  # noqa: PLC0415

        request = self._request
        if request.plan is not None:
            kept, left = planned(slimming, request.plan)
            for line in left:
                self._progress.notice(f"plan    {line}")
            return slimming.cut(kept)
        if request.lossless:
            return slimming.cut(slimming.lossless())
        if judged is not None and request.loss is not None:
            found = search(slimming, judged, request.loss, request.method, request.seed)
            if found is None:
                raise SlimError(
                    f"every network that was tried loses more than {request.loss:g} points; allow "
                    "more, or give more --images."
                )
            return found
        steps = slimming.steps_within(request.parameters, request.work)
        return slimming.cut(slimming.chosen(request.method, steps, request.seed))

    def _finish(self, slimming: Slimming, cut: Cut, evaluation: ImageSource | None) -> int:
        from collector.slim import reporting  # noqa: PLC0415

        request = self._request
        epochs = self._arguments.fine_tune
        channels = reporting.channel_map(slimming, cut.kept)
        result: dict[str, object] = {**reporting.result(slimming, cut), **self._asked(slimming)}
        with _partial(request.output) as partial:
            self._save(slimming, cut, partial)
            if epochs:
                code = self._fine_tune(partial)
                if code:
                    return code
            partial.replace(request.output)
        result["file_sha256"] = digest(request.output)
        reporting.write(request.channel_map, channels)
        reporting.keep(request, result, channels)
        self._tell(slimming, cut)
        if evaluation is None:
            return 0
        from collector.slim.evaluating import Evaluation  # noqa: PLC0415 - imports TensorFlow

        measuring = Evaluation(
            request,
            evaluation,
            slimming.feed.source,
            self._signals,
            self._progress,
            notice=self._notice,
        )
        code = measuring.collect()
        if code:
            return code
        measured = measuring.result()
        reporting.keep(request, {**result, **measured}, channels)
        self._tell_measured(measured)
        return 0

    def _save(self, slimming: Slimming, cut: Cut, path: Path) -> None:
        import keras  # noqa: PLC0415

        from collector.slim.rebuilding import prove, rebuild  # noqa: PLC0415

        loaded = slimming.network.loaded
        model = rebuild(loaded.model, cut.slimmed, f"{loaded.name}-slim")
        model.save(path)
        # What is proven is the file, read as its user will read it.
        again = keras.saving.load_model(path, compile=False, safe_mode=True)
        prove(again, cut.slimmed, next(iter(slimming.feed)))

    def _fine_tune(self, path: Path) -> int:
        import keras  # noqa: PLC0415

        arguments, folder = self._arguments, self._request.checkpoints
        if folder.exists() and self._request.force:
            shutil.rmtree(folder)
        options = train.options(
            data=arguments.data,
            validation=self._request.evaluate,
            epochs=arguments.fine_tune,
            learning_rate=arguments.learning_rate,
            start=str(path),
            # What it was is the best that it can learn.
            teacher=self._request.model,
            checkpoints=str(folder),
            classes=arguments.classes,
            value_range=arguments.value_range,
            pixel_range=arguments.pixel_range,
            preprocess=arguments.preprocess,
            experiment=f"{self._request.output.stem} fine-tuned",
            seed=arguments.seed,
            store=self._request.store,
        )
        code = train.run(options, self._signals, quiet=arguments.quiet)
        if code:
            return code
        last = folder / PATTERN.format(epoch=arguments.fine_tune)
        keras.saving.load_model(last, compile=False, safe_mode=True).save(path)
        return 0

    def _asked(self, slimming: Slimming) -> _Asked:
        request = self._request
        return {
            "method": request.method if request.plan is None else "plan",
            "asked": {
                "parameters": request.parameters,
                "multiply_adds": request.work,
                "loss": request.loss,
                "lossless": request.lossless,
                "plan": None if request.plan is None else str(request.plan),
            },
            "calibration": {
                "images": slimming.feed.source.description,
                "count": slimming.feed.limit,
            },
            "fine_tuned_epochs": self._arguments.fine_tune or 0,
            "output": str(request.output.resolve()),
            "accuracy": None,
            "agreement": None,
            "runs": None,
            "images_a_second": None,
            "file_sha256": None,
        }

    def _tell(self, slimming: Slimming, cut: Cut) -> None:
        before, work = slimming.network.loaded.parameters, slimming.work.total(slimming.whole)
        self._say(
            f"{self._request.output}: {cut.parameters:,} of {before:,} parameters "
            f"({percent_text(cut.parameters / before)}), {cut.work:,} of {work:,.0f} multiply-adds "
            f"({percent_text(cut.work / max(work, 1.0))})"
        )

    def _tell_measured(self, measured: Measured) -> None:
        count, images = measured["evaluated"]["count"], measured["evaluated"]["images"]
        if measured["evaluated"]["slimmed_with"]:
            self._say("measured with images that it was slimmed with: others would tell more")
        agree = f"{percent_text(measured['agreement'], 2)} get the same class as before"
        accuracy = measured["accuracy"]
        if accuracy is None:
            self._say(f"of {count:,} images of {images} {agree}")
            return
        change = 100 * (accuracy["after"] - accuracy["before"])
        low, high = (100 * end for end in accuracy["change_95"])
        after, before = percent_text(accuracy["after"], 2), percent_text(accuracy["before"], 2)
        self._say(
            f"accuracy over {count:,} images of {images}: {after}, was {before} ({change:+.2f} "
            f"points, 95 % interval {low:+.2f} to {high:+.2f}); {agree}"
        )

    def _say(self, text: str) -> None:
        write_error(text)

    def _notice(self, line: str) -> None:
        """Say what the user should know, once: each run over the same images would say it again."""
        if line not in self._told:
            self._told.add(line)
            self._progress.notice(line)

    def _judged(self, network: Network, evaluation: ImageSource | None) -> Judged | None:
        from collector.slim.searching import judge  # noqa: PLC0415

        if evaluation is None:
            return None
        fit = fit_labels(evaluation, network.outputs, network.loaded.class_names)
        if fit.notice:
            self._notice(fit.notice)
        limit = min(self._request.evaluate_limit or len(evaluation), len(evaluation))
        return judge(self._feed(evaluation, network, limit), fit)

    def _feed(self, source: ImageSource, network: Network, limit: int) -> Feed:
        from collector.slim.feeding import Feed  # noqa: PLC0415

        source.check(network.image_shape)
        return Feed(source, network, self._request.scaling, limit)

    def _working(self, what: str, done: int, total: int) -> None:
        if what != self._phase:
            self._progress.close()
            self._phase = what
        self._progress.working(what, done, total)


@contextmanager
def _partial(output: Path) -> Iterator[Path]:
    """Yield a file beside the output that is gone afterwards, unless it became the output."""
    path = output.with_name(f".partial-{output.name}")
    try:
        yield path
    except OSError as error:
        raise SlimError(f"cannot write {output}: {error.strerror or error}.") from error
    finally:
        path.unlink(missing_ok=True)


def _request(arguments: argparse.Namespace) -> SlimRequest:
    given = vars(arguments) | {
        "class_names": None if arguments.classes is None else read_classes(arguments.classes),
        "plan": None if arguments.plan is None else Path(arguments.plan).expanduser(),
        "output": Path(arguments.output).expanduser(),
    }
    return SlimRequest(**{one.name: given[one.name] for one in fields(SlimRequest)})


def _check_tuning(arguments: argparse.Namespace, request: SlimRequest) -> None:
    if (arguments.fine_tune is None) != (arguments.data is None):
        raise SlimError("--fine-tune EPOCHS and --data DATA go together.")
    if arguments.fine_tune and request.custom is not None:
        raise SlimError("fine-tuning knows Keras' own layers only; leave --custom out.")
    if arguments.fine_tune and request.reading == "keras":
        raise SlimError("fine-tuning reads pictures by Pillow; leave --reading out.")
    # A folder without an epoch is of a training that was stopped within its first.
    if arguments.fine_tune and Checkpoints(str(request.checkpoints)).newest() and not request.force:
        raise SlimError(
            f"{request.checkpoints} is there from a fine-tuning before; go on with train --resume "
            f"--checkpoints {request.checkpoints}, whose last file is then the slim network, or "
            "give --force to begin again."
        )


def _share(text: str) -> float:
    try:
        return share(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no share between 0 and 1, like 25% or 0.25"
        ) from None
