"""Unsafe names: what the real service does with them must happen here too."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.containerservice import ContainerServiceClient as SyncClient
from azure.mgmt.containerservice.aio import ContainerServiceClient


async def test_deleting_a_pool_named_dot_dot_deletes_the_cluster(arm: Any, aks: ContainerServiceClient, demo: str) -> None:
    poller = await aks.agent_pools.begin_delete("rg", demo, "..")
    assert (await aks.managed_clusters.get("rg", demo)).provisioning_state == "Deleting"
    await poller.result()
    assert arm.backend.versions == {}


async def test_deleting_a_pool_without_a_name_is_refused(aks: ContainerServiceClient, demo: str) -> None:
    with pytest.raises(HttpResponseError) as caught:
        await aks.agent_pools.begin_delete("rg", demo, "")
    assert caught.value.status_code == 405


@pytest.mark.parametrize("name", ["GPU", "gpu-1", "1gpu", "thirteenchars", "gpu_1", "gp u", "gpü"])
async def test_pool_names_that_aks_rejects(arm: Any, demo: str, name: str) -> None:
    status, body, _ = await arm.put_pool(name)
    assert (status, body["code"], body["target"]) == (400, "InvalidParameter", "agentPoolProfile.name")


@pytest.mark.parametrize("name", ["-demo", "demo-", "de.mo", "x" * 64])
async def test_cluster_names_that_aks_rejects(arm: Any, cluster_body: Any, name: str) -> None:
    await arm.call("PUT", f"{arm.root}/resourcegroups/rg", {"location": "eastus"})
    status, body, _ = await arm.call("PUT", arm.cluster(name), cluster_body)
    assert (status, body["code"]) == (400, "InvalidParameter")


@pytest.mark.parametrize("name", ["rg.", "r%20g", "r!g", "x" * 91])
async def test_group_names_that_azure_rejects(arm: Any, name: str) -> None:
    status, body, _ = await arm.call("PUT", f"{arm.root}/resourcegroups/{name}", {"location": "eastus"})
    assert (status, body["error"]["code"]) == (400, "InvalidResourceGroupName")


async def test_sync_client_can_be_used_as_well(arm: Any, demo: str) -> None:
    import asyncio

    from azure.core.credentials import AccessToken

    from playground.azure import identity

    class Credential:
        def get_token(self, *scopes: str, **_: Any) -> AccessToken:
            return AccessToken(*identity.issue(scopes[0]))

    def use() -> list[str]:
        with SyncClient(Credential(), arm.subscription.id, base_url=arm.url, **arm.options) as client:
            client.agent_pools.begin_create_or_update("rg", "demo", "gpu", {"properties": {"count": 1, "vmSize": "Standard_NC4as_T4_v3"}}).result()
            return [str(pool.name) for pool in client.agent_pools.list("rg", "demo")]

    assert await asyncio.to_thread(use) == ["system", "gpu"]
