"""The proof that follows a pool or plugin operation by itself, in the same thread.

It is an operation of its own: what comes out of it takes nothing back of the one that it follows.
"""

from __future__ import annotations

from bot.azure import clusters
from bot.azure.pools import PoolState
from bot.azure.sizes import Size, lookup
from bot.operations.journal import NewOperation
from bot.operations.provisioning import target
from bot.operations.record import Operation, identity
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Step


async def follow(op: Operation, do: Services) -> Outcome:
    """Begin the proof of each pool that the operation has touched and that has nodes which may have changed."""
    t = target(op)
    cluster = await clusters.get(do.azure, t["group"], t["cluster"])
    for pool in cluster.pools if cluster is not None else ():
        if t.get("pool") in (None, "", pool.name) and _provable(op, pool):
            await _begin(op, do, pool.name)
    return Done()


def _provable(op: Operation, pool: PoolState) -> bool:
    """Whether the pool has running GPU nodes that this kind of operation may have changed; an autoscaler's come and go as they like."""
    t = target(op)
    if pool.mode == "System" or not isinstance(lookup(pool.size), Size) or not pool.count or pool.power_state != "Running":
        return False
    if op.kind.startswith("plugin."):
        return not pool.managed and pool.driver != "None"
    after, before = t.get("after") or {}, t.get("before") or {}
    return op.kind != "pool.scale" or after.get("nodes", 0) > before.get("nodes", 0)


async def _begin(op: Operation, do: Services, pool: str) -> None:
    values = {"cluster": target(op)["cluster"], "pool": pool}
    text = f"check {values['cluster']}/{pool}"
    name = identity("proof", op.id, pool)
    new = NewOperation(
        id=name, kind="gpu.proof", request={"kind": "gpu.proof", "values": values, "text": text}, team=op.team, channel=op.channel, user=op.user,
        idempotency=name, thread=op.thread, parent=op.id, text=text, memo={"admitted": True},
    )  # fmt: skip
    await do.journal.create(new)
    await do.waking.wake(f"op:{name}")


FOLLOW = Step("follow", follow)
