"""What one run of an operation leaves behind: what is to be sent, and nothing where nothing was said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.operations.journal import Journal, NewOperation
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Kind, Outcome, Step, Wait
from tests.operations.simulated import World, opened


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A subscription and an engine."""
    async with opened(redis, redis_url, tmp_path, monkeypatch) as made:
        yield made


async def test_a_wait_that_changes_nothing_asks_nobody_to_send_anything(world: World) -> None:
    notes = ["one", "one", "one", "two"]

    async def look(op: Operation, do: Services) -> Outcome:
        return Wait(0.0, memo={"notes": {"n": notes.pop(0)}})

    world.kinds["toy"] = Kind("toy", [Step("look", look)])
    journal, unsent = world.do.journal, Journal.key("unsent")
    await journal.create(NewOperation("toy1", "toy", {}, "T0", "C0GPU", "U0ALICE", "toy1", memo={"admitted": True}))

    async def said() -> bool:
        await world.engine.handle("toy1")
        return bool(await world.do.redis.zrem(unsent, "toy1"))

    assert await said()  # the card appears
    assert not await said()
    await journal.poke("toy1", {"decision:d:U": '{"by": "U", "at": 1}'})  # a click may change the card by itself
    assert await said()
    assert await said()  # "two"
