"""The plan for taking over a cluster that somebody made by hand."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from bot.approvals.limits import Ask, expiry_of, within_limits
from bot.approvals.rules import Policy
from bot.azure import tags
from bot.azure.clusters import ClusterState
from bot.errors import Refused
from bot.model import Change, Finding, Plan, exact, usd
from bot.operations.present import date
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.plans.changing import busy, cost_of, paid, shape
from bot.plans.existing import named
from bot.plans.provision import Cost


async def adopt(op: Operation, do: Services, policy: Policy) -> Plan:
    """Take over a cluster made by hand: it gets an owner, a price, and an expiry at which it is deleted."""
    cluster = await _foreign(op, do)
    seconds = expiry_of(policy, op.values.get("for_seconds"))
    problems = within_limits(policy, Ask(expiry=seconds))
    if problems:
        raise Refused("plans.blocked", reasons=f"{problems[0].sentence} {problems[0].next_step}")
    running = [pool for pool in cluster.pools if pool.power_state != "Stopped"]
    each = dict(zip((pool.name for pool in running), await asyncio.gather(*(cost_of(do, cluster.region, [pool]) for pool in running)), strict=True))
    own = {pool.name: exact(each[pool.name].high) for pool in running if pool.mode != "System"}
    system = sum((each[pool.name].high for pool in running if pool.mode == "System"), Decimal(0))
    cost = sum(each.values(), Cost(Decimal(0), Decimal(0), "9999-12-31"))
    until = float(int(op.created + seconds))
    findings = [*busy(cluster.name, cluster), Finding("warn", f"At its expiry, {date(until)}, I delete it with everything on it.")]
    stopped = ", ".join(f"`{pool.name}`" for pool in cluster.pools if pool not in running)
    if stopped:
        findings.append(Finding("info", f"Stopped and therefore not priced: {stopped}; `/gpu pool start` prices what it starts."))
    money = f"{usd(cost.high)}/h"
    target = named(cluster, prices=own, system_hourly=exact(system), money=money, shown=cluster.name, confirm_label=f"Adopt {cluster.name}")
    change = Change("change", f"cluster {cluster.name}", f"in resource group {cluster.group}, {shape(cluster.pools)}", exact(cost.high))
    confirm = f"Cluster *{cluster.name}* becomes <@{op.user}>'s, and I delete it with everything on it on {date(until)}, unless it is extended."
    return paid(op, do, policy, f"adopt cluster {cluster.name}", change, cost, None, until, findings, target, confirm)


async def _foreign(op: Operation, do: Services) -> ClusterState:
    """The one cluster of that name (and group) that is not ours yet."""
    name, group = op.values["cluster"], op.values.get("group", "")
    same = [one for one in await do.listing.clusters() if one.name.lower() == name.lower()]
    taken = [one for one in same if tags.ours(one.tags) and tags.value(one.tags, tags.OPERATION) != op.id]
    found = [one for one in same if group.lower() in ("", one.group.lower())]
    if not found:
        raise Refused("plans.adopt_unknown", name=name, where=f" in the resource group `{group}`" if group else "")
    if len(found) > 1:
        raise Refused("plans.adopt_which", name=name, groups=", ".join(f"`{one.group}`" for one in found), first=found[0].group)
    if found[0] in taken:
        raise Refused("plans.adopted", name=name)
    if taken:
        raise Refused("plans.adopt_name", name=name, group=taken[0].group)
    if found[0].power_state == "Stopped":
        raise Refused("plans.adopt_stopped", name=name, group=found[0].group)
    return found[0]
