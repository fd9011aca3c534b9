"""Steps that change what exists: scale, stop, start, abort - and the steps that take such a change back.

Each looks first, sends at most one write, and waits for what it sees. Only one operation at a time runs on a cluster or a pool
(AKS: 409 OperationNotAllowed): where Azure is busy the step waits, and the card says with what.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final, Literal

from bot.azure import clusters, pools, tags
from bot.azure.clusters import ClusterState
from bot.azure.errors import cause
from bot.azure.failures import BUSY
from bot.azure.operations import Begun, terminal
from bot.azure.pools import PoolState
from bot.errors import Failed, Refused, Temporary
from bot.operations.present import date
from bot.operations.provisioning import azure_of, broken, made, target, waiting
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Run, Say, Step, Wait
from bot.slack.blocks import Button, actions, section

Power = Literal["Running", "Stopped"]
State = ClusterState | PoolState
UNSTOPPABLE: Final = frozenset({"deleting", "canceling"})
WHILE: Final = {"Running": "Azure is starting the nodes", "Stopped": "Azure is stopping the nodes"}


def shown(op: Operation) -> str:
    """What the operation is about, as people name it: ``demo`` or ``demo/gpu``."""
    t = target(op)
    return f"{t['cluster']}/{t['pool']}" if t.get("pool") else str(t["cluster"])


def noun(op: Operation) -> str:
    """The same with its kind in front."""
    return f"{'Node pool' if target(op).get('pool') else 'Cluster'} `{shown(op)}`"


def nodes_of(state: PoolState) -> str:
    """``1 node``, ``3 nodes`` or ``0-4 nodes``."""
    if state.autoscaling:
        return f"{state.min_nodes}-{state.max_nodes} nodes"
    return f"{state.count} node{'' if state.count == 1 else 's'}"


def succeeded(state: State) -> bool:
    """Whether its last operation went well and none is running."""
    return state.provisioning_state.lower() == "succeeded"


def asked(op: Operation, step: str) -> bool:
    """Whether `step` has sent its write: what is seen afterwards is its outcome, not what was there before."""
    return step in op.memo.get("asked", [])


async def look(op: Operation, do: Services) -> State | None:
    """The pool or the cluster that the operation is about."""
    t = target(op)
    if t.get("pool"):
        return await pools.get(do.azure, t["group"], t["cluster"], t["pool"])
    return await clusters.get(do.azure, t["group"], t["cluster"])


async def look_at_pool(op: Operation, do: Services) -> PoolState:
    """The pool. Raises Failed where it is gone."""
    t = target(op)
    state = await pools.get(do.azure, t["group"], t["cluster"], t["pool"])
    if state is None:
        raise Failed("operations.vanished", what=noun(op))
    return state


def busy(op: Operation, do: Services, step: str, state: State, now: str) -> Wait:
    """Something runs there: this step's own doing (`now`), or something else, which the card then names."""
    if asked(op, step):
        return waiting(op, do, now)
    return waiting(op, do, f"{shown(op)} is busy ({state.provisioning_state}); I go on when that is over", busy=True)


def noted(op: Operation, step: str) -> Wait | None:
    """To be written down before the step's first write: should its answer be lost, a cancel still has it taken back. None: it is."""
    return None if step in op.memo.get("made", []) else Wait(0.0, memo={"made": made(op, step)})


async def sent(op: Operation, do: Services, step: str, write: Awaitable[Begun], now: str) -> Wait:
    """Send the step's one write and wait for it; where Azure is busy with something else, wait for that first and say so on the card."""
    try:
        begun = await write
    except Temporary as error:
        why = cause(error)
        if why is None or why.kind != BUSY:
            raise
        words = f"Azure is busy with something else ({why.detail.get('running', 'another operation')}); I go on when that is over"
        # Refused, it was not begun: what goes on there is not this operation's to abort.
        left = [name for name in op.memo.get("made", []) if name != step or asked(op, step)]
        return Wait(error.retry_after, on=azure_of(op), memo={"now": words, "busy": True, "made": left})
    return waiting(op, do, now, token=begun.token, made=made(op, step), asked=[*op.memo.get("asked", []), step], busy=False)


def settled(op: Operation, step: str, detail: str) -> dict[str, Any]:
    """What a step that is done leaves for the card."""
    return {"token": "", "now": "", "details": {**op.memo.get("details", {}), step: detail}}


async def scale(op: Operation, do: Services) -> Outcome:
    """The number of nodes, or the autoscaler's range."""
    t, state = target(op), await look_at_pool(op, do)
    if not terminal(state.provisioning_state):
        return busy(op, do, "scale", state, "Azure is changing the nodes")
    if succeeded(state) and has(state, t["after"]) and (asked(op, "scale") or tags.value(state.tags, tags.PRICE) == t["hourly"]):
        return Done(memo=settled(op, "scale", nodes_of(state)))
    if asked(op, "scale"):
        if not succeeded(state):
            raise await broken(op, do, "pool_put", t["pool"])
        raise Failed("operations.changed_meanwhile", what=noun(op), now=nodes_of(state))
    if first := noted(op, "scale"):
        return first
    # The price goes into the same PUT: it is what everything else reckons with, and AKS grants one a minute.
    write = pools.scale(do.azure, t["group"], t["cluster"], t["pool"], **t["after"], tags={tags.PRICE: t["hourly"]})
    return await sent(op, do, "scale", write, "Azure is changing the nodes")


def has(state: PoolState, wanted: dict[str, int]) -> bool:
    """Whether the pool has what was asked for: ``{nodes}`` or ``{min_nodes, max_nodes}``."""
    if "nodes" in wanted:
        return not state.autoscaling and state.count == wanted["nodes"]
    return state.autoscaling and (state.min_nodes, state.max_nodes) == (wanted["min_nodes"], wanted["max_nodes"])


async def say_scaled(op: Operation, do: Services) -> Outcome:
    """Say what was seen, and what it costs from now on."""
    t, state = target(op), await look_at_pool(op, do)
    text = f"📏 {noun(op)} has {nodes_of(state)} now: {t['money']}."
    return Done(memo={"outcome": nodes_of(state)}, say=(Say("scaled", text),))


async def scale_back(op: Operation, do: Services) -> Outcome:
    """Take a scaling back, whether it is still running, has failed or is done."""
    t = target(op)
    state = await pools.get(do.azure, t["group"], t["cluster"], t["pool"])
    if state is None:
        return Done(memo={"taken_back": f"{noun(op)} is gone."})
    before = dict(t["before"])
    if state.autoscaling and "nodes" in before:  # a PUT of a count does not switch the autoscaler off: pin its range instead
        before = {"min_nodes": before["nodes"], "max_nodes": max(before["nodes"], 1)}
    if not terminal(state.provisioning_state):
        return waiting(op, do, "setting the number of nodes back") if asked(op, "scale_back") else await _aborted(op, do, state)
    former = str(t["hourly_before"])
    if has(state, before) and (asked(op, "scale_back") or tags.value(state.tags, tags.PRICE) == former):
        return Done(memo={"taken_back": f"{noun(op)} has {nodes_of(state)} again."})
    if asked(op, "scale_back"):
        return Done(memo={"taken_back": f"{noun(op)} could not be set back: it is {state.provisioning_state} with {nodes_of(state)}."})
    write = pools.scale(do.azure, t["group"], t["cluster"], t["pool"], **before, tags={tags.PRICE: former or None})
    return await sent(op, do, "scale_back", write, "setting the number of nodes back")


def turn(power: Power) -> Run:
    """The step that stops or starts a pool's nodes or a whole cluster, and says so once it was seen."""

    async def turned(op: Operation, do: Services) -> Outcome:
        t, state = target(op), await look(op, do)
        if state is None:
            raise Failed("operations.vanished", what=noun(op))
        if not terminal(state.provisioning_state):
            return busy(op, do, "power", state, WHILE[power])
        if succeeded(state) and state.power_state == power:
            if power == "Stopped" and isinstance(state, PoolState) and not tags.value(state.tags, tags.STOPPED):
                await _not_by_its_cluster(op, do)
            do.clusters.forget(t["group"], t["cluster"])
            return Done(memo=settled(op, "power", power.lower()) | {"outcome": power.lower()}, say=(Say("power", _turned(op, state)),))
        if asked(op, "power"):
            if not succeeded(state):
                raise await _not_turned(op, do, power)
            raise Failed("operations.changed_meanwhile", what=noun(op), now=state.power_state)
        if first := noted(op, "power"):
            return first
        return await sent(op, do, "power", _turning(op, do, power), WHILE[power])

    return turned


async def _not_by_its_cluster(op: Operation, do: Services) -> None:
    """Raises Refused where the pool only looks stopped because its cluster is: it would run again with it."""
    t = target(op)
    cluster = await clusters.get(do.azure, t["group"], t["cluster"])
    if cluster is not None and cluster.power_state == "Stopped":
        raise Refused("azure.cluster_stopped", cluster=t["cluster"])


def _turning(op: Operation, do: Services, power: Power) -> Awaitable[Begun]:
    t = target(op)
    if t.get("pool"):
        noted = {tags.STOPPED: "yes"} if power == "Stopped" else {tags.STOPPED: None, tags.PRICE: t["hourly"]}
        return pools.set_power(do.azure, t["group"], t["cluster"], t["pool"], power, tags=noted)
    return (clusters.stop if power == "Stopped" else clusters.start)(do.azure, t["group"], t["cluster"])


async def _not_turned(op: Operation, do: Services, power: Power) -> Exception:
    if target(op).get("pool"):
        return await broken(op, do, "pool_put", target(op)["pool"])
    return await broken(op, do, "cluster_stop" if power == "Stopped" else "cluster_start")


def _turned(op: Operation, state: State) -> str:
    if state.power_state == "Stopped":
        until = target(op).get("expires")
        after = f" It is still deleted at its expiry, {date(until)}." if until else ""
        return f"⏸ {noun(op)} is stopped: no node of it costs anything; its disks cost a little.{after}"
    count = f" with {nodes_of(state)}" if isinstance(state, PoolState) else ""
    return f"▶️ {noun(op)} runs again{count}."


async def settle(op: Operation, do: Services) -> Outcome:
    """Abort what this operation began, and tell how that leaves things: AKS does not turn a stop into a start."""
    state = await look(op, do)
    if state is None:
        return Done(memo={"taken_back": f"{noun(op)} is gone."})
    if not terminal(state.provisioning_state):
        return await _aborted(op, do, state)
    return Done(memo={"taken_back": f"{noun(op)} is left as it is now: {state.provisioning_state}, {state.power_state.lower()}."})


async def _aborted(op: Operation, do: Services, state: State) -> Wait:
    """Abort once what runs, and wait until it is over; a deletion cannot be aborted."""
    t = target(op)
    if not op.memo.get("aborted") and state.provisioning_state.lower() not in UNSTOPPABLE:
        if t.get("pool"):
            await pools.abort(do.azure, t["group"], t["cluster"], t["pool"])
        else:
            await clusters.abort(do.azure, t["group"], t["cluster"])
    return Wait(5.0, on=azure_of(op), memo={"now": f"aborting ({state.provisioning_state})", "aborted": True})


async def abort(op: Operation, do: Services) -> Outcome:
    """Abort what Azure is doing to the pool, and say what was left: an abort removes no nodes (AKS: abort of an operation)."""
    t = target(op)
    state = await pools.get(do.azure, t["group"], t["cluster"], t["pool"])
    if state is None:
        return Done(memo={"now": "", "outcome": "gone"}, say=(Say("aborted", f"🛑 {noun(op)} is gone."),))
    if not terminal(state.provisioning_state):
        if asked(op, "abort") or state.provisioning_state.lower() in UNSTOPPABLE:
            return waiting(op, do, f"Azure is aborting it ({state.provisioning_state})")
        return await sent(op, do, "abort", pools.abort(do.azure, t["group"], t["cluster"], t["pool"]), "Azure is aborting it")
    if succeeded(state):
        text = f"🛑 There is nothing to abort any more: {noun(op)} has finished ({nodes_of(state)})."
    else:
        text = (
            f"🛑 Aborted: {noun(op)} is {state.provisioning_state} with {nodes_of(state)}. Nodes that were made stay and cost money: "
            f"`/gpu pool delete {shown(op)}` removes them, `/gpu pool scale {shown(op)} --nodes N` sets the pool right."
        )
    memo = {"now": "", "outcome": state.provisioning_state.lower(), "suggested": {"delete": f"pool delete {shown(op)}"}}
    row = actions([Button("Delete it…", "suggest_delete", op.id)])
    return Done(memo=memo, say=(Say("aborted", text, () if succeeded(state) else [section(text), row]),))


SCALE = (Step("scale", scale, "Scale node pool {pool} to {wanted}"), Step("scaled", say_scaled))
SCALE_UNDO = (Step("scale_back", scale_back, "Set the number of nodes back"),)
STOP = (Step("power", turn("Stopped"), "Stop {shown}"),)
START = (Step("power", turn("Running"), "Start {shown}"),)
POWER_UNDO = (Step("settle", settle, "Abort it"),)
ABORT = (Step("abort", abort, "Abort what runs on node pool {pool}"),)
