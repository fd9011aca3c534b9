"""Nobody waits for ever for a change that was seen: not where the store failed in between, nor where it came between a look and the waiting."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.azure import clusters, pools
from bot.azure.poolspec import PoolSpec
from bot.cluster import jobs
from bot.cluster.watch import KINDS
from bot.errors import Failed
from bot.lifecycle import observing
from bot.lifecycle.observing import Observing
from bot.operations import provisioning, removal
from bot.operations.journal import Journal
from bot.operations.steps import Kind, Outcome, Step, Wait
from tests.cluster.conftest import ID, Rig, wait_until
from tests.cluster.test_jobs_http import manifest
from tests.operations.simulated import T4, World, opened

NAME = "azure:demo-rg/demo"
Watched = tuple[World, str, Callable[[], Awaitable[int]]]


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A subscription with a cluster, and an operation ``w`` that waits for it."""
    async with opened(redis, redis_url, tmp_path, monkeypatch) as made:

        async def wait(*_: object) -> Outcome:
            return Wait(300.0, on=NAME)

        made.kinds["wait"] = Kind("wait", [Step("wait", wait)])
        await made.make(made.ours())
        yield made


async def waiting(world: World) -> str:
    op_id = await world.begin("wait")
    await world.engine.handle(op_id)
    return op_id


async def poked(world: World, op_id: str) -> bool:
    op = await world.look(op_id)
    return op.pokes > op.on_pokes


async def test_a_change_that_the_store_did_not_take_is_passed_on_when_it_does(world: World, redis: Redis) -> None:
    op_id = await waiting(world)
    eyes = Observing(world.do)
    await eyes.look_at_azure()
    await world.engine.handle(op_id)
    await clusters.update_tags(world.do.azure, "demo-rg", "demo", {"team": "vision"})
    await redis.config_set("maxmemory", "1")
    try:
        with pytest.raises(RedisError):
            await eyes.look_at_azure()
    finally:
        await redis.config_set("maxmemory", "0")
    assert not await poked(world, op_id)
    await eyes.look_at_azure()
    assert await poked(world, op_id)


async def test_who_waits_for_what_is_at_rest_is_woken_though_nothing_changes(world: World) -> None:
    await world.do.observer.tick([("demo-rg", "demo")])  # somebody else's look, just before this one began to wait
    op_id = await waiting(world)
    await Observing(world.do).look_at_azure()
    assert not await poked(world, op_id)
    eager = Observing(world.do, settled_seconds=0.0)
    await eager.look_at_azure()
    assert await poked(world, op_id)
    await world.engine.handle(op_id)
    world.clock.speed = 0.1
    await pools.put(world.do.azure, PoolSpec("demo-rg", "demo", "gpu", T4), world.ours())
    await eager.look_at_azure()
    await world.engine.handle(op_id)
    await eager.look_at_azure()
    assert not await poked(world, op_id), "the pool is being made: that is worth waiting for"


@contextlib.asynccontextmanager
async def observed(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Task[None]]:
    """A worker that observes, in a hurry."""
    monkeypatch.setattr(observing, "ROUND_SECONDS", 0.05)
    settings = world.do.settings
    hasty = replace(world.do, settings=replace(settings, engine=replace(settings.engine, observe=0.1)))
    stop = asyncio.Event()
    task = asyncio.create_task(Observing(hasty).watch(stop))
    try:
        yield task
    finally:
        stop.set()
        await task


async def test_an_odd_answer_of_azure_costs_one_round_and_not_the_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = REGISTRY.get_sample_value("quartermaster_rounds_failed_total", {"name": "observe"}) or 0.0
    op_id = await waiting(world)
    world.fault("status", r"GET .*/managedClusters\?", status=200, body={"value": [{"properties": {"agentPoolProfiles": 5}}]})
    async with observed(world, monkeypatch):
        await wait_until(lambda: poked(world, op_id), bool)
    assert REGISTRY.get_sample_value("quartermaster_rounds_failed_total", {"name": "observe"}) == failed + 1


@pytest.fixture
async def watched(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rig: Rig) -> AsyncIterator[Watched]:
    """A cluster with an API server, an operation that waits for it, and how many watches were begun there."""
    clusters, _ = rig.simulated()
    async with opened(redis, redis_url, tmp_path, monkeypatch, clusters.kubeconfig(ID)) as made:

        async def wait(*_: object) -> Outcome:
            return Wait(300.0, on="cluster:demo-rg/demo")

        async def watches() -> int:
            return len(rig.requests("watch=true"))

        made.kinds["wait"] = Kind("wait", [Step("wait", wait)])
        await made.make(made.ours())
        yield made, await waiting(made), watches
        made.do.clusters.close()


async def test_a_watch_whose_connection_was_closed_is_begun_anew(watched: Watched, monkeypatch: pytest.MonkeyPatch, rig: Rig) -> None:
    world, op_id, watches = watched
    async with observed(world, monkeypatch):
        await wait_until(watches, lambda count: count >= len(KINDS))
        world.do.clusters.forget("demo-rg", "demo")  # its credentials were not accepted any more, say
        await wait_until(watches, lambda count: count >= 2 * len(KINDS))
        await world.engine.handle(op_id)
        await jobs.apply(rig.access, manifest("after", op=op_id))
        await wait_until(lambda: poked(world, op_id), bool)


async def test_a_lock_that_ran_out_and_is_another_workers_is_left_to_it(watched: Watched, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    world, _, watches = watched
    lock = Journal.key("watcher", "cluster:demo-rg/demo")
    async with observed(world, monkeypatch):
        await wait_until(watches, lambda count: count >= len(KINDS))
        await redis.set(lock, "another", ex=60)
    assert await redis.get(lock) == "another"


async def test_who_lists_stays_the_one_who_lists_while_azure_takes_its_time(world: World, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "LOCK_SECONDS", 1)
    await waiting(world)
    world.fault("hang", r"GET .*/managedClusters\?", seconds=8)
    left: list[int] = []

    async def look() -> list[int]:
        left.append(await redis.pttl(Journal.key("watcher", observing.AZURE)))
        return left

    async with observed(world, monkeypatch):
        await wait_until(lambda: redis.exists(Journal.key("watcher", observing.AZURE)), bool)
        # Three times it was given more, or it was lost.
        seen = await wait_until(look, lambda seen: seen[-1] < 0 or sum(after > before for before, after in pairwise(seen)) == 3)
        assert seen[-1] > 0
        assert [row["status"] for row in world.traffic.listed("azure") if "managedClusters?" in row["path"]][-1] == 0, "it still waits for Azure"


async def test_what_was_deleted_while_its_creation_did_not_know_that_it_had_begun_is_not_made_again(world: World) -> None:
    wanted = {"name": "gpu", "size": T4, "nodes": 1, "driver": "driver-only", "hourly": "0.53"}
    asked = await world.look(await world.begin("make"))
    making = replace(asked, plan={"target": {"group": "demo-rg", "cluster": "demo", "pool": wanted}})
    await provisioning.make_pool(making, world.do)  # Azure took it, and the process died before it could write that down
    await world.quiet()
    asked = await world.look(await world.begin("delete"))
    deleting = replace(asked, plan={"target": {"group": "demo-rg", "cluster": "demo", "pool": "gpu"}})
    while isinstance(await removal.delete_pool(deleting, world.do), Wait):  # noqa: ASYNC110 - Azure tells nobody
        await asyncio.sleep(0.1)
    with pytest.raises(Failed, match="deleted it meanwhile"):
        await provisioning.make_pool(making, world.do)
    assert world.writes("agentPools/gpu", "PUT") == ["PUT demo/agentPools/gpu"]
    assert await world.pool() is None
