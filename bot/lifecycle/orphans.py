"""Orphans: ours by its tags but without a lease, so nobody would ever end it; or with a lease, but gone.

Reported once, in the resource's own thread (its tags know it) or to the admins' channel, and only after it was seen twice: between the
list of Azure and that of the journal something may just have begun or ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.approvals.rules import Policy
from bot.azure.clusters import ClusterState
from bot.lifecycle.lost import place_of
from bot.lifecycle.notices import Notice, Place, post
from bot.lifecycle.rebuilding import Known, leased
from bot.model import usd
from bot.operations import adopting, leases
from bot.operations.journal import Journal
from bot.operations.leases import Held
from bot.operations.present import date
from bot.operations.provisioning import target
from bot.operations.record import Operation, identity
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Say, Step
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


async def begin(op: Operation, do: Services) -> Outcome:
    """Its lease begins, for whoever pressed *Take over*; those in its former thread learn of it."""
    t, until = target(op), float((op.plan or {})["expires"])
    about = Held(t["group"], t["cluster"], str(t.get("pool") or ""))
    await leases.start(do, about, until, op)
    text = f"🤝 `{about.shown}` is <@{op.user}>'s now and ends {date(until)}, unless it is extended."
    former = op.memo.get("about")
    report = await do.journal.load(str(former)) if former else None
    if report is not None and report.thread and report.thread != op.thread:
        await post(do, identity("taken", op.id), Place(report.team, report.channel, report.thread, report.user), Notice(text))
    return Done(memo={"outcome": f"taken over until {date(until)}"}, say=(Say("taken", text),))


NOTE: Final = Step("note", adopting.note_former)
TAKE_OVER: Final = (*adopting.ADOPT[:2], Step("lease", begin))
