"""Taking over a cluster made by hand, and aborting what somebody else began: neither may guess, and neither leaves half a change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.azure import clusters, pools, tags
from tests.operations.simulated import GPU, T4, World, code, compose, opened, plan


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A subscription, and the kinds that change what exists."""
    async with opened(redis, redis_url, tmp_path, monkeypatch) as made:
        compose(made)
        yield made


async def test_an_adopted_cluster_has_owner_thread_price_expiry_and_a_lease_and_keeps_its_own_tags(world: World) -> None:
    await world.make({}, nodes=2)
    await clusters.update_tags(world.do.azure, "demo-rg", "demo", {"team": "vision"})
    op = await world.run("cluster.adopt", cluster="demo", for_seconds=7200)
    assert op.status == "succeeded", op.error
    assert plan(op)["hourly_max"] == "1.148"
    assert plan(op)["approvals"] == 1
    assert "I delete it with everything on it" in plan(op)["confirm"]
    state, pool = await world.do.cluster("demo"), await world.pool()
    assert pool is not None
    assert [tags.value(state.tags, name) for name in (tags.OPERATION, tags.OWNER, tags.CHANNEL, tags.THREAD, tags.PRICE, "team")] == [
        op.id, "U0ALICE", "C0GPU", "1.0", "0.096", "vision",
    ]  # fmt: skip
    assert (tags.value(pool.tags, tags.PRICE), tags.value(pool.tags, tags.OPERATION), pool.count) == ("1.052", op.id, 2)
    lease_id = await world.do.redis.hget(world.do.journal.key("leases"), "demo")
    lease = await world.look(str(lease_id))
    assert (lease.memo["cluster"], lease.memo["expires"], lease.thread) == ("demo", plan(op)["expires"], "1.0")
    assert tags.value(state.tags, tags.EXPIRES)
    assert "is looked after by me now" in await world.said(op)


async def test_a_cancelled_adoption_leaves_no_tag(world: World) -> None:
    await world.make({}, nodes=1)
    op_id = await world.begin("cluster.adopt", cluster="demo")
    await world.go(op_id, lambda op: op.step == "lease" or "mark" in op.memo.get("asked", []))
    await world.cancel(op_id)
    op = await world.go(op_id)
    assert op.status == "cancelled"
    state, pool = await world.cluster(), await world.quiet()
    assert state is not None
    assert (dict(state.tags), dict(pool.tags)) == ({}, {})
    assert "is as it was" in await world.said(op)
    assert await world.do.redis.hget(world.do.journal.key("leases"), "demo") is None


async def test_a_lost_answer_does_not_adopt_twice(world: World) -> None:
    await world.make({}, nodes=1)
    world.fault("reset_after", "PATCH .*managedClusters/demo")
    op = await world.run("cluster.adopt", cluster="demo")
    assert op.status == "succeeded", op.error
    assert tags.value((await world.do.cluster("demo")).tags, tags.OPERATION) == op.id


async def test_a_process_that_dies_after_every_step_adopts_once(world: World) -> None:
    await world.make({}, nodes=1)
    before = len(world.writes())
    op = await world.killed(await world.begin("cluster.adopt", cluster="demo"))
    assert op.status == "succeeded", op.error
    assert world.writes()[before:] == ["PUT demo/agentPools/gpu", "PATCH demo"]


async def test_which_cluster_is_adopted_is_never_guessed(world: World) -> None:
    unknown = await world.run("cluster.adopt", cluster="demo")
    assert code(unknown) == "plans.adopt_unknown"
    await world.make({})
    await world.make({}, group="other-rg")
    which = await world.run("cluster.adopt", cluster="demo")
    assert "`--group demo-rg`" in str(which.error)
    op = await world.run("cluster.adopt", cluster="demo", group="other-rg")
    assert op.status == "succeeded", op.error
    mine = await world.run("cluster.adopt", cluster="demo", group="OTHER-RG")
    assert code(mine) == "plans.adopted"
    same = await world.run("cluster.adopt", cluster="demo", group="demo-rg")
    assert code(same) == "plans.adopt_name"


async def test_what_is_adopted_can_be_scaled_at_a_known_price(world: World) -> None:
    await world.make({}, nodes=1)
    await world.run("cluster.adopt", cluster="demo")
    op = await world.run("pool.scale", **GPU, nodes=2)
    assert op.status == "succeeded", op.error
    assert tags.value((await world.quiet()).tags, tags.PRICE) == "1.052"
    assert (await world.quiet()).size == T4


async def test_an_abort_says_what_stays_and_costs(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    world.clock.speed = 20.0
    await pools.scale(world.do.azure, "demo-rg", "demo", "gpu", nodes=3)
    op_id = await world.begin("pool.abort", **GPU)
    await world.go(op_id, lambda op: "abort" in op.memo.get("asked", []))
    world.clock.speed = 2000.0
    op = await world.go(op_id)
    assert (op.status, op.memo["outcome"]) == ("succeeded", "canceled")
    said = await world.said(op)
    assert "is Canceled with 3 nodes" in said
    assert "/gpu pool delete demo/gpu" in said
    assert world.writes("agentPools/gpu/abort") == ["POST demo/agentPools/gpu/abort"]


async def test_where_nothing_runs_there_is_nothing_to_abort_and_a_deletion_cannot_be(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    idle = await world.run("pool.abort", **GPU)
    assert code(idle) == "plans.nothing_to_abort"
    world.clock.speed = 20.0
    await pools.delete(world.do.azure, "demo-rg", "demo", "gpu")
    deleting = await world.run("pool.abort", **GPU)
    assert code(deleting) == "plans.abort_deletion"
    assert world.writes("abort") == []
