"""Making a thing once: a conditional PUT, and how to tell one's own work from somebody else's when it is repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from azure.core import MatchConditions

from bot.azure import tags as labels
from bot.azure.connection import Connection
from bot.azure.errors import cause
from bot.azure.failures import BUSY, CONFLICT
from bot.azure.operations import Begun, begin
from bot.errors import QuartermasterError, Refused

FORBIDDEN_HEADERS: Final = frozenset(
    {"authorization", "host", "cookie", "accept", "accept-encoding", "connection", "content-length", "content-type", "content-encoding", "expect",
     "if-match", "if-none-match", "transfer-encoding", "upgrade", "user-agent", "te", "trailer", "proxy-authorization", "forwarded", "via"}
)  # fmt: skip
RETIRED_HEADERS: Final[Mapping[str, str]] = {
    "usegpudedicatedvhd": "The GPU image was retired on 10 January 2025: use `--driver managed` instead.",
    "usegen2vm": "Sizes that support generation 2 get such an image by themselves now: leave it out.",
}


class Tagged(Protocol):
    """A state that carries tags."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Azure tags."""
        ...


async def create(
    conn: Connection,
    make: Callable[..., Awaitable[Any]],
    look: Callable[[], Awaitable[Tagged | None]],
    *path: str,
    body: object,
    tags: Mapping[str, str],
    headers: Mapping[str, str],
    kind: str,
) -> Begun:
    """Exactly one PUT that only creates (``If-None-Match: *``), and a read where it is refused because something is there.

    What is there counts as done where it carries our operation's tag; otherwise Refused (``azure.name_taken``). Other errors pass.
    """
    options = {"headers": checked_headers(headers)} if headers else {}
    try:
        return await begin(conn, make, *path, body, match_condition=MatchConditions.IfMissing, **options)
    except QuartermasterError as error:
        why = cause(error)
        if why is None or why.kind not in (CONFLICT, BUSY):
            raise
        existing = await look()
        if existing is None:
            raise
        if labels.same_operation(existing.tags, tags):
            return Begun(repeated=True)
        raise Refused("azure.name_taken", kind=kind, name=path[-1]) from error


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """`headers` if each may be sent; raises Refused (``azure.header``) for retired, reserved or malformed ones."""
    for name, text in headers.items():
        if problem := header_problem(name, text):
            raise Refused("azure.header", header=name[:60], reason=problem)
    return dict(headers)


def header_problem(name: str, text: str) -> str:
    """Why the custom header may not be sent, with what replaced it, or an empty string."""
    lower = name.lower()
    if lower in RETIRED_HEADERS:
        return RETIRED_HEADERS[lower]
    token = name.isascii() and name.replace("-", "").isalnum() and len(name) <= 64
    plain = text.isascii() and text.isprintable() and 0 < len(text) <= 256
    if not token or not plain:
        return "A header is a name of letters, digits and `-`, and a value of printable ASCII."
    if lower in FORBIDDEN_HEADERS or lower.startswith("x-ms-"):
        return "That header belongs to the protocol; only AKS feature headers may be set."
    return ""
