"""Steps that take over a cluster that somebody made by hand: owner, thread, price and expiry become its Azure tags, and its lease begins.

The tag of the cluster comes last: until it stands the cluster is not ours, and a cancelled adoption leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.azure import clusters, pools, tags
from bot.azure.clusters import ClusterState
from bot.azure.operations import terminal
from bot.azure.pools import PoolState
from bot.errors import Failed, Refused
from bot.operations import leases
from bot.operations.changing import asked, busy, noun, sent
from bot.operations.leases import Held
from bot.operations.present import date
from bot.operations.provisioning import azure_of, broken, made, tags_of, target, waiting
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Say, Step, Wait

NOW: Final = "Azure is noting owner, price and expiry"


async def note_former(op: Operation, do: Services) -> Outcome:
    """Before the first write: the tags that an orphan has, so that a cancelled takeover can put them back."""
    if "former" in op.memo:
        return Done()
    t = target(op)
    cluster = await clusters.get(do.azure, t["group"], t["cluster"])
    found = {pool.name: pool.tags for pool in await pools.list_all(do.azure, t["group"], t["cluster"]) or () if pool.name in t["prices"]}
    former = {name: _own(labels) for name, labels in {"": cluster.tags if cluster else {}, **found}.items()}
    return Done(memo={"former": former, "made": made(op, "tags")})


def _own(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in labels.items() if name.lower().startswith(tags.PREFIX)}


async def mark_pools(op: Operation, do: Services) -> Outcome:
    """Our tags on each node pool that has a price of its own, one at a time: from them the jobs on it get their cost."""
    t = target(op)
    found = {pool.name: pool for pool in await pools.list_all(do.azure, t["group"], t["cluster"]) or ()}
    mine = [(found[name], hourly) for name, hourly in t["prices"].items() if name in found]
    for pool, hourly in mine:
        if tags.value(pool.tags, tags.OPERATION) == op.id:
            continue
        step = f"mark {pool.name}"
        if not terminal(pool.provisioning_state):
            return busy(op, do, step, pool, NOW)
        if asked(op, step):
            raise await broken(op, do, "pool_put", pool.name)
        wait = await sent(op, do, step, pools.update_tags(do.azure, t["group"], t["cluster"], pool.name, tags_of(op, hourly)), NOW)
        return Wait(2.0, on=wait.on, memo=wait.memo)
    if any(not terminal(pool.provisioning_state) for pool, _ in mine):
        return waiting(op, do, NOW)
    return Done(memo={"now": ""})


async def mark_cluster(op: Operation, do: Services) -> Outcome:
    """Our tags on the cluster itself: from here on it is ours (or its new owner's, where it was an orphan)."""
    t = target(op)
    if t.get("pool"):
        return Done(memo={"now": ""})
    state = await clusters.get(do.azure, t["group"], t["cluster"])
    if state is None:
        raise Failed("operations.vanished", what=noun(op))
    whose = tags.value(state.tags, tags.OPERATION)
    if whose not in ("", op.id, t.get("taken_from")):
        raise Refused("plans.adopted", name=t["cluster"])
    if not terminal(state.provisioning_state):
        return busy(op, do, "mark", state, NOW)
    if whose == op.id:
        return Done(memo={"now": "", "token": ""})
    if asked(op, "mark"):
        raise await broken(op, do, "cluster_tags")
    return await sent(op, do, "mark", clusters.update_tags(do.azure, t["group"], t["cluster"], tags_of(op, t["system_hourly"])), NOW)


async def begin_lease(op: Operation, do: Services) -> Outcome:
    """The expiry begins to count, and the thread says so."""
    t, until = target(op), float((op.plan or {})["expires"])
    await leases.start(do, Held(t["group"], t["cluster"]), until, op)
    text = f"🤝 {noun(op)} is looked after by me now, for <@{op.user}>: {t['money']}. I delete it on {date(until)}, unless it is extended."
    return Done(memo={"outcome": f"adopted until {date(until)}"}, say=(Say("adopted", text),))


async def unmark(op: Operation, do: Services) -> Outcome:
    """Take our tags off again, or put those of an orphan's former owner back: the cluster's first, one resource at a time."""
    t, former = target(op), op.memo.get("former", {})
    cluster = await clusters.get(do.azure, t["group"], t["cluster"])
    if cluster is None:
        return Done(memo={"taken_back": f"{noun(op)} is gone."})
    now = "putting the tags back as they were" if former else "taking my tags off"
    found: list[ClusterState | PoolState] = [cluster, *(await pools.list_all(do.azure, t["group"], t["cluster"]) or ())]
    for state in found:
        if tags.value(state.tags, tags.OPERATION) != op.id:
            continue
        if not terminal(state.provisioning_state):
            return Wait(5.0, on=azure_of(op), memo={"now": now})
        before = dict.fromkeys(tags_of(op, "")) | former.get(state.name if isinstance(state, PoolState) else "", {})
        if isinstance(state, PoolState):
            return await sent(op, do, "unmark", pools.update_tags(do.azure, t["group"], t["cluster"], state.name, before), now)
        return await sent(op, do, "unmark", clusters.update_tags(do.azure, t["group"], t["cluster"], before), now)
    return Done(memo={"taken_back": f"{noun(op)} is as it was; I do not look after it."})


ADOPT = (
    Step("mark_pools", mark_pools, "Owner, price and expiry on its node pools"),
    Step("mark_cluster", mark_cluster, "Owner, price and expiry on cluster {cluster}"),
    Step("lease", begin_lease),
)
UNDO = (Step("unmark", unmark, "Take my tags off again"),)
PUT_BACK = Step("unmark", unmark, "Put owner and expiry back as they were")
