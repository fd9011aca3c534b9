"""What can be told about a wish before the first write; pure, given what the subscription says (SKU rows, quotas, versions, states)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot import names
from bot.azure.clusters import ClusterState, KubernetesVersion
from bot.azure.creation import header_problem
from bot.azure.features import MANAGED_GPU
from bot.azure.findings import Finding, blocker, info, warning
from bot.azure.operations import terminal
from bot.azure.poolspec import PoolSpec, body
from bot.azure.sizecheck import size
from bot.azure.sizes import Size, lookup
from bot.azure.skus import SkuRow
from bot.errors import Refused

__all__ = ["cluster_for_pool", "cluster_name", "headers", "kubernetes_version", "managed_gpu", "pool", "size", "sku"]


def sku(row: SkuRow | None, name: str, region: str, *, zones: Sequence[str] = (), spot: bool = False) -> list[Finding]:
    """Whether the subscription may have the size in that region and those zones. `row` None: the region does not list it."""
    if row is None:
        return [blocker("azure.size_not_offered", size=name, region=region)]
    findings: list[Finding] = []
    if row.closed:
        findings.append(blocker("azure.restricted", size=row.name, region=region, reason=row.reason))
    wrong = [zone for zone in zones if zone not in row.open_zones]
    if wrong:
        offered = ", ".join(row.open_zones) or "none"
        findings.append(blocker("azure.restricted_zone", size=row.name, region=region, zones=", ".join(wrong), offered=offered))
    if spot and not row.spot:
        findings.append(blocker("azure.no_spot", size=row.name))
    known = lookup(name)
    if isinstance(known, Size) and row.listed_gpus != known.gpus:
        listed = "no" if row.listed_gpus is None else row.listed_gpus
        findings.append(info("azure.gpu_count_lies", size=known.name, listed=listed, gpus=known.gpus))
    return findings


def pool(spec: PoolSpec) -> list[Finding]:
    """What Azure would refuse in the spec itself: names, counts, taints, labels, headers, MIG and driver combinations. The first problem only."""
    try:
        body(spec, {})
    except Refused as refusal:
        return [Finding("blocker", refusal.code, dict(refusal.detail))]
    return []


def headers(wanted: Mapping[str, str]) -> list[Finding]:
    """Retired, reserved and malformed custom headers."""
    problems = {name: header_problem(name, text) for name, text in wanted.items()}
    return [blocker("azure.header", header=name[:60], reason=problem) for name, problem in problems.items() if problem]


def kubernetes_version(wanted: str | None, offered: Iterable[KubernetesVersion], region: str, *, newest: str = "") -> list[Finding]:
    """Whether AKS offers the version (``1.35`` or ``1.35.2``) in the region; None (the default) is always fine.

    `newest` is the cluster's own version: its nodes may not be newer (Kubernetes: version skew policy).
    """
    if wanted is None:
        return []
    if not names.valid("version", wanted):
        return [blocker("name.invalid", kind="version", value=wanted[:80], rule=names.RULES["version"][1])]
    if newest and _numbers(wanted) > _numbers(newest)[: len(_numbers(wanted))]:
        return [blocker("azure.kubernetes_newer", version=wanted, cluster=newest)]
    rows = list(offered)
    minor = ".".join(wanted.split(".")[:2])
    row = next((item for item in rows if item.version == minor), None)
    if row is None or (wanted != minor and wanted not in row.patches):
        stable = ", ".join(item.version for item in rows if not item.preview)
        return [blocker("azure.kubernetes_version", version=wanted, region=region, supported=stable or "none")]
    return [warning("azure.kubernetes_preview", version=wanted, region=region)] if row.preview else []


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def managed_gpu(spec: PoolSpec, feature_state: str | None) -> list[Finding]:
    """Whether the managed GPU stack may be used: its preview feature must be registered (`feature_state`: see :mod:`bot.azure.features`)."""
    if spec.driver != "managed" or feature_state == "Registered":
        return []
    return [blocker("azure.feature_needed", feature=MANAGED_GPU, state=(feature_state or "unknown to Azure"))]


def cluster_for_pool(cluster: ClusterState | None, name: str, new_pool: str) -> list[Finding]:
    """Whether a pool named `new_pool` can be put into the cluster as it is now."""
    if cluster is None:
        return [blocker("azure.cluster_unknown", cluster=name)]
    findings: list[Finding] = []
    if cluster.power_state.lower() == "stopped":
        findings.append(blocker("azure.cluster_stopped", cluster=cluster.name))
    elif not terminal(cluster.provisioning_state):
        findings.append(warning("azure.cluster_busy", cluster=cluster.name, state=cluster.provisioning_state))
    if not any(item.mode == "System" for item in cluster.pools):
        findings.append(blocker("azure.no_system_pool", cluster=cluster.name))
    if any(item.name.lower() == new_pool.lower() for item in cluster.pools):
        findings.append(blocker("azure.pool_exists", cluster=cluster.name, pool=new_pool))
    return findings


def cluster_name(existing: Iterable[ClusterState], group: str, name: str) -> list[Finding]:
    """Whether the name is free in its group (ARM compares names case-insensitively)."""
    taken = any(item.group.lower() == group.lower() and item.name.lower() == name.lower() for item in existing)
    return [blocker("azure.name_taken", kind="cluster", name=name)] if taken else []
