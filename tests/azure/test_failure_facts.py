"""Every failure code that the design knows of has a cause, what to do, and a way to do it.

The list is copied by hand from the AKS error documentation and troubleshooting pages and from Resource Manager's common errors, with the
place where each code shows up and what it asks for; it is not derived from the table that it is held against.
"""

from __future__ import annotations

import pytest

from bot.azure import failures
from bot.azure.errors import cause_of
from bot.operations.present import OFFERS

RUNNING = "Another agentpool operation (gpu - Creating) is in progress"
FAMILY = "exceeding approved Standard NCASv3_T4 Family Cores quota. Location: eastus, Current Limit: 8, Current Usage: 4, Additional Required: 16"
SPOT, REGIONAL = FAMILY.replace("Standard NCASv3_T4 Family Cores", "LowPriorityCores"), FAMILY.replace("Standard NCASv3_T4 Family", "Total Regional")
VCPU = "requested 8, remaining 2 for family standardNCASv3_T4Family for region eastus"
PLACES, MORE_QUOTA = {"sizes", "retry"}, {"sizes", "quota"}
LRO = 200
"""A long-running operation that fails does so at HTTP 200."""

# code, message, HTTP status, what its cause says, the buttons that mend it (none: the bot waits by itself, or only an administrator can)
KNOWN = [
    ("OperationNotAllowed", RUNNING, 409, "gpu - Creating", set()),
    ("OperationNotAllowed", FAMILY, 409, "4 vCPUs are left and 16 more are needed", MORE_QUOTA),
    ("OperationNotAllowed", SPOT, 409, "Spot vCPUs", MORE_QUOTA),
    ("OperationNotAllowed", REGIONAL, 409, "Total Regional", MORE_QUOTA),
    ("QuotaExceeded", FAMILY, LRO, "Standard NCASv3_T4 Family", MORE_QUOTA),
    ("ErrCode_InsufficientVCPUQuota", VCPU, 400, "2 vCPUs are left and 8 more are needed", MORE_QUOTA),
    ("VMSizeNotSupported", "", 400, "does not offer that VM size", {"sizes"}),
    ("BadRequest", "Virtual Machine size Standard_X is not supported for subscription y", 400, "does not offer that VM size", {"sizes"}),
    ("SkuNotAvailable", "", LRO, "no free machines", PLACES),
    ("AllocationFailed", "", LRO, "no free machines", PLACES),
    ("ZonalAllocationFailed", "", LRO, "in that zone", PLACES),
    ("OverconstrainedAllocationRequest", "", LRO, "all the wishes", PLACES),
    ("OverconstrainedZonalAllocationRequest", "", LRO, "all the wishes", PLACES),
    ("AksCapacityHeavyUsage", "", LRO, "this region", PLACES),
    ("EtagMismatch", "", 409, "at the same moment", {"retry"}),
    ("OriginalEtagNotExpect", "", 409, "at the same moment", {"retry"}),
    ("PreconditionFailed", "", 412, "at the same moment", {"retry"}),
    ("AKSOperationPreempted", "", LRO, "newer operation", {"show", "retry"}),
    ("AKSOperationPreemptedByDelete", "", LRO, "deleted by somebody else", {"show"}),
    ("ManagedClusterCountExceedsQuotaLimit", "", 400, "may not have more clusters", {"quota", "remove"}),
    ("Throttled", "", 429, "fewer requests", set()),
    ("TooManyRequestsReceived", "", 429, "fewer requests", set()),
    ("SubscriptionRequestsThrottled", "", 429, "fewer requests", set()),
    ("MissingSubscriptionRegistration", "", 409, "resource provider", {"register"}),
    ("RequestDisallowedByPolicy", "", 403, "Azure Policy", set()),
    ("LinkedAuthorizationFailed", "", 403, "", set()),
    ("UnsatisfiablePDB", "", LRO, "PodDisruptionBudget", {"force"}),
    ("VMExtensionError_OutBoundConnFail", "", LRO, "", {"retry", "remove"}),
    ("VMExtensionError_K8SAPIServerConnFail", "", LRO, "", {"retry", "remove"}),
    ("VMExtensionError_NvidiaDriverInstall", "", LRO, "", {"retry", "remove"}),
    ("BadRequest", "Getting static credential is not allowed because this cluster is set to disable local accounts", 400, "local accounts", set()),
    ("ResourceNotFound", "", 404, "does not exist", set()),
    ("Canceled", "", LRO, "aborted", {"retry", "remove"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message", "status", "says", "buttons"), KNOWN, ids=[f"{row[0]}-{number}" for number, row in enumerate(KNOWN)])
def test_a_known_code_has_its_cause_what_to_do_and_buttons(code: str, message: str, status: int, says: str, buttons: set[str]) -> None:
    assert failures.row_for(code, message) is not None
    found = cause_of(code, message, status=status)
    assert found.kind != failures.UNKNOWN
    assert says in found.sentence
    assert "?" not in found.sentence + found.next_step
    assert {OFFERS[hint][1] for hint in found.buttons if hint in OFFERS} == buttons
    assert found.next_step


def test_every_hint_has_a_button_but_those_that_the_card_offers_while_it_waits_or_that_need_other_words_typed() -> None:
    hints = {hint for rows in failures.TABLE.values() for row in rows for hint in row.buttons}
    assert hints - OFFERS.keys() == {"wait", "abort", "other_zone", "other_version", "new_pool"}
