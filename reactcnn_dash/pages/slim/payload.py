"""Slim networks → what the page draws: plain values. Pure functions."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from reactcnn_dash.results.stored import DAMAGED
from reactcnn_dash.results.text import percent_text
from reactcnn_dash.vocabulary import SLIM_SHARES

if TYPE_CHECKING:
    from reactcnn_dash.db import Run, Slimming
    from reactcnn_dash.jobs.command import CommandState
    from reactcnn_dash.pages.slim.shapes import (
        Gone,
        Measured,
        Point,
        Prediction,
        Slims,
        Trial,
        Width,
    )
    from reactcnn_dash.results.slimming import prediction

PHASES = {
    "": "Loading the network …",
    "measuring": "Measuring what each layer receives …",
    "choosing": "Choosing the filters that stay …",
    "cutting": "Handing over the work of those that go …",
    "collecting": "Running the networks over the images …",
    "timing": "Timing both networks …",
}
"""What is said of each phase of the command."""


def slims_payload(run: Run, points: list[Point], origin: tuple[int | None, str] | None) -> Slims:
    """Return what the page shows of a network."""
    return {
        "run": {"id": run.id, "name": run.name},
        "origin": None if origin is None else {"run": origin[0], "name": origin[1]},
        "points": points,
    }


def point_payload(slimming: Slimming, *, file: bool) -> Point | None:
    """Return what the page shows of a slim network, None for one that says too little."""
    try:
        return _point(slimming, file=file)
    except DAMAGED:
        # Written by another version, or by hand.
        return None


def _point(slimming: Slimming, *, file: bool) -> Point:
    found = slimming.result
    evaluated = found.get("evaluated") or {"count": 0, "images": "", "slimmed_with": False}
    speed = found.get("images_a_second")
    layers: list[Width] = [
        {"name": str(one["name"]), "before": int(one["before"]), "after": int(one["after"])}
        for one in found["layers"]
    ]
    r2 = [one["r2"] for one in found.get("filters", []) if one.get("r2") is not None]
    parameters, work = found["parameters"], found["multiply_adds"]
    return {
        "id": slimming.id,
        "name": PurePath(slimming.output).stem,
        "path": slimming.output,
        "made": slimming.made_at.isoformat(timespec="seconds"),
        "method": slimming.method,
        "asked": _asked(found.get("asked") or {}),
        "fineTuned": int(found.get("fine_tuned_epochs") or 0),
        "parameters": parameters["after"] / parameters["before"],
        "parametersCount": int(parameters["after"]),
        "multiplyAdds": work["after"] / work["before"],
        "multiplyAddsCount": int(work["after"]),
        "accuracy": _accuracy(found.get("accuracy")),
        "agreement": _agreement(found.get("agreement"), found.get("agreement_95")),
        "images": int(evaluated["count"]),
        "source": str(evaluated["images"]),
        "calibration": _calibration(found.get("calibration") or {}),
        "slimmedWith": bool(evaluated.get("slimmed_with")),
        "speed": None if speed is None else (float(speed["before"]), float(speed["after"])),
        "before": slimming.before,
        "after": slimming.after,
        "file": file,
        "layers": layers,
        "whole": [(str(name), str(why)) for name, why in (found.get("whole") or {}).items()],
        "gone": sum(one["before"] - one["after"] for one in layers),
        "explained": float(sorted(r2)[len(r2) // 2]) if r2 else None,
    }


def gone_payload(slimming: Slimming) -> Gone:
    """Return the filters that went of each layer, by the channel map."""
    stays = slimming.channels.get("layers", {})
    layers: dict[str, list[int]] = {}
    for one in slimming.result.get("layers", []):
        kept = set(stays.get(one["name"], range(one["before"])))
        layers[one["name"]] = [i for i in range(one["before"]) if i not in kept]
    return {"name": PurePath(slimming.output).stem, "layers": layers}


def prediction_payload(found: prediction.Prediction) -> Prediction:
    """Return what the slider tells of a budget."""
    return {
        "names": list(found.names),
        "filters": list(found.filters),
        "shares": list(SLIM_SHARES),
        "widths": found.widths,
        "residuals": found.residuals,
    }


def trial_payload(state: CommandState | None, run_id: int | None) -> Trial:
    """Return how far a slim network is that is made from the page."""
    nothing: Trial = {
        "state": "idle", "phase": "", "done": 0, "total": 0, "message": "", "run": run_id,
    }  # fmt: skip
    if state is None:
        return nothing
    shown: Trial = {
        **nothing,
        "phase": PHASES.get(state.phase, state.phase),
        "done": state.done,
        "total": state.total,
    }
    if state.running:
        message = "Ending …" if state.cancelled else ""
        return {**shown, "state": "running", "message": message}
    if state.cancelled:
        return {**shown, "state": "cancelled", "message": "Cancelled."}
    if state.code:
        words = state.failure or ""
        return {**shown, "state": "failed", "message": words.partition("collector: ")[2] or words}
    return {**shown, "state": "made"}


def _accuracy(found: dict[str, Any] | None) -> Measured | None:
    if found is None:
        return None
    return {
        "before": float(found["before"]),
        "after": float(found["after"]),
        "after95": _pair(found.get("after_95")),
        "change95": _pair(found.get("change_95")),
    }


def _agreement(found: float | None, ends: Any) -> Measured | None:
    if found is None or not math.isfinite(found):
        return None
    return {"before": 1.0, "after": float(found), "after95": _pair(ends), "change95": None}


def _pair(ends: Any) -> tuple[float, float] | None:
    return None if ends is None else (float(ends[0]), float(ends[1]))


def _asked(asked: dict[str, Any]) -> str:
    """Return what was asked for, in words."""
    parts = [
        f"{percent_text(asked[name], 0)} of the {words}"
        for name, words in (("parameters", "parameters"), ("multiply_adds", "multiply-adds"))
        if asked.get(name) is not None
    ]
    if asked.get("loss") is not None:
        parts.append(f"{asked['loss']:g} points lost at most")
    if asked.get("lossless"):
        parts.append("lossless")
    if asked.get("plan"):
        parts.append("by a redundancy report")
    return ", ".join(parts)


def _calibration(found: dict[str, Any]) -> str:
    return f"{found['count']:,} images of {found['images']}" if found.get("count") else ""
