"""Faults of the local Resource Manager have the effect that is said of them: refusals, throttling, operations that fail, end or are forgotten."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.judge.clients import CLUSTERS, DEMO, GPU_POOL, Arm, with_cluster
from tests.judge.probes import probe_of
from tests.playing import Playing, wait_until

A100 = {"properties": {"vmSize": "Standard_NC24ads_A100_v4", "count": 1, "mode": "User"}}
CODES = (  # AKS and Compute: how an operation ends Failed
    "OperationNotAllowed", "QuotaExceeded", "SkuNotAvailable", "AllocationFailed", "ZonalAllocationFailed", "OverconstrainedAllocationRequest",
    "OverconstrainedZonalAllocationRequest", "AksCapacityHeavyUsage", "AKSOperationPreempted", "AKSOperationPreemptedByDelete",
    "RequestDisallowedByPolicy", "LinkedAuthorizationFailed", "UnsatisfiablePDB", "VMExtensionError_OutBoundConnFail",
)  # fmt: skip
SYNC = (
    (409, "OperationNotAllowed"), (400, "ErrCode_InsufficientVCPUQuota"), (400, "VMSizeNotSupported"), (409, "EtagMismatch"),
    (412, "PreconditionFailed"), (409, "OriginalEtagNotExpect"),
    (400, "ManagedClusterCountExceedsQuotaLimit"), (429, "TooManyRequestsReceived"), (429, "SubscriptionRequestsThrottled"),
    (409, "MissingSubscriptionRegistration"), (403, "RequestDisallowedByPolicy"), (403, "LinkedAuthorizationFailed"),
)  # fmt: skip


@pytest.fixture(scope="module")
def cluster(play: Playing) -> Arm:
    return with_cluster(play)


@pytest.fixture
def arm(play: Playing, cluster: Arm) -> Arm:
    """Resource Manager with its token buckets full."""
    play.advance(120)
    return cluster


def gone(arm: Arm, name: str) -> None:
    """Delete a pool and wait until it is away."""
    path = f"{DEMO}/agentPools/{name}"
    arm.play.advance(30)
    assert arm("DELETE", path)[0] in (202, 204)
    wait_until(lambda: arm("GET", path)[0] == 404, 30, f"{name} is gone")


def failed(arm: Arm, name: str, body: Any = GPU_POOL) -> dict[str, Any]:
    """PUT a pool that does not come to be; how it ended (state, error)."""
    path = f"{DEMO}/agentPools/{name}"
    status, answer = arm("PUT", path, body)
    assert status == 201, answer
    properties = arm.settled(path)["properties"]
    gone(arm, name)
    return {"state": properties["provisioningState"], **((properties.get("status") or {}).get("provisioningError") or {})}


@pytest.mark.parametrize(("status", "code"), SYNC)
@pytest.mark.parametrize("flat", [False, True])
def test_sync_error_comes_in_both_shapes_and_nothing_is_done(play: Playing, arm: Arm, status: int, code: str, flat: bool) -> None:
    play.fault("azure", "sync_error", "agentPools/refused", status=status, code=code, message="No.", flat=flat)
    got, body = arm("PUT", f"{DEMO}/agentPools/refused", GPU_POOL)
    assert (got, (body if flat else body["error"])["code"], "error" in body) == (status, code, not flat)
    assert arm("GET", f"{DEMO}/agentPools/refused")[0] == 404


@pytest.mark.parametrize("retry_after", [None, 17])
def test_throttled_is_429_with_and_without_retry_after(play: Playing, arm: Arm, retry_after: int | None) -> None:
    play.fault("azure", "throttled", "resourceGroups", **({} if retry_after is None else {"retry_after": retry_after}))
    answer = probe_of(play, "azure").read()
    assert (answer.status, answer.body["code"], answer.headers.get("retry-after")) == (429, "Throttled", retry_after and str(retry_after))


def test_lro_failed_ends_with_each_code(play: Playing, arm: Arm) -> None:
    for number, code in enumerate(CODES):
        play.fault("azure", "lro_failed", "agentPools/fails", code=code, message=f"Because {number}.", details=[{"code": "Inner", "message": "x"}])
        ended = failed(arm, f"fails{number}")
        assert (ended["state"], ended["code"], ended["message"]) == ("Failed", code, f"Because {number}.")


def test_lro_failed_is_told_at_http_200_by_the_operation(play: Playing, arm: Arm) -> None:
    play.fault("azure", "lro_failed", "agentPools/told", code="AllocationFailed")
    probe = probe_of(play, "azure")
    answer = probe.call("PUT", f"{DEMO}/agentPools/told?api-version=2026-08-01", GPU_POOL)
    request = urllib.request.Request(answer.headers["azure-asyncoperation"], headers=probe.headers)

    def ended() -> Any:
        with urllib.request.urlopen(request, context=probe.context, timeout=20) as status:
            body = status.read()
            assert status.status == 200
        return b"InProgress" not in body and body

    assert b'"code": "AllocationFailed"' in wait_until(ended, 20, "the operation's end")
    gone(arm, "told")


def test_lro_canceled_has_no_error(play: Playing, arm: Arm) -> None:
    play.fault("azure", "lro_canceled", "agentPools/stops")
    assert failed(arm, "stops") == {"state": "Canceled"}


def test_lro_failed_strikes_clusters_and_groups(play: Playing, arm: Arm) -> None:
    body = arm("GET", DEMO)[1]
    system = {"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4s_v5"}
    new = {"location": body["location"], "identity": {"type": "SystemAssigned"}, "properties": {"dnsPrefix": "x", "agentPoolProfiles": [system]}}
    play.fault("azure", "lro_failed", "managedClusters/crowded", code="AksCapacityHeavyUsage")
    arm("PUT", f"{CLUSTERS}/crowded", new)
    assert arm.settled(f"{CLUSTERS}/crowded")["properties"]["provisioningState"] == "Failed"
    arm("PUT", "/resourceGroups/kept", {"location": "eastus"})
    play.fault("azure", "lro_failed", "DELETE .*resourcegroups/kept", code="ResourceGroupDeletionBlocked")
    play.fault("azure", "lro_failed", "DELETE .*resourceGroups/kept", code="ResourceGroupDeletionBlocked")
    assert arm("DELETE", "/resourceGroups/kept")[0] == 202
    assert arm.settled("/resourceGroups/kept")["properties"]["provisioningState"] == "Succeeded"


def test_no_capacity_is_of_a_size_and_of_a_zone(play: Playing, arm: Arm) -> None:
    play.fault("azure", "no_capacity", times=-1, size="Standard_NC4as_T4_v3")
    assert failed(arm, "scarce")["code"] == "AllocationFailed"
    arm.made(f"{DEMO}/agentPools/other", A100)
    play.call("DELETE", "/faults")
    play.fault("azure", "no_capacity", times=-1, zone="2")
    zoned = {"properties": {**GPU_POOL["properties"], "availabilityZones": ["2"]}}
    assert failed(arm, "zoned", zoned)["code"] == "ZonalAllocationFailed"
    arm.made(f"{DEMO}/agentPools/here", {"properties": {**GPU_POOL["properties"], "availabilityZones": ["1"]}})
    play.call("DELETE", "/faults")
    play.fault("azure", "no_capacity")
    spot = {"properties": {**GPU_POOL["properties"], "scaleSetPriority": "Spot", "scaleSetEvictionPolicy": "Delete", "spotMaxPrice": -1}}
    assert failed(arm, "spot", spot)["code"] == "SkuNotAvailable"
    gone(arm, "here")
    gone(arm, "other")


def test_no_capacity_of_two_sizes_at_once(play: Playing, arm: Arm) -> None:
    play.fault("azure", "no_capacity", size="Standard_NC24ads_A100_v4")
    play.fault("azure", "no_capacity", size="Standard_NC4as_T4_v3")
    assert failed(arm, "second")["code"] == "AllocationFailed"


@pytest.mark.parametrize("form", ["sync", "lro"])
def test_quota_gone_between_preflight_and_put(play: Playing, arm: Arm, form: str) -> None:
    play.fault("azure", "quota_gone", "agentPools/late", form=form)
    if form == "lro":
        ended = failed(arm, "late")
        assert (ended["state"], ended["code"], "exceeding approved" in ended["message"]) == ("Failed", "QuotaExceeded", True)
        return
    status, body = arm("PUT", f"{DEMO}/agentPools/late", GPU_POOL)
    assert (status, body["code"], "exceeding approved Standard NCASv3_T4 Family Cores quota" in body["message"]) == (409, "OperationNotAllowed", True)
    assert arm("GET", f"{DEMO}/agentPools/late")[0] == 404


def test_operation_expired_is_404_while_the_resource_goes_on(play: Playing, arm: Arm) -> None:
    play.fault("azure", "operation_expired", times=-1)
    probe = probe_of(play, "azure")
    answer = probe.call("PUT", f"{DEMO}/agentPools/lost?api-version=2026-08-01", GPU_POOL)
    request = urllib.request.Request(answer.headers["azure-asyncoperation"], headers=probe.headers)
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(request, context=probe.context, timeout=20)
    assert missing.value.code == 404
    assert arm.settled(f"{DEMO}/agentPools/lost")["properties"]["provisioningState"] == "Succeeded"
    gone(arm, "lost")


def test_other_profile_is_read_back_until_the_pool_is_made_again(play: Playing, arm: Arm) -> None:
    play.fault("azure", "other_profile", "PUT .*agentPools/odd", driver="None")
    asked = {"properties": {**GPU_POOL["properties"], "gpuProfile": {"driver": "Install", "nvidia": {"managementMode": "Unmanaged"}}}}
    arm.made(f"{DEMO}/agentPools/odd", asked)
    profile = arm("GET", f"{DEMO}/agentPools/odd")[1]["properties"]["gpuProfile"]
    assert profile == {"driver": "None", "nvidia": {"managementMode": "Unmanaged"}}
    gone(arm, "odd")
    arm.made(f"{DEMO}/agentPools/odd", asked)
    assert arm("GET", f"{DEMO}/agentPools/odd")[1]["properties"]["gpuProfile"]["driver"] == "Install"
    gone(arm, "odd")


def test_a_lost_answer_and_a_failed_operation_combine(play: Playing, arm: Arm) -> None:
    play.fault("azure", "reset_after", "PUT .*agentPools/both")
    play.fault("azure", "lro_failed", "agentPools/both", code="AllocationFailed")
    assert probe_of(play, "azure").call("PUT", f"{DEMO}/agentPools/both?api-version=2026-08-01", GPU_POOL).status == 0
    assert arm.settled(f"{DEMO}/agentPools/both")["properties"]["provisioningState"] == "Failed"
    gone(arm, "both")


def test_faults_of_operations_are_counted(play: Playing, arm: Arm) -> None:
    play.fault("azure", "lro_failed", "PUT .*agentPools/again", times=2, code="AllocationFailed")
    assert [failed(arm, "again")["code"] for _ in range(2)] == ["AllocationFailed"] * 2
    arm.made(f"{DEMO}/agentPools/again", GPU_POOL)
    gone(arm, "again")
