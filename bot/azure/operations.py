"""Long-running operations: one request begins them, the world is observed, and the token is for the cause of a failure only.

azure-core: a continuation token is base64 JSON of up to 17k characters, not bound to the method that gave it, and the URL inside is followed
with the bearer token and no check of the host. So the kind is kept beside it, and a token is used only where its URL is on our own host.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.polling.base_polling import BadResponse, BadStatus

from bot import names
from bot.azure.connection import CALL_TIMEOUT, Connection
from bot.azure.errors import Cause, cause, cause_of, explained, missing
from bot.azure.failures import CONFLICT, GONE
from bot.errors import QuartermasterError, Temporary

Kind = Literal[
    "cluster_put", "cluster_delete", "cluster_start", "cluster_stop", "cluster_tags", "cluster_abort", "pool_put", "pool_delete", "pool_abort"
]  # fmt: skip

POLL_EVERY: Final = 15
TERMINAL: Final = frozenset({"succeeded", "failed", "canceled"})


@dataclass(frozen=True)
class Begun:
    """A write that stands. `token` may be empty (nothing to resume: observe the resource); `repeated`: it had been done before."""

    token: str = ""
    repeated: bool = False


class Poller(Protocol):
    """What is used of an aio poller."""

    def continuation_token(self) -> str:
        """The token with which another process goes on."""
        ...

    def polling_method(self) -> Any:
        """The object that asks for the state."""
        ...

    async def result(self) -> Any:
        """The outcome; raises what went wrong."""
        ...


async def begin(conn: Connection, make: Callable[..., Awaitable[Poller]], *arguments: Any, **options: Any) -> Begun:
    """Send the one request that begins an operation. Raises as :meth:`Connection.call`.

    azure-core parses the Retry-After of an accepted request as an integer and dies on an HTTP date, though the server has begun: then there is no
    token, and the resource tells how it goes.
    """
    accepted: list[int] = []

    def note(response: Any) -> None:
        accepted.append(int(response.http_response.status_code))

    try:
        poller = await conn.call(make(*arguments, polling_interval=POLL_EVERY, raw_response_hook=note, **options))
    except ValueError:
        if not accepted or accepted[-1] >= 300:
            raise
        return Begun()
    return Begun(poller.continuation_token())


async def begin_or_gone(conn: Connection, make: Callable[..., Awaitable[Poller]], *path: str, **options: Any) -> Begun:
    """Begin a deletion; what is gone already counts as done."""
    try:
        return await begin(conn, make, *path, **options)
    except QuartermasterError as error:
        why = cause(error)
        if why is not None and why.kind == GONE:
            return Begun(repeated=True)
        raise


async def begin_or_over(conn: Connection, make: Callable[..., Awaitable[Poller]], *path: str) -> Begun:
    """Abort what runs; "has finished already" (409) and "gone" count as done (AKS: operation abort)."""
    try:
        return await begin(conn, make, *path)
    except QuartermasterError as error:
        why = cause(error)
        if why is not None and (why.kind in (GONE, CONFLICT) or why.status == 409):
            return Begun(repeated=True)
        raise


async def failure_cause(conn: Connection, token: str, kind: Kind, *, group: str, cluster: str, pool: str = "") -> Cause | None:
    """Why the operation behind `token` failed; None while it runs, or where it did not fail.

    One read, or two: an expired, empty or foreign token falls back to what the resource itself says. Raises Temporary only.
    """
    names.checked("group", group)
    names.checked("cluster", cluster)
    pool = names.checked("pool", pool) if kind.startswith("pool") else ""
    if _ours(conn, token):
        try:
            return await _from_token(conn, token, kind)
        except (BadStatus, BadResponse, ValueError, KeyError):
            pass  # expired, or of another version of the library: the resource knows as well
    return await _from_resource(conn, group, cluster, pool)


async def _from_token(conn: Connection, token: str, kind: Kind) -> Cause | None:
    """One look at the operation itself. Raises BadStatus or BadResponse (azure-core) where its URL is no longer good."""
    poller = await _resume(conn, kind)("", "", *([""] if kind.startswith("pool") else []), **_filler(kind), continuation_token=token)
    method = poller.polling_method()
    try:
        async with asyncio.timeout(CALL_TIMEOUT):
            if not method.finished():
                await method.update_status()
            if str(method.status()).lower() not in ("failed", "canceled"):
                return None
            await poller.result()  # finished, so this only raises what went wrong
    except HttpResponseError as error:
        return explained(error)
    except (AzureError, TimeoutError) as error:
        raise Temporary("azure.no_answer", retry_after=5.0) from error
    return cause_of("Canceled", status=200)


async def _from_resource(conn: Connection, group: str, cluster: str, pool: str) -> Cause | None:
    async def ask() -> Cause | None:
        try:
            if pool:
                return resource_cause((await conn.containers.agent_pools.get(group, cluster, pool)).as_dict())
            return resource_cause((await conn.containers.managed_clusters.get(group, cluster)).as_dict())
        except HttpResponseError as error:
            if missing(error):
                return cause_of("ResourceNotFound", status=200)
            raise

    return await conn.call(ask())


def resource_cause(wire: Mapping[str, Any]) -> Cause | None:
    """What the resource itself tells of its last failure; None while it is in any other state."""
    properties = wire.get("properties") or {}
    state = str(properties.get("provisioningState") or "").lower()
    if state == "canceled":
        return cause_of("Canceled", status=200)
    if state != "failed":
        return None
    status = properties.get("status") or {}
    error = status.get("provisioningError") or status.get("errordetail") or {}
    inner = [(str(item.get("code") or ""), str(item.get("message") or "")) for item in error.get("details") or ()]
    return cause_of(str(error.get("code") or "Unknown"), str(error.get("message") or ""), inner=inner, status=200)


def _resume(conn: Connection, kind: Kind) -> Callable[..., Awaitable[Poller]]:
    clusters, pools = conn.containers.managed_clusters, conn.containers.agent_pools
    table: dict[str, Callable[..., Awaitable[Any]]] = {
        "cluster_put": clusters.begin_create_or_update,
        "cluster_delete": clusters.begin_delete,
        "cluster_start": clusters.begin_start,
        "cluster_stop": clusters.begin_stop,
        "cluster_tags": clusters.begin_update_tags,
        "cluster_abort": clusters.begin_abort_latest_operation,
        "pool_put": pools.begin_create_or_update,
        "pool_delete": pools.begin_delete,
        "pool_abort": pools.begin_abort_latest_operation,
    }
    return table[kind]


def _filler(kind: Kind) -> dict[str, Any]:
    return {"parameters": {}} if kind in ("cluster_put", "cluster_tags", "pool_put") else {}


def _ours(conn: Connection, token: str) -> bool:
    """Whether every URL in the token is on our own host, so that following it shows our bearer token to nobody else."""
    if not token:
        return False
    try:
        data = json.loads(base64.b64decode(token))["data"]
        headers = {name.lower(): text for name, text in data["response"]["headers"].items()}
        urls = [data["request"]["url"], *(headers[name] for name in ("azure-asyncoperation", "location", "operation-location") if name in headers)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    parts = [urlsplit(url) for url in urls]
    return all(part.scheme == "https" and part.netloc.lower() == conn.host for part in parts)


def terminal(state: str) -> bool:
    """Whether nothing is going on in that provisioning state; states that are not known count as in progress (ARM)."""
    return state.lower() in TERMINAL

