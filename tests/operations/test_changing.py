"""Changes to what exists: what the plan says, what Azure is asked, what the thread says - and what happens when it goes wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.azure import clusters, pools, tags
from tests.operations.simulated import GPU, World, code, compose, findings, opened, plan

NAMED = {"group": "demo-rg", "cluster": "demo"}


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A subscription, and the kinds that change what exists."""
    async with opened(redis, redis_url, tmp_path, monkeypatch) as made:
        compose(made)
        yield made


async def test_scaling_up_shows_the_difference_needs_approval_by_the_new_price_and_notes_it(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    op = await world.run("pool.scale", **GPU, nodes=3)
    assert op.status == "succeeded", op.error
    assert "$0.53/h → $1.58/h (+$1.05/h)" in plan(op)["changes"][0]["detail"]
    assert (plan(op)["hourly_max"], plan(op)["approvals"]) == ("1.578", 1)
    pool = await world.pool()
    assert pool is not None
    assert (pool.count, pool.provisioning_state, tags.value(pool.tags, tags.PRICE)) == (3, "Succeeded", "1.578")
    assert tags.value(pool.tags, tags.OWNER) == "U0BOB"
    assert (await world.said(op)).count("has 3 nodes now: $1.58/h") == 1


async def test_scaling_down_needs_no_approval_and_says_what_goes(world: World) -> None:
    await world.make(world.ours(), nodes=2)
    for name, value in job_row("mnist-1").items():
        await world.do.redis.hset(world.do.journal.key("op", "job1"), name, value)
    await world.do.redis.sadd(world.do.journal.key("active"), "job1")
    op = await world.run("pool.scale", **GPU, nodes=0)
    assert op.status == "succeeded", op.error
    assert plan(op)["approvals"] == 0
    assert "2 of its nodes go" in findings(op, "warn")
    assert "`mnist-1`" in findings(op, "warn")
    pool = await world.pool()
    assert pool is not None
    assert (pool.count, tags.value(pool.tags, tags.PRICE)) == (0, "0")


def job_row(name: str) -> dict[str, str]:
    target = {"cluster": "demo", "group": "demo-rg", "job": name}
    return {"id": name, "kind": "job.run", "status": "running", "plan": json.dumps({"target": target})}


async def test_a_scaling_whose_answer_was_lost_is_set_back_when_the_request_is_cancelled_before_it_looks_again(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    world.fault("reset_after", "PUT .*agentPools/gpu")
    op_id = await world.begin("pool.scale", **GPU, nodes=2)
    await world.go(op_id, lambda op: len(world.bodies("agentPools/gpu")) > 1)
    await world.cancel(op_id)
    op = await world.go(op_id)
    assert op.status == "cancelled"
    pool = await world.quiet()
    assert (pool.count, tags.value(pool.tags, tags.PRICE)) == (1, "0.53")
    assert "1 node again" in await world.said(op)


async def test_a_range_turns_the_autoscaler_on_and_is_priced_at_its_most(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    op = await world.run("pool.scale", **GPU, min=0, max=4)
    assert op.status == "succeeded", op.error
    assert (plan(op)["hourly_min"], plan(op)["hourly_max"]) == ("0", "2.104")
    pool = await world.pool()
    assert pool is not None
    assert (pool.autoscaling, pool.min_nodes, pool.max_nodes, tags.value(pool.tags, tags.PRICE)) == (True, 0, 4, "2.104")
    refused = await world.run("pool.scale", **GPU, nodes=2)
    assert (refused.status, code(refused)) == ("refused", "azure.autoscaler_on")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"pool": "gpu", "nodes": 1}, "has 1 node already"),
        ({"pool": "system", "nodes": 0}, "not a node count"),
        ({"pool": "gpu", "nodes": 9}, "more than the policy allows"),
        ({"pool": "nope", "nodes": 2}, "no node pool `nope`"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_written(world: World, values: dict[str, Any], words: str) -> None:
    await world.make(world.ours(), nodes=1)
    before = world.writes()
    op = await world.run("pool.scale", cluster="demo", **values)
    assert op.status == "refused"
    assert words in str(op.error)
    assert world.writes() == before


async def test_scaling_beyond_the_quota_is_refused_with_what_is_left(world: World) -> None:
    world.state.quota_overrides["eastus", "standard ncasv3_t4 family"] = 8
    await world.make(world.ours(), nodes=1)
    op = await world.run("pool.scale", **GPU, nodes=4)
    assert op.status == "refused"
    assert "4 of 8 vCPUs are free, 12 are needed" in str(op.error)


async def test_no_capacity_for_more_nodes_sets_the_pool_back_and_its_price_stays(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    world.fault("no_capacity", "PUT .*agentPools/gpu")
    op = await world.run("pool.scale", **GPU, nodes=3)
    assert op.status == "failed"
    assert code(op) == "azure.no_capacity"
    pool = await world.pool()
    assert pool is not None
    assert (pool.count, pool.provisioning_state, tags.value(pool.tags, tags.PRICE)) == (1, "Succeeded", "0.53")
    assert "has 1 node again" in await world.said(op)


async def test_a_cancelled_scaling_is_aborted_and_set_back(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    world.clock.speed = 20.0
    op_id = await world.begin("pool.scale", **GPU, nodes=3)
    await world.go(op_id, lambda op: "scale" in op.memo.get("asked", []))
    await world.cancel(op_id)
    world.clock.speed = 2000.0
    op = await world.go(op_id)
    assert op.status == "cancelled"
    pool = await world.quiet()
    assert (pool.count, tags.value(pool.tags, tags.PRICE)) == (1, "0.53")
    assert "has 1 node again" in await world.said(op)


async def test_a_cancelled_range_keeps_the_number_of_nodes(world: World) -> None:
    await world.make(world.ours(), nodes=2)
    op_id = await world.begin("pool.scale", **GPU, min=1, max=4)
    await world.go(op_id, lambda op: "scale" in op.memo.get("asked", []))
    await world.quiet()
    await world.cancel(op_id)
    op = await world.go(op_id)
    pool = await world.quiet()
    assert (op.status, pool.min_nodes, pool.max_nodes, pool.count) == ("cancelled", 2, 2, 2)
    assert tags.value(pool.tags, tags.PRICE) == "0.53"


async def test_an_answer_that_is_lost_does_not_scale_twice(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    before = len(world.writes("agentPools/gpu", "PUT"))
    world.fault("reset_after", "PUT .*agentPools/gpu", times=2)
    op = await world.run("pool.scale", **GPU, nodes=2)
    assert op.status == "succeeded", op.error
    accepted = world.writes("agentPools/gpu", "PUT")[before:]
    assert len(accepted) <= 2  # the count (whose answer was dropped), and perhaps its repeat by the HTTP library
    pool = await world.pool()
    assert pool is not None
    assert pool.count == 2


async def test_a_busy_pool_is_waited_for_and_the_card_says_so(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    world.clock.speed = 100.0
    await pools.update_tags(world.do.azure, "demo-rg", "demo", "gpu", {"by": "hand"})
    world.clock.speed = 2000.0
    op = await world.run("pool.scale", **GPU, nodes=2)
    assert op.status == "succeeded", op.error
    assert "is busy right now (Updating)" in findings(op, "warn")
    assert world.seen[op.id][0] == "demo/gpu is busy (Updating); I go on when that is over"


async def test_what_azure_is_busy_with_is_waited_for_and_named_on_the_card_alone(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    message = "Operation is not allowed: Another agentpool operation (gpu - Upgrading) is in progress, please wait for it to finish"
    world.fault("sync_error", "PUT .*agentPools/gpu", times=3, code="OperationNotAllowed", status=409, message=message)
    op = await world.run("pool.scale", **GPU, nodes=2)
    assert op.status == "succeeded", op.error
    assert world.seen[op.id][0] == "Azure is busy with something else (gpu - Upgrading); I go on when that is over"
    assert "busy" not in await world.said(op)


async def test_what_azure_is_busy_with_is_not_aborted_by_a_cancel(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    world.fault("sync_error", "PUT .*agentPools/gpu", times=-1, code="OperationNotAllowed", status=409, message="Another operation is in progress")
    op_id = await world.begin("pool.scale", **GPU, nodes=2)
    await world.go(op_id, lambda op: bool(op.memo.get("busy")))
    world.faults.clear()
    world.clock.speed = 100.0
    await pools.update_tags(world.do.azure, "demo-rg", "demo", "gpu", {"by": "hand"})
    await world.cancel(op_id)
    op = await world.go(op_id)
    assert op.status == "cancelled"
    world.clock.speed = 2000.0
    pool = await world.quiet()
    assert (pool.provisioning_state, pool.tags["by"], pool.count) == ("Succeeded", "hand", 1)
    assert not [line for line in world.writes() if "abort" in line]


async def test_somebody_elses_change_in_the_meantime_is_told_and_not_fought(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    op_id = await world.begin("pool.scale", **GPU, nodes=3)
    await world.go(op_id, lambda op: "scale" in op.memo.get("asked", []))
    await world.quiet()
    await pools.scale(world.do.azure, "demo-rg", "demo", "gpu", nodes=2)
    await world.quiet()
    op = await world.go(op_id)
    assert (op.status, code(op)) == ("failed", "operations.changed_meanwhile")


async def test_stopping_a_cluster_warns_that_it_may_not_start_again_and_is_asked_once(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    op = await world.run("cluster.stop", cluster="demo")
    assert op.status == "succeeded", op.error
    assert "impossible to start it again" in findings(op, "warn")
    assert "still deleted at its expiry" in findings(op, "info")
    assert "saves $0.63/h" in plan(op)["changes"][0]["detail"]
    assert plan(op)["approvals"] == 0
    assert world.writes("demo/stop") == ["POST demo/stop"]
    state = await world.cluster()
    assert state is not None
    assert (state.power_state, state.provisioning_state) == ("Stopped", "Succeeded")
    assert "is stopped" in await world.said(op)
    again = await world.run("cluster.stop", cluster="demo")
    assert "is stopped already" in str(again.error)
    scaled = await world.run("pool.scale", **GPU, nodes=2)
    assert "is stopped" in str(scaled.error)


async def test_a_cluster_starts_without_a_new_approval_where_it_is_no_dearer_than_before(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    await world.run("cluster.stop", cluster="demo")
    op = await world.run("cluster.start", cluster="demo")
    assert op.status == "succeeded", op.error
    assert (plan(op)["hourly_max"], plan(op)["approvals"]) == ("0.622", 0)
    assert "no dearer" in plan(op)["why"]
    state = await world.cluster()
    assert state is not None
    assert state.power_state == "Running"
    assert "runs again" in await world.said(op)


async def test_what_got_dearer_needs_an_approval_to_start(world: World) -> None:
    await world.make(world.ours(**{tags.PRICE: "0.05"}), nodes=1)
    await world.run("cluster.stop", cluster="demo")
    op = await world.run("cluster.start", cluster="demo")
    assert plan(op)["approvals"] == 1


async def test_a_cluster_that_cannot_start_for_lack_of_machines_says_so_and_how_it_is_left(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    await world.run("cluster.stop", cluster="demo")
    world.fault("no_capacity", "POST .*start")
    op = await world.run("cluster.start", cluster="demo")
    assert (op.status, code(op)) == ("failed", "azure.no_capacity")
    assert "no free machines of that size now" in findings(op, "warn")
    assert "Cluster `demo` is left as it is now: Failed" in await world.said(op)


async def test_a_pool_is_stopped_and_started_and_keeps_its_price(world: World) -> None:
    await world.make(world.ours(), nodes=2)
    await pools.update_tags(world.do.azure, "demo-rg", "demo", "gpu", {tags.PRICE: "1.06"})
    await world.quiet()
    stopped = await world.run("pool.stop", **GPU)
    assert stopped.status == "succeeded", stopped.error
    pool = await world.quiet()
    assert (pool.power_state, tags.value(pool.tags, tags.PRICE)) == ("Stopped", "1.06")
    started = await world.run("pool.start", **GPU)
    assert started.status == "succeeded", started.error
    assert plan(started)["approvals"] == 0
    pool = await world.quiet()
    assert (pool.power_state, pool.count, tags.value(pool.tags, tags.PRICE)) == ("Running", 2, "1.052")
    assert "runs again with 2 nodes" in await world.said(started)


async def test_a_pool_that_was_never_priced_is_priced_when_it_starts(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    await pools.update_tags(world.do.azure, "demo-rg", "demo", "gpu", {tags.PRICE: None})
    await world.quiet()
    await world.run("pool.stop", **GPU)
    op = await world.run("pool.start", **GPU)
    assert (op.status, plan(op)["approvals"]) == ("succeeded", 1)
    assert tags.value((await world.quiet()).tags, tags.PRICE) == "0.526"


@pytest.mark.parametrize(("kind", "values"), [("pool.stop", GPU), ("pool.scale", {**GPU, "nodes": 2}), ("cluster.stop", {"cluster": "demo"})])
async def test_what_is_still_being_made_is_not_stopped_under_its_proof(world: World, kind: str, values: dict[str, Any]) -> None:
    """Without nodes the proof fails in the end, and what failed is taken back: the pool that was only to be stopped would be deleted."""
    await world.make(world.ours(), nodes=1)
    making = {"id": "making", "kind": "pool.add", "status": "running", "plan": json.dumps({"target": {**NAMED, "pool": {"name": "gpu"}}})}
    await world.do.redis.hset(world.do.journal.key("op", "making"), items=[part for pair in making.items() for part in pair])
    await world.do.redis.sadd(world.do.journal.key("active"), "making")
    op = await world.run(kind, **values)
    assert (op.status, code(op)) == ("refused", "plans.being_made")
    await world.do.redis.srem(world.do.journal.key("active"), "making")
    op = await world.run(kind, **values)
    assert op.status == "succeeded", op.error


async def test_a_pool_that_only_looks_stopped_because_its_cluster_is_is_not_said_to_be(world: World) -> None:
    """It would run again, and cost, as soon as the cluster is started."""
    await world.make(world.ours(), nodes=1)
    op_id = await world.begin("pool.stop", **GPU)
    await world.go(op_id, lambda op: op.plan is not None)
    await clusters.stop(world.do.azure, "demo-rg", "demo")
    op = await world.go(op_id)
    assert (op.status, code(op)) == ("refused", "azure.cluster_stopped")
    assert code(await world.run("pool.stop", **GPU)) == "azure.cluster_stopped"


async def test_aks_stops_no_system_pool_and_no_pool_whose_last_change_failed(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    system = await world.run("pool.stop", cluster="demo", pool="system")
    assert code(system) == "azure.system_pool"
    world.fault("lro_failed", "PUT .*agentPools/gpu", code="AllocationFailed")
    await pools.scale(world.do.azure, "demo-rg", "demo", "gpu", nodes=2)
    await world.quiet()
    op = await world.run("pool.stop", **GPU)
    assert op.status == "refused"
    assert "in the state Failed" in str(op.error)


async def test_a_cancelled_stop_is_aborted_and_the_thread_says_how_it_is_left(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    world.clock.speed = 20.0
    op_id = await world.begin("cluster.stop", cluster="demo")
    await world.go(op_id, lambda op: "power" in op.memo.get("asked", []))
    await world.cancel(op_id)
    world.clock.speed = 2000.0
    op = await world.go(op_id)
    assert op.status == "cancelled"
    assert "left as it is now: Canceled" in await world.said(op)
    assert world.writes("demo/abort") == ["POST demo/abort"]


async def test_a_process_that_dies_after_every_step_changes_nothing_twice(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    before = len(world.writes())
    for kind, values in (
        ("pool.scale", {**GPU, "nodes": 2}), ("pool.stop", GPU), ("pool.start", GPU),
        ("cluster.stop", {"cluster": "demo"}), ("cluster.start", {"cluster": "demo"}),
    ):  # fmt: skip
        op = await world.killed(await world.begin(kind, **values))
        assert op.status == "succeeded", (kind, op.error)
    pool = "PUT demo/agentPools/gpu"
    assert world.writes()[before:] == [pool, pool, pool, "POST demo/stop", "POST demo/start"]


async def test_a_scaling_with_its_price_is_one_write_because_aks_grants_one_a_minute(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    before = len(world.writes())
    assert (await world.run("pool.scale", **GPU, nodes=2)).status == "succeeded"
    pool = await world.pool()
    assert pool is not None
    assert (pool.count, tags.value(pool.tags, tags.PRICE)) == (2, "1.052")
    assert world.writes()[before:] == ["PUT demo/agentPools/gpu"]


async def test_a_cluster_that_starts_is_priced_without_the_pools_that_were_stopped_by_themselves(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    await world.run("pool.stop", **GPU)
    await world.run("cluster.stop", cluster="demo")
    op = await world.run("cluster.start", cluster="demo")
    assert op.status == "succeeded", op.error
    assert plan(op)["hourly_max"] == "0.096"
    assert "they stay so: `demo/gpu`" in findings(op, "info")
    assert (await world.quiet()).power_state == "Stopped"
    await world.run("pool.start", **GPU)
    await world.run("cluster.stop", cluster="demo")
    assert plan(await world.run("cluster.start", cluster="demo"))["hourly_max"] == "0.622"
