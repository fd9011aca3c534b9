"""Long-running operations: their headers, their ends, their URLs; abort, preemption, expiry."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.containerservice.aio import ContainerServiceClient
from azure.mgmt.containerservice.models import AgentPool

GPU: Any = {"properties": {"count": 1, "vmSize": "Standard_NC4as_T4_v3", "mode": "User"}}


async def test_put_is_201_then_200_with_a_long_operation_url_and_no_retry_after(arm: Any, demo: str) -> None:
    status, body, headers = await arm.put_pool("gpu")
    assert (status, body["properties"]["provisioningState"]) == (201, "Creating")
    assert "Retry-After" not in headers
    assert 3000 < len(headers["Azure-AsyncOperation"]) < 3500
    done = await arm.until_done(headers)
    assert done["status"] == "Succeeded"
    assert done["startTime"] <= done["endTime"]
    status, body, _ = await arm.put_pool("gpu", count=2)
    assert (status, body["properties"]["provisioningState"]) == (200, "Scaling")


async def test_operation_results_are_202_until_done_then_204(arm: Any, demo: str, wait_until: Any) -> None:
    await arm.until_done((await arm.put_pool("gpu"))[2])
    status, _, headers = await arm.call("DELETE", arm.pool("gpu"))
    assert status == 202
    seen = []

    async def finished() -> bool:
        seen.append((await arm.call("GET", headers["Location"]))[0])
        return bool(seen[-1] == 204)

    await wait_until(finished)
    assert set(seen) == {202, 204}


async def test_token_resumes_in_another_client(arm: Any, aks: ContainerServiceClient, demo: str) -> None:
    token = (await aks.agent_pools.begin_create_or_update("rg", demo, "gpu", AgentPool(GPU))).continuation_token()
    assert 7000 < len(token) < 17000
    pool = await (await aks.agent_pools.begin_create_or_update("", "", "", AgentPool({}), continuation_token=token)).result()
    assert pool.name == "gpu"


async def test_expired_operation_is_404_but_the_resource_tells(arm: Any, aks: ContainerServiceClient, demo: str, wait_until: Any) -> None:
    arm.faults.add({"service": "azure", "match": "/operations/", "effect": "operation_expired", "times": -1})
    poller = await aks.agent_pools.begin_create_or_update("rg", demo, "gpu", AgentPool(GPU))
    with pytest.raises(HttpResponseError) as caught:
        await poller.result()
    assert caught.value.status_code == 404

    async def succeeded() -> bool:
        return bool((await aks.agent_pools.get("rg", demo, "gpu")).provisioning_state == "Succeeded")

    await wait_until(succeeded)


async def test_canceled_operation_has_no_error_at_all(arm: Any, demo: str) -> None:
    arm.faults.add({"service": "azure", "match": "agentPools/gpu", "effect": "lro_canceled"})
    body = await arm.until_done((await arm.put_pool("gpu"))[2])
    assert body["status"] == "Canceled"
    assert "error" not in body


async def test_abort_ends_the_running_operation_canceled_and_keeps_the_nodes(arm: Any, aks: ContainerServiceClient, demo: str) -> None:
    arm.backend.unready.add("gpu")
    poller = await aks.agent_pools.begin_create_or_update("rg", demo, "gpu", AgentPool(GPU))
    aborting = await aks.agent_pools.begin_abort_latest_operation("rg", demo, "gpu")
    assert (await aks.agent_pools.get("rg", demo, "gpu")).provisioning_state == "Canceling"
    await aborting.result()
    with pytest.raises(HttpResponseError) as caught:
        await poller.result()
    assert (poller.status(), caught.value.status_code, caught.value.error) == ("Canceled", 200, None)
    assert (await aks.agent_pools.get("rg", demo, "gpu")).provisioning_state == "Canceled"
    assert arm.backend.pools["rg--demo"]["gpu"].count == 1


async def test_abort_without_anything_running_conflicts(arm: Any, demo: str) -> None:
    assert (await arm.call("POST", arm.cluster() + "/abort"))[0] == 409
    await arm.until_done((await arm.put_pool("gpu"))[2])
    assert (await arm.call("POST", arm.pool("gpu") + "/abort"))[0] == 409


async def test_abort_of_a_cluster_answers_202_with_the_cluster_and_both_headers(arm: Any, cluster_body: Any) -> None:
    await arm.call("PUT", f"{arm.root}/resourcegroups/rg", {"location": "eastus"})
    _, _, headers = await arm.call("PUT", arm.cluster(), cluster_body)
    status, body, abort_headers = await arm.call("POST", arm.cluster() + "/abort")
    assert (status, body["properties"]["provisioningState"]) == (202, "Canceling")
    assert "Location" in abort_headers
    assert (await arm.until_done(abort_headers))["status"] == "Succeeded"
    assert (await arm.until_done(headers))["status"] == "Canceled"
    _, body, _ = await arm.call("GET", arm.cluster())
    assert body["properties"]["provisioningState"] == "Canceled"


async def test_cluster_deletion_preempts_what_runs(arm: Any, demo: str) -> None:
    _, _, headers = await arm.put_pool("gpu")
    status, _, deletion = await arm.call("DELETE", arm.cluster())
    assert status == 202
    body = await arm.until_done(headers)
    assert (body["status"], body["error"]["code"]) == ("Failed", "AKSOperationPreemptedByDelete")
    assert (await arm.until_done(deletion))["status"] == "Succeeded"
    assert (await arm.call("GET", arm.cluster()))[0] == 404
    assert (await arm.call("DELETE", arm.cluster()))[0] == 204


@pytest.mark.parametrize(
    ("properties", "fault", "code"),
    [
        ({}, {}, "AllocationFailed"),
        ({"availabilityZones": ["1"]}, {"zone": "1"}, "ZonalAllocationFailed"),
        ({"scaleSetPriority": "Spot"}, {}, "SkuNotAvailable"),
        ({}, {"size": "standard_nc4as_t4_v3", "code": "OverconstrainedAllocationRequest"}, "OverconstrainedAllocationRequest"),
    ],
)
async def test_no_capacity_fails_the_operation_and_no_node_appears(arm: Any, demo: str, properties: Any, fault: Any, code: str) -> None:
    arm.faults.add({"service": "azure", "match": "agentPools/", "effect": "no_capacity", "times": -1, **fault})
    body = await arm.until_done((await arm.put_pool("gpu", **properties))[2])
    assert (body["status"], body["error"]["code"]) == ("Failed", code)
    assert "gpu" not in arm.backend.pools["rg--demo"]


async def test_no_capacity_in_a_zone_leaves_the_other_zones_alone(arm: Any, demo: str) -> None:
    arm.faults.add({"service": "azure", "match": "", "effect": "no_capacity", "times": -1, "zone": "1"})
    assert (await arm.until_done((await arm.put_pool("gpu", availabilityZones=["2"]))[2]))["status"] == "Succeeded"


async def test_failed_pool_can_be_put_again(arm: Any, demo: str) -> None:
    arm.faults.add({"service": "azure", "match": "", "effect": "no_capacity"})
    await arm.until_done((await arm.put_pool("gpu"))[2])
    status, _, headers = await arm.put_pool("gpu")
    assert status == 200
    assert (await arm.until_done(headers))["status"] == "Succeeded"
    assert arm.backend.pools["rg--demo"]["gpu"].count == 1


async def test_nodes_that_never_become_ready_do_not_hold_the_operation_for_ever(arm: Any, demo: str) -> None:
    arm.backend.unready.add("gpu")
    assert (await arm.until_done((await arm.put_pool("gpu"))[2]))["status"] == "Succeeded"
