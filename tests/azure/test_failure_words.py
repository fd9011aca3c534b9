"""Every failure that Azure is known to answer has a kind, plain words, and the right verb."""

from __future__ import annotations

import string

import pytest

from bot.azure import failures
from bot.azure.errors import Cause, cause_of, codes, retry_after
from bot.errors import Failed, Refused, Temporary
from bot.words import WORDS

FAMILY = (
    "Operation could not be completed as it results in exceeding approved Standard NCASv3_T4 Family Cores quota. Additional details - "
    "Deployment Model: Resource Manager, Location: eastus, Current Limit: 8, Current Usage: 4, Additional Required: 16, "
    "(Minimum) New Limit Required: 20. Submit a request for Quota increase"
)
VCPU = "ErrCode_InsufficientVCPUQuota"
BUSY = "Operation is not allowed: Another agentpool operation (gpu - Creating) is in progress, please wait for it to finish first."

# code, message, HTTP status (200: a long-running operation that failed), kind, words, verb
CASES = [
    ("OperationNotAllowed", BUSY, 409, "busy", "azure.busy", Temporary),
    ("OperationNotAllowed", FAMILY, 409, "quota", "azure.quota", Refused),
    ("OperationNotAllowed", FAMILY, 200, "quota", "azure.quota", Failed),
    ("QuotaExceeded", FAMILY, 200, "quota", "azure.quota", Failed),
    ("ErrCode_InsufficientVCPUQuota", "Insufficient vcpu quota requested 8, remaining 0 for family standardNCASv3_T4Family for region eastus.",
     400, "quota", "azure.quota", Refused),
    ("VMSizeNotSupported", "", 400, "size", "azure.size_not_offered", Refused),
    ("BadRequest", "Virtual Machine size: 'Standard_NC6' is not supported for subscription x in location 'eastus'", 400, "size",
     "azure.size_not_offered", Refused),
    ("BadRequest", "The VM size of Standard_NC6 is not allowed in your subscription in location 'eastus'.", 400, "size",
     "azure.size_not_offered", Refused),
    ("BadRequest", "Getting static credential is not allowed because this cluster is set to disable local accounts.", 400, "auth",
     "azure.no_local_accounts", Refused),
    ("BadRequest", "Preview feature Microsoft.ContainerService/X not registered.", 400, "provider", "azure.feature_missing", Refused),
    ("SkuNotAvailable", "", 200, "capacity", "azure.sku_not_available", Failed),
    ("AllocationFailed", "", 200, "capacity", "azure.no_capacity", Failed),
    ("ZonalAllocationFailed", "", 200, "capacity", "azure.no_capacity_zone", Failed),
    ("OverconstrainedAllocationRequest", "", 200, "capacity", "azure.overconstrained", Failed),
    ("OverconstrainedZonalAllocationRequest", "", 200, "capacity", "azure.overconstrained", Failed),
    ("AksCapacityHeavyUsage", "", 200, "capacity", "azure.region_full", Failed),
    ("EtagMismatch", "", 409, "conflict", "azure.conflict", Temporary),
    ("OriginalEtagNotExpect", "", 409, "conflict", "azure.conflict", Temporary),
    ("PreconditionFailed", "", 412, "conflict", "azure.conflict", Temporary),
    ("AKSOperationPreempted", "", 200, "preempted", "azure.preempted", Failed),
    ("AKSOperationPreemptedByDelete", "", 200, "preempted", "azure.preempted_by_delete", Failed),
    ("ManagedClusterCountExceedsQuotaLimit", "", 400, "quota", "azure.too_many_clusters", Refused),
    ("Throttled", "", 429, "throttled", "azure.throttled", Temporary),
    ("TooManyRequestsReceived", "", 429, "throttled", "azure.throttled", Temporary),
    ("SubscriptionRequestsThrottled", "", 429, "throttled", "azure.throttled", Temporary),
    ("MissingSubscriptionRegistration", "The subscription is not registered to use namespace 'Microsoft.ContainerService'.", 409, "provider",
     "azure.provider_missing", Refused),
    ("RequestDisallowedByPolicy", "Resource 'x' was disallowed by policy.", 403, "policy", "azure.policy", Refused),
    ("LinkedAuthorizationFailed", "", 403, "auth", "azure.linked_forbidden", Refused),
    ("AuthorizationFailed", "", 403, "auth", "azure.forbidden", Refused),
    ("UnsatisfiablePDB", "", 200, "disruption", "azure.disruption_budget", Failed),
    ("VMExtensionError_OutBoundConnFail", "", 200, "node", "azure.node_setup", Failed),
    ("VMExtensionError_K8SAPIServerConnFail", "", 200, "node", "azure.node_setup", Failed),
    ("ResourceNotFound", "", 404, "gone", "azure.gone", Refused),
    ("Canceled", "", 200, "canceled", "azure.canceled", Failed),
    ("InternalServerError", "", 500, "unavailable", "azure.unavailable", Temporary),
    ("InternalServerError", "", 200, "unavailable", "azure.unavailable", Failed),
    ("", "", 503, "unavailable", "azure.unavailable", Temporary),
    ("", "", 429, "throttled", "azure.throttled", Temporary),
    ("NeverSeenBefore", "", 400, "unknown", "azure.unknown", Refused),
    ("NeverSeenBefore", "", 200, "unknown", "azure.unknown", Failed),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "message", "status", "kind", "key", "verb"), CASES, ids=[f"{row[0] or 'none'}-{row[2]}-{row[4][6:]}" for row in CASES]
)
def test_each_code_gets_its_kind_words_and_verb(code: str, message: str, status: int, kind: str, key: str, verb: type) -> None:
    found = cause_of(code, message, status=status)
    assert (found.kind, found.key) == (kind, key)
    assert type(found.error()) is verb
    assert found.sentence
    assert "?" not in found.sentence + found.next_step


def test_every_row_of_the_table_has_words_and_every_code_is_found_in_any_case() -> None:
    for code, rows in failures.TABLE.items():
        for row in rows:
            assert row.key in WORDS, code
        assert failures.row_for(code.upper(), "no such text") == failures.row_for(code, "no such text")


def test_all_words_of_azure_are_sentences_with_named_blanks() -> None:
    for key in codes():
        words = WORDS[key]
        assert words.sentence.endswith((".", "?")), key
        assert all(name is None or name.isidentifier() for _, name, _, _ in string.Formatter().parse(words.sentence + words.next_step)), key


def test_quota_names_and_numbers_are_read_from_the_message() -> None:
    found = cause_of("OperationNotAllowed", FAMILY, status=409)
    assert dict(found.detail) == {"quota": "Standard NCASv3_T4 Family", "limit": "8", "used": "4", "needed": "16", "region": "eastus", "left": "4"}
    assert "*Standard NCASv3_T4 Family*" in found.sentence
    assert "4 vCPUs are left and 16 more are needed" in found.sentence
    spot = cause_of("OperationNotAllowed", FAMILY.replace("Standard NCASv3_T4 Family Cores", "LowPriorityCores"), status=409)
    assert "Spot" in spot.detail["quota"]
    total = cause_of("QuotaExceeded", FAMILY.replace("Standard NCASv3_T4 Family Cores", "Total Regional Cores"), status=200)
    assert total.detail["quota"] == "Total Regional"
    aks = cause_of(VCPU, "Insufficient vcpu quota requested 8, remaining 2 for family standardNDSv2Family for region eastus2.")
    assert (aks.detail["quota"], aks.detail["needed"], aks.detail["left"], aks.detail["region"]) == ("standardNDSv2Family", "8", "2", "eastus2")
    left = cause_of(VCPU, "Insufficient regional vcpu quota left for location eastus. left regional vcpu quota 1, requested quota 2")
    assert (left.detail["left"], left.detail["needed"]) == ("1", "2")


def test_the_code_of_the_machine_layer_wins_over_what_wraps_it() -> None:
    wrapped = 'VMSSAgentPoolReconciler retry failed: Category: ClientError; Code="ZonalAllocationFailed" Message="Allocation failed"'
    assert cause_of("ReconcileVMSSAgentPoolFailed", wrapped, status=200).code == "ZonalAllocationFailed"
    assert cause_of("CreateVMSSAgentPoolFailed", "", inner=[("SkuNotAvailable", "none left")], status=200).key == "azure.sku_not_available"
    assert cause_of("QuotaExceeded", "Provisioning failed", inner=[("OperationNotAllowed", FAMILY)], status=200).detail["needed"] == "16"


def test_the_running_operation_is_named() -> None:
    assert "gpu - Creating" in cause_of("OperationNotAllowed", BUSY, status=409).sentence


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "1000000"}, 900.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date() -> None:
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0
    assert retry_after({"Retry-After": "Wed, 21 Oct 2065 07:28:00 GMT"}) == 900.0


def test_azures_own_text_does_not_show_in_a_cause() -> None:
    assert "secret" not in repr(Cause("c", "unknown", "azure.unknown", message="secret"))
