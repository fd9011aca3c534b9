"""No capacity: the next place of the approved plan is tried, nothing half-made is left, and the thread says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.approvals.rules import Fallback
from bot.azure import groups, tags
from bot.operations import fallback, leases
from bot.operations.steps import Kind, Step
from bot.plans import fallback as places
from bot.plans import provision
from tests.operations.simulated import GPU, T4, T4_8, T4_16, World, code, findings, opened, plan, planned

SIZES = (T4, T4_8, T4_16)


def compose(world: World, rule: Fallback) -> None:
    """The kinds that make something, under a policy with these places."""
    policy = replace(world.policy, fallback=rule)
    lease = Step("lease", leases.begin)
    for name, planning, steps, moves in (
        ("cluster.create", provision.cluster_create, (fallback.GROUP, fallback.CLUSTER, fallback.POOL), True),
        ("pool.add", provision.pool_add, (fallback.POOL,), False),
    ):
        plans = planned(places.with_places(planning, moves=moves), policy)
        world.kinds[name] = Kind(name, (plans, *steps, lease, fallback.CLEAR), fallback.UNDO)


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A subscription under a policy with other sizes of the same GPU, zones and regions to fall back to."""
    async with opened(redis, redis_url, tmp_path, monkeypatch) as made:
        compose(made, Fallback(sizes=SIZES, zones=("1", "2", "3"), regions=("eastus", "westus3", "westeurope"), attempts=3))
        yield made


async def test_the_next_size_is_tried_under_a_name_of_its_own_and_the_failed_pool_is_deleted(world: World) -> None:
    await world.make(world.ours())
    world.fault("no_capacity", "PUT .*agentPools/", size=T4_16)
    op = await world.run("pool.add", **GPU, size=T4_16, nodes=2)
    assert op.status == "succeeded", op.error
    assert [place["pool"]["size"] for place in plan(op)["target"]["places"]] == [T4_8]
    assert await world.pool("gpu") is None
    pool = await world.pool("gpu2")
    assert pool is not None
    assert (pool.size, pool.count, pool.provisioning_state, tags.value(pool.tags, tags.PRICE)) == (T4, 2, "Succeeded", "1.052")
    said = await world.said(op)
    assert "If Azure has no machines free, I try without asking again: 2 × NC4as_T4_v3 in eastus ($1.05/h); then 2 × NC8as_T4_v3" in said
    assert "2 × NC16as_T4_v3 in eastus: Azure has no free machines of that size in this region right now." in said
    assert "Trying 2 × NC4as_T4_v3 in eastus as `demo/gpu2`, $1.05/h: no dearer than approved." in said
    assert "What is half-made is being deleted: `demo/gpu`." in said
    assert "Nothing half-made is left: `demo/gpu` is gone" in said
    assert plan(op)["hourly_max"] == "1.052"
    lease = await world.look(str(await world.do.redis.hget(world.do.journal.key("leases"), "demo/gpu2")))
    assert lease.memo["pool"] == "gpu2"


async def test_the_next_attempt_begins_before_the_failed_pool_is_gone(world: World) -> None:
    await world.make(world.ours())
    world.fault("no_capacity", "PUT .*agentPools/", size=T4_16)
    await world.run("pool.add", **GPU, size=T4_16)
    assert world.writes("agentPools/")[:3] == ["PUT demo/agentPools/gpu", "DELETE demo/agentPools/gpu", "PUT demo/agentPools/gpu2"]


async def test_no_place_is_dearer_than_what_was_approved_or_has_less_memory(world: World) -> None:
    await world.make(world.ours())
    compose(world, Fallback(sizes=("Standard_NC24ads_A100_v4", *SIZES, "Standard_NV6ads_A10_v5"), attempts=9))
    op_id = await world.begin("pool.add", **GPU, size=T4_8)
    op = await world.go(op_id, lambda op: op.plan is not None)
    offered = [(place["pool"]["size"], Decimal(place["plan"]["hourly_max"])) for place in plan(op)["target"]["places"]]
    assert offered == [(T4, Decimal("0.526"))]


async def test_places_without_quota_or_closed_to_the_subscription_are_not_offered(world: World) -> None:
    await world.make(world.ours())
    world.state.quota_overrides["eastus", "standard ncasv3_t4 family"] = 16
    compose(world, Fallback(sizes=SIZES, regions=("westeurope", "westus3"), attempts=9))
    op_id = await world.begin("cluster.create", cluster="other", region="eastus", size=T4_16)
    op = await world.go(op_id, lambda op: op.plan is not None)
    shown = [(place["region"], place["pool"]["size"]) for place in plan(op)["target"]["places"]]
    assert ("westeurope", T4_8) not in shown
    assert ("westeurope", T4_16) not in shown
    assert ("westus3", T4_16) in shown
    assert "westus3" in findings(op, "info")


async def test_what_a_region_does_not_give_is_offered_in_the_first_place_that_does(world: World) -> None:
    closed = await world.run("cluster.create", cluster="other", region="westeurope", size=T4_16)
    assert "restricted for this subscription" in str(closed.error)
    assert (closed.error or {})["buttons"] == [f"mend:size={T4};zone=", "other_size"]
    compose(world, Fallback(sizes=(T4_16,), regions=("westeurope", "westus3"), attempts=3))
    moved = await world.run("cluster.create", cluster="other", region="westeurope", size=T4_16)
    assert (moved.error or {})["buttons"] == [f"mend:size={T4_16};zone=;region=westus3", "other_size"]
    world.state.quota_overrides["eastus", "standard ncasv3_t4 family"] = 4
    full = await world.run("cluster.create", cluster="other", region="eastus", size=T4_16)
    assert (full.error or {})["buttons"] == [f"mend:size={T4_16};zone=;region=westus3", "other_size", "quota"]


async def test_another_zone_is_tried_where_a_zone_was_asked_for(world: World) -> None:
    await world.make(world.ours())
    world.fault("no_capacity", "PUT .*agentPools/", times=2, size=T4)
    op = await world.run("pool.add", **GPU, size=T4, zones=["1"])
    assert op.status == "succeeded", op.error
    pool = await world.pool("gpu3")
    assert pool is not None
    assert pool.zones == ("3",)
    assert "in that zone" in await world.said(op)
    assert await world.pool("gpu") is None
    assert await world.pool("gpu2") is None


async def test_where_no_place_is_left_it_ends_with_what_was_tried_and_nothing_stays(world: World) -> None:
    await world.make(world.ours())
    world.fault("no_capacity", "PUT .*agentPools/", times=-1)
    op = await world.run("pool.add", **GPU, size=T4_16)
    assert (op.status, code(op)) == ("failed", "operations.no_place")
    assert "1 × NC16as_T4_v3 in eastus; 1 × NC4as_T4_v3 in eastus; 1 × NC8as_T4_v3 in eastus" in str(op.error)
    state = await world.cluster()
    assert state is not None
    assert [pool.name for pool in state.pools] == ["system"]
    assert len(world.writes("agentPools/", "PUT")) == 3


async def test_without_places_the_cause_itself_is_told(world: World) -> None:
    await world.make(world.ours())
    compose(world, Fallback(attempts=0))
    world.fault("no_capacity", "PUT .*agentPools/")
    op = await world.run("pool.add", **GPU, size=T4)
    assert (op.status, code(op)) == ("failed", "azure.no_capacity")
    assert await world.pool() is None


async def test_a_refusal_at_once_leaves_nothing_and_the_name_is_kept(world: World) -> None:
    await world.make(world.ours())
    world.fault("sync_error", "PUT .*agentPools/gpu", code="SkuNotAvailable", status=409, message="not available")
    op = await world.run("pool.add", **GPU, size=T4_8)
    assert op.status == "succeeded", op.error
    pool = await world.pool("gpu")
    assert pool is not None
    assert pool.size == T4
    assert world.writes("agentPools/", "DELETE") == []


async def test_other_failures_do_not_wander(world: World) -> None:
    await world.make(world.ours())
    world.fault("quota_gone", "PUT .*agentPools/", form="lro")
    op = await world.run("pool.add", **GPU, size=T4_8)
    assert (op.status, code(op)) == ("failed", "azure.quota")
    assert len(world.writes("agentPools/", "PUT")) == 1


async def test_a_name_that_is_taken_is_not_used_for_the_next_attempt(world: World) -> None:
    await world.make(world.ours(), nodes=0)
    world.fault("no_capacity", "PUT .*agentPools/gp", size=T4_8)
    compose(world, Fallback(sizes=SIZES, attempts=3))
    first = await world.run("pool.add", cluster="demo", pool="gp", size=T4)
    assert first.status == "succeeded", first.error
    second = await world.run("pool.add", cluster="demo", pool="g", size=T4_8)
    assert second.status == "succeeded", second.error
    world.fault("no_capacity", "PUT .*agentPools/abcdefghijkl", size=T4_8)
    third = await world.run("pool.add", cluster="demo", pool="abcdefghijkl", size=T4_8)
    assert third.status == "succeeded", third.error
    assert plan(third)["target"]["pool"]["name"] == "abcdefghijk2"


@pytest.mark.parametrize("match", ["DELETE .*agentPools/gpu[?]", "PUT .*agentPools/gpu2"])
async def test_a_lost_answer_in_the_middle_makes_nothing_twice_and_leaves_nothing(world: World, match: str) -> None:
    await world.make(world.ours())
    world.fault("no_capacity", "PUT .*agentPools/", size=T4_16)
    world.fault("reset_after", match, times=2)
    op = await world.run("pool.add", **GPU, size=T4_16)
    assert op.status == "succeeded", op.error
    state = await world.cluster()
    assert state is not None
    assert [pool.name for pool in state.pools] == ["system", "gpu2"]


async def test_a_process_that_dies_after_every_step_makes_nothing_twice_and_leaves_nothing(world: World) -> None:
    await world.make(world.ours())
    before = len(world.writes())
    world.fault("no_capacity", "PUT .*agentPools/", size=T4_16)
    op = await world.killed(await world.begin("pool.add", **GPU, size=T4_16))
    assert op.status == "succeeded", op.error
    pools = "demo/agentPools/"
    assert world.writes()[before:] == [f"PUT {pools}gpu", f"DELETE {pools}gpu", f"PUT {pools}gpu2"]
    assert await world.pool("gpu") is None


async def test_cancelled_after_a_move_both_pools_go(world: World) -> None:
    await world.make(world.ours())
    world.fault("no_capacity", "PUT .*agentPools/", size=T4_16)
    op_id = await world.begin("pool.add", **GPU, size=T4_16)
    await world.go(op_id, lambda op: op.memo.get("begun", 0) == 1)
    await world.cancel(op_id)
    op = await world.go(op_id)
    assert op.status == "cancelled"
    state = await world.cluster()
    assert state is not None
    assert [pool.name for pool in state.pools] == ["system"]
    said = await world.said(op)
    assert "`gpu2` was deleted" in said
    assert "`demo/gpu` is gone" in said


async def test_a_new_cluster_moves_to_another_region_when_its_gpus_are_not_to_be_had(world: World) -> None:
    compose(world, Fallback(sizes=(), regions=("westus3",), attempts=3))
    world.fault("no_capacity", "PUT .*agentPools/gpu", size=T4)
    op = await world.run("cluster.create", cluster="demo", region="eastus", size=T4, nodes=1)
    assert op.status == "succeeded", op.error
    state = await world.cluster("demo", "quartermaster-demo-westus3")
    assert state is not None
    assert (state.region, sorted(pool.name for pool in state.pools)) == ("westus3", ["gpu", "system"])
    assert await groups.get(world.do.azure, "quartermaster-demo") is None
    said = await world.said(op)
    assert "Trying 1 × NC4as_T4_v3 in westus3, $0.72/h: no dearer than approved." in said
    assert "What is half-made is being deleted: resource group `quartermaster-demo`." in said
    lease = await world.look(str(await world.do.redis.hget(world.do.journal.key("leases"), "demo")))
    assert lease.memo["group"] == "quartermaster-demo-westus3"


async def test_a_region_that_is_full_is_left_before_anything_is_made_in_it(world: World) -> None:
    world.fault("sync_error", "PUT .*managedClusters/demo", code="AksCapacityHeavyUsage", status=409, message="heavy usage")
    compose(world, Fallback(sizes=SIZES, regions=("westus3",), attempts=3))
    op = await world.run("cluster.create", cluster="demo", region="eastus", size=T4)
    assert op.status == "succeeded", op.error
    assert (await world.do.cluster("demo")).region == "westus3"
    assert await groups.get(world.do.azure, "quartermaster-demo") is None


async def test_a_cluster_without_gpus_moves_too(world: World) -> None:
    world.fault("no_capacity", "PUT .*managedClusters/demo")
    op = await world.run("cluster.create", cluster="demo", region="eastus")
    assert op.status == "succeeded", op.error
    assert (await world.do.cluster("demo")).region == "westus3"
    assert "1 × D4s_v5 in westus3" in await world.said(op)


async def test_a_cluster_that_moved_and_then_fails_leaves_nothing(world: World) -> None:
    compose(world, Fallback(sizes=(), regions=("westus3",), attempts=3))
    world.fault("no_capacity", "PUT .*agentPools/gpu", times=-1)
    op = await world.run("cluster.create", cluster="demo", region="eastus", size=T4)
    assert (op.status, code(op)) == ("failed", "operations.no_place")
    assert await world.do.ours() == []
    assert await groups.get(world.do.azure, "quartermaster-demo") is None
    assert await groups.get(world.do.azure, "quartermaster-demo-westus3") is None
