"""Records of operations, made anew from what Azure tags and Kubernetes labels tell: pure functions.

A rebuilt operation has its former id, owner and thread, and stands at the step that looks at what is there, so it goes on as if nothing
had happened. What stands nowhere outside the lost journal is left out, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bot.azure import tags
from bot.azure.clusters import ClusterState
from bot.azure.pools import PoolState
from bot.azure.sizes import promised
from bot.cluster.jobstate import JobState
from bot.cluster.objects import CHANNEL_NOTE, OP_LABEL, OWNER_LABEL, THREAD_NOTE
from bot.lifecycle.notices import Place
from bot.operations.answers import expiry, node_price
from bot.operations.journal import NewOperation
from bot.operations.provisioning import driver_of
from bot.operations.record import Operation
from bot.plans.provision import skipped
from bot.slack.recall import CARD, Posted

PROVEN: Final = "proof/proof"
"""The end of the name under which the proof of a pool's GPUs is posted."""
CREATIONS: Final = ("cluster ", "node pool ")
"""How the titles of cards begin that make something."""
OPEN: Final = frozenset({"approve", "confirm", "cancel"})
"""Buttons that only a card has whose operation has not ended."""


@dataclass(frozen=True)
class Known:
    """What the tags of a cluster or a pool tell. `expires` None: no readable expiry, which must not mean that it lives for ever."""

    group: str
    cluster: str
    pool: str
    operation: str
    team: str
    channel: str
    thread: str
    owner: str
    price: str
    expires: float | None

    @property
    def shown(self) -> str:
        """As people name it."""
        return f"{self.cluster}/{self.pool}" if self.pool else self.cluster

    def behalf(self, place: Place) -> Operation:
        """An operation of that id and owner, for what is started in its name and told at `place`."""
        return Operation(
            id=self.operation, kind="adopted", status="", step="", request={}, team=self.team, channel=place.channel, user=self.owner,
            thread=place.thread,
        )  # fmt: skip


def known(labels: Mapping[str, str], group: str, cluster: str, pool: str = "") -> Known:
    """What these tags tell."""

    def tag(name: str) -> str:
        return tags.value(labels, name)

    return Known(
        group,
        cluster,
        pool,
        tag(tags.OPERATION),
        tag(tags.TEAM),
        tag(tags.CHANNEL),
        tag(tags.THREAD),
        tag(tags.OWNER),
        str(tags.hourly(labels) or ""),
        expiry(labels),
    )


def leased(cluster: ClusterState, pools: Sequence[PoolState]) -> list[Known]:
    """What has (or must have) an expiry of its own: the cluster, and each pool that was not made together with it."""
    found = [known(cluster.tags, cluster.group, cluster.name)] if tags.ours(cluster.tags) else []
    own = {one.operation for one in found}
    listed = [known(pool.tags, cluster.group, cluster.name, pool.name) for pool in pools if pool.mode != "System" and tags.ours(pool.tags)]
    return found + [one for one in listed if one.operation not in own]


def creating(cluster: ClusterState, pool: PoolState | None) -> bool:
    """Whether Azure is still at it."""
    states = [cluster.provisioning_state, pool.provisioning_state if pool is not None else ""]
    return any(state.lower() == "creating" for state in states)


def unproven(pool: PoolState | None, about: Known, posted: Sequence[Posted] | None) -> bool:
    """Whether a pool stands whose GPUs were never proven, though its thread shows that this was under way.

    Only where the thread can be read and was opened by a creation: an adopted pool never had a proof.
    """
    if pool is None or posted is None or driver_of(pool) == "none" or pool.provisioning_state.lower() != "succeeded":
        return False
    mine = [one for one in posted if one.operation == about.operation]
    if any(one.entry.endswith(PROVEN) for one in mine):
        return False
    return any(one.entry == CARD and one.title.startswith(CREATIONS) and OPEN & one.buttons for one in mine)


def provisioning(cluster: ClusterState, pool: PoolState | None, about: Known, expires: float) -> NewOperation | None:
    """The operation that makes a cluster (with `pool`, if one is there already) or, where `about` is a pool, that pool.

    What stands already is only enabled and proven: should that fail, nothing of it is taken back.
    """
    target: dict[str, Any] = {
        "cluster": cluster.name, "group": cluster.group, "region": cluster.region, "version": None,
        "system_hourly": str(tags.hourly(cluster.tags) or ""),
        "system_size": next((one.size for one in cluster.pools if one.mode == "System"), ""), "system_nodes": 1,
        "skip": ["pool", "plugin", "rollout", "proof"],
    }  # fmt: skip
    title = f"cluster {cluster.name}"
    if pool is not None:
        try:
            resource, per_node = promised(pool.size, pool.mig)
        except KeyError:
            return None
        wanted = _pool(pool, resource, per_node)
        target |= {"pool": wanted, "pool_name": pool.name, "skip": skipped(wanted)}
        shape = f"{pool.count} × {pool.size.removeprefix('Standard_')}"
        title = f"node pool {cluster.name}/{pool.name}: {shape}" if about.pool else f"cluster {cluster.name} with {shape}"
    also = tags.hourly(pool.tags) if pool is not None and not about.pool else None
    hourly = str(Decimal(about.price or 0) + (also or Decimal(0)))
    plan = {"title": title, "changes": [], "hourly_min": hourly, "hourly_max": hourly, "expires": expires, "target": target}
    if not creating(cluster, pool):
        return _new(about, "pool.enable", "plugin", {"admitted": True, "rebuilt": True}, plan)
    made = ["pool"] if about.pool else ["cluster", *(["pool"] if pool is not None else [])]
    memo = {"admitted": True, "made": made, "rebuilt": True}
    return _new(about, "pool.add" if about.pool else "cluster.create", "pool" if about.pool else "cluster", memo, plan)


def _pool(pool: PoolState, resource: str, per_node: int) -> dict[str, Any]:
    price, each = str(tags.hourly(pool.tags) or ""), str(node_price(pool) or "")
    return {
        "name": pool.name, "size": pool.size, "nodes": pool.count, "min": pool.min_nodes, "max": pool.max_nodes if pool.autoscaling else None,
        "spot": pool.spot, "zones": list(pool.zones), "mig": pool.mig, "driver": driver_of(pool), "gpus_per_node": per_node, "resource": resource,
        "node_hourly": each, "hourly": price,
    }  # fmt: skip


def job(state: JobState, cluster: ClusterState, resource: str, gpus: int, hourly: Decimal) -> NewOperation | None:
    """The operation that watches this Job; None where its labels do not tell whose it is."""
    op, channel, thread = state.label(OP_LABEL) or "", state.annotation(CHANNEL_NOTE) or "", state.annotation(THREAD_NOTE) or ""
    if not op or not channel or not thread:
        return None
    about = Known(cluster.group, cluster.name, "", op, tags.value(cluster.tags, tags.TEAM), channel, thread, state.label(OWNER_LABEL) or "", "", None)
    target = {
        "cluster": cluster.name, "group": cluster.group, "namespace": state.namespace, "job": state.name,
        "base": state.name.removesuffix(f"-{op[:4]}"),
        "gpus": gpus, "resource": resource, "gpu_hourly": str(hourly),
    }  # fmt: skip
    plan = {"title": f"{state.name} on {cluster.name}", "changes": [], "target": target}
    memo = {"admitted": True, "made": ["job"], "rebuilt": True, "job_started": _seconds(state.created)}
    return _new(about, "job.run", "watch", memo, plan)


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _new(about: Known, kind: str, step: str, memo: Mapping[str, Any], plan: Mapping[str, Any]) -> NewOperation:
    return NewOperation(
        id=about.operation, kind=kind, request={"values": {}}, team=about.team, channel=about.channel, user=about.owner,
        idempotency=f"rebuilt:{about.operation}", thread=about.thread, memo=memo,
        fields={"step": step, "plan": json.dumps({**plan, "digest": "rebuilt"}), **_created(about.thread)},
    )  # fmt: skip


def _created(thread: str) -> dict[str, str]:
    """The thread's first message was posted when it was asked for (Slack: a ts is epoch seconds)."""
    try:
        return {"created": repr(float(thread))}
    except ValueError:
        return {}
