"""What is sent: everything that is fixed at creation stands in the request, and what Azure would refuse never leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.azure import clusters, preflight
from bot.azure.clusters import ClusterSpec
from bot.azure.creation import checked_headers
from bot.azure.poolspec import PoolSpec, body
from bot.errors import Refused

TAGS = {"quartermaster-operation": "op1"}
T4 = PoolSpec("rg", "demo", "gpu", "Standard_NC4as_T4_v3", nodes=1)
A100 = replace(T4, size="standard_nc24ads_a100_v4")


def properties(spec: PoolSpec) -> dict[str, Any]:
    sent: dict[str, Any] = body(spec, TAGS)["properties"]
    return sent


@pytest.mark.parametrize(
    ("driver", "profile"),
    [
        ("managed", {"driver": "Install", "nvidia": {"managementMode": "Managed"}}),
        ("driver-only", {"driver": "Install", "nvidia": {"managementMode": "Unmanaged"}}),
        ("none", {"driver": "None", "nvidia": {"managementMode": "Unmanaged"}}),
    ],
)
def test_the_gpu_profile_is_always_explicit(driver: Any, profile: dict[str, Any]) -> None:
    assert properties(replace(T4, driver=driver))["gpuProfile"] == profile


def test_a_gpu_pool_is_a_tainted_user_pool_with_its_tags() -> None:
    sent = properties(T4)
    assert (sent["mode"], sent["count"], sent["enableAutoScaling"], sent["nodeTaints"]) == ("User", 1, False, ["sku=gpu:NoSchedule"])
    assert sent["tags"] == {**TAGS, "quartermaster-gpu-profile": "driver-only"}
    assert sent["vmSize"] == "Standard_NC4as_T4_v3"


def test_a_cpu_pool_has_neither_gpu_profile_nor_taint() -> None:
    sent = properties(replace(T4, size="Standard_D4s_v5"))
    assert "gpuProfile" not in sent
    assert sent["nodeTaints"] == []


def test_spot_autoscaler_zones_and_mig() -> None:
    scaled = replace(A100, nodes=None, min_nodes=0, max_nodes=3, labels={"team": "a"})
    sent = properties(replace(scaled, spot=True, spot_max_price=1.5, zones=["1", "2"], mig="mig1g"))
    assert (sent["scaleSetPriority"], sent["scaleSetEvictionPolicy"], sent["spotMaxPrice"]) == ("Spot", "Delete", 1.5)
    assert (sent["enableAutoScaling"], sent["count"], sent["minCount"], sent["maxCount"]) == (True, 0, 0, 3)
    assert (sent["availabilityZones"], sent["gpuInstanceProfile"], sent["vmSize"]) == (["1", "2"], "MIG1g", "Standard_NC24ads_A100_v4")
    assert sent["nodeLabels"] == {"team": "a"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": ".."}, "name.invalid"),
        ({"name": "Gpu"}, "name.invalid"),
        ({"name": "thirteenchars"}, "name.invalid"),
        ({"cluster": "a/b"}, "name.invalid"),
        ({"group": "rg."}, "name.invalid"),
        ({"size": "Standard_NC4as_T4_v3/.."}, "name.invalid"),
        ({"zones": ["4"]}, "name.invalid"),
        ({"nodes": -1}, "azure.node_count"),
        ({"nodes": 1001}, "azure.node_count"),
        ({"nodes": None}, "azure.node_count"),
        ({"nodes": 0, "mode": "System"}, "azure.node_count"),
        ({"min_nodes": 2, "max_nodes": 1}, "azure.bounds"),
        ({"min_nodes": 2}, "azure.bounds"),
        ({"min_nodes": 0, "max_nodes": 0}, "azure.bounds"),
        ({"driver": "managed", "min_nodes": 0, "max_nodes": 2}, "azure.managed_autoscaler"),
        ({"mig": "MIG1g"}, "azure.mig_unsupported"),
        ({"mig": "MIG9g", "size": "Standard_NC24ads_A100_v4"}, "azure.mig_profile"),
        ({"size": "Standard_ND96isr_MI300X_v5"}, "azure.driver_amd"),
        ({"spot": True, "spot_max_price": 0.123456}, "azure.spot_price"),
        ({"spot": True, "spot_max_price": 0.0}, "azure.spot_price"),
        ({"spot": True, "spot_max_price": float("nan")}, "azure.spot_price"),
        ({"taints": ["gpu"]}, "azure.taint"),
        ({"labels": {"kubernetes.azure.com/mode": "x"}}, "azure.label"),
        ({"labels": {"a b": "x"}}, "azure.label"),
        ({"os_sku": "Flatcar"}, "azure.os_sku"),
        ({"headers": {"UseGPUDedicatedVHD": "true"}}, "azure.header"),
        ({"headers": {"usegen2vm": "true"}}, "azure.header"),
        ({"headers": {"Authorization": "Bearer x"}}, "azure.header"),
        ({"headers": {"x-ms-anything": "x"}}, "azure.header"),
        ({"headers": {"A": "b\r\nHost: evil"}}, "azure.header"),
    ],
)
def test_what_azure_would_refuse_or_misread_never_leaves(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        body(replace(T4, **changes), TAGS)
    assert caught.value.code == code
    assert [finding.code for finding in preflight.pool(replace(T4, **changes))] == [code]


def test_a_feature_header_passes() -> None:
    assert checked_headers({"AKSHTTPCustomFeatures": "Microsoft.ContainerService/X"}) == {"AKSHTTPCustomFeatures": "Microsoft.ContainerService/X"}


def test_a_cluster_has_a_system_pool_tags_and_no_secret() -> None:
    sent = clusters.body(ClusterSpec("rg", "My_Cluster", "eastus", kubernetes_version="1.35", entra=True, disable_local_accounts=True), TAGS)
    assert sent["location"] == "eastus"
    assert sent["tags"] == TAGS
    assert sent["properties"]["dnsPrefix"] == "My-Cluster"
    assert sent["properties"]["agentPoolProfiles"][0]["mode"] == "System"
    assert sent["properties"]["kubernetesVersion"] == "1.35"
    assert sent["properties"]["aadProfile"] == {"managed": True, "enableAzureRBAC": True}
    assert sent["properties"]["disableLocalAccounts"] is True


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"disable_local_accounts": True}, "azure.local_accounts"),
        ({"system_nodes": 0}, "azure.node_count"),
        ({"name": ".."}, "name.invalid"),
        ({"name": "ends-"}, "name.invalid"),
        ({"region": "east us"}, "name.invalid"),
        ({"kubernetes_version": "latest"}, "name.invalid"),
    ],
)
def test_clusters_that_azure_would_refuse_never_leave(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        clusters.body(replace(ClusterSpec("rg", "demo", "eastus"), **changes), TAGS)
    assert caught.value.code == code


@pytest.mark.parametrize(("name", "prefix"), [("demo", "demo"), ("a_b", "a-b"), ("x" * 63, "x" * 54), ("-", "cluster")])
def test_dns_prefixes_are_such_as_aks_takes(name: str, prefix: str) -> None:
    assert clusters.dns_prefix(name) == prefix
