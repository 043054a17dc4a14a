"""Numbers out of what a browser sent: of an address, of a body, of a callback's inputs."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from reactcnn_dash.callbacks import asked
from reactcnn_dash.pages.json_routes import (
    RequestRefused,
    decimal,
    number,
    optional_number,
    ordinals,
    whole,
)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (3, 3), ("3", 3), ("007", 7), (0, 0), (-3, -3), ("9" * 18, 10**18 - 1),
        (2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)),
    ],
)  # fmt: skip
def test_whole_numbers_are_taken_from_text_and_from_json(sent: Any, meant: int) -> None:
    assert whole(sent, "run") == meant
    assert asked.needed({"run": sent}, "run") == asked.number({"run": sent}, "run") == meant
    assert asked.numbers({"runs": [sent]}, "runs") == [meant]


@pytest.mark.parametrize(
    "sent",
    [None, "", "x", "-3", "1.5", 1.5, 3.0, True, [3], "３", " 3", "9" * 19, "9" * 5000, 2**63],
)
def test_what_is_no_whole_number_is_refused_in_a_line(sent: Any) -> None:
    with pytest.raises(RequestRefused, match="run is a number, not "):
        asked.needed({"run": sent}, "run")
    assert asked.number({}, "run") is None


@pytest.mark.parametrize("sent", ["much", [1.5], {}, 10**400])
def test_what_is_no_number_is_refused_in_a_line(sent: Any) -> None:
    with pytest.raises(RequestRefused, match=r"The rate '.*' is no number"):
        asked.real({"rate": sent}, "rate")
    assert asked.real({"rate": "1.5"}, "rate") == 1.5
    assert asked.real({}, "rate") is None


def test_an_address_is_read_by_the_same_rules() -> None:
    app = Flask(__name__)
    with app.test_request_context("/?run=12&rate=0.5&of=3,1,2"):
        assert (number("run"), optional_number("layer")) == (12, None)
        assert (decimal("rate"), decimal("parameter")) == (0.5, None)
        assert ordinals(3) == [3, 1, 2]
        with pytest.raises(RequestRefused, match="1 to 2 ordinals"):
            ordinals(2)
        with pytest.raises(RequestRefused, match="layer is a number, not ''"):
            number("layer")
    with app.test_request_context("/?of=1,x&rate=much&run=-1"):
        with pytest.raises(RequestRefused, match="1 to 9 ordinals"):
            ordinals(9)
        with pytest.raises(RequestRefused, match="no number"):
            decimal("rate")
        with pytest.raises(RequestRefused, match="run is a number, not '-1'"):
            optional_number("run")
    with app.test_request_context(f"/?run={10**9 - 1}&layer={10**9}"):
        assert number("run") == optional_number("run") == 10**9 - 1
        for read in (number, optional_number):
            with pytest.raises(RequestRefused, match="layer is a number, not '1000000000'"):
                read("layer")
