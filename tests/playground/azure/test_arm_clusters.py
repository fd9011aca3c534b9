"""Managed clusters: what is refused, filled in, fixed; versions; credentials; power; groups around them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml


@pytest.fixture
async def group(arm: Any) -> str:
    await arm.call("PUT", f"{arm.root}/resourcegroups/rg", {"location": "eastus"})
    return "rg"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"location": "atlantis"}, "LocationNotAvailableForResourceType"),
        ({"location": None}, "LocationRequired"),
        ({"identity": None}, "BadRequest"),
        ({"sku": {"name": "Base", "tier": "Gold"}}, "InvalidParameter"),
        ({"properties": {"dnsPrefix": "-x"}}, "InvalidParameter"),
        ({"properties": {"agentPoolProfiles": []}}, "AgentPoolProfilesRequired"),
        ({"properties": {"agentPoolProfiles": [{"name": "gpu", "mode": "User", "count": 1, "vmSize": "Standard_D2s_v5"}]}}, "BadRequest"),
        ({"properties": {"kubernetesVersion": "1.20"}}, "K8sVersionNotSupported"),
        ({"properties": {"kubernetesVersion": "1.33"}}, "K8sVersionNotSupported"),
    ],
)
async def test_refused_at_once(arm: Any, group: str, cluster_body: Any, change: Any, code: str) -> None:
    body = cluster_body | change | {"properties": cluster_body["properties"] | change.get("properties", {})}
    status, answer, _ = await arm.call("PUT", arm.cluster(), body)
    assert (status, (answer.get("error") or answer)["code"]) == (400, code)
    assert (await arm.call("GET", arm.cluster()))[0] == 404


async def test_version_alias_becomes_a_patch_and_long_term_needs_premium(arm: Any, group: str, cluster_body: Any) -> None:
    properties = cluster_body["properties"]
    _, body, _ = await arm.call("PUT", arm.cluster("a"), cluster_body | {"properties": properties | {"kubernetesVersion": "1.34"}})
    assert body["properties"]["currentKubernetesVersion"] == "1.34.6"
    assert arm.backend.versions["rg--a"] == "1.34.6"
    long_term = properties | {"kubernetesVersion": "1.33", "supportPlan": "AKSLongTermSupport"}
    status, _, _ = await arm.call("PUT", arm.cluster("b"), cluster_body | {"properties": long_term, "sku": {"name": "Base", "tier": "Premium"}})
    assert status == 201


async def test_upgrade_goes_one_minor_version_at_a_time_and_never_back(arm: Any, group: str, cluster_body: Any) -> None:
    old = cluster_body | {"properties": cluster_body["properties"] | {"kubernetesVersion": "1.34"}}
    await arm.until_done((await arm.call("PUT", arm.cluster(), old))[2])
    assert (await arm.call("PUT", arm.cluster(), {"location": "eastus", "properties": {"kubernetesVersion": "1.36"}}))[0] == 400
    status, body, headers = await arm.call("PUT", arm.cluster(), {"location": "eastus", "properties": {"kubernetesVersion": "1.35"}})
    assert (status, body["properties"]["provisioningState"]) == (200, "Upgrading")
    await arm.until_done(headers)
    assert arm.backend.versions["rg--demo"] == "1.35.3"
    assert (await arm.call("PUT", arm.cluster(), {"location": "eastus", "properties": {"kubernetesVersion": "1.34"}}))[0] == 400


async def test_pools_cannot_be_added_through_the_cluster_but_can_be_scaled(arm: Any, demo: str, cluster_body: Any) -> None:
    profiles = cluster_body["properties"]["agentPoolProfiles"]
    more = cluster_body | {"properties": cluster_body["properties"] | {"agentPoolProfiles": [*profiles, profiles[0] | {"name": "more"}]}}
    status, body, _ = await arm.call("PUT", arm.cluster(), more)
    assert (status, body["target"]) == (400, "agentPoolProfiles")
    profiles[0]["count"] = 3
    assert (await arm.call("PUT", arm.cluster(), cluster_body))[0] == 200
    assert arm.backend.pools["rg--demo"]["system"].count == 3


async def test_location_and_dns_prefix_are_fixed(arm: Any, demo: str, cluster_body: Any) -> None:
    status, body, _ = await arm.call("PUT", arm.cluster(), cluster_body | {"location": "westus2"})
    assert (status, body["code"]) == (400, "PropertyChangeNotAllowed")
    status, body, _ = await arm.call("PUT", arm.cluster(), cluster_body | {"properties": {"dnsPrefix": "other"}})
    assert (status, body["code"]) == (400, "PropertyChangeNotAllowed")


async def test_node_resource_group_comes_and_goes_with_the_cluster(arm: Any, demo: str) -> None:
    _, body, _ = await arm.call("GET", arm.cluster())
    assert body["properties"]["nodeResourceGroup"] == "MC_rg_demo_eastus"
    _, groups, _ = await arm.call("GET", f"{arm.root}/resourcegroups")
    assert {row["name"] for row in groups["value"]} == {"rg", "MC_rg_demo_eastus"}
    await arm.until_done((await arm.call("DELETE", arm.cluster()))[2])
    _, groups, _ = await arm.call("GET", f"{arm.root}/resourcegroups")
    assert [row["name"] for row in groups["value"]] == ["rg"]


async def test_tags_by_patch_are_an_operation_too(arm: Any, demo: str) -> None:
    status, body, headers = await arm.call("PATCH", arm.cluster(), {"tags": {"owner": "U0BOB"}})
    assert (status, body["tags"], body["properties"]["provisioningState"]) == (200, {"owner": "U0BOB"}, "Updating")
    assert (await arm.call("PATCH", arm.cluster(), {"tags": {}}))[0] == 409
    await arm.until_done(headers)
    assert (await arm.call("GET", arm.cluster()))[1]["tags"] == {"owner": "U0BOB"}


async def test_stopped_cluster_has_no_nodes_and_takes_no_change_but_start(arm: Any, demo: str) -> None:
    await arm.until_done((await arm.put_pool("gpu"))[2])
    status, _, headers = await arm.call("POST", arm.cluster() + "/stop")
    assert status == 202
    assert (await arm.until_done(headers))["status"] == "Succeeded"
    assert arm.backend.stopped == {"rg--demo"}
    assert (await arm.call("GET", arm.cluster()))[1]["properties"]["powerState"] == {"code": "Stopped"}
    assert (await arm.put_pool("gpu", count=2))[0] == 400
    _, usages, _ = await arm.call("GET", f"{arm.root}/providers/Microsoft.Compute/locations/eastus/usages")
    assert all(row["currentValue"] == 0 for row in usages["value"] if "irtual" not in row["name"]["value"])
    await arm.until_done((await arm.call("POST", arm.cluster() + "/start"))[2])
    assert arm.backend.stopped == set()
    assert arm.backend.pools["rg--demo"]["gpu"].count == 1


async def test_credentials_by_kind_of_cluster(arm: Any, demo: str, cluster_body: Any) -> None:
    def config(body: Any) -> Any:
        return yaml.safe_load(base64.b64decode(body["kubeconfigs"][0]["value"]))["users"][0]

    _, body, _ = await arm.call("POST", arm.cluster() + "/listClusterUserCredential")
    assert "token" in config(body)["user"]
    _, body, _ = await arm.call("POST", arm.cluster() + "/listClusterAdminCredential")
    assert config(body)["name"].startswith("clusterAdmin")
    entra = cluster_body["properties"] | {"aadProfile": {"managed": True}, "disableLocalAccounts": True}
    await arm.call("PUT", arm.cluster("entra"), cluster_body | {"properties": entra})
    _, body, _ = await arm.call("POST", arm.cluster("entra") + "/listClusterUserCredential")
    assert config(body)["user"]["exec"]["command"] == "kubelogin"
    status, body, _ = await arm.call("POST", arm.cluster("entra") + "/listClusterAdminCredential")
    assert (status, body["code"]) == (400, "BadRequest")
    assert "Getting static credential is not allowed" in body["message"]


async def test_group_deletion_takes_the_clusters_and_refuses_new_ones_meanwhile(arm: Any, demo: str, cluster_body: Any, wait_until: Any) -> None:
    status, _, headers = await arm.call("DELETE", f"{arm.root}/resourcegroups/RG")
    assert status == 202
    assert "Azure-AsyncOperation" not in headers
    assert "Retry-After" not in headers
    status, body, _ = await arm.call("PUT", arm.cluster("late"), cluster_body)
    assert (status, body["error"]["code"]) == (409, "ResourceGroupBeingDeleted")
    assert (await arm.call("GET", arm.cluster()))[1]["properties"]["provisioningState"] == "Deleting"

    async def finished() -> bool:
        return bool((await arm.call("GET", headers["Location"]))[0] == 200)

    await wait_until(finished)
    assert arm.backend.versions == {}
    assert (await arm.call("GET", f"{arm.root}/resourcegroups"))[1]["value"] == []


async def test_group_location_is_fixed_and_tags_filter_the_list(arm: Any, group: str) -> None:
    status, body, _ = await arm.call("PUT", f"{arm.root}/resourcegroups/rg", {"location": "westus2"})
    assert (status, body["error"]["code"]) == (409, "InvalidResourceGroupLocation")
    assert (await arm.call("PUT", f"{arm.root}/resourcegroups/rg", {"location": "East US", "tags": {"bot": "yes"}}))[0] == 200
    await arm.call("PUT", f"{arm.root}/resourcegroups/other", {"location": "eastus"})
    _, body, _ = await arm.call("GET", f"{arm.root}/resourcegroups?$filter=tagName eq 'bot' and tagValue eq 'yes'")
    assert [row["name"] for row in body["value"]] == ["rg"]


async def test_lists_come_in_pages(arm: Any, demo: str) -> None:
    for number in range(4):
        await arm.call("PUT", f"{arm.root}/resourcegroups/g{number}", {"location": "eastus"})
    arm.subscription.page_size = 2
    names, url = [], f"{arm.root}/resourcegroups"
    while url:
        _, body, _ = await arm.call("GET", url)
        names += [row["name"] for row in body["value"]]
        url = body.get("nextLink")
        assert url is None or url.startswith(arm.url)
    assert len(names) == len(set(names)) == 6


async def test_cluster_creation_without_capacity_fails_and_can_be_put_again(arm: Any, group: str, cluster_body: Any) -> None:
    arm.faults.add({"service": "azure", "match": "managedClusters/demo", "effect": "lro_failed", "code": "AksCapacityHeavyUsage"})
    body = await arm.until_done((await arm.call("PUT", arm.cluster(), cluster_body))[2])
    assert (body["status"], body["error"]["code"]) == ("Failed", "AksCapacityHeavyUsage")
    assert (await arm.call("GET", arm.cluster()))[1]["properties"]["provisioningState"] == "Failed"
    status, _, headers = await arm.call("PUT", arm.cluster(), cluster_body)
    assert status == 200
    assert (await arm.until_done(headers))["status"] == "Succeeded"
