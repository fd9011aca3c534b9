"""Where else to look if Azure has no machines: the policy's places, each held against the subscription before anybody approves.

They become part of the plan that is approved. A place counts only if it is no dearer than that plan, has at least as many GPUs per
node with at least as much memory, is offered to the subscription and has quota.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from bot import names
from bot.approvals.limits import Place, alternatives
from bot.approvals.rules import Policy
from bot.azure import preflight, quotas
from bot.azure.quotas import Usage
from bot.azure.sizes import Size, lookup, promised
from bot.azure.skus import SkuRow
from bot.errors import Refused, Temporary
from bot.model import Finding, Plan, exact, usd
from bot.operations.fallback import place_of
from bot.operations.provisioning import pool_spec
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.plans.mending import elsewhere

MOST_LOOKED_AT: Final = 12
Planning = Callable[[Operation, Services, Policy], Awaitable[Plan]]


@dataclass(frozen=True)
class Known:
    """What the subscription says about a region; `rows` by lower-case size."""

    usages: list[Usage]
    rows: Mapping[str, SkuRow]


def with_places(planning: Planning, *, moves: bool) -> Planning:
    """`planning`, and the places where else to look as part of its plan. `moves`: the cluster is yet to be made, so it may be in another region."""

    async def planned(op: Operation, do: Services, policy: Policy) -> Plan:
        plan = await planning(op, do, policy)
        wanted = plan.target.get("mend", [])
        if plan.blocked and "other_size" not in wanted:
            return plan
        approved, hours = Decimal(plan.hourly_max), Decimal(str(plan.hours))
        target = {**plan.target, "places": await places(do, policy, plan.target, approved=approved, hours=hours, moves=moves)}
        if plan.blocked:
            return replace(plan, target={**plan.target, "mend": [*elsewhere(target["places"], target), *wanted]})
        return replace(plan, target=target, findings=(*plan.findings, *finding(target)))

    return planned


async def places(do: Services, policy: Policy, target: Mapping[str, Any], *, approved: Decimal, hours: Decimal, moves: bool) -> list[dict[str, Any]]:
    """The next places for the plan's `target`, best first, at most ``fallback.attempts``. Reads only.

    `approved` is the plan's price per hour at the most nodes, `hours` until its expiry; `moves` as in :func:`with_places`.
    """
    pool = target.get("pool")
    if policy.fallback.attempts == 0 or (pool is None and not moves):
        return []
    size = str(pool["size"] if pool else target["system_size"])
    tried = Place(size, str(target["region"]), ",".join(pool["zones"]) if pool else "")
    many = replace(policy, fallback=replace(policy.fallback, attempts=MOST_LOOKED_AT))
    wanted = [place for place in alternatives(many, tried, other_regions=moves) if pool or place.size == size]
    regions = list(dict.fromkeys(place.region for place in wanted))
    known = dict(zip(regions, await asyncio.gather(*(_known(do, region) for region in regions)), strict=True))
    found = await asyncio.gather(*(_place(do, target, place, known[place.region], approved, hours) for place in wanted))
    return [one for one in found if one is not None][: policy.fallback.attempts]


def finding(target: Mapping[str, Any]) -> list[Finding]:
    """What the approver is told of it."""
    shown = [f"{place_of({**target, **_at(target, place)})} ({usd(place['plan']['hourly_max'])}/h)" for place in target.get("places", ())]
    return [Finding("info", f"If Azure has no machines free, I try without asking again: {'; then '.join(shown)}.")] if shown else []


def _at(target: Mapping[str, Any], place: Mapping[str, Any]) -> dict[str, Any]:
    return {"region": place["region"]} | ({"pool": {**target["pool"], **place["pool"]}} if target.get("pool") else {})


async def _known(do: Services, region: str) -> Known | None:
    """None where Azure does not tell in time: a plan does not wait for its second choice."""
    try:
        usages, rows = await asyncio.gather(quotas.usage(do.azure, region), do.skus.rows(region))
    except (Refused, Temporary):
        return None
    return Known(usages, rows)


async def _place(
    do: Services, target: Mapping[str, Any], place: Place, known: Known | None, approved: Decimal, hours: Decimal
) -> dict[str, Any] | None:
    """The place as the steps need it, or None where it does not count."""
    moved = place.region != target["region"]
    group = f"{target['group']}-{place.region}" if moved else str(target["group"])
    if known is None or not names.valid("group", group):
        return None
    try:
        system = await _system(do, target, place.region)
        change, low, high = await _pool(do, target, place, known) if target.get("pool") else ({}, Decimal(0), Decimal(0))
    except (Refused, Temporary, KeyError):
        return None
    if change is None or (moved and not _system_fits(target, known)) or Decimal(exact(system + high)) > approved:
        return None
    low, high = low + system, high + system
    plan = {"hourly_min": exact(low), "hourly_max": exact(high), "total_min": exact(low * hours), "total_max": exact(high * hours)}
    return {"region": place.region, "group": group, "system_hourly": exact(system), "pool": change, "plan": plan}


async def _system(do: Services, target: Mapping[str, Any], region: str) -> Decimal:
    """USD an hour for the system pool; 0 where the cluster exists already and is paid for."""
    if "system_size" not in target:
        return Decimal(0)
    return (await do.prices.price(target["system_size"], region)).usd_per_hour * int(target["system_nodes"])


def _system_fits(target: Mapping[str, Any], known: Known) -> bool:
    row = known.rows.get(str(target["system_size"]).lower())
    if row is None or row.closed:
        return False
    room = quotas.room(known.usages, row, nodes=int(target["system_nodes"]), spot=False, region=row.region)
    return not any(one.severity == "blocker" for one in room)


async def _pool(do: Services, target: Mapping[str, Any], place: Place, known: Known) -> tuple[dict[str, Any] | None, Decimal, Decimal]:
    """What changes in the pool at that place, and its price at the fewest and the most nodes. Raises KeyError where MIG does not fit."""
    pool, size, before = target["pool"], lookup(place.size), lookup(target["pool"]["size"])
    nothing = (None, Decimal(0), Decimal(0))
    if not isinstance(size, Size) or not isinstance(before, Size) or size.gpu_memory_gib < before.gpu_memory_gib or size.driver != before.driver:
        return nothing
    resource, per_node = promised(size, pool["mig"])
    if per_node < pool["gpus_per_node"]:
        return nothing
    low, high = int(pool["min"] if pool["max"] else pool["nodes"]), int(pool["max"] or pool["nodes"])
    price = await do.prices.price(size.name, place.region, spot=pool["spot"])
    zones = [place.zone] if place.zone else []
    change = {
        "size": size.name, "zones": zones, "gpus_per_node": per_node, "resource": resource, "model": size.model,
        "node_hourly": str(price.usd_per_hour), "hourly": exact(price.usd_per_hour * high),
    }  # fmt: skip
    spec = pool_spec({**target, "pool": {**pool, **change}})
    row = known.rows.get(size.name.lower())
    found = [
        *preflight.pool(spec), *preflight.sku(row, size.name, place.region, zones=zones, spot=pool["spot"]),
        *quotas.room(known.usages, size, nodes=high, spot=pool["spot"], region=place.region),
    ]  # fmt: skip
    blocked = any(one.severity == "blocker" for one in found)
    return nothing if blocked else (change, price.usd_per_hour * low, price.usd_per_hour * high)
