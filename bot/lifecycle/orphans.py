"""Orphans: ours by its tags but without a lease, so nobody would ever end it; or with a lease, but gone.

Reported once, in the resource's own thread (its tags know it) or to the admins' channel, and only after it was seen twice: between the
list of Azure and that of the journal something may just have begun or ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.approvals.limits import expiry_of
from bot.approvals.rules import Policy
from bot.azure import clusters, pools, tags
from bot.azure.clusters import ClusterState
from bot.errors import Refused
from bot.lifecycle.lost import place_of
from bot.lifecycle.notices import Notice, Place, post
from bot.lifecycle.rebuilding import Known, leased
from bot.model import usd
from bot.operations import leases
from bot.operations.journal import Journal
from bot.operations.leases import Held
from bot.operations.present import date
from bot.operations.record import Operation, identity
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Run, Say, Step
from bot.store import texts

KEY: Final = Journal.key("orphans")
TWICE_SECONDS: Final = 2.0
IDLE_KINDS: Final = frozenset({"lease", "idle", "notice"})


def orphaned(found: Sequence[ClusterState], active: Sequence[Operation]) -> list[Known]:
    """What carries our tags, has no lease, and is not being worked on. Pure."""
    held = {_shown(op) for op in active if op.kind == "lease"}
    busy = {str(target.get("cluster", "")).lower() for op in active if op.kind not in IDLE_KINDS for target in [_target(op)]}
    listed = [about for one in found if one.provisioning_state.lower() != "deleting" for about in leased(one, one.pools)]
    return [about for about in listed if about.shown.lower() not in held and about.cluster.lower() not in busy]


def vanished(found: Sequence[ClusterState], active: Sequence[Operation]) -> list[tuple[Operation, bool]]:
    """Leases of what is not there any more; True where that is worth a word: not where a whole cluster went with it. Pure."""
    there = {name for one in found for name in (one.name.lower(), *(f"{one.name}/{pool.name}".lower() for pool in one.pools))}
    busy = {str(_target(op).get("cluster", "")).lower() for op in active if op.kind not in IDLE_KINDS}
    gone = [op for op in active if op.kind == "lease" and _shown(op) not in there and str(op.memo["cluster"]).lower() not in busy]
    return [(op, not op.memo.get("pool") or str(op.memo["cluster"]).lower() in there) for op in gone]


async def sweep(do: Services, policy: Policy, found: Sequence[ClusterState], active: Sequence[Operation]) -> None:
    """One round: report what was seen in an earlier one, too."""
    lost, gone = orphaned(found, active), vanished(found, active)
    names = {f"orphan:{about.group}/{about.shown}:{about.operation}".lower() for about in lost} | {f"gone:{op.id}" for op, _ in gone}
    seen = texts(await do.redis.hgetall(KEY))
    seconds, _ = await do.redis.time()
    stale = [name for name in seen if name not in names]
    if stale:
        await do.redis.hdel(KEY, *stale)
    for name in names:
        await do.redis.hsetnx(KEY, name, str(seconds))
    for about in lost:
        first = seen.get(f"orphan:{about.group}/{about.shown}:{about.operation}".lower())
        if first is not None and seconds - float(first) >= TWICE_SECONDS:
            await _report(do, policy, about)
    for op, worth in gone:
        first = seen.get(f"gone:{op.id}")
        if first is not None and seconds - float(first) >= TWICE_SECONDS:
            await _report_gone(do, op, worth)


async def _report(do: Services, policy: Policy, about: Known) -> None:
    place = place_of(about, policy)
    if not place.channel:
        return
    kind = "node pool" if about.pool else "cluster"
    money = f" It costs {usd(about.price)}/h." if about.price else ""
    ended = f" It should have ended {date(about.expires)}." if about.expires and about.expires < do.clock.now() else ""
    whom = f"<@{about.owner}> " if about.owner else ""
    words = f"👻 {whom}{kind.capitalize()} `{about.shown}` carries my tags, but I keep no expiry for it: nobody would ever delete it.{money}{ended}"
    delete = f"pool delete {about.shown}" if about.pool else f"cluster delete {about.shown}"
    notice = Notice(words, suggested={"takeover": ("Take over", about.shown), "delete": ("Delete", delete)})
    await post(do, identity("orphan", about.group.lower(), about.shown.lower(), about.operation), place, notice)


async def _report_gone(do: Services, op: Operation, worth: bool) -> None:
    """The lease looks and ends by itself; its people are told that it was not me."""
    if worth and op.channel:
        place = Place(op.team, op.channel, op.thread, op.user)
        notice = Notice(f"👻 <@{op.user}> `{_name(op)}` is gone from Azure, and it was not I who deleted it. I do not look after it any more.")
        await post(do, identity("gone", op.id), place, notice)
    await leases.release(do, _name(op))


def _name(op: Operation) -> str:
    pool = op.memo.get("pool")
    return f"{op.memo['cluster']}/{pool}" if pool else str(op.memo["cluster"])


def _shown(op: Operation) -> str:
    return _name(op).lower()


def _target(op: Operation) -> Mapping[str, object]:
    target: Mapping[str, object] = (op.plan or {}).get("target") or {}
    return target or dict(op.values)


def taking_over(policy: Policy) -> Run:
    """The step that makes whoever pressed *Take over* the owner: tags first, then the lease with the policy's usual time (or what is left)."""

    async def take_over(op: Operation, do: Services) -> Outcome:
        cluster, pool = str(op.values["cluster"]), str(op.values.get("pool") or "")
        one = await do.cluster(cluster)
        about = next((each for each in leased(one, one.pools) if each.pool == pool), None)
        if about is None:
            raise Refused("azure.gone")
        now = do.clock.now()
        left = about.expires if about.expires and about.expires > now else now + expiry_of(policy, None)
        changes = {
            tags.OWNER: op.user, tags.TEAM: op.team, tags.CHANNEL: op.channel, tags.THREAD: op.thread, tags.EXPIRES: leases.stamp(left),
            tags.OPERATION: about.operation,
        }  # fmt: skip
        if pool:
            await pools.update_tags(do.azure, one.group, one.name, pool, changes)
        else:
            await clusters.update_tags(do.azure, one.group, one.name, changes)
        await leases.start(do, Held(one.group, one.name, pool), left, op)
        text = f"🤝 `{about.shown}` is <@{op.user}>'s now and ends {date(left)}, unless it is extended."
        return Done(memo={"outcome": "taken over"}, say=(Say("taken", text),))

    return take_over


def take_over_step(policy: Policy) -> Step:
    """As a step."""
    return Step("take_over", taking_over(policy))
