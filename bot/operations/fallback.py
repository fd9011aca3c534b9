"""No capacity: the next place of the plan is tried at once, and everything half-made is deleted.

The places are part of the approved plan (``target["places"]``, each no dearer than what was approved), so no new approval is needed,
and there are only so many of them. A pool whose size or zone does not fit cannot be changed (AKS: fixed at creation) and takes minutes
to delete, so the next attempt gets a new name, or where it is in another region, a new cluster in a group beside the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.azure import clusters, groups, pools
from bot.azure.failures import CAPACITY, TABLE
from bot.azure.operations import terminal
from bot.errors import Failed, Refused
from bot.model import usd
from bot.operations import provisioning
from bot.operations.provisioning import made, pool_spec, tags_of, target, waiting
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Run, Say, Step, Wait

NO_CAPACITY: Final = frozenset(row.key for rows in TABLE.values() for row in rows if row.kind == CAPACITY)
LONGEST_NAME: Final = 12
LEFT_OVER: Final = "left over"


def guarded(run: Run, *, pool: bool = False) -> Run:
    """`run`, but first the deletion of what is half-made is begun, and where there is no capacity the next place is turned to."""

    async def step(op: Operation, do: Services) -> Outcome:
        begun = await _begin_deletion(op, do)
        if begun is not None:
            return begun
        try:
            if pool and "pool" in target(op) and _attempt(op) > int(op.memo.get("begun", 0)):
                return await _begin_pool(op, do)
            return await run(op, do)
        except (Refused, Failed) as error:
            return await _elsewhere(op, do, error, pool=pool)

    return step


def _attempt(op: Operation) -> int:
    return int(op.memo.get("attempt", 0))


async def _begin_pool(op: Operation, do: Services) -> Outcome:
    """The first request at a new place; from then on the step for the first place goes on with it."""
    t = target(op)
    begun = await pools.put(do.azure, pool_spec(t), tags_of(op, t["pool"]["hourly"]))
    return waiting(op, do, f"Azure is creating the nodes ({place_of(t)})", token=begun.token, made=made(op, "pool"), begun=_attempt(op))


async def _elsewhere(op: Operation, do: Services, error: Refused | Failed, *, pool: bool) -> Outcome:
    """Turn to the next place. Raises `error` where it is not about capacity, or Failed where no place is left."""
    t, tried = target(op), [*op.memo.get("tried", []), place_of(target(op))]
    places: list[Mapping[str, Any]] = [place for place in t.get("places", ()) if pool or place["region"] != t["region"]]
    if error.code not in NO_CAPACITY or (not places and len(tried) == 1):
        raise error
    if not places:
        raise Failed("operations.no_place", tried="; ".join(tried), buttons=("other_size", "other_region", "retry")) from error
    place, moves = places[0], places[0]["region"] != t["region"]
    half = _half_made(op, moves=moves)
    name = _asked_name(op) if moves else await _free_name(op, do) if half else str(t["pool"]["name"])
    new = {**t, "places": places[1:], **{key: place[key] for key in ("region", "group", "system_hourly") if key in t}}
    if "pool" in t:
        new |= {"pool": {**t["pool"], **place["pool"], "name": name}, "pool_name": name, "asked_name": _asked_name(op)}
    kept = set(op.memo.get("made", [])) - ({"pool", "cluster", "group"} if moves else {"pool"})
    called = f" as `{t['cluster']}/{name}`" if name and name != _asked_name(op) else ""
    gone = f" What is half-made is being deleted: {_shown(half[0])}." if half else ""
    words = f"🔁 {tried[-1]}: {error.sentence} Trying {place_of(new)}{called}, {usd(place['plan']['hourly_max'])}/h: no dearer than approved.{gone}"
    note = f"📍 {place_of(new)}{called}; no capacity for {'; '.join(tried)}"
    memo = {
        "attempt": _attempt(op) + 1, "tried": tried, "left_over": [*op.memo.get("left_over", []), *half], "token": "", "now": "",
        "made": sorted(kept | {LEFT_OVER}), "notes": {**op.memo.get("notes", {}), "place": note},
    }  # fmt: skip
    plan = {**(op.plan or {}), **place["plan"], "target": new}
    return Done(memo=memo, say=(Say(f"elsewhere-{memo['attempt']}", words),), goto="group" if moves else "pool", plan=plan)


def place_of(t: Mapping[str, Any]) -> str:
    """``1 × NC4as_T4_v3 in eastus, zone 2``; the system pool's size where there is no other."""
    pool = t.get("pool") or {"size": t["system_size"], "nodes": t["system_nodes"]}
    count = f"{pool['min']}-{pool['max']}" if pool.get("max") else str(pool["nodes"])
    zones = f", zone {', '.join(pool['zones'])}" if pool.get("zones") else ""
    return f"{count} × {str(pool['size']).removeprefix('Standard_')} in {t['region']}{zones}"


def _half_made(op: Operation, *, moves: bool) -> list[dict[str, Any]]:
    """What the attempt that failed leaves: its pool; or where the next one is in another region, its cluster or its whole group."""
    t, done = target(op), op.memo.get("made", [])
    if not moves:
        return [{"group": t["group"], "cluster": t["cluster"], "pool": t["pool"]["name"]}] if "pool" in done else []
    if "group" in done:
        return [{"group": t["group"]}]
    return [{"group": t["group"], "cluster": t["cluster"]}] if "cluster" in done else []


def _asked_name(op: Operation) -> str:
    t = target(op)
    return str(t.get("asked_name") or (t.get("pool") or {}).get("name", ""))


async def _free_name(op: Operation, do: Services) -> str:
    """A name like the one that was asked for, while a failed pool still has that."""
    t, asked = target(op), _asked_name(op)
    taken = {pool.name for pool in await pools.list_all(do.azure, t["group"], t["cluster"]) or ()}
    return next(name for number in range(2, 100) if (name := f"{asked[: LONGEST_NAME - len(str(number))]}{number}") not in taken)


async def _begin_deletion(op: Operation, do: Services) -> Wait | None:
    """Ask Azure to delete the first thing that is half-made and not yet on its way out; None where there is none."""
    things = list(op.memo.get("left_over", []))
    for place, thing in enumerate(things):
        if not thing.get("begun"):
            await _delete(op, do, thing)
            things[place] = {**thing, "begun": True}
            return Wait(0.0, memo={"left_over": things})
    return None


async def _delete(op: Operation, do: Services, thing: Mapping[str, Any]) -> bool:
    """Whether it is gone; where it is not, see that it is being deleted (at most one write)."""
    group, cluster, pool = thing["group"], thing.get("cluster"), thing.get("pool")
    if pool:
        state = await pools.get(do.azure, group, str(cluster), pool)
        if state is not None and terminal(state.provisioning_state):
            await pools.delete(do.azure, group, str(cluster), pool)
        return state is None
    if cluster:
        found = await clusters.get(do.azure, group, cluster)
        if found is not None and found.provisioning_state.lower() != "deleting":
            await clusters.delete(do.azure, group, cluster)
        return found is None
    whole = await groups.get(do.azure, group)
    if whole is not None:
        await groups.begin_delete(do.azure, group, operation=op.id)
    return whole is None


async def clear(op: Operation, do: Services) -> Outcome:
    """See that everything half-made is gone, and say so."""
    things = op.memo.get("left_over", [])
    for thing in things:
        if not await _delete(op, do, thing):
            where = f"azure:{thing['group']}/{thing.get('cluster', target(op)['cluster'])}".lower()
            return Wait(10.0, on=where, memo={"now": f"deleting what is half-made: {_shown(thing)}"})
    if not things:
        return Done()
    text = f"🧹 Nothing half-made is left: {', '.join(_shown(thing) for thing in things)} {'is' if len(things) == 1 else 'are'} gone."
    taken_back = " ".join(part for part in (op.memo.get("taken_back", ""), text.removeprefix("🧹 ")) if part)
    return Done(memo={"left_over": [], "now": "", "taken_back": taken_back}, say=() if op.memo.get("unwinding") else (Say("cleared", text),))


def _shown(thing: Mapping[str, Any]) -> str:
    if thing.get("pool"):
        return f"`{thing['cluster']}/{thing['pool']}`"
    return f"cluster `{thing['cluster']}` in `{thing['group']}`" if thing.get("cluster") else f"resource group `{thing['group']}`"


GROUP = Step("group", guarded(provisioning.make_group), "Resource group {group}")
CLUSTER = Step("cluster", guarded(provisioning.make_cluster), "Cluster {cluster} with its system pool")
POOL = Step("pool", guarded(provisioning.make_pool, pool=True), "GPU node pool {pool_name}")
CLEAR = Step("clear", clear)
UNDO = (*provisioning.UNDO, Step("take_back_rest", clear))
