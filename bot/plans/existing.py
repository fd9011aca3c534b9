"""Plans for what exists: delete, plugin, check."""

from __future__ import annotations

from typing import Any

from bot.approvals.rules import Policy
from bot.azure import groups, pools, tags
from bot.azure.clusters import ClusterState
from bot.azure.pools import PoolState
from bot.azure.sizes import Size, lookup, promised
from bot.errors import Refused
from bot.model import Change, Plan
from bot.operations.answers import counted, node_price
from bot.operations.record import Operation
from bot.operations.services import Services, not_stopped


async def pool_of(op: Operation, do: Services) -> tuple[ClusterState, PoolState]:
    """The cluster and the node pool that the request names. Raises Refused, naming those that exist."""
    cluster = await do.cluster(op.values["cluster"])
    pool = await pools.get(do.azure, cluster.group, cluster.name, op.values["pool"])
    if pool is None:
        known = ", ".join(f"`{one.name}`" for one in cluster.pools) or "none"
        raise Refused("plans.no_pool", cluster=cluster.name, name=op.values["pool"], known=known)
    return cluster, pool


def named(cluster: ClusterState, **more: Any) -> dict[str, Any]:
    """The target of everything that touches one cluster."""
    return {"cluster": cluster.name, "group": cluster.group, "region": cluster.region, **more}


async def cluster_delete(op: Operation, do: Services, policy: Policy) -> Plan:
    """Delete a cluster, and its resource group where the bot made that."""
    cluster = await do.cluster(op.values["cluster"])
    group = await groups.get(do.azure, cluster.group)
    ours = group is not None and tags.ours(group.tags)
    changes = [Change("delete", f"cluster {cluster.name}", f"{counted(len(cluster.pools), 'node pool')} with everything that runs on them")]
    if ours:
        changes.append(Change("delete", f"resource group {cluster.group}"))
    return Plan(
        title=f"delete cluster {cluster.name}",
        changes=tuple(changes),
        confirm=f"Cluster *{cluster.name}* and everything on it will be deleted. This cannot be undone.",
        target=named(cluster, group_ours=ours, confirm_label=f"Delete {cluster.name}"),
    )


async def pool_delete(op: Operation, do: Services, policy: Policy) -> Plan:
    """Delete a node pool."""
    cluster, pool = await pool_of(op, do)
    if pool.mode == "System":
        raise Refused("azure.system_pool", pool=pool.name)
    name = f"{cluster.name}/{pool.name}"
    forced = ", whatever a PodDisruptionBudget says" if op.values.get("force") else ""
    return Plan(
        title=f"delete node pool {name}",
        changes=(Change("delete", f"node pool {name}", f"{pool.count} × {pool.size}{forced}"),),
        confirm=f"Node pool *{name}* and everything that runs on it will be deleted{forced}. This cannot be undone.",
        target=named(cluster, pool=pool.name, force=bool(forced), confirm_label=f"Delete {name}"),
    )


async def plugin(op: Operation, do: Services, policy: Policy) -> Plan:
    """Install, bring up to date or remove the device plugin."""
    cluster = await do.cluster(op.values["cluster"])
    not_stopped(cluster)
    verb = {"plugin.install": "install", "plugin.upgrade": "upgrade", "plugin.remove": "remove"}[op.kind]
    action = "delete" if verb == "remove" else "change"
    confirm = f"Without the plugin no new pod on *{cluster.name}* gets a GPU." if verb == "remove" else ""
    return Plan(
        title=f"{verb} device plugin on {cluster.name}",
        changes=(Change(action, "NVIDIA device plugin", f"DaemonSet in namespace gpu-resources of {cluster.name}"),),
        confirm=confirm,
        target=named(cluster, confirm_label="Remove the plugin"),
    )


async def check(op: Operation, do: Services, policy: Policy) -> Plan:
    """The proof for one pool; with a cluster alone, for its first GPU pool."""
    cluster = await do.cluster(op.values["cluster"])
    not_stopped(cluster)
    wanted = op.values.get("pool", "")
    with_gpus = [pool for pool in cluster.pools if pool.mode != "System" and isinstance(lookup(pool.size), Size)]
    if not with_gpus:
        raise Refused("plans.no_gpu_pool", cluster=cluster.name)
    chosen = next((pool for pool in with_gpus if wanted in ("", pool.name)), None)
    if chosen is None:
        known = ", ".join(f"`{pool.name}`" for pool in with_gpus) + " with GPUs"
        raise Refused("plans.no_pool", cluster=cluster.name, name=wanted, known=known)
    resource, per_node = promised(chosen.size, chosen.mig)
    each = node_price(chosen)
    pool = {
        "name": chosen.name,
        "size": chosen.size,
        "nodes": chosen.count,
        "gpus_per_node": per_node,
        "resource": resource,
        "mig": chosen.mig,
        "node_hourly": str(each or ""),
    }
    return Plan(
        title=f"check {cluster.name}/{chosen.name}",
        changes=(Change("run", "probe pod", "runs nvidia-smi once and is deleted"),),
        target=named(cluster, pool=pool, pool_name=chosen.name),
    )
