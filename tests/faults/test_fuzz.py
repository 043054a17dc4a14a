"""No request, whatever it asks for, is an error of the server."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reactcnn_dash.app import create_server
from reactcnn_dash.db import StoreReader
from reactcnn_dash.jobs.runner import Jobs
from tests import stores
from tests.faults.fuzzing import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

REQUESTS = int(os.environ.get("FUZZED_REQUESTS", "400"))
"""10,000 in `make faults`."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[Flask, str]:
    path = tmp_path_factory.mktemp("fuzz") / "store.db"
    stores.make_store(path, 80, name="one")
    stores.make_store(path, 80, name="two")
    url = f"sqlite:///{path}"
    return create_server(StoreReader(url), url, Jobs()), StoreReader(url).run(1).uuid


class _Failures(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


@pytest.fixture(scope="module")
def failures() -> Iterator[list[str]]:
    handler = _Failures()
    logging.getLogger().addHandler(handler)
    yield handler.told
    logging.getLogger().removeHandler(handler)


@pytest.mark.long
@settings(
    max_examples=REQUESTS,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_no_request_is_an_error_of_the_server(
    served: tuple[Flask, str], failures: list[str], data: st.DataObject
) -> None:
    app, uuid = served
    request = data.draw(requests(app, uuid))
    with app.test_client() as http:
        answer = http.open(**request)
        assert answer.status_code != 500, (request, answer.text)
        if 400 <= answer.status_code < 500:
            assert answer.text.count("\n") <= 1, request
        answer.close()
    told, failures[:] = list(failures), []
    assert told == [], request
