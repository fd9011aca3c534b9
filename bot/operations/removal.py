"""Steps that delete a cluster or a node pool, and forget what hung on it."""

from __future__ import annotations

from bot.azure import clusters, groups, pools, tags
from bot.azure.operations import Begun, Kind, terminal
from bot.errors import Refused
from bot.operations import deletions, leases
from bot.operations.leases import Held
from bot.operations.provisioning import azure_of, broken, patient, target
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Say, Step, Wait


async def delete_pool(op: Operation, do: Services) -> Outcome:
    """Delete the node pool, then see that it is gone."""
    t = target(op)
    state = await pools.get(do.azure, t["group"], t["cluster"], t["pool"])
    if state is None:
        return Done(memo={"now": ""})
    if state.provisioning_state.lower() == "deleting":
        return Wait(do.settings.engine.look, on=azure_of(op), memo={"now": "Azure is deleting the nodes"})
    spared = await leases.spared(op, do, Held(t["group"], t["cluster"], t["pool"]), state.tags)
    if spared is not None:
        return spared
    if not terminal(state.provisioning_state):
        return Wait(10.0, on=azure_of(op), memo={"now": f"the pool is busy ({state.provisioning_state}); deleting it when that is over"})
    say = await _not_deleted(op, do, "pool_delete", f"Node pool `{t['cluster']}/{t['pool']}`", t["pool"])
    # What has expired goes, whatever its PodDisruptionBudgets say: it was announced, and it costs money.
    force = bool(t.get("force")) or _tries(op) > 0
    await deletions.note(do, t["group"], t["cluster"], t["pool"])
    begun = await pools.delete(do.azure, t["group"], t["cluster"], t["pool"], ignore_disruption_budget=force)
    return _deleting(op, do, begun, "Azure is deleting the nodes", say)


async def delete_cluster(op: Operation, do: Services) -> Outcome:
    """Delete the cluster, then see that it is gone."""
    t = target(op)
    state = await clusters.get(do.azure, t["group"], t["cluster"])
    if state is None:
        do.clusters.forget(t["group"], t["cluster"])
        return Done(memo={"now": ""})
    if not tags.ours(state.tags):
        raise Refused("plans.not_ours", name=t["cluster"])
    if state.provisioning_state.lower() == "deleting":
        return Wait(do.settings.engine.look, on=azure_of(op), memo={"now": "Azure is deleting the cluster"})
    spared = await leases.spared(op, do, Held(t["group"], t["cluster"]), state.tags)
    if spared is not None:
        return spared
    say = await _not_deleted(op, do, "cluster_delete", f"Cluster `{t['cluster']}`")
    await deletions.note(do, t["group"], t["cluster"])
    begun = await clusters.delete(do.azure, t["group"], t["cluster"])
    return _deleting(op, do, begun, "Azure is deleting the cluster", say)


def _tries(op: Operation) -> int:
    return int(op.memo.get("deletions", 0))


def _deleting(op: Operation, do: Services, begun: Begun, now: str, say: tuple[Say, ...]) -> Wait:
    """Look for it soon, but the less often, the more often Azure could not do it."""
    look = do.settings.engine.look * min(2.0 ** _tries(op), 60.0)
    return Wait(look, on=azure_of(op), memo={"now": now, "token": begun.token, "deletions": _tries(op) + 1}, say=say)


async def _not_deleted(op: Operation, do: Services, kind: Kind, what: str, pool: str = "") -> tuple[Say, ...]:
    """What to say of a deletion that was begun and failed; what nobody asked for (an expiry) is tried again for ever, anything else raises."""
    if not _tries(op):
        return ()
    error = await broken(op, do, kind, pool)
    if not op.kind.endswith(".expire"):
        raise error
    return (Say("not-deleted", f"⚠️ {what} has expired, but Azure could not delete it. {error} I go on trying."),) if _tries(op) == 1 else ()


async def delete_group(op: Operation, do: Services) -> Outcome:
    """Delete the resource group, where the bot made it for this cluster alone."""
    t = target(op)
    state = await groups.get(do.azure, t["group"])
    if state is None:
        return Done(memo={"now": ""})
    if not t.get("group_ours"):
        return Done(memo={"now": "", "skipped": ["group"]})
    if state.provisioning_state.lower() != "deleting":
        await groups.begin_delete(do.azure, t["group"], operation="")
    return patient(op, "Azure is deleting the resource group")


async def say_pool_gone(op: Operation, do: Services) -> Outcome:
    """Say so, once it was seen to be gone."""
    t = target(op)
    await leases.release(do, f"{t['cluster']}/{t['pool']}")
    text = f"🗑 Node pool `{t['cluster']}/{t['pool']}` is deleted; it costs nothing any more."
    return Done(memo={"outcome": "deleted"}, say=(Say("gone", text),))


async def say_cluster_gone(op: Operation, do: Services) -> Outcome:
    """Say so, once it was seen to be gone."""
    t = target(op)
    await leases.release(do, t["cluster"])
    group = f" and resource group `{t['group']}`" if t.get("group_ours") else ""
    text = f"🗑 Cluster `{t['cluster']}`{group} deleted; nothing of it costs anything any more."
    return Done(memo={"outcome": "deleted"}, say=(Say("gone", text),))


POOL_STEPS = (Step("delete", delete_pool, "Delete node pool {pool}"), Step("gone", say_pool_gone))
CLUSTER_STEPS = (
    Step("delete", delete_cluster, "Delete cluster {cluster}"),
    Step("group", delete_group, "Delete resource group {group}"),
    Step("gone", say_cluster_gone),
)
