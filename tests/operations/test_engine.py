"""What one run of an operation leaves behind: what is to be sent, and nothing where nothing was said; a claim that others can take."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.azure import credentials
from bot.azure.connection import Connection
from bot.azure.credentials import ClusterCredentials
from bot.clock import Clock
from bot.errors import Temporary
from bot.operations.engine import TOLD_TRIES, UNEXPECTED_TRIES, Engine
from bot.operations.journal import Commit, Journal, NewOperation
from bot.operations.present import card, ending
from bot.operations.record import WAITING_APPROVAL, Operation
from bot.operations.services import Services
from bot.operations.steps import Done, End, Kind, Outcome, Step, Wait
from tests.cluster.test_access import kubeconfig
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
    await begun(world, "toy")

    async def said() -> bool:
        await world.engine.handle("toy1")
        return bool(await world.do.redis.zrem(unsent, "toy1"))

    assert await said()  # the card appears
    assert not await said()
    await journal.poke("toy1", {"decision:d:U": '{"by": "U", "at": 1}'})  # a click may change the card by itself
    assert await said()
    assert await said()  # "two"


async def test_the_claim_is_given_back_even_where_a_client_swallows_a_cancellation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client of Redis may do whose command is cancelled half-way: take it for a broken connection, and go on."""
    renewing = asyncio.Event()

    async def deaf(*, keys: list[str], args: list[str]) -> int:
        swallows = contextlib.nullcontext() if renewing.is_set() else contextlib.suppress(asyncio.CancelledError)
        renewing.set()
        with swallows:
            await asyncio.sleep(60)
        return 1

    async def look(op: Operation, do: Services) -> Outcome:
        await renewing.wait()
        return End()

    monkeypatch.setitem(world.do.journal._scripts, "renew", deaf)
    world.kinds["toy"] = Kind("toy", [Step("look", look)])
    hasty = replace(world.do.settings, engine=replace(world.do.settings.engine, lease=0.03))
    engine = Engine(world.do.journal, replace(world.do, settings=hasty), world.kinds, ending)
    await begun(world, "toy")
    async with asyncio.timeout(5) as limit:
        await engine.handle("toy1")
    assert not limit.expired()
    assert (await world.look("toy1")).ended is not None


async def test_an_operation_of_a_newer_version_is_left_to_a_worker_that_knows_its_kind(world: World) -> None:
    async def look(op: Operation, do: Services) -> Outcome:
        return End()

    await begun(world, "newer")
    await world.engine.handle("toy1")  # no error, and nothing is said of it
    assert await world.do.journal.unsent(older_ms=-1000) == []
    assert await world.do.journal.overdue() == []  # nor is it taken again at once
    world.kinds["newer"] = Kind("newer", [Step("look", look)])
    await world.engine.handle("toy1")  # the other worker: nobody holds the claim
    assert (await world.look("toy1")).ended is not None


async def test_what_waits_for_a_decision_still_does_while_its_step_has_to_be_repeated(world: World) -> None:
    """A click on its card counts in the meantime: it is refused only for what no longer waits."""
    asked = 0

    async def approve(op: Operation, do: Services) -> Outcome:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise Temporary("slack.unreadable", what="the profile", error="no answer")
        return Wait(0.0, status=WAITING_APPROVAL)

    world.kinds["toy"] = Kind("toy", [Step("approve", approve)])
    await begun(world, "toy")
    for _ in range(2):
        await world.engine.handle("toy1")
        assert (await world.look("toy1")).status == WAITING_APPROVAL
    assert asked == 2


async def test_what_is_in_the_way_for_long_stands_on_the_card_until_it_is_over(world: World) -> None:
    tries = 0

    async def look(op: Operation, do: Services) -> Outcome:
        nonlocal tries
        tries += 1
        if tries <= TOLD_TRIES + 1:
            raise Temporary("cluster.unreachable", cluster="demo", kind="no answer")
        return Wait(0.0)

    kind = world.kinds["toy"] = Kind("toy", [Step("look", look, "Look")])
    await begun(world, "toy")
    shown = []
    for _ in range(TOLD_TRIES + 2):
        await world.engine.handle("toy1")
        op = await world.look("toy1")
        shown.append("`demo` does not answer (no answer). I keep trying." in str(card(replace(op, memo={**op.memo, "admitted": True}), kind)))
    assert shown == [False] * (TOLD_TRIES - 1) + [True, True, False]


async def test_a_step_that_this_version_does_not_know_is_left_to_a_worker_that_does(world: World) -> None:
    async def look(op: Operation, do: Services) -> Outcome:
        return End()

    world.kinds["toy"] = Kind("toy", [Step("look", look)])
    await begun(world, "toy")
    await world.do.redis.hset(Journal.key("op", "toy1"), "step", "newer")
    await world.engine.handle("toy1")
    assert await world.do.journal.overdue() == []
    assert (await world.look("toy1")).ended is None
    world.kinds["toy"] = Kind("toy", [Step("look", look), Step("newer", look)])
    await world.engine.handle("toy1")  # nobody holds the claim
    assert (await world.look("toy1")).ended is not None


async def test_an_outcome_that_cannot_be_written_down_is_told_like_any_fault_of_ours(world: World) -> None:
    async def look(op: Operation, do: Services) -> Outcome:
        return Done(memo={"price": Decimal("1.5")})

    world.kinds["toy"] = Kind("toy", [Step("look", look)])
    await begun(world, "toy")
    for _ in range(UNEXPECTED_TRIES):
        await world.engine.handle("toy1")
    op = await world.look("toy1")
    assert (op.status, (op.error or {}).get("code")) == ("failed", "unexpected")


class Frozen(Journal):
    """Of a worker that is frozen before it reads what its commit left, for longer than the lease."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal.redis, Clock(), lease=0.05)
        self.asleep, self.awake = asyncio.Event(), asyncio.Event()

    async def load(self, op_id: str) -> Operation | None:
        if not self.asleep.is_set():
            self.asleep.set()
            await self.awake.wait()
        return await super().load(op_id)

    async def renew(self, op: Operation) -> bool:
        return True


async def test_a_worker_that_was_frozen_after_its_commit_does_not_go_on_with_anothers_claim(world: World) -> None:
    runs: list[int] = []
    running, go_on = asyncio.Event(), asyncio.Event()

    async def one(op: Operation, do: Services) -> Outcome:
        return Done()

    async def two(op: Operation, do: Services) -> Outcome:
        runs.append(op.fence)
        running.set()
        await go_on.wait()
        return End()

    world.kinds["toy"] = Kind("toy", [Step("one", one), Step("two", two)])
    frozen = Frozen(world.do.journal)
    await begun(world, "toy")
    first = asyncio.create_task(Engine(frozen, world.do, world.kinds, ending).handle("toy1"))
    await frozen.asleep.wait()
    await asyncio.sleep(0.1)  # the lease runs out
    second = asyncio.create_task(world.engine.handle("toy1"))
    await running.wait()
    frozen.awake.set()
    async with asyncio.timeout(5):
        await first
    go_on.set()
    await second
    assert len(runs) == 1


class Killed(Journal):
    """Of a worker that is killed before its commit."""

    async def commit(self, op: Operation, outcome: Commit) -> str:
        raise RedisError("killed")


async def test_whoever_waits_is_known_to_wait_before_it_is_written_down_that_it_does(world: World) -> None:
    """Killed between the two the other way round, it would be poked by no change, and vouched for because others wait on the same cluster."""

    async def look(op: Operation, do: Services) -> Outcome:
        return Wait(0.0, on="azure:g/demo")

    world.kinds["toy"] = Kind("toy", [Step("look", look)])
    await begun(world, "toy")
    with pytest.raises(RedisError):
        await Engine(Killed(world.do.redis, Clock()), world.do, world.kinds, ending).handle("toy1")
    assert await world.do.waiting.poke("azure:g/demo") == ["toy1"]


async def test_a_cluster_that_was_made_anew_is_asked_at_its_new_address(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials that are kept lead to the former one, which answers no more."""
    asked: list[int] = []

    async def found(azure: Connection, group: str, name: str) -> ClusterCredentials:
        asked.append(len(asked))
        server = f"https://127.0.0.1:{9 + len(asked)}"
        return ClusterCredentials(server, "", kubeconfig(server))

    async def look(op: Operation, do: Services) -> Outcome:
        access = await do.clusters.access("demo-rg", "demo")
        await access.get("/version")
        return End()

    monkeypatch.setattr(credentials, "credentials", found)
    monkeypatch.setattr("bot.operations.engine.STALE_CONNECTION_SECONDS", 0.0)
    world.kinds["toy"] = Kind("toy", [Step("look", look)])
    await begun(world, "toy")
    for _ in range(3):
        await world.engine.handle("toy1")
    assert len(asked) == 3


async def begun(world: World, kind: str) -> None:
    """An operation `toy1` of that kind."""
    await world.do.journal.create(NewOperation("toy1", kind, {}, "T0", "C0GPU", "U0ALICE", "toy1", memo={"admitted": True}))
