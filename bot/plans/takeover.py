"""The plan for taking over an orphan: priced like everything else, and approved by its price."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from bot.approvals.limits import expiry_of
from bot.approvals.rules import Policy
from bot.azure import tags
from bot.errors import Refused
from bot.model import Change, Finding, Plan, exact, usd
from bot.operations import leases
from bot.operations.answers import expiry
from bot.operations.present import date
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.plans.changing import busy, cost_of, paid, shape
from bot.plans.existing import named, pool_of
from bot.plans.lifetimes import lifetime
from bot.plans.provision import Cost


async def take_over(op: Operation, do: Services, policy: Policy) -> Plan:
    """Whoever pressed *Take over* becomes the owner, until what was its expiry, or the policy's usual time where that is over."""
    cluster = await do.cluster(op.values["cluster"])
    life = lifetime(cluster, (await pool_of(op, do))[1] if op.values.get("pool") else None)
    former = tags.value(life.labels, tags.OPERATION)
    await _free(do, life.shown, former, op)
    running = [pool for pool in life.members if pool.power_state != "Stopped"]
    system = [] if life.pool else [pool for pool in cluster.pools if pool.mode == "System"]
    costs = await asyncio.gather(*(cost_of(do, cluster.region, [pool]) for pool in (*running, *system)))
    prices = {pool.name: exact(cost.high) for pool, cost in zip(running, costs, strict=False)}
    cost = sum(costs, Cost(Decimal(0), Decimal(0), "9999-12-31"))
    now, was = do.clock.now(), expiry(life.labels)
    until = was if was and was > now else float(int(op.created + expiry_of(policy, None)))
    findings = [*busy(life.shown, cluster), Finding("warn", f"It runs already. At its expiry, {date(until)}, I delete it with everything on it.")]
    money = f"{usd(cost.high)}/h"
    target = named(cluster, shown=life.shown, prices=prices, taken_from=former, money=money)
    if life.pool:
        target["pool"] = life.pool.name
    else:
        target["system_hourly"] = exact(sum((each.high for each in costs[len(running) :]), Decimal(0)))
    change = Change("change", f"owner of {life.shown}", shape(life.members), exact(cost.high))
    return paid(op, do, policy, f"take over {life.shown}", change, cost, None, until, findings, target)


async def _free(do: Services, shown: str, operation: str, op: Operation) -> None:
    """Raises Refused where somebody was faster."""
    if operation == op.id:
        return
    try:
        lease = await leases.lease_of(do, shown)
    except Refused:
        return
    if lease.parent != op.id:
        raise Refused("plans.taken_over", name=shown)
