"""What AKS refuses in a node pool, what it fills in, and what it never lets change."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("quick")

A100 = "Standard_NC24ads_A100_v4"


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"vmSize": "Standard_NC6"}, "BadRequest"),
        ({"vmSize": "Standard_NC6s_v3"}, "BadRequest"),
        ({"vmSize": "Standard_Nonsense"}, "BadRequest"),
        ({"vmSize": "Standard_ND96isr_MI300X_v5"}, "BadRequest"),
        ({"vmSize": "Standard_ND96isr_H200_v5"}, "VMSizeNotSupported"),
        ({"vmSize": "Standard_NC64as_T4_v3", "availabilityZones": ["2"]}, "AvailabilityZoneNotSupported"),
        ({"availabilityZones": ["4"]}, "AvailabilityZoneNotSupported"),
        ({"count": -1}, "InvalidParameter"),
        ({"count": 1001}, "InvalidParameter"),
        ({"mode": "System", "count": 0}, "InvalidParameter"),
        ({"mode": "Worker"}, "InvalidParameter"),
        ({"enableAutoScaling": True}, "InvalidParameter"),
        ({"enableAutoScaling": True, "minCount": 3, "maxCount": 1}, "InvalidParameter"),
        ({"minCount": 1, "maxCount": 3}, "InvalidParameter"),
        ({"nodeTaints": ["sku=gpu"]}, "InvalidParameter"),
        ({"nodeTaints": ["sku=gpu:Never"]}, "InvalidParameter"),
        ({"nodeLabels": {"a b": "c"}}, "InvalidParameter"),
        ({"nodeLabels": {"kubernetes.azure.com/mode": "user"}}, "InvalidParameter"),
        ({"scaleSetPriority": "Spot", "mode": "System"}, "InvalidParameter"),
        ({"scaleSetPriority": "Spot", "spotMaxPrice": 0}, "InvalidParameter"),
        ({"scaleSetPriority": "Spot", "vmSize": "Standard_B2s"}, "InvalidParameter"),
        ({"gpuInstanceProfile": "MIG1g"}, "InvalidParameter"),
        ({"gpuInstanceProfile": "MIG5g", "vmSize": A100}, "InvalidParameter"),
        ({"gpuProfile": {"driver": "Maybe"}}, "InvalidParameter"),
        ({"gpuProfile": {"driver": "None"}, "vmSize": "Standard_D2s_v5"}, "InvalidParameter"),
        ({"gpuProfile": {"nvidia": {"managementMode": "Managed"}}}, "BadRequest"),
        ({"orchestratorVersion": "1.36"}, "NodePoolMcVersionIncompatible"),
        ({"orchestratorVersion": "1.20"}, "AgentPoolK8sVersionNotSupported"),
    ],
)
async def test_refused_at_once_in_the_flat_shape(arm: Any, demo: str, properties: Any, code: str) -> None:
    status, body, _ = await arm.put_pool("gpu", **properties)
    assert (status, body["code"]) == (400, code), body
    assert (await arm.call("GET", arm.pool("gpu")))[0] == 404


async def test_retired_gpu_image_header_is_refused(arm: Any, demo: str) -> None:
    status, _, _ = await arm.call("PUT", arm.pool("gpu"), {"properties": {"vmSize": A100}}, UseGPUDedicatedVHD="true")
    assert status == 400


async def test_tags_beyond_fifty_or_with_reserved_characters_are_refused(arm: Any, demo: str) -> None:
    assert (await arm.put_pool("gpu", tags={f"t{n}": "" for n in range(51)}))[0] == 400
    assert (await arm.put_pool("gpu", tags={"a/b": "c"}))[0] == 400
    assert (await arm.put_pool("gpu", tags={"a": "x" * 257}))[0] == 400


async def test_defaults_are_filled_in_and_the_gpu_profile_can_be_read_back(arm: Any, demo: str) -> None:
    _, body, _ = await arm.put_pool("gpu")
    shown = body["properties"]
    assert shown["gpuProfile"] == {"driver": "Install", "nvidia": {"managementMode": "Unmanaged"}}
    assert (shown["osSKU"], shown["type"], shown["scaleDownMode"]) == ("Ubuntu", "VirtualMachineScaleSets", "Delete")
    assert shown["powerState"] == {"code": "Running"}
    assert shown["orchestratorVersion"] == shown["currentOrchestratorVersion"] == "1.35.3"
    assert arm.backend.pools["rg--demo"]["gpu"].driver == "Install"


async def test_spot_pool_gets_its_label_and_taint(arm: Any, demo: str) -> None:
    await arm.put_pool("spot", scaleSetPriority="Spot", nodeTaints=["sku=gpu:NoSchedule"])
    pool = arm.backend.pools["rg--demo"]["spot"]
    assert pool.spot
    assert pool.labels == {"kubernetes.azure.com/scalesetpriority": "spot"}
    assert pool.taints == ["kubernetes.azure.com/scalesetpriority=spot:NoSchedule", "sku=gpu:NoSchedule"]


async def test_mig_and_driver_none_reach_the_nodes(arm: Any, demo: str) -> None:
    await arm.put_pool("mig", vmSize=A100, gpuInstanceProfile="MIG1g", gpuProfile={"driver": "None"})
    pool = arm.backend.pools["rg--demo"]["mig"]
    assert (pool.mig_profile, pool.driver, pool.gpu_model) == ("MIG1g", "None", "A100-80GB")


@pytest.mark.parametrize(
    "change",
    [
        {"vmSize": "Standard_NC8as_T4_v3"},
        {"gpuProfile": {"driver": "None"}},
        {"gpuProfile": {"nvidia": {"managementMode": "Managed"}}},
        {"scaleSetPriority": "Spot"},
        {"availabilityZones": ["3"]},
        {"osDiskSizeGB": 512},
        {"osType": "Windows"},
    ],
)
async def test_fixed_at_creation(arm: Any, demo: str, change: Any) -> None:
    await arm.until_done((await arm.put_pool("gpu", availabilityZones=["1"]))[2])
    arm.subscription.providers["microsoft.containerservice"].propagated.add("ManagedGPUExperiencePreview")
    status, body, _ = await arm.put_pool("gpu", **change)
    assert (status, body["code"]) == (400, "PropertyChangeNotAllowed")


async def test_mig_profile_cannot_be_added_later(arm: Any, demo: str) -> None:
    await arm.until_done((await arm.put_pool("gpu", vmSize=A100))[2])
    status, body, _ = await arm.put_pool("gpu", vmSize=A100, gpuInstanceProfile="MIG1g")
    assert (status, body["code"]) == (400, "PropertyChangeNotAllowed")


async def test_what_was_read_can_be_put_back_unchanged(arm: Any, demo: str) -> None:
    await arm.until_done((await arm.put_pool("spot", scaleSetPriority="Spot", nodeTaints=["a=b:NoSchedule"], nodeLabels={"x": "y"}))[2])
    _, before, _ = await arm.call("GET", arm.pool("spot"))
    status, _, headers = await arm.call("PUT", arm.pool("spot"), before)
    assert status == 200
    await arm.until_done(headers)
    _, after, _ = await arm.call("GET", arm.pool("spot"))
    assert {**after["properties"], "eTag": ""} == {**before["properties"], "eTag": ""}


async def test_labels_and_taints_can_be_emptied(arm: Any, demo: str) -> None:
    await arm.until_done((await arm.put_pool("gpu", nodeTaints=["a=b:NoSchedule"], nodeLabels={"x": "y"}))[2])
    await arm.until_done((await arm.put_pool("gpu", nodeTaints=[], nodeLabels={}))[2])
    assert arm.backend.pools["rg--demo"]["gpu"].taints == []
    assert arm.backend.pools["rg--demo"]["gpu"].labels == {}


async def test_autoscaler_bounds_the_count_and_can_be_switched_off(arm: Any, demo: str) -> None:
    _, body, headers = await arm.put_pool("gpu", enableAutoScaling=True, minCount=0, maxCount=3, count=9)
    assert body["properties"]["count"] == 3
    assert arm.backend.pools["rg--demo"]["gpu"].max_count == 3
    await arm.until_done(headers)
    _, body, _ = await arm.put_pool("gpu", enableAutoScaling=False, count=1)
    assert "minCount" not in body["properties"]


async def test_last_system_pool_stays(arm: Any, demo: str) -> None:
    status, body, _ = await arm.call("DELETE", arm.pool("system"))
    assert (status, body["code"], body["message"]) == (400, "OperationNotAllowed", "There has to be at least one system agent pool.")
    assert (await arm.call("DELETE", arm.pool("none")))[0] == 204


async def test_etags_guard_changes(arm: Any, demo: str) -> None:
    _, body, headers = await arm.put_pool("gpu")
    await arm.until_done(headers)
    _, body, headers = await arm.call("GET", arm.pool("gpu"))
    etag = body["properties"]["eTag"]
    assert headers["ETag"] == f'"{etag}"'
    wanted = {"properties": {"count": 2}}
    assert (await arm.call("PUT", arm.pool("gpu"), wanted, If_None_Match="*"))[0] == 412
    assert (await arm.call("PUT", arm.pool("gpu"), wanted, If_Match='"stale"'))[0] == 412
    assert (await arm.call("PUT", arm.pool("new"), wanted, If_Match=f'"{etag}"'))[0] == 412
    assert (await arm.call("PUT", arm.pool("gpu"), wanted, If_Match=f'"{etag}"'))[0] == 200


async def test_stop_takes_the_nodes_and_start_brings_them_back(arm: Any, demo: str) -> None:
    await arm.until_done((await arm.put_pool("gpu", count=2))[2])
    status, body, headers = await arm.put_pool("gpu", count=2, powerState={"code": "Stopped"})
    assert (status, body["properties"]["provisioningState"]) == (200, "Stopping")
    assert arm.backend.pools["rg--demo"]["gpu"].count == 0
    await arm.until_done(headers)
    _, body, _ = await arm.call("GET", arm.pool("gpu"))
    assert (body["properties"]["powerState"]["code"], body["properties"]["count"]) == ("Stopped", 2)
    assert (await arm.put_pool("gpu", count=3))[0] == 400
    await arm.until_done((await arm.put_pool("gpu", count=2, powerState={"code": "Running"}))[2])
    assert arm.backend.pools["rg--demo"]["gpu"].count == 2
    status, _, _ = await arm.call("PUT", arm.pool("system"), {"properties": {"mode": "System", "powerState": {"code": "Stopped"}}})
    assert status == 400
