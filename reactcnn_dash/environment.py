"""What a server is started with, from environment variables: for gunicorn and its like."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from reactcnn_dash.access import Access, checked, lets_any_site_in
from reactcnn_dash.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES: Final = {
    "REACTCNN_STORE": "file or URL of the store; reactcnn.db if not set",
    "REACTCNN_ALLOWED_HOSTS": "the names by which browsers ask, with commas between them",
    "REACTCNN_TOKEN": "what every request must carry",
    "REACTCNN_NO_TOKEN": "1: let everybody in who reaches the server",
    "REACTCNN_URL_PREFIX": "the path below which a proxy shows the server",
    "REACTCNN_TRUST_PROXY": "1: take the proxy's X-Forwarded-… for true",
    "REACTCNN_TRUST_USER_HEADER": "the header in which the proxy says who asks",
    "REACTCNN_READ_ONLY": "1: change nothing",
    "REACTCNN_FRAME_ANCESTORS": "the sites whose pages may frame these, with commas between them",
}
"""Every variable, with what it means."""


def access_from(environ: Mapping[str, str]) -> Access:
    """Return who may ask, and how.

    Raises:
        WrongUsage: nothing says who may; or what is said cannot be.
    """

    def text(name: str) -> str:
        return environ.get(f"REACTCNN_{name}", "").strip()

    def listed(name: str) -> tuple[str, ...]:
        return tuple(part for part in re.split(r"[,\s]+", text(name)) if part)

    def yes(name: str) -> bool:
        return text(name).lower() not in ("", "0", "no", "false")

    def given_as(form: str, name: str, given: str) -> str:
        try:
            return checked(form, given)
        except WrongUsage as error:
            raise WrongUsage(f"REACTCNN_{name}: {error}.") from None

    token, header = (
        given_as(form, name, text(name)) if text(name) else None
        for form, name in (("token", "TOKEN"), ("header", "TRUST_USER_HEADER"))
    )
    if token is None and header is None and not yes("NO_TOKEN"):
        raise WrongUsage(
            "Set REACTCNN_TOKEN, or REACTCNN_TRUST_USER_HEADER behind a proxy that authenticates, "
            "or REACTCNN_NO_TOKEN=1 to let everybody in."
        )
    hosts = listed("ALLOWED_HOSTS")
    if lets_any_site_in(hosts, token) and not yes("NO_TOKEN"):
        raise WrongUsage("REACTCNN_ALLOWED_HOSTS=* lets any site in: set REACTCNN_TOKEN too.")
    return Access.of(
        "127.0.0.1",
        also=hosts,
        token=token,
        prefix=text("URL_PREFIX"),
        trust_proxy=yes("TRUST_PROXY"),
        user_header=header,
        read_only=yes("READ_ONLY"),
        frames=tuple(
            given_as("origin", "FRAME_ANCESTORS", one) for one in listed("FRAME_ANCESTORS")
        ),
    )
