"""SKUs, usages, features and versions through the real clients that read them."""

from __future__ import annotations

from typing import Any

from azure.mgmt.compute.aio import ComputeManagementClient
from azure.mgmt.resource.features.aio import FeatureClient


async def skus(arm: Any, credential: Any, region: str) -> dict[str, Any]:
    async with ComputeManagementClient(credential, arm.subscription.id, base_url=arm.url, **arm.options) as compute:
        return {str(sku.name): sku async for sku in compute.resource_skus.list(filter=f"location eq '{region}'")}


def capabilities(sku: Any) -> dict[str, str]:
    return {row.name: row.value for row in sku.capabilities}


async def test_skus_tell_gpus_as_the_real_api_does_traps_included(arm: Any, credential: Any) -> None:
    east, west = await skus(arm, credential, "eastus"), await skus(arm, credential, "westus3")
    assert "Standard_NC6" not in east
    assert "Standard_NC6s_v3" not in east
    assert capabilities(east["Standard_NC64as_T4_v3"])["GPUs"] == "4"
    assert capabilities(east["Standard_NP10s"])["GPUs"] == "1"
    assert "GPUs" not in capabilities(west["Standard_ND128isr_GB300_v6"])
    assert capabilities(east["Standard_NV6ads_A10_v5"])["GPUs"] == "1"
    assert capabilities(east["Standard_NC24ads_A100_v4"])["HyperVGenerations"] == "V2"
    assert east["Standard_NC4as_T4_v3"].family == "Standard NCASv3_T4 Family"


async def test_restrictions_by_location_and_by_zone(arm: Any, credential: Any) -> None:
    east = await skus(arm, credential, "eastus")
    closed = east["Standard_ND96isr_H200_v5"].restrictions[0]
    assert (closed.type, closed.reason_code, closed.values_property) == ("Location", "NotAvailableForSubscription", ["eastus"])
    zone = east["Standard_NC64as_T4_v3"].restrictions[0]
    assert (zone.type, zone.restriction_info.zones) == ("Zone", ["2"])
    assert east["Standard_NC4as_T4_v3"].restrictions == []
    assert (await skus(arm, credential, "westeurope"))["Standard_NC16as_T4_v3"].restrictions[0].reason_code == "QuotaId"


async def test_sku_list_without_filter_has_all_regions_and_a_wrong_filter_is_refused(arm: Any) -> None:
    _, body, _ = await arm.call("GET", f"{arm.root}/providers/Microsoft.Compute/skus")
    assert len({row["locations"][0] for row in body["value"]}) == 7
    assert (await arm.call("GET", f"{arm.root}/providers/Microsoft.Compute/skus?$filter=name eq 'x'"))[0] == 400


async def test_usages_by_the_real_client(arm: Any, demo: str, credential: Any) -> None:
    async with ComputeManagementClient(credential, arm.subscription.id, base_url=arm.url, **arm.options) as compute:
        rows = {str(row.name.value): row async for row in compute.usage.list("eastus") if row.name}
    assert (rows["cores"].current_value, rows["cores"].limit) == (2, 350)
    assert rows["lowPriorityCores"].name is not None
    assert rows["lowPriorityCores"].name.localized_value == "Total Regional Spot vCPUs"
    assert rows["StandardNCadsH100v5Family"].limit == 0


async def test_feature_counts_only_after_the_provider_was_registered_again(arm: Any, demo: str, credential: Any, wait_until: Any) -> None:
    managed = {"gpuProfile": {"nvidia": {"managementMode": "Managed"}}}
    async with FeatureClient(credential, arm.subscription.id, base_url=arm.url, **arm.options) as client:
        feature = await client.features.register("Microsoft.ContainerService", "ManagedGPUExperiencePreview")
        assert feature.name == "Microsoft.ContainerService/ManagedGPUExperiencePreview"
        assert feature.properties is not None
        assert feature.properties.state == "Registering"

        async def registered() -> bool:
            found = await client.features.get("Microsoft.ContainerService", "managedgpuexperiencepreview")
            return found.properties is not None and found.properties.state == "Registered"

        await wait_until(registered)
    status, body, _ = await arm.put_pool("gpu", **managed)
    assert (status, body["code"]) == (400, "BadRequest")
    assert "ManagedGPUExperiencePreview not registered" in body["message"]
    await arm.call("POST", f"{arm.root}/providers/Microsoft.ContainerService/register")
    assert (await arm.put_pool("auto", enableAutoScaling=True, minCount=0, maxCount=1, **managed))[0] == 400
    status, body, _ = await arm.put_pool("gpu", gpuProfile={"driver": "None", "nvidia": {"managementMode": "Managed"}})
    assert (status, body["properties"]["gpuProfile"]["driver"]) == (201, "Install")
    assert arm.backend.pools["rg--demo"]["gpu"].managed


async def test_unknown_features_and_providers_are_not_found(arm: Any) -> None:
    root = f"{arm.root}/providers/Microsoft.Features/providers"
    assert (await arm.call("GET", f"{root}/Microsoft.ContainerService/features/Nope"))[1]["error"]["code"] == "FeatureNotFound"
    assert (await arm.call("GET", f"{arm.root}/providers/Microsoft.Nope"))[1]["error"]["code"] == "InvalidResourceNamespace"


async def test_kubernetes_versions_mark_default_preview_and_long_term(arm: Any, aks: Any) -> None:
    found = {row.version: row for row in (await aks.managed_clusters.list_kubernetes_versions("eastus")).values_property}
    assert found["1.35"].is_default
    assert found["1.37"].is_preview
    assert found["1.33"].capabilities.support_plan == ["AKSLongTermSupport"]
    assert found["1.34"].patch_versions["1.34.4"].upgrades == ["1.34.6", "1.35.1", "1.35.3"]
