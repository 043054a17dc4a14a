"""Requests that nobody should make: every route, with odd ids, queries, headers and bodies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

if TYPE_CHECKING:
    from flask import Flask
    from hypothesis.strategies import SearchStrategy

QUERIES: Final = (
    "a", "b", "run", "layer", "filter", "method", "parameter", "subset", "of", "offset", "near",
    "threshold", "rate", "after", "against", "name", "kind", "image", "stored", "m", "token",
)  # fmt: skip

_NUMBERS = st.one_of(
    st.integers(-3, 12),
    st.sampled_from([2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, -(2**63) - 1]),
)
_TEXTS = st.one_of(
    st.sampled_from(
        ["", " ", "0", "nan", "inf", "-inf", "1e999", "null", "../../etc/passwd", "%00", "\x00",
         "٣", "a" * 5000, "conv1", "louvain", "leiden-cpm", "wrong", "label-1.wrong",
         "label-999999999", "9" * 4400, "1,2,3", ",", "0.5", "all", "class", "first", "between",
         "\ud800", "🦆", "<script>", "'--"]
    ),
    st.text(max_size=12),
)  # fmt: skip
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, st.floats(), _TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["run", "ordinal", "seen", "uuid", "find", "layer", "method", "parameter", "subset",
                 "keep", "number", "id", "ids", "name", "note", "tags", "version", "heard", "now"]
            ),
            inner,
            max_size=6,
        ),
    ),
    max_leaves=12,
)  # fmt: skip
_HEADERS = st.dictionaries(
    st.sampled_from(
        ["Accept-Encoding", "If-None-Match", "If-Modified-Since", "Range", "Cookie", "Accept",
         "Authorization", "Content-Type", "Sec-Fetch-Site", "X-Forwarded-Host", "Expect"]
    ),
    st.sampled_from(
        ["", "x", "same-origin", "cross-site", "bytes=5-2", "bytes=0-", "Bearer x", "Basic =",
         "application/json", "text/plain", "zstd;q=x", "*", '"a', "a=b; ;=", "Mon, 99 Foo"]
    ),
    max_size=3,
)  # fmt: skip


def requests(app: Flask, uuid: str) -> SearchStrategy[dict[str, Any]]:
    """Give requests to every route of a server as keywords of Flask's test client."""
    rules = sorted(
        {(rule.rule, tuple(sorted(rule.methods or ()))) for rule in app.url_map.iter_rules()}
    )
    callbacks = _callbacks(app)

    @st.composite
    def request(draw: st.DrawFn) -> dict[str, Any]:
        rule, methods = draw(st.sampled_from(rules))
        parts = []
        for part in rule.split("/"):
            if not part.startswith("<"):
                parts.append(part)
            elif "uuid" in part and "export" not in rule:
                parts.append(draw(st.one_of(st.just(uuid), _TEXTS)))
            else:
                parts.append(draw(st.one_of(_NUMBERS.map(str), _TEXTS)))
        query = draw(
            st.dictionaries(
                st.sampled_from(QUERIES), st.one_of(_NUMBERS.map(str), _TEXTS), max_size=5
            )
        )
        found: dict[str, Any] = {
            "path": "/".join(parts).encode("utf-8", "replace").decode().replace("?", "%3F"),
            "query_string": {
                name: value.encode("utf-8", "replace").decode() for name, value in query.items()
            },
            "method": draw(st.sampled_from([*methods, "POST", "PUT"])),
            "headers": draw(_HEADERS) | {"Origin": "http://localhost"},
        }
        if found["method"] in ("POST", "PUT"):
            found["data"] = draw(_bodies(callbacks))
            found["content_type"] = "application/json"
        return found

    return request()


def _callbacks(app: Flask) -> list[dict[str, Any]]:
    """Give a sound request of each callback of every page."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.rule.endswith("_dash-dependencies"):
            listed = app.test_client().get(rule.rule).get_json()
            found += [one for one in listed if not one["clientside_function"]]
    return found


def _bodies(callbacks: list[dict[str, Any]]) -> SearchStrategy[bytes]:
    def body(one: dict[str, Any], value: Any) -> bytes:
        outputs = [
            dict(zip(("id", "property"), name.rsplit(".", 1), strict=True))
            for name in one["output"].strip(".").split("...")
        ]
        return _bytes(
            {
                "output": one["output"],
                "outputs": outputs if one["output"].startswith("..") else outputs[0],
                "inputs": [{**each, "value": value} for each in one["inputs"]],
                "changedPropIds": [f"{each['id']}.{each['property']}" for each in one["inputs"]],
                "state": [{**each, "value": value} for each in one["state"]],
            }
        )

    return st.one_of(
        st.builds(body, st.sampled_from(callbacks), _JSON),
        _JSON.map(_bytes),
        st.sampled_from([b"", b"{", b"\xff\xfe", b"[" * 5000 + b"]" * 5000, b'{"a":' * 200]),
    )


def _bytes(value: Any) -> bytes:
    try:
        return json.dumps(value).encode("utf-8", "surrogatepass")
    except ValueError:
        return b"9" * 5000
