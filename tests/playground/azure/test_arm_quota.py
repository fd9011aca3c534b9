"""Quotas: three kinds apply together, and AKS and Compute say no in different words."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("quick")


async def used(arm: Any, name: str, region: str = "eastus") -> tuple[int, int]:
    _, body, _ = await arm.call("GET", f"{arm.root}/providers/Microsoft.Compute/locations/{region}/usages")
    return next((row["currentValue"], row["limit"]) for row in body["value"] if row["name"]["value"] == name)


async def test_usage_follows_pools_and_is_freed_by_stop_and_delete(arm: Any, demo: str) -> None:
    await arm.until_done((await arm.put_pool("gpu", count=2))[2])
    assert await used(arm, "Standard NCASv3_T4 Family") == (8, 64)
    assert await used(arm, "cores") == (10, 350)
    await arm.until_done((await arm.put_pool("gpu", count=2, powerState={"code": "Stopped"}))[2])
    assert await used(arm, "Standard NCASv3_T4 Family") == (0, 64)
    await arm.until_done((await arm.put_pool("gpu", count=2, powerState={"code": "Running"}))[2])
    await arm.until_done((await arm.call("DELETE", arm.pool("gpu")))[2])
    assert await used(arm, "Standard NCASv3_T4 Family") == (0, 64)


async def test_new_pool_over_its_family_is_refused_by_the_preflight(arm: Any, demo: str) -> None:
    status, body, _ = await arm.put_pool("gpu", vmSize="Standard_NC40ads_H100_v5")
    assert (status, body["code"]) == (400, "ErrCode_InsufficientVCPUQuota")
    assert "requested 40, remaining 0 for family StandardNCadsH100v5Family for region eastus" in body["message"]


async def test_scaling_over_the_family_is_operation_not_allowed(arm: Any, demo: str) -> None:
    await arm.until_done((await arm.put_pool("gpu", count=16))[2])
    status, body, _ = await arm.put_pool("gpu", count=17)
    assert (status, body["code"]) == (409, "OperationNotAllowed")
    assert "exceeding approved Standard NCASv3_T4 Family Cores quota" in body["message"]
    assert "Current Limit: 64, Current Usage: 64, Additional Required: 4" in body["message"]


async def test_region_and_spot_have_their_own_quota(arm: Any, demo: str) -> None:
    arm.subscription.quota_overrides["eastus", "cores"] = 4
    _, body, _ = await arm.put_pool("gpu")
    assert "exceeding approved Total Regional Cores quota" in body["message"]
    status, _, headers = await arm.put_pool("spot", scaleSetPriority="Spot", count=24)
    assert status == 201
    await arm.until_done(headers)
    assert await used(arm, "lowPriorityCores") == (96, 96)
    assert await used(arm, "Standard NCASv3_T4 Family") == (0, 64)
    _, body, _ = await arm.put_pool("spot2", scaleSetPriority="Spot")
    assert "exceeding approved LowPriorityCores quota" in body["message"]


async def test_quota_may_be_gone_between_preflight_and_put(arm: Any, demo: str) -> None:
    arm.faults.add({"service": "azure", "match": "PUT .*agentPools/gpu", "effect": "quota_gone"})
    status, body, _ = await arm.put_pool("gpu")
    assert (status, body["code"]) == (409, "OperationNotAllowed")
    arm.faults.add({"service": "azure", "match": "PUT .*agentPools/gpu", "effect": "quota_gone", "form": "lro"})
    status, _, headers = await arm.put_pool("gpu")
    body = await arm.until_done(headers)
    assert (status, body["error"]["code"]) == (201, "QuotaExceeded")
    assert body["error"]["details"][0]["code"] == "OperationNotAllowed"
