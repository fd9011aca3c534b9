"""Idle pools: no pod asked for a GPU for the policy's time. Warned in the pool's thread, then dealt with by the policy's rule.

A pool is idle only for as long as it was *seen* to be: a cluster that cannot be reached, a node that is not ready, a gap in the
looking or anything that goes on there starts the count anew. Unknown is never idle.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.approvals.rules import Idle
from bot.azure import pools, tags
from bot.azure.clusters import ClusterState
from bot.azure.pools import PoolState
from bot.cluster import jobs, nodes
from bot.cluster.nodes import Capacity
from bot.errors import QuartermasterError
from bot.lifecycle.notices import suggestions
from bot.model import usd
from bot.operations.journal import Journal, NewOperation
from bot.operations.present import date, duration
from bot.operations.record import Operation, identity
from bot.operations.services import Services
from bot.operations.steps import Done, End, Outcome, Say, Step, Wait
from bot.slack.blocks import Button, actions, section
from bot.store import texts

log = logging.getLogger(__name__)
KEY: Final = Journal.key("idle")
QUIET: Final = frozenset({"lease", "idle", "notice", "digest", "home", "reply"})
"""Kinds that are about a cluster without anybody using it."""
DEEDS: Final[Mapping[str, str]] = {"scale-to-zero": "is scaled to zero", "stop": "is stopped", "delete": "is deleted"}
LOOK_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Seen:
    """Since when a pool was seen idle without a gap (business time), and when it was looked at last (the server's clock)."""

    since: float
    looked: float


def counted(before: Seen | None, idle: bool | None, now: float, server: float, gap: float) -> Seen | None:
    """The count after one more look; None where there is none. `idle` None is "cannot tell" and ends it, as does a gap of more than `gap` s."""
    if not idle:
        return None
    if before is None or not 0 <= server - before.looked <= gap:
        return Seen(now, server)
    return Seen(before.since, server)


def judged(pool: PoolState, capacity: Capacity) -> bool | None:
    """Whether no pod asks for a GPU of that pool; None where that cannot be told, or where nothing is paid for.

    A pod that waits for a GPU somewhere in the cluster counts as asking for this one.
    """
    found = [node for node in capacity.nodes if node.pool == pool.name]
    if any(node.holders for node in found) or (capacity.pending and found):
        return False
    if not found or len(found) < pool.count or pool.provisioning_state.lower() != "succeeded" or pool.power_state == "Stopped":
        return None
    if pool.autoscaling and not pool.min_nodes:
        return None  # AKS's autoscaler takes care of that one
    return True if all(node.ready for node in found) else None


async def look(do: Services, rule: Idle, found: Sequence[ClusterState], active: Sequence[Operation]) -> None:
    """One round over all pools of ours, and a warning for each whose time has come."""
    seconds, _ = await do.redis.time()
    gap = max(300.0, 5 * do.settings.engine.patrol)
    before = {name: Seen(**json.loads(row)) for name, row in texts(await do.redis.hgetall(KEY)).items()}
    after: dict[str, Seen] = {}
    for one in found:
        mine = [pool for pool in one.pools if pool.mode != "System" and tags.ours(pool.tags) and pool.count]
        if not mine or one.power_state == "Stopped":
            continue
        states, used = await _states(do, one, mine, active)
        for pool in mine:
            name = f"{one.group}/{one.name}/{pool.name}".lower()
            seen = counted(before.get(name), states.get(pool.name), do.clock.now(), float(seconds), gap)
            if seen is not None:
                after[name] = seen = Seen(max(seen.since, used), seen.looked)
                if do.clock.now() - seen.since >= rule.after:
                    await _begin(do, one, pool, seen)
    gone = [name for name in before if name not in after]
    if gone:
        await do.redis.hdel(KEY, *gone)
    if after:
        await do.redis.hset(KEY, mapping={name: json.dumps(vars(seen)) for name, seen in after.items()})


async def _states(do: Services, one: ClusterState, mine: Sequence[PoolState], active: Sequence[Operation]) -> tuple[dict[str, bool | None], float]:
    """Each pool's state, and when the last of the bot's jobs ended there: one that came and went between two looks counts, too."""
    if any(_about(op, one) for op in active):
        return {}, 0.0
    try:
        access = await do.clusters.access(one.group, one.name)
        capacity = await nodes.capacity(access)
        ended = [state.completed.timestamp() for state in await jobs.list_jobs(access) if state.completed]
    except QuartermasterError as error:
        log.info("nothing is known of a cluster's GPUs", extra={"cluster": one.name, "cause": repr(error.__cause__ or error)})
        return {}, 0.0
    return {pool.name: judged(pool, capacity) for pool in mine}, max(ended, default=0.0)


def _about(op: Operation, one: ClusterState) -> bool:
    target = (op.plan or {}).get("target", {})
    return op.kind not in QUIET and str(target.get("cluster", "")).lower() == one.name.lower()


async def _begin(do: Services, one: ClusterState, pool: PoolState, seen: Seen) -> None:
    """The idle pool's own operation, once for each time that it idles."""
    name = identity("idle", one.group.lower(), one.name.lower(), pool.name, str(int(seen.since)))
    channel, thread = tags.value(pool.tags, tags.CHANNEL), tags.value(pool.tags, tags.THREAD)
    if not channel or not thread or await do.journal.load(name) is not None:
        return
    shown = f"{one.name}/{pool.name}"
    memo = {
        "group": one.group, "cluster": one.name, "pool": pool.name, "since": seen.since, "price": str(tags.hourly(pool.tags) or ""), "admitted": True,
        "suggested": {"scale": f"pool scale {shown} --nodes 0", "delete": f"pool delete {shown}"}, "autoscaling": pool.autoscaling,
        "max": pool.max_nodes,
    }  # fmt: skip
    new = NewOperation(
        id=name, kind="idle", request={}, team=tags.value(pool.tags, tags.TEAM), channel=channel, user=tags.value(pool.tags, tags.OWNER),
        idempotency=name, thread=thread, memo=memo,
    )  # fmt: skip
    await do.journal.create(new)
    await do.waking.wake(f"op:{name}")


class Idling:
    """The steps of an idle pool's operation, bound to the policy's rule."""

    def __init__(self, rule: Idle) -> None:
        self._rule = rule
        self.steps = (Step("warn", self._warn), Step("keep", self._keep), Step("act", self._act))

    async def _warn(self, op: Operation, do: Services) -> Outcome:
        now, price = do.clock.now(), op.memo.get("price")
        shown = f"{op.memo['cluster']}/{op.memo['pool']}"
        money = f" It costs {usd(price)}/h." if price else ""
        deed = DEEDS.get(self._rule.action, "")
        ends = f" It {deed} {date(now + self._rule.warn)}, unless it is used or kept." if deed else ""
        text = f"💤 <@{op.user}> no pod has asked for a GPU of `{shown}` for {duration(now - float(op.memo['since']))}.{money}{ends}"
        labels = {"scale": ("Scale to zero", ""), "delete": ("Delete", "")}
        if op.memo.get("autoscaling"):
            labels.pop("scale")
        row = suggestions(op.id, labels)[0]
        keep = actions([Button("Keep", "keep", op.id, "primary")])["elements"]
        blocks = [section(text), {**row, "elements": [*keep, *row["elements"]]}]
        return Done(memo={"warned": now}, say=(Say("idle", text, blocks),))

    async def _keep(self, op: Operation, do: Services) -> Outcome:
        """Until the time is up, somebody keeps it, or it is used again."""
        name = f"{op.memo['group']}/{op.memo['cluster']}/{op.memo['pool']}".lower()
        now = do.clock.now()
        kept = next((fact for fact in op.decisions if fact["verdict"] == "keep"), None)
        if kept is not None:
            await do.redis.hdel(KEY, name)
            text = f"👌 Kept by <@{kept['by']}>. I look again when it has idled for another {duration(self._rule.after)}."
            return End(memo={"outcome": "kept"}, say=(Say("kept", text),))
        row = await do.redis.hget(KEY, name)
        if row is None or json.loads(row)["since"] != op.memo["since"]:
            return End(memo={"outcome": "used again, or not seen any more"})
        ends = float(op.memo["warned"]) + self._rule.warn
        if self._rule.action not in DEEDS:
            return Wait(LOOK_SECONDS * 5)
        return Done() if now >= ends else Wait(LOOK_SECONDS, until=ends)

    async def _act(self, op: Operation, do: Services) -> Outcome:
        """Look once more, now; then have it done by an ordinary operation in the same thread."""
        group, cluster, name = (str(op.memo[part]) for part in ("group", "cluster", "pool"))
        pool = await pools.get(do.azure, group, cluster, name)
        if pool is None:
            return End(memo={"outcome": "gone"})
        if judged(pool, await nodes.capacity(await do.clusters.access(group, cluster))) is not True:
            return End(memo={"outcome": "used again"})
        kind, values = self._deed(pool)
        new = NewOperation(
            id=identity("idle-deed", op.id), kind=kind, request={"kind": kind, "values": {"cluster": cluster, "pool": name, **values}}, team=op.team,
            channel=op.channel, user=op.user, idempotency=f"idle-deed:{op.id}", thread=op.thread, parent=op.id, memo={"admitted": True},
        )  # fmt: skip
        await do.journal.create(new)
        await do.waking.wake(f"op:{new.id}")
        text = f"💤 `{cluster}/{name}` is still idle and {DEEDS[self._rule.action]} now."
        return Done(memo={"outcome": self._rule.action}, say=(Say("acting", text),))

    def _deed(self, pool: PoolState) -> tuple[str, dict[str, Any]]:
        if self._rule.action == "delete":
            return "pool.expire", {}
        if self._rule.action == "stop":
            return "idle.stop", {}
        return "idle.scale", {"min": 0, "max": pool.max_nodes} if pool.autoscaling else {"nodes": 0}
