"""Plans for what costs money from its first moment: clusters and GPU node pools."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from bot.approvals.decide import Denied, tier
from bot.approvals.limits import expiry_of
from bot.approvals.rules import Policy
from bot.azure import clusters, features, pools, preflight, quotas, tags
from bot.azure.clusters import SYSTEM_SIZE
from bot.azure.findings import Finding as AzureFinding
from bot.azure.findings import ordered
from bot.azure.prices import Price
from bot.azure.sizes import CHEAPEST, Size, promised
from bot.errors import Refused
from bot.model import Change, Finding, Plan, exact
from bot.operations.answers import expiry
from bot.operations.present import date
from bot.operations.provisioning import pool_spec
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.plans import mending
from bot.plans.precheck import gpu_size

DEFAULT_REGION: Final = "eastus"
ONE_WAY: Final = ("VM size", "GPU driver profile", "taints", "zones")
SEVERITIES: Final = {"blocker": "block", "warning": "warn", "info": "info"}


@dataclass(frozen=True)
class Cost:
    """USD per hour at the fewest and the most nodes, and the date of the price."""

    low: Decimal
    high: Decimal
    date: str

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.low + other.low, self.high + other.high, min(self.date, other.date))


async def cluster_create(op: Operation, do: Services, policy: Policy) -> Plan:
    """A resource group, a cluster with a system pool, and a GPU pool if a size is given."""
    values = op.values
    name, region = values["cluster"], values.get("region", DEFAULT_REGION)
    group = values.get("group") or f"quartermaster-{name}".lower()
    system_size, system_nodes = values.get("system_size") or SYSTEM_SIZE, 1
    size = gpu_size(values["size"]) if values.get("size") else None
    existing = {cluster.name.lower(): cluster for cluster in await do.listing.clusters()}
    if name.lower() in existing and tags.value(existing[name.lower()].tags, tags.OPERATION) != op.id:
        raise Refused("plans.cluster_taken", name=name, cheapest=CHEAPEST)
    cost = await _cost(do, system_size, region, system_nodes)
    system_hourly = exact(cost.high)
    changes = [
        Change("create", f"resource group {group}", region),
        Change(
            "create",
            f"cluster {name}",
            f"Kubernetes {values.get('kubernetes_version') or 'default version'}, system pool {system_nodes} × {system_size}",
            system_hourly,
        ),
    ]
    target: dict[str, Any] = {
        "cluster": name, "group": group, "region": region, "version": values.get("kubernetes_version"), "system_size": system_size,
        "system_nodes": system_nodes, "system_hourly": system_hourly, "entra": values.get("entra", False),
        "no_local_accounts": values.get("no_local_accounts", False),
    }  # fmt: skip
    version = values.get("kubernetes_version")
    offered = await clusters.kubernetes_versions(do.azure, region) if version else []
    found = preflight.kubernetes_version(version, offered, region)
    title = f"cluster {name}"
    if size is not None:
        pool, pool_cost, more = await _pool(do, values, size, region, group, values.get("pool", "gpu"))
        found += more
        changes.append(_pool_change(pool, size, pool_cost))
        cost += pool_cost
        target |= {"pool": pool, "pool_name": pool["name"], "skip": skipped(pool)}
        title += f" with {_counted(pool)} × {size.name.removeprefix('Standard_')}"
    else:
        target["skip"] = ["pool", "plugin", "rollout", "proof"]
    findings = _remarks(found, target, newest=True)
    return _priced(op, do, policy, title, changes, cost, findings, target, ONE_WAY if size else ("region",))


def skipped(pool: Mapping[str, Any]) -> list[str]:
    """The steps that a pool with this driver does not need."""
    return {"managed": ["plugin", "rollout"], "none": ["plugin", "rollout", "proof"]}.get(pool["driver"], [])


async def pool_add(op: Operation, do: Services, policy: Policy) -> Plan:
    """A GPU node pool in a cluster of ours."""
    values = op.values
    size = gpu_size(values["size"])
    cluster = await do.cluster(values["cluster"])
    taken = next((pool for pool in cluster.pools if pool.name == values["pool"]), None)
    if taken is not None:
        there = await pools.get(do.azure, cluster.group, cluster.name, taken.name)
        if there is None or tags.value(there.tags, tags.OPERATION) != op.id:
            raise Refused("plans.pool_taken", cluster=cluster.name, name=taken.name, other=f"{taken.name[:10]}2")
    pool, cost, found = await _pool(do, values, size, cluster.region, cluster.group, values["pool"])
    version = pool["version"] = values.get("kubernetes_version")
    offered = await clusters.kubernetes_versions(do.azure, cluster.region) if version else []
    found += preflight.kubernetes_version(version, offered, cluster.region, newest=cluster.kubernetes_version)
    found += preflight.cluster_for_pool(cluster, cluster.name, "")
    target = {
        "cluster": cluster.name, "group": cluster.group, "region": cluster.region, "pool": pool, "pool_name": pool["name"], "skip": skipped(pool),
    }  # fmt: skip
    findings = _remarks(found, target, newest=False)
    ends = expiry(cluster.tags)
    if ends is not None and ends < op.created + expiry_of(policy, values.get("for_seconds")):
        first = f"Its cluster `{cluster.name}` ends before that, {date(ends)}, and takes it along, unless it is extended."
        findings.append(Finding("warn", first))
    title = f"node pool {cluster.name}/{pool['name']}: {_counted(pool)} × {size.name.removeprefix('Standard_')}"
    return _priced(op, do, policy, title, [_pool_change(pool, size, cost)], cost, findings, target, ONE_WAY)


async def _pool(
    do: Services, values: Mapping[str, Any], size: Size, region: str, group: str, name: str
) -> tuple[dict[str, Any], Cost, list[AzureFinding]]:
    """The pool as it is going to be asked for, its cost, and what the subscription says about it."""
    spot, mig = bool(values.get("spot")), values.get("mig")
    ranged = "max" in values
    low, high = (int(values.get("min", 0)), int(values["max"])) if ranged else (int(values.get("nodes", 1)),) * 2
    try:
        resource, per_node = promised(size, mig)
    except KeyError as error:
        raise Refused("azure.mig_unsupported", size=size.name) from error
    try:
        price, row, usages = await asyncio.gather(
            do.prices.price(size.name, region, spot=spot), do.skus.row(region, size.name), quotas.usage(do.azure, region)
        )
    except Refused as error:
        raise Refused(error.code, **error.detail, buttons=(mending.NO_SPOT if spot else "other_size",)) from error
    cost = _times(price, low, high)
    pool = {
        "name": name, "size": size.name, "nodes": low if ranged else high, "min": low if ranged else None, "max": high if ranged else None,
        "spot": spot, "max_price": values.get("max_price"), "eviction": values.get("eviction", "Delete"), "zones": list(values.get("zones") or ()),
        "mig": mig, "driver": values.get("driver", "driver-only"), "taints": list(values.get("taints") or ()),
        "labels": dict(values.get("labels") or {}), "os_sku": values.get("os_sku"), "headers": dict(values.get("headers") or {}),
        "gpus_per_node": per_node, "resource": resource, "model": size.model, "node_hourly": str(price.usd_per_hour), "hourly": exact(cost.high),
    }  # fmt: skip
    spec = pool_spec({"group": group, "cluster": values["cluster"], "pool": pool})
    state = await features.state(do.azure, features.MANAGED_GPU) if pool["driver"] == "managed" else None
    found = [
        *preflight.pool(spec), *preflight.managed_gpu(spec, state), *preflight.sku(row, size.name, region, zones=pool["zones"], spot=spot),
        *quotas.room(usages, size, nodes=high, spot=spot, region=region),
    ]  # fmt: skip
    return pool, cost, found


def remark(one: AzureFinding) -> Finding:
    """What preflight found, as plans show it."""
    return Finding(SEVERITIES[one.severity], f"{one.sentence} {one.next_step}".strip())


def _remarks(found: list[AzureFinding], target: dict[str, Any], *, newest: bool) -> list[Finding]:
    """What is shown of it; what could be asked for instead of what is not to be had goes into the target (``mend``)."""
    remarks = [remark(one) for one in ordered(found) if one.severity != "info"]
    if mends := mending.hints(found, newest=newest):
        target["mend"] = mends
    pool = target.get("pool") or {}
    if pool.get("spot"):
        remarks.append(Finding("warn", "Spot nodes can be taken away at 30 seconds' notice, and jobs on them end then."))
    if pool.get("driver") == "none":
        remarks.append(Finding("warn", "Without a driver the GPUs cannot be used until you install one yourself (the GPU Operator, say)."))
    return remarks


async def _cost(do: Services, size: str, region: str, nodes: int) -> Cost:
    return _times(await do.prices.price(size, region), nodes, nodes)


def _times(price: Price, low: int, high: int) -> Cost:
    day = price.since.isoformat() if price.since else datetime.fromtimestamp(price.fetched, UTC).date().isoformat()
    return Cost(price.usd_per_hour * low, price.usd_per_hour * high, day)


def _counted(pool: Mapping[str, Any]) -> str:
    return str(pool["nodes"]) if pool["max"] is None else f"{pool['min']}-{pool['max']}"


def _pool_change(pool: Mapping[str, Any], size: Size, cost: Cost) -> Change:
    share = "" if size.share == "1" else f"{size.share} of "
    gpus = f"{size.gpus} × {share}{size.model} {size.gpu_memory_gib} GB each"
    extras = [
        text
        for text in (
            f"MIG {pool['mig']}" if pool["mig"] else "",
            "Spot" if pool["spot"] else "",
            f"zone {', '.join(pool['zones'])}" if pool["zones"] else "",
        )
        if text
    ]
    detail = f"{_counted(pool)} × {size.name} ({gpus}), driver: {pool['driver']}" + (f", {', '.join(extras)}" if extras else "")
    return Change("create", f"GPU node pool {pool['name']}", detail, exact(cost.high))


def _priced(
    op: Operation, do: Services, policy: Policy, title: str, changes: list[Change], cost: Cost, findings: list[Finding], target: dict[str, Any],
    one_way: tuple[str, ...],
) -> Plan:  # fmt: skip
    seconds = expiry_of(policy, op.values.get("for_seconds"))
    hours = Decimal(seconds) / 3600
    needs = tier(policy, cost.high, cost.high * hours)
    if isinstance(needs, Denied):
        raise Refused("plans.blocked", reasons=str(needs))
    return Plan(
        title=title, changes=tuple(changes), hourly_min=exact(cost.low), hourly_max=exact(cost.high), total_min=exact(cost.low * hours),
        total_max=exact(cost.high * hours), hours=float(hours), expires=float(int(op.created + seconds)), one_way=one_way, findings=tuple(findings),
        price_date=cost.date, approvals=needs.approvals, why=needs.why, target=target,
    )  # fmt: skip
