"""A small store with slim networks of its made-up one, as ``collector slim`` would have left it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from reactcnn_dash.db import NewSlimming, RunWriter, StoreReader, save_slimming
from tests import stores

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = 12
KEPT = ((0, 2, 5), (1, 3, 4, 6), (0, 1, 2, 3, 4, 5, 6, 7))
"""Filters that stay in the three layers."""


def write(path: Path, *, methods: tuple[str, ...] = ("refit", "l1")) -> list[dict[str, Any]]:
    """Write a run of the whole network and, for each method, a slim network with its run.

    The first slim network has a file beside the store. Returns what their JSON says.
    """
    stores.make_store(path, IMAGES, name="whole")
    whole = StoreReader(str(path)).run("whole")
    results = []
    for number, method in enumerate(methods):
        new = dataclasses.replace(
            stores.new_run(f"slim {number}", IMAGES), checkpoint_sha256=f"{number}c" * 32
        )
        made = stores.truth(IMAGES)
        with RunWriter.begin(str(path), new) as writer:
            stores.append(writer, made, 0, IMAGES)
            writer.finish()
            after = writer.run.uuid
        file = path.with_name(f"slim-{number}.keras")
        if number == 0:
            file.write_bytes(b"not read by a page")
        results.append(result(method, number, str(file), whole.uuid, after))
        save_slimming(
            str(path),
            NewSlimming(
                checkpoint=whole.checkpoint.sha256,
                before=whole.uuid,
                after=after,
                method=method,
                output=str(file),
                result=results[-1],
                channels={"model": "small-cnn", "layers": channels()},
            ),
        )
    return results


def channels() -> dict[str, list[int]]:
    """The channel map of every slim network."""
    return {layer.name: list(kept) for layer, kept in zip(stores.layers(), KEPT, strict=True)}


def result(method: str, number: int, output: str, before: str, after: str) -> dict[str, Any]:
    """What ``slim`` would say of a network."""
    accuracy = 0.9 - 0.1 * number
    found = {
        "model": "small-cnn",
        "checkpoint": "5a" * 32,
        "method": method,
        "asked": {"parameters": 0.4, "multiply_adds": None, "loss": None, "plan": None},
        "calibration": {"images": "noise", "count": 64},
        "fine_tuned_epochs": 0,
        "output": output,
        "runs": {"before": before, "after": after},
        "evaluated": {"images": "noise", "count": IMAGES, "slimmed_with": number == 1},
        "agreement": 0.95,
        "agreement_95": [0.8, 0.99],
        "accuracy": {
            "before": 0.92,
            "after": accuracy,
            "before_95": [0.8, 0.98],
            "after_95": [accuracy - 0.1, accuracy + 0.05],
            "change_95": [accuracy - 1.0, accuracy - 0.85],
        },
        "images_a_second": {"before": 100.0, "after": 180.0 + number, "batch": 64},
        "file_sha256": hashlib.sha256(b"not read by a page").hexdigest(),
        "parameters": {"before": 1234, "after": 494 + number},
        "multiply_adds": {"before": 40_000, "after": 22_000 + 1000 * number},
        "layers": [
            {"name": layer.name, "before": layer.filters, "after": len(kept)}
            for layer, kept in zip(stores.layers(), KEPT, strict=True)
        ],
        "whole": {"classes": "classes ends in softmax, which mixes filters"},
        "fitted": [],
        "filters": [{"filter": "conv1:1", "r2": 0.9}, {"filter": "conv1:3", "r2": 0.7}],
        "predicted": [],
    }
    # As it comes back from JSON.
    read: dict[str, Any] = json.loads(json.dumps(found))
    return read


def collect(folder: Path) -> Path:
    """Really collect a run of a tiny network over 96 labelled images; gives the store."""
    import keras

    from collector.cli import main
    from tests.collector.planted import copy_filter, noise, with_seeded_weights

    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(8, 3, activation="relu", name="first")(x)
    x = layers.Conv2D(6, 3, activation="relu", name="second")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(3, activation="softmax", name="classes")(x)
    made = with_seeded_weights(keras.Model(inputs, x, name="tiny"), 4)
    copy_filter(made.get_layer("first"), 1, 6)
    made.save(folder / "tiny.keras")
    labels = np.random.default_rng(5).integers(0, 3, 96)
    np.savez(folder / "images.npz", images=noise(96, (8, 8, 3)), labels=labels)
    store = folder / "store.db"
    assert main([
        "--model", str(folder / "tiny.keras"), "--images", str(folder / "images.npz"),
        "--store", str(store), "--batch-size", "32", "--quiet", "--no-scores",
        "--pixel-range", "0-255",
    ]) == 0  # fmt: skip
    return store
