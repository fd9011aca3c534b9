"""The way into a cluster: server, CA and a token. In memory only; nothing here shows itself in representations or logs."""

from __future__ import annotations

import asyncio
import base64
import copy
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from bot import names
from bot.azure.connection import CALL_TIMEOUT, Connection
from bot.errors import Temporary

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

AKS_SERVER_SCOPE: Final = "6dae42f8-4368-4678-94ff-3960e28e3630/.default"
RENEWED_BEFORE: Final = 300.0


class EntraTokens:
    """Tokens for the AKS server application, for code that runs in threads; call it before each request, it answers from memory.

    Kept until five minutes before they expire, then fetched anew on the event loop that made this object.
    """

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._lock = threading.Lock()
        self._token: AccessToken | None = None

    async def fetch(self) -> str:
        """A valid token; on the event loop. Raises Temporary (``azure.sign_in`` and the like)."""
        if not self._fresh():
            self._token = await self._conn.token(AKS_SERVER_SCOPE)
        assert self._token is not None
        return self._token.token

    def __call__(self) -> str:
        """A valid token; from any thread but the event loop's own, which gets what is there. Raises Temporary."""
        with self._lock:
            if self._token is not None and (self._fresh() or threading.get_ident() == self._loop_thread):
                return self._token.token
            try:
                return asyncio.run_coroutine_threadsafe(self.fetch(), self._loop).result(CALL_TIMEOUT)
            except TimeoutError as error:
                raise Temporary("azure.sign_in", retry_after=10.0) from error

    def _fresh(self) -> bool:
        return self._token is not None and self._token.expires_on - time.time() > RENEWED_BEFORE


@dataclass(frozen=True)
class ClusterCredentials:
    """How to reach a cluster's API: `server` is its URL, `ca_data` PEM (may be empty), `kubeconfig` the whole without its ``exec`` block.
    With `token` set (Entra sign-in) every request needs a token from it, otherwise the kubeconfig holds static secrets."""

    server: str
    ca_data: str = field(repr=False)
    kubeconfig: Mapping[str, Any] = field(repr=False)
    token: EntraTokens | None = field(default=None, repr=False)


async def kubeconfig(conn: Connection, group: str, cluster: str, *, admin: bool = False) -> dict[str, Any]:
    """The cluster's kubeconfig, parsed. `admin` asks for the static admin one (refused where local accounts are disabled).

    Raises Temporary (``azure.no_kubeconfig``) where Azure gives none or one that cannot be read, and as :meth:`Connection.call`.
    """
    names.checked("group", group)
    names.checked("cluster", cluster)
    clusters = conn.containers.managed_clusters
    if admin:
        results = await conn.call(clusters.list_cluster_admin_credentials(group, cluster))
    else:
        results = await conn.call(clusters.list_cluster_user_credentials(group, cluster, format="exec"))
    found = results.kubeconfigs or []
    try:
        parsed = yaml.safe_load(bytes(found[0].value or b"")) if found else None
    except yaml.YAMLError:
        # not chained: the parser quotes what it read, and that is a secret
        raise Temporary("azure.no_kubeconfig", retry_after=10.0, cluster=cluster) from None
    if not isinstance(parsed, dict):
        raise Temporary("azure.no_kubeconfig", retry_after=10.0, cluster=cluster)
    return parsed


async def credentials(conn: Connection, group: str, cluster: str, *, admin: bool = False) -> ClusterCredentials:
    """The way into the cluster; for one with Entra sign-in the kubeconfig's ``exec`` block is dropped and tokens are the bot's own.

    Whether the server may be talked to (TLS, authority) is for whoever connects to decide. Raises Temporary (``azure.no_kubeconfig``) for a
    kubeconfig that makes no sense, and as :meth:`Connection.call`.
    """
    config = await kubeconfig(conn, group, cluster, admin=admin)
    server, authority, plain, entra = sorted_out(config, cluster)
    tokens = EntraTokens(conn) if entra else None
    if tokens is not None:
        await tokens.fetch()
    return ClusterCredentials(server, authority, plain, tokens)


def sorted_out(config: Mapping[str, Any], cluster: str) -> tuple[str, str, dict[str, Any], bool]:
    """Server, CA (PEM, or empty), the kubeconfig without any program to run, and whether it had one. Raises Temporary (``azure.no_kubeconfig``)."""
    try:
        context = _named(config, "contexts", str(config["current-context"]))["context"]
        target = _named(config, "clusters", str(context["cluster"]))["cluster"]
        user = _named(config, "users", str(context["user"]))["user"]
        server = str(target["server"])
        authority = base64.b64decode(target.get("certificate-authority-data") or "", validate=True).decode()
        programs = [name for name in ("exec", "auth-provider") if name in user]
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration):
        raise Temporary("azure.no_kubeconfig", retry_after=10.0, cluster=cluster) from None
    plain = copy.deepcopy(dict(config))
    for entry in plain["users"]:
        for name in ("exec", "auth-provider"):
            (entry.get("user") or {}).pop(name, None)
    return server, authority, plain, bool(programs)


def _named(config: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(item for item in config[kind] if item["name"] == name)
    return found
