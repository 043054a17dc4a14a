"""The pages at a million images: every question beside the same one at a thousand.

``python -m tests.benchmarks --only large [--count N]`` fills two stores through the product's own
writer with GAP-only runs of a small network, whose filters answer common drives, asks each question
of both in turn, and says on paper what ten million images of VGG-16 need. Questions that are worked
out once and kept are asked until they are; what that takes stands in a row of its own.
"""

from __future__ import annotations

import sqlite3
import statistics
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from sqlalchemy import text

from collector.statistics import Statistics
from reactcnn_dash.callbacks import poll, runs_table
from reactcnn_dash.db import ImageBatch, ImageFilter, Layer, NewRun, RunWriter, delete_run
from reactcnn_dash.pages.filter.routes import routes as filter_routes
from reactcnn_dash.pages.live.deviation_routes import blueprint as deviation_routes
from reactcnn_dash.pages.live.search import routes as search_routes
from reactcnn_dash.results.clusters.clustering import ClusterRequest, cluster_view
from reactcnn_dash.results.comparison.stored import Pair, computed_comparison
from reactcnn_dash.results.deleting import Deleter
from reactcnn_dash.results.deviations.scores import bring_up_to_date
from reactcnn_dash.results.deviations.service import AT_ONCE
from reactcnn_dash.results.filters.tops import computed_tops
from reactcnn_dash.results.redundancy.stored import computed_report
from reactcnn_dash.results.runs import RunsFeed
from tests import served
from tests.benchmarks.postgres import AS_ANYWHERE
from tests.benchmarks.table import Result, at_most
from tests.postgres import OwnServer, engine_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from flask.testing import FlaskClient
    from numpy.typing import NDArray

    from reactcnn_dash.pages.page import Context

    Ask = Callable[[], object]

COUNT: Final = 1_000_000
SMALL: Final = 1_000
BATCH: Final = 256
SAVE_EVERY: Final = 2048
"""Images between two savings of the states, as the collector has it."""
FILTERS: Final = (16, 32, 32, 48)
CLASSES: Final = 10
DRIVES: Final = 12
SHAPE: Final = (8, 8, 3)
ROUNDS: Final = 15

VGG_FILTERS: Final = 4224
VGG_SHAPE: Final = (32, 32, 3)


def layers() -> tuple[Layer, ...]:
    """Return the layers of the small network."""
    offsets = np.cumsum((0, *FILTERS)).tolist()
    return tuple(
        Layer(i, f"conv{i + 1}", "Conv2D", "relu", filters, 4, 4, offsets[i])
        for i, filters in enumerate(FILTERS)
    )


def network(seed: int) -> NDArray[np.float32]:
    """Return how strongly each filter answers each drive, ``(DRIVES, F)``: one of them most."""
    rng = np.random.default_rng(seed)
    filters = sum(FILTERS)
    weights = 0.15 * rng.random((DRIVES, filters))
    weights[rng.integers(0, DRIVES, filters), np.arange(filters)] += 1
    return weights.astype(np.float32)


def batch_of(weights: NDArray[np.float32], seed: int, start: int, count: int) -> ImageBatch:
    """Return images; whatever the network, the same ordinals are the same images."""
    rng = np.random.default_rng([7, start])
    labels = rng.integers(0, CLASSES, count)
    drives = rng.gamma(2.0, 1.0, (count, DRIVES)).astype(np.float32)
    drives[np.arange(count), labels] += 2
    odd = rng.random(count) < 0.003
    drives[odd] *= rng.uniform(3, 6, (int(odd.sum()), DRIVES))
    pixels = rng.integers(0, 256, (count, *SHAPE), dtype=np.uint8)
    own = np.random.default_rng([seed, start])
    gap = drives @ weights + 0.3 * own.random((count, weights.shape[1]), dtype=np.float32)
    answers = own.normal(size=(count, CLASSES))
    answers[np.arange(count), labels] += 3.5
    powers = np.exp(answers)
    return ImageBatch(
        start=start,
        labels=labels,
        probabilities=(powers / powers.sum(axis=1, keepdims=True)).astype(np.float32),
        pixels=pixels,
        names=(None,) * count,
        gap=gap.astype(np.float32),
        maps=None,
    )


def fill(
    store: Path | str, name: str, seed: int, count: int, report: Callable[[str], None]
) -> float:
    """Collect a run as the collector does, without its network; return the seconds."""
    weights = network(seed)
    new = NewRun(
        name=name,
        model="small",
        checkpoint_sha256=f"{seed:064x}",
        parameters=1,
        checkpoint_source="made up",
        image_source="made up",
        image_identity="0" * 64,
        total=count,
        batch_size=BATCH,
        feature_maps="none",
        class_names=tuple(f"class {one}" for one in range(CLASSES)),
        image_shape=SHAPE,
        layers=layers(),
        options={},
    )
    seconds, told = 0.0, 0
    known = Statistics(layers())
    with RunWriter.begin(str(store), new) as writer:
        for start in range(0, count, BATCH):
            made = batch_of(weights, seed, start, min(BATCH, count - start))
            begun = time.perf_counter()
            before = known.covered
            known.add(made.gap)
            due = known.covered // SAVE_EVERY > before // SAVE_EVERY
            writer.append(made, known.states() if due else ())
            seconds += time.perf_counter() - begun
            if start + BATCH >= told + count // 10:
                told = start + BATCH
                report(f"{name}: {told:,} of {count:,}, {1e6 * seconds / told:.0f} µs an image")
        writer.save_states(known.states())
        writer.finish()
    return seconds


@dataclass(frozen=True, slots=True)
class Filled:
    """A store with two runs over the same images, and what asks it."""

    store: Path | str
    count: int
    context: Context
    search: FlaskClient
    filters: FlaskClient
    deviations: FlaskClient
    uuid: str

    @classmethod
    def of(cls, store: Path | str, count: int) -> Filled:
        """Look at a store."""
        context = served.context(store)
        return cls(
            store,
            count,
            context,
            served.client(search_routes, context),
            served.client(filter_routes, context),
            served.client(deviation_routes, context),
            context.reader.run(1).uuid,
        )

    def found(self, of: str, **more: Any) -> Ask:
        """Return what searches."""
        query = {"of": of} | more
        return lambda: self._ok(
            self.search.get(f"/runs/{self.uuid}/search", query_string=query).get_json()
        )

    def any_image(self, ordinals: Iterator[int]) -> Ask:
        """Return what opens another image each time."""

        def ask() -> object:
            asked = {"run": 1, "ordinal": next(ordinals), "seen": None}
            return self._ok(poll.answer(self.context, asked).get("image"))

        return ask

    @staticmethod
    def _ok(answer: Any) -> Any:
        assert answer, "nothing was answered"
        return answer


def questions(of: Filled) -> dict[str, Ask]:
    """Return what is asked again and again, each with its goal in `GOALS`."""
    rng = np.random.default_rng(0)
    ordinals = iter(rng.integers(0, of.count, 10_000).tolist())
    newest = {"run": None, "ordinal": None, "seen": None}
    methods = iter(np.linspace(1.0, 1.4, 400).tolist())
    feed = RunsFeed(of.context.reader)
    deleter = Deleter(str(of.store))
    columns = iter(rng.integers(0, FILTERS[3], 10_000).tolist())

    def clusters() -> object:
        # Another parameter each time: worked out anew from the stored states.
        asked = ClusterRequest(1, 3, "louvain", next(methods))
        return cluster_view(str(of.store), asked)

    def filters(route: str) -> Ask:
        query = "run=1&layer=conv4&filter="
        return lambda: of._ok(of.filters.get(f"/filters/{route}?{query}{next(columns)}").get_json())

    return {
        "live poll": lambda: of._ok(poll.answer(of.context, newest).get("image")),
        "opening any image": of.any_image(ordinals),
        "search: misclassified": of.found("wrong"),
        "search: by confidence, lowest first": of.found("unsure"),
        "search: by confidence, highest first": of.found("sure"),
        "search: a class": of.found("label-3"),
        "search: a predicted class, lowest confidence first": of.found("predicted-4.unsure"),
        "search: all": of.found("all"),
        "top images of a filter": filters("tops"),
        "clusters of the whole run, from its states": clusters,
        "filter page": filters("of"),
        "marks on the slider": lambda: of._ok(
            of.deviations.get(f"/deviations/{of.uuid}?stored").get_json()
        ),
        "runs page": lambda: runs_table.answer(
            feed, deleter, str(of.store), {"version": None, "heard": None, "now": True}
        ),
    }


HELD: Final = (
    "live poll",
    "opening any image",
    "search: misclassified",
    "search: by confidence, lowest first",
    "search: by confidence, highest first",
    "search: a class",
    "search: a predicted class, lowest confidence first",
    "search: all",
    "top images of a filter",
    "clusters of the whole run, from its states",
)
"""What must not take more than 1.2 times as long."""

WORKED_OUT: Final = HELD[-2:]
"""What of it rests on what was worked out before."""


def run(folder: Path, count: int, report: Callable[[str], None]) -> list[Result]:
    """Fill both stores and measure."""
    stores = {"small": folder / "small.db", "large": folder / "large.db"}
    counts = {"small": SMALL, "large": count}
    spent = {
        name: [fill(store, f"{name} {seed}", seed, counts[name], report) for seed in (1, 2)]
        for name, store in stores.items()
    }
    filled = {name: Filled.of(store, counts[name]) for name, store in stores.items()}
    once = {name: worked_out(one, report) for name, one in filled.items()}
    rows = compared(filled, report)
    rows += [
        Result(
            f"{what}, once for {count:,} images (for {SMALL:,})",
            "in the background",
            f"{seconds:.2f} s ({once['small'][what]:.2f} s)",
            met=True,
        )
        for what, seconds in once["large"].items()
    ]
    report("deleting")
    rows.append(deleted(stores["large"], count))
    rows += on_paper(stores, count, sum(spent["large"]) / (2 * count))
    return rows


def run_postgresql(folder: Path, count: int, report: Callable[[str], None]) -> list[Result]:
    """Fill two databases of a server from pip, and measure what needs nothing worked out before."""
    del folder
    server = OwnServer(AS_ANYWHERE)
    try:
        filled = {}
        for name, images in (("small", SMALL), ("large", count)):
            url = server.databases.make()
            fill(url, name, 1, images, report)
            # As the server does by itself within a minute or so.
            engine = engine_of(url, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.execute(text("VACUUM ANALYZE"))
            filled[name] = Filled.of(url, images)
        return compared(filled, report, [one for one in HELD if one not in WORKED_OUT])
    finally:
        server.close()


def compared(
    filled: dict[str, Filled], report: Callable[[str], None], only: Sequence[str] | None = None
) -> list[Result]:
    """Ask both the same in turn; return a row for each question."""
    asked = {name: questions(one) for name, one in filled.items()}
    rows = []
    for what in asked["small"] if only is None else only:
        report(what)
        times: dict[str, list[float]] = {name: [] for name in filled}
        for turn in range(ROUNDS + 1):
            for name in filled:
                seconds = timed(asked[name][what])
                if turn:
                    times[name].append(seconds)
        rows.append(held(what, times))
    return rows


def held(what: str, each: dict[str, list[float]]) -> Result:
    """Return the row of a question that was asked of both."""
    small, large = (statistics.median(each[name]) for name in ("small", "large"))
    said = f"{what}: {1000 * large:.1f} ms, at {SMALL:,} images {1000 * small:.1f} ms; ratio"
    if what in HELD:
        return at_most(said, large / small, 1.2, "×", 2)
    return Result(said, "–", f"{large / small:.2f} ×", met=True)


def worked_out(of: Filled, report: Callable[[str], None]) -> dict[str, float]:
    """Return the seconds of what is worked out once, as far as a person waits and on to its end."""
    url = str(of.store)
    near = of.count * 9 // 10
    steps: dict[str, Ask] = {
        "clusters of 100,000 chosen images": lambda: cluster_view(
            url, ClusterRequest(1, 3, "louvain", 1.0, ImageFilter(label=3))
        ),
        "clusters of nearly all images chosen": lambda: cluster_view(
            url, ClusterRequest(1, 3, "louvain", 1.0, ImageFilter(last=of.count - of.count // 50))
        ),
        "the place of an image among those by confidence": of.found("unsure", near=near),
        "deviation profile, and what stands out among the first images": lambda: bring_up_to_date(
            url, 1, None, AT_ONCE
        ),
        "scores of all images": lambda: bring_up_to_date(url, 1),
        "redundancy": lambda: computed_report(url, 1, 0.7),
        "comparison of two runs": lambda: computed_comparison(url, Pair(1, 2, "louvain", None)),
        "top images of all filters": lambda: computed_tops(url, 1),
    }
    found = {}
    for what, ask in steps.items():
        report(f"{of.count:,} images: {what}")
        found[what] = timed(ask)
    return found


def timed(ask: Ask) -> float:
    """Return the seconds of a question."""
    begun = time.perf_counter()
    ask()
    return time.perf_counter() - begun


def deleted(store: Path, count: int) -> Result:
    """Delete a run; return how long it took, and the longest time without news of it."""
    last, longest = time.perf_counter(), 0.0
    begun = last

    def progress(_left: int) -> None:
        nonlocal last, longest
        now = time.perf_counter()
        longest, last = max(longest, now - last), now

    delete_run(str(store), 2, progress)
    took = time.perf_counter() - begun
    return at_most(
        f"deleting a run of {count:,} images: {took:.0f} s; longest step", longest, 1.0, "s", 2
    )


def on_paper(stores: dict[str, Path], count: int, seconds: float) -> list[Result]:
    """Return what ten million images of VGG-16 need, by what an image here took beside its values.

    The run that is left in the large store is compared with the two in the small one.
    """
    here = 4 * sum(FILTERS) + int(np.prod(SHAPE))
    there = 4 * VGG_FILTERS + int(np.prod(VGG_SHAPE))
    with closing(sqlite3.connect(stores["large"])) as raw:
        indexes = dict(
            raw.execute(
                "SELECT name, sum(pgsize) FROM dbstat WHERE name LIKE 'ix_images%' GROUP BY 1"
            )
        )
    bytes_an_image = stores["large"].stat().st_size / count
    of_indexes = sum(indexes.values()) / count
    each = ", ".join(f"{name[3:]} {size / count:.0f}" for name, size in sorted(indexes.items()))
    beside = bytes_an_image - here - of_indexes
    vgg = there + beside + of_indexes
    return [
        Result(
            f"an image of this network: {here} bytes of values, indexes {of_indexes:.0f} ({each}), "
            "all in all",
            "–",
            f"{bytes_an_image:.0f} bytes, {1e6 * seconds:.0f} µs",
            met=True,
        ),
        Result(
            "on paper, 10,000,000 images of VGG-16 at 32 × 32 without feature maps",
            "–",
            f"{vgg / 100:.0f} GB, of these indexes {of_indexes / 100:.1f} GB; beside the network "
            f"{seconds * 1e7 / 60:.0f} minutes and what {there - here:,} bytes more take",
            met=True,
        ),
    ]
