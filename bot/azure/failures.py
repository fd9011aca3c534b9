"""The table of what Azure answers: code (and message, where the code is ambiguous) to kind, words and buttons.

Sources: AKS error documentation and troubleshooting pages, Resource Manager common errors, compute allocation failures. A row is found by
:func:`row_for`; rows of one code are tried in order, the first whose pattern is found in the message wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

BUSY: Final = "busy"
QUOTA: Final = "quota"
CAPACITY: Final = "capacity"
THROTTLED: Final = "throttled"
UNAVAILABLE: Final = "unavailable"
AUTH: Final = "auth"
POLICY: Final = "policy"
SIZE: Final = "size"
VERSION: Final = "version"
CONFLICT: Final = "conflict"
PREEMPTED: Final = "preempted"
CANCELED: Final = "canceled"
PROVIDER: Final = "provider"
DISRUPTION: Final = "disruption"
NODE: Final = "node"
GONE: Final = "gone"
INVALID: Final = "invalid"
UNKNOWN: Final = "unknown"

_SMALLER = ("smaller", "other_region", "quota")
_ELSEWHERE = ("other_zone", "other_size", "other_region", "retry")

_QUOTA_NAME = re.compile(r"exceeding approved\s+(?P<quota>.+?)\s+quota\b", re.I | re.S)
_QUOTA_FIELDS: Final = {
    "limit": re.compile(r"Current Limit:\s*(\d+)", re.I),
    "used": re.compile(r"Current Usage:\s*(\d+)", re.I),
    "needed": re.compile(r"Additional Required:\s*(\d+)", re.I),
    "region": re.compile(r"\bLocation:\s*([A-Za-z0-9]+)", re.I),
}
_VCPU = re.compile(
    r"requested(?: quota)?:?\s*(?P<needed>\d+).*?remaining(?: quota)?:?\s*(?P<left>\d+)"
    r"(?:.*?for family\s+(?P<quota>.+?)\s+for region\s+(?P<region>\w+))?",
    re.I | re.S,
)
_REGIONAL = re.compile(r"left regional vcpu quota\s*(?P<left>\d+).*?requested quota\s*(?P<needed>\d+)", re.I | re.S)
_RUNNING = re.compile(r"[Aa]nother (?:[\w ]{1,40} )?operation \((?P<running>[^)]{1,120})\)")
_IN_PROGRESS = re.compile(r"in[- ]progress (?P<running>[\w ]{1,60}?) operation", re.I)
_POLICY = re.compile(r"""["']?policyAssignment["']?.{0,40}?name["']?\s*:\s*\\*["'](?P<policy>[^"'\\]{1,100})""", re.I | re.S)
_PROVIDER = re.compile(r"namespace '(?P<provider>[\w.]{1,80})'", re.I)


def _nothing(_: str) -> Mapping[str, str]:
    return {}


def read_quota(message: str) -> Mapping[str, str]:
    """Name and numbers of the quota in a message: quota, limit, used, needed, left, region; only those that stand in it."""
    found: dict[str, str] = {}
    if match := _QUOTA_NAME.search(message):
        found["quota"] = match["quota"].removesuffix(" Cores").strip()
    for name, pattern in _QUOTA_FIELDS.items():
        if match := pattern.search(message):
            found[name] = match[1]
    for pattern in (_REGIONAL, _VCPU):
        if "needed" not in found and (match := pattern.search(message)):
            found |= {name: text for name, text in match.groupdict().items() if text}
    if found.get("quota", "").lower() in ("lowprioritycores", "total regional spot vcpus", "low priority"):
        found["quota"] = "Spot vCPUs (LowPriorityCores)"
    if "limit" in found and "used" in found:
        found.setdefault("left", str(max(int(found["limit"]) - int(found["used"]), 0)))
    return {"quota": "regional vCPUs", "left": "too few", "needed": "more"} | found


def _read(*patterns: re.Pattern[str], **otherwise: str) -> Callable[[str], Mapping[str, str]]:
    def read(message: str) -> Mapping[str, str]:
        for pattern in patterns:
            if match := pattern.search(message):
                return otherwise | {name: text for name, text in match.groupdict().items() if text}
        return otherwise

    return read


@dataclass(frozen=True)
class Row:
    """One failure. `when` must be found in the message (None: any message); `read` takes what the words need from it;
    `generic` rows give way to any more telling code found inside the same error."""

    kind: str
    key: str
    buttons: tuple[str, ...] = ()
    when: re.Pattern[str] | None = None
    read: Callable[[str], Mapping[str, str]] = field(default=_nothing, repr=False)
    generic: bool = False


_busy_read = _read(_RUNNING, _IN_PROGRESS, running="another operation")
_IS_BUSY = re.compile(r"another .{0,40}operation|in[- ]progress|please wait for it to finish|is being (?:deleted|created)", re.I)
_IS_QUOTA = re.compile(r"exceed\w* (?:the )?(?:approved|quota)|quota\b.{0,40}exceed|vcpu quota", re.I | re.S)
_NOT_OFFERED = re.compile(
    r"(?:is|are) not (?:supported|available|allowed) (?:for|in) (?:your |this )?(?:subscription|location|region)|VM size of \S+ is not allowed", re.I
)
_NO_ADMIN = re.compile(r"[Gg]etting static credential is not allowed")
_NO_FEATURE = re.compile(r"feature \S+ (?:is )?not registered|not registered for (?:the )?feature", re.I)
_NO_VERSION = re.compile(r"[Vv]ersion \S+ is not supported|unsupported kubernetes version", re.I)

BUSY_ROW = Row(BUSY, "azure.busy", ("wait", "abort"), _IS_BUSY, _busy_read)
QUOTA_ROW = Row(QUOTA, "azure.quota", _SMALLER, None, read_quota)
SIZE_ROW = Row(SIZE, "azure.size_not_offered", ("other_size", "other_region"))
_TOO_FAST = Row(THROTTLED, "azure.throttled", ("wait",))
_NO_RIGHT = Row(AUTH, "azure.forbidden")
_BAD_TOKEN = Row(AUTH, "azure.unauthenticated")
_LOST_RACE = Row(CONFLICT, "azure.conflict", ("retry",))
_DOWN = Row(UNAVAILABLE, "azure.unavailable", ("wait",), generic=True)
_FULL = Row(CAPACITY, "azure.no_capacity", _ELSEWHERE)
_FULL_ZONE = Row(CAPACITY, "azure.no_capacity_zone", _ELSEWHERE)
_SQUEEZED = Row(CAPACITY, "azure.overconstrained", _ELSEWHERE)
_PREEMPTED = Row(PREEMPTED, "azure.preempted", ("show", "retry"))
_ABSENT = Row(GONE, "azure.gone")
_REJECTED = Row(INVALID, "azure.invalid", generic=True)
_WRAPPER = Row(UNKNOWN, "azure.provisioning_failed", ("retry", "delete"), generic=True)

TABLE: Final[Mapping[str, tuple[Row, ...]]] = {
    "OperationNotAllowed": (BUSY_ROW, Row(QUOTA, "azure.quota", _SMALLER, _IS_QUOTA, read_quota), Row(INVALID, "azure.not_allowed", generic=True)),
    "QuotaExceeded": (QUOTA_ROW,),
    "ErrCode_InsufficientVCPUQuota": (QUOTA_ROW,),
    "InsufficientVCPUQuota": (QUOTA_ROW,),
    "ManagedClusterCountExceedsQuotaLimit": (Row(QUOTA, "azure.too_many_clusters", ("delete", "quota")),),
    "VMSizeNotSupported": (SIZE_ROW,),
    "SkuNotAvailable": (Row(CAPACITY, "azure.sku_not_available", _ELSEWHERE),),
    "AllocationFailed": (_FULL,),
    "ZonalAllocationFailed": (_FULL_ZONE,),
    "OverconstrainedAllocationRequest": (_SQUEEZED,),
    "OverconstrainedZonalAllocationRequest": (_SQUEEZED,),
    "AksCapacityHeavyUsage": (Row(CAPACITY, "azure.region_full", ("other_region", "retry")),),
    "EtagMismatch": (_LOST_RACE,),
    "OriginalEtagNotExpect": (_LOST_RACE,),
    "PreconditionFailed": (_LOST_RACE,),
    "AKSOperationPreempted": (_PREEMPTED,),
    "AKSOperationPreemptedByDelete": (Row(PREEMPTED, "azure.preempted_by_delete", ("show",)),),
    "Throttled": (_TOO_FAST,),
    "TooManyRequests": (_TOO_FAST,),
    "TooManyRequestsReceived": (_TOO_FAST,),
    "SubscriptionRequestsThrottled": (_TOO_FAST,),
    "ResourceCollectionRequestsThrottled": (_TOO_FAST,),
    "MissingSubscriptionRegistration": (
        Row(PROVIDER, "azure.provider_missing", ("register",), None, _read(_PROVIDER, provider="Microsoft.ContainerService")),
    ),
    "FeatureNotRegistered": (Row(PROVIDER, "azure.feature_missing", ("register",)),),
    "PreviewFeatureNotRegistered": (Row(PROVIDER, "azure.feature_missing", ("register",)),),
    "RequestDisallowedByPolicy": (Row(POLICY, "azure.policy", (), None, _read(_POLICY, policy="Azure does not say which")),),
    "ScopeLocked": (Row(POLICY, "azure.locked"),),
    "LinkedAuthorizationFailed": (Row(AUTH, "azure.linked_forbidden"),),
    "AuthorizationFailed": (_NO_RIGHT,),
    "Forbidden": (_NO_RIGHT,),
    "Unauthorized": (_BAD_TOKEN,),
    "AuthenticationFailed": (_BAD_TOKEN,),
    "InvalidAuthenticationToken": (_BAD_TOKEN,),
    "InvalidAuthenticationTokenTenant": (_BAD_TOKEN,),
    "ExpiredAuthenticationToken": (_BAD_TOKEN,),
    "SubscriptionNotFound": (Row(AUTH, "azure.subscription"),),
    "ReadOnlyDisabledSubscription": (Row(AUTH, "azure.subscription_disabled"),),
    "UnsatisfiablePDB": (Row(DISRUPTION, "azure.disruption_budget", ("force_delete",)),),
    "VMExtensionProvisioningError": (Row(NODE, "azure.node_setup", ("retry", "delete")),),
    "VMExtensionProvisioningTimeout": (Row(NODE, "azure.node_setup", ("retry", "delete")),),
    "ResourceGroupBeingDeleted": (Row(BUSY, "azure.group_deleting", ("wait",)),),
    "AvailabilityZoneNotSupported": (Row(SIZE, "azure.zone_not_supported", ("other_zone", "other_region")),),
    "FeatureNotFound": (Row(GONE, "azure.feature_unknown"),),
    "BadRequest": (
        Row(SIZE, SIZE_ROW.key, SIZE_ROW.buttons, _NOT_OFFERED),
        Row(AUTH, "azure.no_local_accounts", (), _NO_ADMIN),
        Row(PROVIDER, "azure.feature_missing", ("register",), _NO_FEATURE),
        Row(VERSION, "azure.version_not_supported", ("other_version",), _NO_VERSION),
        Row(QUOTA, "azure.quota", _SMALLER, _IS_QUOTA, read_quota),
        _REJECTED,
    ),
    "InvalidParameter": (Row(SIZE, SIZE_ROW.key, SIZE_ROW.buttons, _NOT_OFFERED), _REJECTED),
    "InvalidRequestContent": (_REJECTED,),
    "InvalidTemplateDeployment": (_REJECTED,),
    "PropertyChangeNotAllowed": (Row(INVALID, "azure.fixed_at_creation", ("new_pool",)),),
    "K8sVersionNotSupported": (Row(VERSION, "azure.version_not_supported", ("other_version",)),),
    "AgentPoolK8sVersionNotSupported": (Row(VERSION, "azure.version_not_supported", ("other_version",)),),
    "ResourceNotFound": (_ABSENT,),
    "ResourceGroupNotFound": (_ABSENT,),
    "ParentResourceNotFound": (_ABSENT,),
    "NotFound": (_ABSENT,),
    "AgentPoolNotFound": (_ABSENT,),
    "Canceled": (Row(CANCELED, "azure.canceled", ("retry", "delete")),),
    "OperationPreempted": (_PREEMPTED,),
    "InternalServerError": (_DOWN,),
    "InternalOperationError": (_DOWN,),
    "ServiceUnavailable": (_DOWN,),
    "ServerTimeout": (_DOWN,),
    "GatewayTimeout": (_DOWN,),
    "RequestTimeout": (_DOWN,),
    "UnknownNotFound": (Row(UNAVAILABLE, "azure.garbled"),),
    "CreateVMSSAgentPoolFailed": (_WRAPPER,),
    "ReconcileVMSSAgentPoolFailed": (_WRAPPER,),
    "VMSSAgentPoolReconcileError": (_WRAPPER,),
    "Unknown": (Row(UNKNOWN, "azure.unknown", ("show", "retry"), generic=True),),
}

_BY_PREFIX: Final[tuple[tuple[str, Row], ...]] = (("VMExtensionError_", Row(NODE, "azure.node_setup", ("retry", "delete"))),)
_LOWER: Final = {code.lower(): rows for code, rows in TABLE.items()}


def row_for(code: str, message: str) -> Row | None:
    """The row for `code` (in any case) and `message`, or None where the table has none; an empty code is told by its message alone."""
    if not code:
        if _IS_QUOTA.search(message):
            return QUOTA_ROW
        return BUSY_ROW if _IS_BUSY.search(message) else None
    for prefix, row in _BY_PREFIX:
        if code.lower().startswith(prefix.lower()):
            return row
    return next((row for row in _LOWER.get(code.lower(), ()) if row.when is None or row.when.search(message)), None)
