"""The way of a GPU pool from nothing to gone, with the real asynchronous clients."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.containerservice.aio import ContainerServiceClient
from azure.mgmt.containerservice.models import AgentPool
from azure.mgmt.resource.resources.aio import ResourceManagementClient

GPU: Any = {
    "properties": {"count": 2, "vmSize": "Standard_NC4as_T4_v3", "mode": "User", "nodeTaints": ["sku=gpu:NoSchedule"], "tags": {"owner": "U0ALICE"}}
}


async def test_group_cluster_pool_credentials_and_back(
    arm: Any, resources: ResourceManagementClient, aks: ContainerServiceClient, cluster_body: Any
) -> None:
    group = await resources.resource_groups.create_or_update("rg", {"location": "eastus", "tags": {"a": "b"}})
    assert group.properties is not None
    assert group.properties.provisioning_state == "Succeeded"
    assert await resources.resource_groups.check_existence("RG")

    poller = await aks.managed_clusters.begin_create_or_update("rg", "demo", cluster_body)
    assert (await aks.managed_clusters.get("rg", "demo")).provisioning_state == "Creating"
    cluster = await poller.result()
    assert cluster.provisioning_state == "Succeeded"
    assert "rg--demo" in arm.backend.versions

    pool = await (await aks.agent_pools.begin_create_or_update("rg", "demo", "gpu", AgentPool(GPU))).result()
    assert (pool.provisioning_state, pool.count, pool.tags) == ("Succeeded", 2, {"owner": "U0ALICE"})
    assert arm.backend.pools["rg--demo"]["gpu"].gpu_count == 1
    assert arm.backend.pools["rg--demo"]["gpu"].taints == ["sku=gpu:NoSchedule"]

    credentials = await aks.managed_clusters.list_cluster_user_credentials("rg", "demo")
    assert credentials.kubeconfigs is not None
    assert yaml.safe_load(bytes(credentials.kubeconfigs[0].value or b""))["kind"] == "Config"

    scaled = await (await aks.agent_pools.begin_create_or_update("rg", "demo", "gpu", AgentPool({"properties": {"count": 3}}))).result()
    assert (scaled.count, scaled.vm_size) == (3, "Standard_NC4as_T4_v3")

    await (await aks.agent_pools.begin_delete("rg", "demo", "gpu")).result()
    with pytest.raises(ResourceNotFoundError):
        await aks.agent_pools.get("rg", "demo", "gpu")
    await (await aks.managed_clusters.begin_delete("rg", "demo")).result()
    assert [cluster async for cluster in aks.managed_clusters.list()] == []
    assert arm.backend.versions == {}
    await (await resources.resource_groups.begin_delete("rg")).result()
    assert not await resources.resource_groups.check_existence("rg")


async def test_second_change_while_one_runs_is_operation_not_allowed(aks: ContainerServiceClient, demo: str) -> None:
    poller = await aks.agent_pools.begin_create_or_update("rg", demo, "gpu", GPU)
    with pytest.raises(ResourceExistsError) as caught:
        await aks.agent_pools.begin_create_or_update("rg", demo, "gpu", AgentPool({"properties": {"count": 3}}))
    assert caught.value.error is not None
    assert caught.value.error.code == "OperationNotAllowed"
    assert "(gpu - Creating) is in progress" in str(caught.value.error.message)
    await poller.result()


async def test_other_pool_may_change_meanwhile_but_the_cluster_may_not(arm: Any, aks: ContainerServiceClient, demo: str) -> None:
    first = await aks.agent_pools.begin_create_or_update("rg", demo, "gpu", GPU)
    second = await aks.agent_pools.begin_create_or_update("rg", demo, "gpu2", GPU)
    with pytest.raises(ResourceExistsError):
        await aks.managed_clusters.begin_stop("rg", demo)
    await first.result()
    await second.result()


async def test_failed_operation_has_http_200_and_the_code_in_its_body(arm: Any, aks: ContainerServiceClient, demo: str) -> None:
    arm.faults.add({"service": "azure", "match": "PUT .*agentPools/gpu", "effect": "lro_failed", "code": "VMExtensionError_K8SAPIServerConnFail"})
    poller = await aks.agent_pools.begin_create_or_update("rg", demo, "gpu", GPU)
    with pytest.raises(HttpResponseError) as caught:
        await poller.result()
    assert caught.value.status_code == 200
    assert caught.value.error is not None
    assert caught.value.error.code == "VMExtensionError_K8SAPIServerConnFail"
    pool = await aks.agent_pools.get("rg", demo, "gpu")
    assert pool.provisioning_state == "Failed"
    assert pool.status is not None
    assert pool.status.provisioning_error is not None
