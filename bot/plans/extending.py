"""The plan for a later expiry: capped by the policy, and approved anew where all that it costs crosses a tier."""

from __future__ import annotations

from decimal import Decimal

from bot.approvals.decide import Denied, Needs, tier
from bot.approvals.limits import spoken
from bot.approvals.rules import Policy
from bot.azure.clusters import ClusterState
from bot.azure.pools import PoolState
from bot.errors import Refused
from bot.model import Change, Finding, Plan, exact, usd
from bot.operations.answers import expiry
from bot.operations.present import date
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.plans.existing import named, pool_of
from bot.plans.lifetimes import lifetime

USUAL_SECONDS = 4 * 3600
NOTHING_GAINED = 60.0


async def extend(op: Operation, do: Services, policy: Policy) -> Plan:
    """Move the expiry of a node pool, or of a whole cluster (also where the pool was made with it), not beyond the policy's longest from now."""
    cluster, pool = await _named(op, do)
    life, now = lifetime(cluster, pool), do.clock.now()
    ends = max(now, expiry(life.labels) or now)
    wanted, latest = ends + int(op.values.get("for_seconds") or USUAL_SECONDS), now + policy.limits.longest_expiry
    until = min(wanted, latest)
    if until - ends < NOTHING_GAINED:
        raise Refused("plans.longest", name=life.shown, until=date(ends), limit=spoken(policy.limits.longest_expiry))
    parts = await life.allowed(do)
    hourly, added = sum(parts.values(), Decimal(0)), Decimal(int(until - ends)) / 3600
    ran = Decimal(int(ends - min(ends, await life.began(do)))) / 3600
    needs = again(policy, hourly, hourly * ran, hourly * (ran + added))
    findings = [Finding("info", f"Capped: the policy allows at most {spoken(policy.limits.longest_expiry)} from now.")] if wanted > latest else []
    if pool is not None and life.pool is None:
        findings.append(Finding("info", f"`{cluster.name}/{pool.name}` was made with its cluster and ends with it, so both are extended."))
    if life.pool is not None and (expiry(cluster.tags) or until) < until:
        first = date(expiry(cluster.tags) or until)
        findings.append(Finding("warn", f"Its cluster `{cluster.name}` ends before that, {first}, and takes it along, unless it is extended too."))
    detail = f"until {date(until)}: {usd(hourly * added)} more, {usd(hourly * (ran + added))} in all since it was made"
    target = named(cluster, shown=life.shown, parts={name: str(price) for name, price in parts.items()})
    if life.pool is not None:
        target["pool"] = life.pool.name
    return Plan(
        title=f"extend {life.shown}", changes=(Change("change", f"expiry of {life.shown}", detail, exact(hourly)),), hourly_min=exact(hourly),
        hourly_max=exact(hourly), total_min=exact(hourly * added), total_max=exact(hourly * added), hours=float(added), expires=float(int(until)),
        findings=tuple(findings), approvals=needs.approvals, why=needs.why, target=target,
    )  # fmt: skip


async def _named(op: Operation, do: Services) -> tuple[ClusterState, PoolState | None]:
    if op.values.get("pool"):
        return await pool_of(op, do)
    return await do.cluster(op.values["cluster"]), None


def again(policy: Policy, hourly: Decimal, before: Decimal, after: Decimal) -> Needs:
    """What a dearer whole needs: nothing within the tier that `before` was in, else all that `after` needs. Raises Refused beyond the last tier."""
    needs, had = tier(policy, hourly, after), tier(policy, hourly, before)
    if isinstance(needs, Denied):
        raise Refused("plans.blocked", reasons=str(needs))
    if isinstance(had, Denied) or needs.approvals > had.approvals:
        return needs
    return Needs(0, f"{usd(after)} in all needs no more approval than what it was given before")
