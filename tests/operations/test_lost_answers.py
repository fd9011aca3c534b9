"""A creation whose answer was lost is still taken back: whether it then failed, or was cancelled before it could be looked at again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.operations import provisioning
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Kind, Outcome, Step
from bot.plans import provision
from tests.operations.simulated import T4, World, compose, opened, planned

POOL: dict[str, Any] = {"cluster": "demo", "pool": "gpu", "size": T4, "nodes": 1, "for_seconds": 3600}
CLUSTER: dict[str, Any] = {"cluster": "other", "region": "eastus", "for_seconds": 3600}


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A subscription with a cluster of ours; its budget is reserved before anything is made, as ever."""

    async def reserve(op: Operation, do: Services) -> Outcome:
        return Done(memo={"made": ["budget"]})

    async with opened(redis, redis_url, tmp_path, monkeypatch) as made:
        paid = Step("reserve", reserve)
        made.kinds["pool.add"] = Kind("pool.add", (planned(provision.pool_add, made.policy), paid, provisioning.POOL), provisioning.UNDO)
        steps = (planned(provision.cluster_create, made.policy), paid, provisioning.GROUP, provisioning.CLUSTER)
        made.kinds["cluster.create"] = Kind("cluster.create", steps, provisioning.UNDO)
        await made.make(made.ours())
        yield made


async def failing(world: World, kind: str, match: str, **values: Any) -> Operation:
    world.fault("lro_failed", match, code="InternalOperationError", after=1)
    world.fault("reset_after", match)
    return await world.run(kind, **values)


async def test_a_pool_that_failed_after_its_answer_was_lost_is_deleted(world: World) -> None:
    op = await failing(world, "pool.add", "PUT .*agentPools/gpu", **POOL)
    assert op.status == "failed"
    assert op.error is not None
    assert (op.error["sentence"], op.error["buttons"]) == ("Azure broke off in the middle of it (`InternalOperationError`).", ["retry"])
    assert await world.pool() is None
    assert "pool" in op.memo["made"]


async def test_a_cluster_that_failed_after_its_answer_was_lost_is_deleted_with_its_group(world: World) -> None:
    op = await failing(world, "cluster.create", "PUT .*managedClusters/other", **CLUSTER)
    assert op.status == "failed"
    assert op.plan is not None
    assert await world.cluster("other", op.plan["target"]["group"]) is None
    assert not [group for group in world.state.groups if "other" in group]
    assert await world.cluster() is not None


async def test_a_pool_whose_answer_was_lost_is_deleted_when_the_request_is_cancelled_before_it_looks_again(world: World) -> None:
    world.fault("reset_after", "PUT .*agentPools/gpu")
    op_id = await world.begin("pool.add", **POOL)
    op = await world.go(op_id, lambda op: bool(world.writes("agentPools/gpu") or world.bodies("agentPools/gpu")))
    assert "pool" not in op.memo["made"]
    await world.cancel(op_id)
    op = await world.go(op_id)
    assert op.status == "cancelled"
    assert await world.pool() is None
    assert await world.cluster() is not None


async def test_a_stop_whose_answer_was_lost_is_not_said_to_have_left_nothing_behind(world: World) -> None:
    compose(world)
    world.fault("reset_after", "POST .*demo/stop")
    op_id = await world.begin("cluster.stop", cluster="demo")
    await world.go(op_id, lambda op: not world.faults.as_json())
    await world.cancel(op_id)
    op = await world.go(op_id)
    assert op.status == "cancelled"
    assert "Nothing was left behind" not in await world.said(op)
