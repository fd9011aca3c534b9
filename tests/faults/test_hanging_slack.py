"""A Slack that takes every request and answers none holds up what needs its answer only: other operations go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from redis.asyncio import Redis

from bot.clock import Clock
from bot.operations.journal import Journal, NewOperation
from bot.store import text
from tests.playing import Playing, playing, wait_until

MANY = 300
HELD_SECONDS = 30  # with every slot of the worker in the hands of those who wait for Slack (each for 10 s) it is 300 / 64 * 10 s until there is one


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    with playing("--no-bot", speed=60) as running:
        running.fault("slack", "hang", "", times=-1)
        yield running


@pytest.fixture
def url(play: Playing) -> Iterator[str]:
    """A Redis with nothing in it, and a worker, which is killed in the end: it would wait for Slack."""
    asyncio.run(emptied(play.ready["redis"]))
    yield play.ready["redis"]
    play.bots["worker"].kill()
    play.bots.pop("worker").wait()


async def emptied(url: str) -> None:
    async with Redis.from_url(url) as redis:
        await redis.flushall()


async def asked(url: str, names: list[str], channel: str, *, admitted: bool = True) -> None:
    """Something to be said, in a channel of its own for each: Slack's pace is counted by channel. Who is not `admitted` has to be looked up first."""
    async with Redis.from_url(url, decode_responses=True) as redis:
        journal, memo = Journal(redis, Clock(), rings=True), {"admitted": True} if admitted else {}
        for name in names:
            where, request, user = channel and channel + name, {"values": {"text": "x"}}, f"U0{name.upper()}"
            await journal.create(NewOperation(name, "reply", request, "T0PLAYGROUND", where, user, name, thread="1.1", memo=memo))


async def active(url: str) -> set[str]:
    """The operations that have not ended."""
    async with Redis.from_url(url, decode_responses=True) as redis:
        return {text(one) for one in await redis.smembers(Journal.key("active"))}


def test_an_operation_ends_while_hundreds_of_posts_hang(play: Playing, url: str) -> None:
    asyncio.run(asked(url, [f"say{number}" for number in range(MANY)], "C"))
    play.bot("worker")
    wait_until(lambda: not asyncio.run(active(url)), 120, "all to have something to say")
    asyncio.run(asked(url, ["silent"], ""))
    wait_until(lambda: not asyncio.run(active(url)), HELD_SECONDS, "the one that needs no Slack to end")


def test_an_operation_ends_while_hundreds_of_people_have_to_be_looked_up(play: Playing, url: str) -> None:
    asyncio.run(asked(url, [f"who{number}" for number in range(MANY)], "C", admitted=False))
    play.bot("worker")
    asks = ("users.info", "auth.test")  # who somebody is depends on which workspace is the bot's own
    wait_until(lambda: any(row["path"].startswith(f"/api/{one}") for row in play.requests("slack") for one in asks), 60, "the first to be looked up")
    asyncio.run(asked(url, ["silent"], ""))
    wait_until(lambda: "silent" not in asyncio.run(active(url)), HELD_SECONDS, "the one that needs no Slack to end")
    assert len(asyncio.run(active(url))) == MANY
