"""Steps that make a resource group, a cluster and a GPU node pool - and the steps that take them back.

Each looks first: what carries this operation's tag was made by an earlier run of the same step. Owner, thread, price and
expiry are tags of the very request that creates a resource, so nothing exists without them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from redis.exceptions import LockNotOwnedError

from bot.azure import clusters, groups, operations, pools, tags
from bot.azure.clusters import ClusterSpec
from bot.azure.failures import UNAVAILABLE
from bot.azure.operations import Kind as AzureKind
from bot.azure.operations import terminal
from bot.azure.pools import PoolState
from bot.azure.poolspec import GPU_TAINT, PoolSpec
from bot.errors import Failed, Refused
from bot.operations import deletions
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Step, Wait

GROUP_CLAIM_SECONDS: Final = 60


def target(op: Operation) -> Mapping[str, Any]:
    """The resolved names and numbers of the plan."""
    return (op.plan or {}).get("target", {})  # type: ignore[no-any-return]


def tags_of(op: Operation, hourly: str) -> dict[str, str]:
    """What every resource that this operation makes carries from its first moment; expiry in UTC (ISO 8601)."""
    expires = (op.plan or {}).get("expires")
    return {
        tags.OPERATION: op.id,
        tags.OWNER: op.user,
        tags.TEAM: op.team,
        tags.CHANNEL: op.channel,
        tags.THREAD: op.thread,
        tags.PRICE: hourly,
        tags.EXPIRES: datetime.fromtimestamp(expires, UTC).isoformat(timespec="seconds") if expires else "never",
    }


def azure_of(op: Operation) -> str:
    """The name under which the observer wakes those that wait for this cluster in Azure."""
    return f"azure:{target(op)['group']}/{target(op)['cluster']}".lower()


def waiting(op: Operation, do: Services, now: str, **memo: Any) -> Wait:
    """Wait for Azure: woken by the observer, and looking by itself at a slow pace."""
    return Wait(do.settings.engine.look, on=azure_of(op), memo={"now": now, **memo})


def patient(op: Operation, now: str) -> Wait:
    """Wait for what nobody observes (a group's deletion): looking less and less often."""
    looks = int(op.memo.get("looks", 0))
    return Wait(min(300.0, 3.0 * 2**looks), memo={"now": now, "looks": looks + 1})


def made(op: Operation, *what: str) -> list[str]:
    """What was made so far, with `what` added."""
    return sorted({*op.memo.get("made", []), *what})


async def broken(op: Operation, do: Services, kind: AzureKind, pool: str = "") -> Exception:
    """The error behind a resource that ended up Failed or Canceled, in plain words."""
    t = target(op)
    cause = await operations.failure_cause(do.azure, op.memo.get("token", ""), kind, group=t["group"], cluster=t["cluster"], pool=pool)
    if cause is None:
        return Failed("azure.provisioning_failed", azure_code="Unknown", message="")
    if cause.kind == UNAVAILABLE:
        return Failed("azure.broke_off", azure_code=cause.code, buttons=("retry",))
    return Failed(cause.key, **{**cause.detail, "buttons": tuple(cause.buttons)})


async def make_group(op: Operation, do: Services) -> Outcome:
    """The resource group, unless it exists.

    Two requests may want the same one at the same time, and Azure knows no "only if it is missing" for groups: the second PUT would
    take the first one's tags away, and with them the right to say whose group it is.
    """
    t = target(op)
    claim = do.redis.lock(do.journal.key("making", t["group"].lower()), timeout=GROUP_CLAIM_SECONDS, blocking=False)
    if not await claim.acquire(token=op.id):
        claim.local.token = op.id.encode()  # an earlier run of this step may hold it
        try:
            await claim.reacquire()
        except LockNotOwnedError:
            return Wait(1.0, memo={"now": f"another request is making `{t['group']}`"})
    state = await groups.ensure(do.azure, t["group"], t["region"], tags_of(op, "0"))
    with contextlib.suppress(LockNotOwnedError):  # Azure took so long that it is another's by now
        await claim.release()
    mine = tags.value(state.tags, tags.OPERATION) == op.id
    return Done(memo={"made": made(op, "group") if mine else made(op)})


async def make_cluster(op: Operation, do: Services) -> Outcome:
    """The cluster with its system pool."""
    t = target(op)
    state = await clusters.get(do.azure, t["group"], t["cluster"])
    if state is None:
        if "cluster" in op.memo.get("made", []) and "cluster_seen" in op.memo:
            raise Failed("operations.vanished", what=f"Cluster `{t['cluster']}`")
        await deletions.still_wanted(op, do, f"Cluster `{t['cluster']}`", t["group"], t["cluster"])
        spec = ClusterSpec(
            group=t["group"],
            name=t["cluster"],
            region=t["region"],
            kubernetes_version=t.get("version"),
            system_size=t["system_size"],
            system_nodes=t["system_nodes"],
            entra=bool(t.get("entra")),
            disable_local_accounts=bool(t.get("no_local_accounts")),
        )
        begun = await clusters.put(do.azure, spec, tags_of(op, t["system_hourly"]))
        return waiting(op, do, "Azure is creating the cluster", token=begun.token, made=made(op, "cluster"))
    if tags.value(state.tags, tags.OPERATION) != op.id:
        raise Refused("azure.name_taken", kind="cluster", name=t["cluster"])
    known = {"made": made(op, "cluster"), "cluster_seen": True}
    if not terminal(state.provisioning_state):
        return waiting(op, do, "Azure is creating the cluster", **known)
    if "cluster_seen" not in op.memo:
        return Wait(0.0, memo=known)  # an answer was lost; should it have failed, it must be written down first whose it is
    if state.provisioning_state.lower() != "succeeded":
        raise await broken(op, do, "cluster_put")
    return Done(memo={**known, "token": "", "now": "", "details": _detail(op, "cluster", f"Kubernetes {state.kubernetes_version}")})


async def make_pool(op: Operation, do: Services) -> Outcome:
    """The GPU node pool, with its gpuProfile sent explicitly and read back."""
    t = target(op)
    if "pool" not in t:
        return Done(goto="lease")
    wanted = t["pool"]
    state = await pools.get(do.azure, t["group"], t["cluster"], wanted["name"])
    if state is None:
        if "pool_seen" in op.memo:
            raise Failed("operations.vanished", what=f"Node pool `{wanted['name']}`")
        await deletions.still_wanted(op, do, f"Node pool `{wanted['name']}`", t["group"], t["cluster"], wanted["name"])
        begun = await pools.put(do.azure, pool_spec(t), tags_of(op, wanted["hourly"]))
        return waiting(op, do, "Azure is creating the nodes", token=begun.token, made=made(op, "pool"))
    if tags.value(state.tags, tags.OPERATION) != op.id:
        raise Refused("azure.name_taken", kind="node pool", name=wanted["name"])
    known = {"made": made(op, "pool"), "pool_seen": True}
    if not terminal(state.provisioning_state):
        return waiting(op, do, "Azure is creating the nodes", **known)
    if "pool_seen" not in op.memo:
        return Wait(0.0, memo=known)  # as with the cluster
    if state.provisioning_state.lower() != "succeeded":
        raise await broken(op, do, "pool_put", wanted["name"])
    got = driver_of(state)
    if got != wanted["driver"]:
        raise Failed("operations.profile_differs", asked=wanted["driver"], got=got)
    detail = f"{state.count} × {state.size}, driver: {got}"
    return Done(memo={**known, "token": "", "now": "", "details": _detail(op, "pool", detail)})


def driver_of(state: PoolState) -> str:
    """The gpuProfile that was read back, in the words of ``--driver``."""
    if state.managed:
        return "managed"
    return {"Install": "driver-only", "None": "none"}.get(state.driver or "", "unknown")


def pool_spec(t: Mapping[str, Any]) -> PoolSpec:
    """The plan's pool as it is asked of Azure."""
    pool = t["pool"]
    return PoolSpec(
        group=t["group"],
        cluster=t["cluster"],
        name=pool["name"],
        size=pool["size"],
        nodes=None if pool.get("max") else pool["nodes"],
        min_nodes=pool.get("min"),
        max_nodes=pool.get("max"),
        spot=bool(pool.get("spot")),
        spot_max_price=float(pool.get("max_price") or -1),
        eviction=pool.get("eviction", "Delete"),
        zones=tuple(pool.get("zones") or ()),
        mig=pool.get("mig"),
        driver=pool["driver"],
        taints=[GPU_TAINT, *pool["taints"]] if pool.get("taints") else None,
        labels=dict(pool.get("labels") or {}),
        os_sku=pool.get("os_sku"),
        kubernetes_version=pool.get("version"),
        headers=dict(pool.get("headers") or {}),
    )


def _detail(op: Operation, step: str, text: str) -> dict[str, str]:
    return {**op.memo.get("details", {}), step: text}


async def take_back_pool(op: Operation, do: Services) -> Outcome:
    """Delete the node pool that this operation made (not where the whole cluster goes): also one whose making it could not write down."""
    t, gone = target(op), op.memo.get("made", [])
    if "pool" not in t or "cluster" in gone:
        return Done()
    name = t["pool"]["name"]
    state = await pools.get(do.azure, t["group"], t["cluster"], name)
    if state is None:
        return Done(memo={"taken_back": f"Node pool `{name}` was deleted."} if "pool" in gone else {})
    if tags.value(state.tags, tags.OPERATION) != op.id:
        return Done()
    if not terminal(state.provisioning_state) and state.provisioning_state.lower() != "deleting":
        await pools.abort(do.azure, t["group"], t["cluster"], name)
    elif state.provisioning_state.lower() != "deleting":
        await pools.delete(do.azure, t["group"], t["cluster"], name)
    return Wait(5.0, on=azure_of(op), memo={"now": "deleting the node pool", "made": made(op, "pool")})


async def take_back_cluster(op: Operation, do: Services) -> Outcome:
    """Delete the cluster that this operation made."""
    t, gone = target(op), op.memo.get("made", [])
    state = await clusters.get(do.azure, t["group"], t["cluster"])
    if state is None:
        return Done(memo={"taken_back": f"Cluster `{t['cluster']}` was deleted."} if "cluster" in gone else {})
    if tags.value(state.tags, tags.OPERATION) != op.id:
        return Done()
    if not terminal(state.provisioning_state) and state.provisioning_state.lower() != "deleting":
        await clusters.abort(do.azure, t["group"], t["cluster"])
    elif state.provisioning_state.lower() != "deleting":
        await clusters.delete(do.azure, t["group"], t["cluster"])
    return Wait(5.0, on=azure_of(op), memo={"now": "deleting the cluster", "made": made(op, "cluster")})


async def take_back_group(op: Operation, do: Services) -> Outcome:
    """Delete the resource group, if this operation made it."""
    t = target(op)
    if "group" not in op.memo.get("made", []):
        state = await groups.get(do.azure, t["group"])
        if state is None or tags.value(state.tags, tags.OPERATION) != op.id:
            return Done()
    begun = await groups.begin_delete(do.azure, t["group"], operation=op.id)
    if begun.repeated and await groups.get(do.azure, t["group"]) is None:
        return Done()
    return patient(op, "deleting the resource group")


GROUP = Step("group", make_group, "Resource group {group}")
CLUSTER = Step("cluster", make_cluster, "Cluster {cluster} with its system pool")
POOL = Step("pool", make_pool, "GPU node pool {pool_name}")
UNDO = (
    Step("take_back_pool", take_back_pool, "Delete the node pool"),
    Step("take_back_cluster", take_back_cluster, "Delete the cluster"),
    Step("take_back_group", take_back_group, "Delete the resource group"),
)
