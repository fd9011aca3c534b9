"""What a process without an engine writes wakes a worker; a hanging Slack does not hold up operations."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.clock import Clock
from bot.operations.journal import RUNG, Journal, NewOperation
from bot.operations.waking import Lane, Waking
from bot.store import text

EVERY_SECONDS = 0.2


async def wait_until(look: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not look():  # noqa: ASYNC110 - another process or task makes it true
            await asyncio.sleep(0.01)


def new(name: str) -> NewOperation:
    return NewOperation(id=name, kind="test", request={}, team="T", channel="C", user="U", idempotency=name, response_url="https://example.com/u")


@contextlib.asynccontextmanager
async def working(url: str, sweep: Callable[[], Awaitable[None]] | None = None) -> AsyncIterator[list[str]]:
    """A waking that runs, and repeats `sweep`; what it was woken for."""
    heard: list[str] = []

    async def handle(subject: str) -> None:
        heard.append(subject)

    async with Waking(url, handle) as waking:
        if sweep is not None:
            waking.every("sweep", EVERY_SECONDS, sweep)
        task = asyncio.create_task(waking.run(slots=4, redelivery=5))
        try:
            yield heard
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_what_a_process_without_an_engine_writes_wakes_a_worker(redis: Redis, redis_url: str) -> None:
    journal = Journal(redis, Clock(), rings=True)
    await journal.create(new("before"))  # nobody works yet
    async with working(redis_url) as heard:
        await wait_until(lambda: heard == ["op:before"])
        await journal.poke("before", {"decision:d:U": "{}"}, first=True)
        await wait_until(lambda: heard == ["op:before"] * 2)
        await journal.poke("before", {"decision:d:U": "{}"}, first=True)  # the same click again is nothing new
        await journal.tell("before", "before/said", {"text": "x"})
        await wait_until(lambda: len(heard) == 3)
    assert heard[2] == "out:before"


async def test_what_is_repeated_outlives_the_loss_of_any_part_of_the_queue_and_its_own_faults(redis: Redis, redis_url: str) -> None:
    """Found by the random schedules: docket refused to begin the sweep again of which only some keys were lost, and nothing healed anything."""
    rounds: list[int] = []

    async def sweep() -> None:
        rounds.append(len(rounds))
        if len(rounds) == 2:
            raise ValueError("a fault of ours")

    async with working(redis_url, sweep=sweep) as heard:
        await wait_until(lambda: len(rounds) > 3)
        for lost in sorted(text(key) for key in await redis.keys("*")):
            await redis.delete(lost)
            seen = len(rounds)
            await wait_until(lambda seen=seen: len(rounds) > seen)  # type: ignore[misc]
        await Journal(redis, Clock(), rings=True).create(new("after"))
        await wait_until(lambda: "op:after" in heard)


async def test_of_several_workers_one_has_the_turn(redis: Redis, redis_url: str) -> None:
    rounds: list[str] = []

    def sweep(name: str) -> Callable[[], Awaitable[None]]:
        async def once() -> None:
            rounds.append(name)

        return once

    async with working(redis_url, sweep=sweep("a")), working(redis_url, sweep=sweep("b")):
        await wait_until(lambda: bool(rounds))
        before, began = len(rounds), time.monotonic()
        await wait_until(lambda: len(rounds) >= before + 5)
        assert time.monotonic() - began > 4 * EVERY_SECONDS  # an interval is a minimum, whoever has the turn
    async with working(redis_url, sweep=sweep("c")):  # the others are gone, and their turn with them
        await wait_until(lambda: rounds[-1] == "c")


async def test_a_repeated_request_is_neither_written_nor_rung_again(redis: Redis) -> None:
    journal = Journal(redis, Clock(), rings=True)
    await asyncio.gather(*(journal.create(new("once")) for _ in range(20)))
    assert await redis.lrange(RUNG, 0, -1) == ["op:once"]
    assert await redis.get(journal.key("url", "once")) == "https://example.com/u"
    await Journal(redis, Clock()).create(new("by_an_engine"))
    assert await redis.llen(RUNG) == 1


async def test_a_lane_is_as_wide_as_it_says_and_serves_everybody_once() -> None:
    served: Counter[str] = Counter()
    free = asyncio.Event()
    now = most = 0

    async def deliver(name: str) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await free.wait()
        served[name] += 1
        now -= 1

    lane = Lane(3, deliver)
    names = [f"n{number % 20}" for number in range(40)]
    calls = [asyncio.create_task(lane.handle(name)) for name in names]
    await wait_until(lambda: sum(call.done() for call in calls) == 37)  # the others hold no slot while they stand in line
    free.set()
    await asyncio.gather(*calls)
    assert most == 3
    assert set(served) == set(names)
    assert sum(served.values()) <= 23  # a name that is being served stands in line at most once more


async def test_a_lane_goes_on_after_a_failure() -> None:
    served: list[str] = []

    async def deliver(name: str) -> None:
        await asyncio.sleep(0)
        if name == "bad":
            raise RedisError("gone")
        served.append(name)

    lane = Lane(1, deliver)
    outcomes = await asyncio.gather(*(lane.handle(name) for name in ("bad", "good")), return_exceptions=True)
    assert [type(one) for one in outcomes] == [RedisError, type(None)]
    await lane.handle("next")
    assert served == ["good", "next"]
