"""No name, whoever typed it, makes a request to a path other than the intended resource's."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import pytest
from azure.core.credentials import AccessToken
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.azure import clusters, credentials, features, groups, operations, pools
from bot.azure.clusters import ClusterSpec
from bot.azure.connection import Connection, Sent
from bot.azure.poolspec import PoolSpec
from bot.errors import Refused, Temporary

SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
PROVIDER = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{{group}}/providers/Microsoft.ContainerService/managedClusters/{{cluster}}"

nasty = st.sampled_from(
    ["..", ".", "", "/", "a/..", "../x", "a/../b", "%2e%2e", "a%2fb", "a?b=c", "a#b", "a\\b", "a b", "a\n", "\n", "a\r\nX: y", "ａ", "gpu/", "gpu;x",
     "a..b", "é", "{pool}"]
)  # fmt: skip
good = st.from_regex(r"[a-z][a-z0-9]{0,11}", fullmatch=True)
name = st.one_of(nasty, good, st.text(max_size=15))


class Somebody:
    """A credential that needs nobody."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("token", 4102444800)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Somebody:
        return self

    async def __aexit__(self, *_: object) -> None: ...


def calls(group: str, cluster: str, pool: str) -> list[tuple[str, str, Callable[[Connection], Awaitable[object]]]]:
    spec = PoolSpec(group, cluster, pool, "Standard_NC4as_T4_v3")
    one, other = PROVIDER.format(group=group, cluster=cluster), f"{PROVIDER.format(group=group, cluster=cluster)}/agentPools/{pool}"
    grouped = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
    return [
        ("PUT", other, lambda conn: pools.put(conn, spec, {})),
        ("GET", other, lambda conn: pools.get(conn, group, cluster, pool)),
        ("DELETE", other, lambda conn: pools.delete(conn, group, cluster, pool)),
        ("POST", other + "/abort", lambda conn: pools.abort(conn, group, cluster, pool)),
        ("GET", other, lambda conn: pools.scale(conn, group, cluster, pool, nodes=1)),
        ("GET", other, lambda conn: operations.failure_cause(conn, "", "pool_put", group=group, cluster=cluster, pool=pool)),
        ("GET", one + "/agentPools", lambda conn: pools.list_all(conn, group, cluster)),
        ("PUT", one, lambda conn: clusters.put(conn, ClusterSpec(group, cluster, "eastus"), {})),
        ("DELETE", one, lambda conn: clusters.delete(conn, group, cluster)),
        ("POST", one + "/stop", lambda conn: clusters.stop(conn, group, cluster)),
        ("POST", one + "/listClusterUserCredential", lambda conn: credentials.kubeconfig(conn, group, cluster)),
        ("POST", one + "/start", lambda conn: clusters.start(conn, group, cluster)),
        ("POST", one + "/abort", lambda conn: clusters.abort(conn, group, cluster)),
        ("GET", one, lambda conn: clusters.get(conn, group, cluster)),
        ("GET", other, lambda conn: pools.set_power(conn, group, cluster, pool, "Stopped")),
        ("GET", other, lambda conn: pools.update_tags(conn, group, cluster, pool, {"a": "b"})),
        ("GET", grouped, lambda conn: groups.get(conn, group)),
        ("GET", grouped, lambda conn: groups.begin_delete(conn, group, operation="")),
        (
            "POST",
            f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Features/providers/Microsoft.ContainerService/features/{pool}/register",
            lambda conn: features.register(conn, pool),
        ),
    ]


@settings(max_examples=150, deadline=None)
@given(group=name, cluster=name, pool=name)
def test_a_request_goes_to_the_resource_that_was_named_or_nowhere(group: str, cluster: str, pool: str) -> None:
    async def scenario() -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            sent: list[Sent] = []
            conn = Connection(
                subscription_id=SUBSCRIPTION, base_url=f"https://127.0.0.1:{closed.getsockname()[1]}", credential=Somebody(), request_log=sent.append
            )
            for method, path, call in calls(group, cluster, pool):
                sent.clear()
                with contextlib.suppress(Refused, Temporary):
                    await call(conn)
                assert [row.method for row in sent] in ([], [method])
                for row in sent:
                    assert "//" not in row.path
                    assert unquote(row.path).lower() == path.lower()
                    assert all(part not in ("", ".", "..") for part in unquote(row.path).split("/")[1:])
            await conn.close()

    asyncio.run(scenario())


def test_the_names_that_turn_deleting_a_pool_into_deleting_its_cluster_send_nothing() -> None:
    async def scenario() -> None:
        sent: list[Sent] = []
        conn = Connection(subscription_id=SUBSCRIPTION, base_url="https://127.0.0.1:1", credential=Somebody(), request_log=sent.append)
        for evil in ("..", "", ".", "a/../..", "%2e%2e"):
            for call in (pools.delete(conn, "rg", "c1", evil), pools.delete(conn, "rg", evil, "gpu"), clusters.delete(conn, evil, "c1")):
                with pytest.raises(Refused) as caught:
                    await call
                assert caught.value.code == "name.invalid"
        assert sent == []
        await conn.close()

    asyncio.run(scenario())
