"""What the bot makes of an Azure that fails: each fault of the simulated one, seen through the real client."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from bot.azure import clusters, groups, operations, pools, tags
from bot.azure.clusters import ClusterSpec
from bot.azure.connection import Connection
from bot.azure.errors import cause
from bot.azure.poolspec import PoolSpec
from bot.errors import QuartermasterError, Refused, Temporary

OURS = {tags.OPERATION: "op1"}
POOL = PoolSpec("rg", "demo", "gpu", "Standard_NC4as_T4_v3", nodes=1)


def over(state: Any) -> bool:
    return state is not None and operations.terminal(state.provisioning_state)


async def cluster(cloud: Any, until: Any) -> None:
    await groups.ensure(cloud.conn, "rg", "eastus", OURS)
    await clusters.put(cloud.conn, ClusterSpec("rg", "demo", "eastus", system_size="Standard_D2s_v5"), OURS)
    await until(lambda: clusters.get(cloud.conn, "rg", "demo"), over)


async def ended(cloud: Any, until: Any) -> pools.PoolState:
    state: pools.PoolState = await until(lambda: pools.get(cloud.conn, "rg", "demo", "gpu"), over)
    return state


@pytest.mark.parametrize(
    ("code", "kind"),
    [("AllocationFailed", "capacity"), ("QuotaExceeded", "quota"), ("VMExtensionError_OutBoundConnFail", "node"), ("SomethingNew", "unknown")],
)
async def test_the_cause_of_a_failed_operation_comes_from_its_token_and_from_the_resource_alike(cloud: Any, until: Any, code: str, kind: str) -> None:
    await cluster(cloud, until)
    cloud.fault("lro_failed", "PUT .*agentPools/gpu", code=code, message="No luck.", after=1)
    begun = await pools.put(cloud.conn, POOL, OURS)
    state = await ended(cloud, until)
    assert state.provisioning_state == "Failed"
    assert state.error
    for token in (begun.token, "", "not a token", base64.b64encode(b"{}").decode()):
        found = await operations.failure_cause(cloud.conn, token, "pool_put", group="rg", cluster="demo", pool="gpu")
        assert found is not None
        assert (found.code, found.kind, found.status) == (code, kind, 200)


async def test_a_token_for_another_host_is_never_followed(cloud: Any, until: Any) -> None:
    await cluster(cloud, until)
    cloud.fault("lro_failed", "PUT .*agentPools/gpu", code="AllocationFailed", after=1)
    begun = await pools.put(cloud.conn, POOL, OURS)
    await ended(cloud, until)
    parsed = json.loads(base64.b64decode(begun.token))
    headers = parsed["data"]["response"]["headers"]
    name = next(key for key in headers if key.lower() == "azure-asyncoperation")
    headers[name] = headers[name].replace("127.0.0.1", "localhost")
    foreign = base64.b64encode(json.dumps(parsed).encode()).decode()
    before = len(cloud.requests("GET", "/operations/"))
    found = await operations.failure_cause(cloud.conn, foreign, "pool_put", group="rg", cluster="demo", pool="gpu")
    assert found is not None
    assert found.code == "AllocationFailed"
    assert len(cloud.requests("GET", "/operations/")) == before


async def test_an_expired_token_falls_back_to_the_resource(cloud: Any, until: Any) -> None:
    await cluster(cloud, until)
    cloud.fault("lro_failed", "PUT .*agentPools/gpu", code="AllocationFailed", after=1)
    begun = await pools.put(cloud.conn, POOL, OURS)
    await ended(cloud, until)
    cloud.fault("status", "GET .*/operations/", status=404, body={"error": {"code": "ResourceNotFound", "message": "gone"}})
    found = await operations.failure_cause(cloud.conn, begun.token, "pool_put", group="rg", cluster="demo", pool="gpu")
    assert found is not None
    assert found.code == "AllocationFailed"


async def test_throttling_is_told_at_once_with_the_servers_own_time_and_nothing_sleeps(cloud: Any) -> None:
    cloud.fault("throttled", "GET .*managedClusters", retry_after=700)
    started = asyncio.get_running_loop().time()
    with pytest.raises(Temporary) as caught:
        await clusters.list_all(cloud.conn)
    assert (caught.value.code, caught.value.retry_after) == ("azure.throttled", 700.0)
    assert asyncio.get_running_loop().time() - started < 5
    assert (cloud.conn.meter.throttled, len(cloud.requests("GET", "managedClusters"))) == (1, 1)
    await clusters.list_all(cloud.conn)
    assert cloud.conn.meter.remaining["subscription-reads"] > 0


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
async def test_a_sick_server_is_temporary_and_asked_once(cloud: Any, status: int) -> None:
    cloud.fault("status", "GET .*managedClusters", status=status)
    with pytest.raises(Temporary):
        await clusters.list_all(cloud.conn)
    assert len(cloud.requests("GET", "managedClusters")) == 1


async def test_a_404_that_azure_did_not_say_is_not_taken_for_a_deleted_cluster(cloud: Any, until: Any) -> None:
    await cluster(cloud, until)
    cloud.fault("status", "GET .*managedClusters/demo", status=404, body={"page": "not found"})
    with pytest.raises(Temporary) as caught:
        await clusters.get(cloud.conn, "rg", "demo")
    assert caught.value.code == "azure.garbled"


async def test_half_an_answer_is_temporary(cloud: Any, until: Any) -> None:
    await cluster(cloud, until)
    cloud.fault("truncate", "GET .*managedClusters", times=2)
    with pytest.raises(Temporary):
        await clusters.list_all(cloud.conn)


async def test_a_dropped_connection_is_temporary(cloud: Any) -> None:
    cloud.fault("reset_before", "GET .*managedClusters", times=2)
    with pytest.raises(Temporary):
        await clusters.list_all(cloud.conn)


async def test_a_missing_provider_is_told_and_not_registered_behind_ones_back(cloud: Any) -> None:
    await groups.ensure(cloud.conn, "rg", "eastus", OURS)
    cloud.state.providers["microsoft.containerservice"].state = "NotRegistered"
    with pytest.raises(Refused) as caught:
        await clusters.put(cloud.conn, ClusterSpec("rg", "demo", "eastus", system_size="Standard_D2s_v5"), OURS)
    assert caught.value.code == "azure.provider_missing"
    assert "Microsoft.ContainerService" in caught.value.sentence
    assert cloud.requests("POST") == []


async def test_a_retry_after_date_on_an_accepted_put_does_not_hide_that_it_was_accepted(cloud: Any, serve: Any) -> None:
    from aiohttp import web

    async def accepts(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"access_token": "t", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"})
        return web.json_response({"properties": {}}, status=201, headers={"Retry-After": "Wed, 21 Oct 2065 07:28:00 GMT"})

    def make(_: str) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", accepts)
        return app

    url = await serve(make)
    conn = Connection(subscription_id="s", base_url=url, credential=cloud.conn.credential, ca_file=cloud.ca_file)
    try:
        assert await pools.put(conn, POOL, OURS) == operations.Begun()
    finally:
        await conn.close()


async def test_no_identity_is_told_as_such(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with pytest.raises(Temporary) as caught:
        await clusters.list_all(cloud.conn)
    assert caught.value.code == "azure.sign_in"
    assert "doctor" in caught.value.next_step


async def test_an_untrusted_certificate_is_refused(cloud: Any) -> None:
    conn = Connection(subscription_id="s", base_url=cloud.url, credential=cloud.conn.credential)
    with pytest.raises(Temporary):
        await clusters.list_all(conn)
    await conn.close()


async def test_the_environment_names_the_authority_even_after_the_libraries_were_loaded(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(cloud.ca_file))
    conn = Connection(subscription_id=cloud.conn.subscription_id, base_url=cloud.url)
    try:
        assert await clusters.list_all(conn) == []
    finally:
        await conn.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://management.azure.com", "ftp://x", "management.azure.com"])
def test_a_token_is_sent_over_tls_only(url: str) -> None:
    with pytest.raises(Refused, match="https"):
        Connection(subscription_id="s", base_url=url)


async def test_the_cause_can_be_read_from_an_error_that_was_raised(cloud: Any, until: Any) -> None:
    await cluster(cloud, until)
    cloud.fault("sync_error", "PUT .*agentPools/gpu", code="RequestDisallowedByPolicy", status=403, message="no")
    with pytest.raises(QuartermasterError) as caught:
        await pools.put(cloud.conn, POOL, OURS)
    found = cause(caught.value)
    assert found is not None
    assert (found.code, found.status) == ("RequestDisallowedByPolicy", 403)
    assert cloud.sent[-1].status == 403
    assert "?" not in cloud.sent[-1].path


async def test_a_lost_race_is_read_again_and_repeated_once(cloud: Any, until: Any) -> None:
    await cluster(cloud, until)
    await pools.put(cloud.conn, POOL, OURS)
    await ended(cloud, until)
    cloud.fault("sync_error", "PUT .*agentPools/gpu", code="EtagMismatch", status=409)
    assert not (await pools.scale(cloud.conn, "rg", "demo", "gpu", nodes=0)).repeated
    assert (await ended(cloud, until)).count == 0
    cloud.fault("sync_error", "PUT .*agentPools/gpu", code="PreconditionFailed", status=412, times=2)
    with pytest.raises(Temporary) as caught:
        await pools.scale(cloud.conn, "rg", "demo", "gpu", nodes=1)
    assert caught.value.code == "azure.conflict"


async def test_feature_headers_go_with_the_creation(cloud: Any, until: Any) -> None:
    await cluster(cloud, until)
    with pytest.raises(Refused, match="retired"):
        await pools.put(cloud.conn, PoolSpec("rg", "demo", "gpu", "Standard_NC4as_T4_v3", headers={"UseGPUDedicatedVHD": "true"}), OURS)
    assert cloud.requests("PUT", "agentPools") == []


async def test_a_write_that_azure_took_before_it_hung_up_is_not_sent_again(cloud: Any, until: Any) -> None:
    await groups.ensure(cloud.conn, "other", "eastus", OURS)  # so that there is a connection to keep
    cloud.fault("reset_after", "PUT .*/resourcegroups/rg")
    with pytest.raises(Temporary):
        await groups.ensure(cloud.conn, "rg", "eastus", OURS)
    assert len(cloud.requests("PUT", "resourcegroups/rg")) == 1
    assert not (await groups.ensure(cloud.conn, "rg", "eastus", OURS)).created
