"""Plans for changes to what exists: stop, start, scale, abort. What costs no more than was approved before needs no new approval."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from bot.approvals.decide import Denied, Needs, tier
from bot.approvals.limits import Ask, within_limits
from bot.approvals.rules import Policy
from bot.azure import quotas, tags
from bot.azure.clusters import ClusterState
from bot.azure.findings import Finding as AzureFinding
from bot.azure.operations import terminal
from bot.azure.pools import PoolState
from bot.azure.poolspec import check_nodes
from bot.errors import Refused
from bot.model import Change, Finding, Plan, exact, usd
from bot.operations.answers import expiry, pool_expiry
from bot.operations.changing import nodes_of, succeeded
from bot.operations.present import date
from bot.operations.record import RUNNING, Operation
from bot.operations.services import Services, not_stopped
from bot.plans.existing import named, pool_of
from bot.plans.provision import Cost, remark

NO_RETURN: Final = Finding(
    "warn", "It may be impossible to start it again: Azure gives the machines to others meanwhile, and may have none of that size free then."
)
MAKING: Final = ("cluster.create", "pool.add")
MAY_FAIL: Final = Finding("warn", "Azure may have no free machines of that size now; then it does not start, and I say so here.")


async def cluster_stop(op: Operation, do: Services, policy: Policy) -> Plan:
    """Stop a whole cluster."""
    cluster = await do.cluster(op.values["cluster"])
    _not_already(f"Cluster `{cluster.name}`", cluster, "Stopped")
    await _not_being_made(do, cluster)
    running = [pool for pool in cluster.pools if pool.power_state != "Stopped"]
    findings = [*busy(cluster.name, cluster), NO_RETURN, *await _jobs_end(do, cluster)]
    target = named(cluster, shown=cluster.name, expires=expiry(cluster.tags))
    return _stop(f"cluster {cluster.name}", running, approved_price(cluster), findings, target)


async def pool_stop(op: Operation, do: Services, policy: Policy) -> Plan:
    """Stop the nodes of a pool."""
    cluster, pool = await pool_of(op, do)
    name = f"{cluster.name}/{pool.name}"
    if pool.mode == "System":
        raise Refused("azure.system_pool", pool=pool.name)
    not_stopped(cluster)
    await _not_being_made(do, cluster, pool)
    _not_already(f"Node pool `{name}`", pool, "Stopped")
    findings = [*busy(name, cluster, pool), *_unsettled(name, pool, "stops"), NO_RETURN, *await _jobs_end(do, cluster)]
    target = named(cluster, pool=pool.name, shown=name, expires=pool_expiry(cluster, pool))
    return _stop(f"node pool {name}", [pool], approved_price(pool), findings, target)


def _stop(what: str, running: Sequence[PoolState], price: Decimal | None, findings: list[Finding], target: dict[str, Any]) -> Plan:
    detail = shape(running) + (f"; saves {usd(price)}/h" if price else "")
    if target["expires"]:
        findings.append(Finding("info", f"It is still deleted at its expiry, {date(target['expires'])}."))
    why = "stopping saves money and needs no approval"
    return Plan(title=f"stop {what}", changes=(Change("change", what, f"stop {detail}"),), findings=tuple(findings), why=why, target=target)


async def cluster_start(op: Operation, do: Services, policy: Policy) -> Plan:
    """Start a whole cluster: every pool that was not stopped by itself before costs again."""
    cluster = await do.cluster(op.values["cluster"])
    _not_already(f"Cluster `{cluster.name}`", cluster, "Running")
    until = expiry(cluster.tags)
    back = [pool for pool in cluster.pools if not tags.value(pool.tags, tags.STOPPED)]
    asleep = [f"{cluster.name}/{pool.name}" for pool in cluster.pools if pool not in back]
    target = named(cluster, shown=cluster.name, expires=until, asleep=asleep)
    findings = busy(cluster.name, cluster)
    if asleep:
        findings.append(Finding("info", f"Stopped by themselves before, they stay so: {', '.join(f'`{one}`' for one in asleep)}; `/gpu pool start`."))
    allowed = approved_price(replace(cluster, pools=tuple(back)))
    return await _start(op, do, policy, f"cluster {cluster.name}", back, allowed, until, findings, target)


async def pool_start(op: Operation, do: Services, policy: Policy) -> Plan:
    """Start the nodes of a pool."""
    cluster, pool = await pool_of(op, do)
    name = f"{cluster.name}/{pool.name}"
    not_stopped(cluster)
    _not_already(f"Node pool `{name}`", pool, "Running")
    until = pool_expiry(cluster, pool)
    findings = [*busy(name, cluster, pool), *_unsettled(name, pool, "starts")]
    target = named(cluster, pool=pool.name, shown=name, expires=until, hourly=exact((await cost_of(do, cluster.region, [pool])).high))
    return await _start(op, do, policy, f"node pool {name}", [pool], approved_price(pool), until, findings, target)


async def _start(
    op: Operation, do: Services, policy: Policy, what: str, pools: Sequence[PoolState], approved: Decimal | None, until: float | None,
    findings: list[Finding], target: dict[str, Any],
) -> Plan:  # fmt: skip
    cost = await cost_of(do, target["region"], pools)
    findings += [*await _room(do, target["region"], [(pool, pool.most) for pool in pools]), MAY_FAIL]
    change = Change("change", what, f"start {shape(pools)}", exact(cost.high))
    return paid(op, do, policy, f"start {what}", change, cost, approved, until, findings, target)


async def pool_scale(op: Operation, do: Services, policy: Policy) -> Plan:
    """Another number of nodes, or another range for the autoscaler."""
    cluster, pool = await pool_of(op, do)
    name, values = f"{cluster.name}/{pool.name}", op.values
    after = {"nodes": int(values["nodes"])} if "nodes" in values else {"min_nodes": int(values["min"]), "max_nodes": int(values["max"])}
    before = {"min_nodes": pool.min_nodes or 0, "max_nodes": pool.max_nodes or 0} if pool.autoscaling else {"nodes": pool.count}
    low, high = after.get("nodes", after.get("min_nodes", 0)), after.get("nodes", after.get("max_nodes", 0))
    _scalable(cluster, pool, after, before)
    await _not_being_made(do, cluster, pool)
    problems = within_limits(policy, Ask(nodes=high))
    if problems:
        raise Refused("plans.blocked", reasons=f"{problems[0].sentence} {problems[0].next_step}")
    each, day = await each_of(do, cluster.region, pool)
    cost, old = Cost(each * low, each * high, day), each * pool.most
    difference = cost.high - old
    money = f"{usd(old)}/h → {usd(cost.high)}/h ({'+' if difference >= 0 else '-'}{usd(abs(difference))}/h)"
    wanted = f"{low}-{high} nodes" if "max_nodes" in after else f"{high} node{'' if high == 1 else 's'}"
    findings = [*busy(name, cluster, pool), *await _room(do, cluster.region, [(pool, high - pool.count)])]
    if high < pool.count:
        findings += [Finding("warn", f"{pool.count - high} of its nodes go, and what runs on them."), *await _jobs_end(do, cluster)]
    target = named(
        cluster, pool=pool.name, shown=name, before=before, after=after, wanted=wanted, hourly=exact(cost.high),
        hourly_before=tags.value(pool.tags, tags.PRICE), money=f"{usd(cost.high)}/h" + (" at most" if high != low else ""),
    )  # fmt: skip
    change = Change("change", f"node pool {name}", f"{nodes_of(pool)} → {wanted} × {pool.size}, {money}", exact(cost.high))
    until = pool_expiry(cluster, pool)
    return paid(op, do, policy, f"scale node pool {name} to {wanted}", change, cost, approved_price(pool), until, findings, target)


def _scalable(cluster: ClusterState, pool: PoolState, after: dict[str, int], before: dict[str, int]) -> None:
    name = f"{cluster.name}/{pool.name}"
    not_stopped(cluster)
    if pool.power_state == "Stopped":
        raise Refused("plans.pool_stopped", name=name)
    if "nodes" in after and pool.autoscaling:
        raise Refused("azure.autoscaler_on", pool=pool.name, min=pool.min_nodes, max=pool.max_nodes)
    if "max_nodes" in after and pool.managed:
        raise Refused("azure.managed_autoscaler")
    check_nodes(after.get("nodes"), after.get("min_nodes"), after.get("max_nodes"), floor=1 if pool.mode == "System" else 0)
    if after == before and succeeded(pool):
        raise Refused("plans.same_scale", name=name, nodes=nodes_of(pool))


async def pool_abort(op: Operation, do: Services, policy: Policy) -> Plan:
    """Abort what Azure is doing to a node pool."""
    cluster, pool = await pool_of(op, do)
    name = f"{cluster.name}/{pool.name}"
    if pool.provisioning_state.lower() == "deleting":
        raise Refused("plans.abort_deletion", name=name)
    if terminal(pool.provisioning_state):
        raise Refused("plans.nothing_to_abort", name=name, state=pool.provisioning_state)
    return Plan(
        title=f"abort what runs on node pool {name}",
        changes=(Change("change", f"node pool {name}", f"abort what Azure is doing to it ({pool.provisioning_state})"),),
        findings=(Finding("warn", "An abort removes nothing: nodes that were made by then stay and cost money."),),
        target=named(cluster, pool=pool.name, shown=name),
    )


def paid(
    op: Operation, do: Services, policy: Policy, title: str, change: Change, cost: Cost, approved: Decimal | None, until: float | None,
    findings: list[Finding], target: dict[str, Any], confirm: str = "",
) -> Plan:  # fmt: skip
    """A plan with its price and approvals. Without an expiry the total is reckoned for the longest time that the policy allows."""
    seconds = max(0.0, until - do.clock.now()) if until else float(policy.limits.longest_expiry)
    hours = Decimal(int(seconds)) / 3600
    needs = _needs(policy, approved, cost.high, hours)
    return Plan(
        title=title, changes=(change,), hourly_min=exact(cost.low), hourly_max=exact(cost.high), total_min=exact(cost.low * hours),
        total_max=exact(cost.high * hours), hours=float(hours), expires=until, findings=tuple(findings), price_date=cost.date,
        approvals=needs.approvals, why=needs.why, confirm=confirm, target=target,
    )  # fmt: skip


def _needs(policy: Policy, approved: Decimal | None, hourly: Decimal, hours: Decimal) -> Needs:
    if approved is not None and Decimal(exact(hourly)) <= approved:
        return Needs(0, f"no dearer than the {usd(approved)}/h that it was allowed before")
    needs = tier(policy, hourly, hourly * hours)
    if isinstance(needs, Denied):
        raise Refused("plans.blocked", reasons=str(needs))
    return needs


async def cost_of(do: Services, region: str, pools: Iterable[PoolState]) -> Cost:
    """What all the pools cost an hour while they run."""
    total = Cost(Decimal(0), Decimal(0), "9999-12-31")
    for pool in pools:
        each, day = await each_of(do, region, pool)
        total += Cost(each * (pool.min_nodes or 0 if pool.autoscaling else pool.count), each * pool.most, day)
    return total


async def each_of(do: Services, region: str, pool: PoolState) -> tuple[Decimal, str]:
    """USD per node and hour, with the day of the price. Raises Refused where there is none, as for Windows nodes."""
    if not pool.size or pool.os_sku.startswith("Windows"):
        raise Refused("azure.price_unknown", size=f"{pool.size or 'mixed sizes'} ({pool.os_sku})", region=region, spot="")
    price = await do.prices.price(pool.size, region, spot=pool.spot)
    day = price.since or datetime.fromtimestamp(price.fetched, UTC).date()
    return price.usd_per_hour, day.isoformat()


async def _room(do: Services, region: str, wanted: Iterable[tuple[PoolState, int]]) -> list[Finding]:
    """Whether the quotas have room for so many more nodes of each pool."""
    more = [(pool, nodes) for pool, nodes in wanted if nodes > 0]
    if not more:
        return []
    usages, rows = await asyncio.gather(quotas.usage(do.azure, region), do.skus.rows(region))
    found: list[AzureFinding] = []
    for pool, nodes in more:
        row = rows.get(pool.size.lower())
        found += quotas.room(usages, row, nodes=nodes, spot=pool.spot, region=region) if row else []
    return [remark(one) for one in found if one.severity != "info"]


async def _jobs_end(do: Services, cluster: ClusterState) -> list[Finding]:
    """A warning that names the jobs that run on the cluster."""
    targets = [(one.plan or {}).get("target", {}) for one in await do.journal.active() if one.kind == "job.run"]
    names = [f"`{t['job']}`" for t in targets if (t.get("group"), t.get("cluster")) == (cluster.group, cluster.name) and t.get("job")]
    return [Finding("warn", f"Jobs that run there end: on `{cluster.name}` these are running or waiting: {', '.join(names[:10])}.")] if names else []


async def _not_being_made(do: Services, cluster: ClusterState, pool: PoolState | None = None) -> None:
    """Raises Refused while a request that makes it goes on: the proof would fail on nodes that are stopped, and then all is taken back."""
    for one in await do.journal.active():
        t = (one.plan or {}).get("target", {})
        here = one.kind in MAKING and (t.get("group"), t.get("cluster")) == (cluster.group, cluster.name)
        if here and one.status == RUNNING and (pool is None or (t.get("pool") or {}).get("name") == pool.name):
            raise Refused("plans.being_made", name=f"{cluster.name}/{pool.name}" if pool else cluster.name)


def _not_already(what: str, state: ClusterState | PoolState, power: str) -> None:
    doing = {"Running": "starting", "Stopped": "stopping"}[power]
    if state.provisioning_state.lower() == doing or (state.power_state == power and (succeeded(state) or not terminal(state.provisioning_state))):
        raise Refused("plans.power_already", what=what, state="running" if power == "Running" else "stopped")


def shape(pools: Iterable[PoolState]) -> str:
    """``gpu: 2 nodes × Standard_NC4as_T4_v3``, and so on."""
    return ", ".join(f"{pool.name}: {nodes_of(pool)} × {pool.size}" for pool in pools)


def busy(name: str, *states: ClusterState | PoolState) -> list[Finding]:
    """A warning where something runs on one of them."""
    going = next((state for state in states if not terminal(state.provisioning_state)), None)
    return [Finding("warn", f"`{name}` is busy right now ({going.provisioning_state}); I wait until that is over.")] if going else []


def _unsettled(name: str, pool: PoolState, verb: str) -> list[Finding]:
    """AKS: the power of a pool changes only where its last operation succeeded."""
    if succeeded(pool) or not terminal(pool.provisioning_state):
        return []
    said = Refused("plans.pool_unsettled", name=name, state=pool.provisioning_state, verb=verb)
    return [Finding("block", str(said))]


def approved_price(state: ClusterState | PoolState) -> Decimal | None:
    """USD an hour that the tags of a pool, or of a whole cluster, allow; None where a tag is missing or is no amount."""
    pools = [pool for pool in state.pools if pool.mode != "System"] if isinstance(state, ClusterState) else []
    found = [tags.hourly(one.tags) for one in (state, *pools)]
    known = [amount for amount in found if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(found) else None


