"""A search as text, and the routes that answer it, through Flask's test client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from reactcnn_dash.db import ImageFilter, SearchOrder, StoreReader
from reactcnn_dash.pages.live import search as searching
from reactcnn_dash.pages.live.search import BadSearch, parse_search, thumbnail
from tests import served, stores

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient

IMAGES = 130


@pytest.fixture
def store(tmp_path: Path) -> Path:
    stores.make_store(tmp_path / "store.db", IMAGES)
    return tmp_path / "store.db"


@pytest.fixture
def client(store: Path) -> FlaskClient:
    return served.client(searching.routes, served.context(store))


@pytest.fixture
def run(store: Path) -> str:
    return f"/runs/{StoreReader(str(store)).run(1).uuid}"


@given(
    numbers=st.fixed_dictionaries(
        dict.fromkeys(("label", "predicted", "from", "to"), st.none() | st.integers(0, 99_999))
    ),
    wrong=st.booleans(),
    answered=st.none() | st.booleans(),
    order=st.sampled_from(SearchOrder),
    data=st.data(),
)
def test_a_search_is_read_whatever_the_order_of_its_parts(
    numbers: dict[str, int | None],
    wrong: bool,
    answered: bool | None,
    order: SearchOrder,
    data: st.DataObject,
) -> None:
    parts = [f"{name}-{value}" for name, value in numbers.items() if value is not None]
    parts += ["wrong"] if wrong else []
    parts += [] if answered is None else ["answered" if answered else "unanswered"]
    parts += [str(order)]
    text = ".".join(data.draw(st.permutations(parts)))
    wanted = ImageFilter(
        *(numbers["label"], numbers["predicted"], wrong),
        *(numbers["from"], numbers["to"], answered),
    )
    assert parse_search(text) == (wanted, order)


@pytest.mark.parametrize("text", ["", "label", "label--1", "label-1.5x", "wrong.label-1e3", "x"])
def test_what_means_nothing_is_named(text: str) -> None:
    with pytest.raises(BadSearch, match="means nothing"):
        parse_search(text)


def test_pages_of_a_search(client: FlaskClient, run: str) -> None:
    first = client.get(f"{run}/search?of=to-99&near=7").get_json()
    assert (first["total"], first["place"], first["offset"]) == (100, 7, 0)
    assert [hit[0] for hit in first["hits"]] == list(range(60))
    answer = client.get(f"{run}/search?of=to-99&offset=60")
    assert [hit[0] for hit in answer.get_json()["hits"]] == list(range(60, 100))
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("thumbnails?of=", 400, "Ask for 1 to 100 ordinals"),
        ("thumbnails?of=1,-2", 400, "Ask for 1 to 100 ordinals"),
        (f"thumbnails?of={','.join('1' * 101)}", 400, "Ask for 1 to 100 ordinals"),
    ],
)
def test_what_cannot_be_answered_is_one_line(
    client: FlaskClient, run: str, path: str, status: int, words: str
) -> None:
    answer = client.get(f"{run}/{path}")
    assert answer.status_code == status
    assert words in answer.text
    assert "\n" not in answer.text


def test_a_run_that_is_not_there(client: FlaskClient) -> None:
    said = client.get("/runs/none/search").get_json()
    assert said["status"] == "refused"
    assert "none" in said["message"]


def test_a_search_that_means_nothing_is_refused_in_words(client: FlaskClient, run: str) -> None:
    said = client.get(f"{run}/search?of=nonsense").get_json()
    assert said["status"] == "refused"
    assert "a part that means nothing: 'nonsense'" in said["message"]


def unpacked(body: bytes, count: int) -> tuple[list[int], Any]:
    """Which of the images are there, and their thumbnails."""
    height, width, channels = np.frombuffer(body, "<u2", 3).tolist()
    here = list(body[6 : 6 + count])
    pixels = np.frombuffer(body, np.uint8, offset=6 + count)
    return here, pixels.reshape(sum(here), height, width, channels)


def test_thumbnails_come_in_the_order_asked_for(client: FlaskClient, run: str, store: Path) -> None:
    pixels = stores.truth(IMAGES).pixels
    answer = client.get(f"{run}/thumbnails?of=90,3,41")
    here, found = unpacked(answer.data, 3)
    assert here == [1, 1, 1]
    np.testing.assert_array_equal(found, pixels[[90, 3, 41]])
    assert "immutable" in answer.headers["Cache-Control"]
    engine = sa.create_engine(f"sqlite:///{store}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE images SET pixels = x'00' WHERE ordinal = 3"))
    engine.dispose()
    answer = client.get(f"{run}/thumbnails?of=90,3,500,41")
    here, found = unpacked(answer.data, 4)
    assert here == [1, 0, 0, 1]
    np.testing.assert_array_equal(found, pixels[[90, 41]])
    # What is missing may come later.
    assert answer.headers["Cache-Control"] == "no-store"


def test_large_pictures_are_made_small_by_the_mean_of_blocks() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (224, 197, 3), dtype=np.uint8)
    small = thumbnail(pixels)
    assert small.shape == (74, 65, 3)
    for row, column in ((0, 0), (73, 64), (20, 31)):
        block = pixels[3 * row : 3 * row + 3, 3 * column : 3 * column + 3].astype(float)
        np.testing.assert_array_equal(small[row, column], np.rint(block.mean(axis=(0, 1))))
    assert thumbnail(pixels[:96, :40]) is not None
    np.testing.assert_array_equal(thumbnail(pixels[:96, :40]), pixels[:96, :40])
    assert thumbnail(np.zeros((2, 500, 1), np.uint8)).shape == (1, 250, 1)
