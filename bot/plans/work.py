"""Plans for jobs: where it runs, what it holds, and whether it can fit."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from bot.approvals.rules import Policy
from bot.azure import pools, tags
from bot.cluster import jobs, nodes
from bot.cluster.nodes import Capacity
from bot.cluster.render import gpus_of
from bot.cluster.safety import Rules, unsafe
from bot.errors import Refused
from bot.model import Change, Finding, Plan
from bot.operations.answers import pool_prices
from bot.operations.record import Operation
from bot.operations.running import manifest_of
from bot.operations.services import Services


async def job_run(op: Operation, do: Services, policy: Policy) -> Plan:
    """A Job on a cluster of ours; runs on what is paid for already, so it needs no approval."""
    values = op.values
    cluster = await do.cluster(values.get("cluster", ""))
    base = base_name(values)
    target: dict[str, Any] = {
        "cluster": cluster.name, "group": cluster.group, "namespace": values.get("namespace", policy.jobs.namespaces[0]), "base": base,
        "job": values.get("name") or f"{base}-{op.id[:4]}",
    }  # fmt: skip
    manifest = manifest_of(_with(op, target), do)
    problems = unsafe(manifest, Rules(namespaces=policy.jobs.namespaces)) if values.get("manifest") else []
    if problems:
        raise Refused("plans.unsafe", reasons="; ".join(problems))
    resource, gpus, count = gpus_of(manifest)
    access = await do.clusters.access(cluster.group, cluster.name)
    found = await pools.list_all(do.azure, cluster.group, cluster.name) or []
    capacity = await nodes.capacity(access, pool_prices(found))
    findings = []
    reason = jobs.fits(capacity, gpus, resource=resource, pods=count) if gpus else None
    if reason and not capacity.nodes:
        raise Refused("plans.no_fit", cluster=cluster.name, reason=reason)
    if reason:
        findings.append(Finding("warn", f"It has to wait: {reason}."))
    hourly = gpu_price(capacity, resource) * gpus * count
    target |= {"gpus": gpus * count, "resource": resource, "gpu_hourly": str(hourly)}
    detail = f"{gpus * count} × `{resource}` in namespace {target['namespace']}" if gpus else f"no GPU, in namespace {target['namespace']}"
    title = f"{target['job']} on {cluster.name}"
    return Plan(title=title, changes=(Change("run", f"job {target['job']}", detail),), findings=tuple(findings), target=target)


def base_name(values: Any) -> str:
    """What runs of the same thing have in common: the template, the image's last part, or the manifest's own name."""
    if values.get("template"):
        return str(values["template"])
    if values.get("image"):
        last = re.split(r"[:@]", str(values["image"]).rpartition("/")[2])[0]
        return re.sub(r"[^a-z0-9-]+", "-", last.lower()).strip("-")[:40] or "job"
    return "job"


def gpu_price(capacity: Capacity, resource: str) -> Decimal:
    """What one GPU costs an hour on the cheapest node that has some; 0 where no price is known."""
    each = [
        node.price / node.resources[resource].capacity
        for node in capacity.nodes
        if node.price and resource in node.resources and node.resources[resource].capacity
    ]
    return min(each, default=Decimal(0))


def _with(op: Operation, target: dict[str, Any]) -> Operation:
    from dataclasses import replace

    return replace(op, plan={"target": target})


__all__ = ["base_name", "gpu_price", "job_run", "tags"]
