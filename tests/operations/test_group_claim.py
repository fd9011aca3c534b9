"""Of two requests that want the same resource group one makes it at a time, however long Azure takes over it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.operations import provisioning
from bot.operations.journal import Journal
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Kind, Outcome, Step
from bot.store import text
from tests.operations.simulated import World, opened

CLAIM = Journal.key("making", "shared-rg")


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A subscription, and requests that need a resource group and nothing else."""

    async def plan(op: Operation, do: Services) -> Outcome:
        return Done(plan={"target": {"group": "shared-rg", "region": "eastus"}})

    async with opened(redis, redis_url, tmp_path, monkeypatch) as made:
        made.kinds["toy"] = Kind("toy", [Step("plan", plan), provisioning.GROUP])
        yield made


async def test_a_claim_that_ran_out_and_is_anothers_by_now_is_left_to_it(world: World) -> None:
    store = world.do.redis
    world.fault("delay", "(?i)PUT .*resourcegroups", seconds=0.5)
    running = asyncio.create_task(world.run("toy", n=1))
    async with asyncio.timeout(10):
        while await store.get(CLAIM) is None:  # noqa: ASYNC110 - the engine sets it
            await asyncio.sleep(0.01)
    await store.set(CLAIM, "another")
    assert (await running).status == "succeeded"
    assert text(await store.get(CLAIM)) == "another"


async def test_whoever_comes_second_waits_and_whoever_was_interrupted_goes_on(world: World) -> None:
    first, second = await world.begin("toy", n=1), await world.begin("toy", n=2)
    await world.do.redis.set(CLAIM, first, px=60_000)  # what a run leaves behind that was killed on the way
    waiting = await world.go(second, lambda op: bool(op.memo.get("now")))
    assert waiting.memo["now"] == "another request is making `shared-rg`"
    assert (await world.go(first)).memo["made"] == ["group"]
    assert await world.do.redis.get(CLAIM) is None
    assert (await world.go(second)).status == "succeeded"
    assert len(world.bodies("/resourcegroups/shared-rg")) == 1
