"""What an API server's refusal, or its silence, means in the bot's own errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.cluster.masking import mask
from bot.errors import Failed, QuartermasterError, Refused, Temporary

Json = dict[str, Any]

# Objects of the whole cluster, and priority classes of the system, are beyond the roles for namespaces (Azure RBAC for AKS).
_CLUSTER_WIDE = ("nodes", "namespaces", "daemonsets", "clusterpolicies")


def status_of(raw: bytes) -> Json:
    """The `Status` object in an answer's body; an empty one if it is something else (a proxy's page, nothing)."""
    try:
        parsed = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def role_for(verb: str, resource: str) -> str:
    """The least of the built-in Azure roles that permits `verb` (Kubernetes spelling) on `resource` (plural)."""
    kind = resource.partition("/")[0]
    if kind in _CLUSTER_WIDE:
        return "Azure Kubernetes Service RBAC Cluster Admin"
    if verb in ("get", "list", "watch"):
        return "Azure Kubernetes Service RBAC Reader"
    return "Azure Kubernetes Service RBAC Writer"


def error_of(status: int, raw: bytes, headers: Mapping[str, str], *, verb: str, resource: str, cluster: str) -> QuartermasterError:
    """The error for an answer outside 2xx.

    `Refused` where the request itself is to be mended (422, admission), `Temporary` where the same request may succeed later
    (410, 429, 5xx, a conflict of versions), `Failed` for the rest, also for a field that another manager holds. The server's sentence is
    masked and cut before it is carried along.
    """
    answer = status_of(raw)
    reason = str(answer.get("reason") or "")
    said = mask(str(answer.get("message") or ""))[:400]
    about = {"cluster": cluster, "verb": verb, "resource": resource, "reason": said or f"HTTP {status}"}
    if status == 401:
        return Failed("cluster.unauthorized", **about)
    if status == 403:
        return _forbidden(said, about)
    if status == 404:
        return Failed("cluster.not_found", **about)
    if status == 409 and any(cause.get("reason") == "FieldManagerConflict" for cause in (answer.get("details") or {}).get("causes") or ()):
        return Failed("cluster.field_conflict", **about)
    if status == 409:
        return Failed("cluster.name_taken", **about) if reason == "AlreadyExists" else Temporary("cluster.conflict", retry_after=None, **about)
    if status == 410:
        return Temporary("cluster.expired", retry_after=0.0, **about)
    if status == 422:
        return Refused("cluster.invalid", **about)
    if status in (408, 429) or status >= 500:
        return Temporary("cluster.unavailable", retry_after=_seconds(headers.get("Retry-After")), status=status, **about)
    return Failed("cluster.bad_request", status=status, **about)


def _forbidden(said: str, about: Mapping[str, str]) -> QuartermasterError:
    """403 is also how admission answers: those are not a matter of roles."""
    if "exceeded quota" in said:
        return Refused("cluster.quota_exceeded", **about)
    if "violates PodSecurity" in said or "denied the request" in said:
        return Refused("cluster.admission_denied", **about)
    return Failed("cluster.forbidden", role=role_for(about["verb"], about["resource"]), **about)


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
