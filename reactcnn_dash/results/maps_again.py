"""Feature maps of an image that has none, computed again by the model at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

from reactcnn_dash.db import FeatureMaps, MapBatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from reactcnn_dash.jobs.model import ModelAtHand


class MapsQuestion(TypedDict):
    """Asks for the feature maps of an image."""

    ask: Literal["maps"]
    ordinal: int


class MapsAgain(TypedDict):
    """The maps of an image are there now.

    ``stored``: they stay in the store; ``rounded``: the run was given finer pixels than the store
    keeps.
    """

    stored: bool
    rounded: bool


def maps_question(ordinal: int) -> MapsQuestion:
    """Return what the model's process is asked for."""
    return {"ask": "maps", "ordinal": ordinal}


def maps_as_arrays(layers: Sequence[MapBatch]) -> dict[str, NDArray[Any]]:
    """Return the maps of one image, one `MapBatch` a layer, as the arrays of a message."""
    arrays: dict[str, NDArray[Any]] = {}
    for position, maps in enumerate(layers):
        arrays |= {
            f"codes{position}": maps.codes[0],
            f"low{position}": maps.low[0],
            f"step{position}": maps.step[0],
        }
    return arrays


def maps_from_arrays(arrays: Mapping[str, NDArray[Any]], position: int) -> FeatureMaps | None:
    """Return one layer's maps out of such arrays, None where they were stored instead."""
    if f"codes{position}" not in arrays:
        return None
    return FeatureMaps(*(arrays[f"{name}{position}"] for name in ("codes", "low", "step")))


def maps_at_hand(model: ModelAtHand, uuid: str, ordinal: int, position: int) -> FeatureMaps | None:
    """Return the maps of a layer that were computed but could not be stored; None without."""
    found = model.answer(uuid, maps_question(ordinal))
    return None if found is None else maps_from_arrays(found.arrays, position)
