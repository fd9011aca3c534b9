"""A Slack that takes every post and answers none holds up messages only: operations go on."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from bot.clock import Clock
from bot.operations.journal import Journal, NewOperation
from tests.playing import playing, wait_until

SAYING = 300
HELD_SECONDS = 30  # with every slot of the worker in the hands of posts (each is given up after 10 s) it is 300 / 64 * 10 s until there is one


async def asked(url: str, names: list[str], channel: str) -> None:
    """Something to be said, in a channel of its own for each: Slack's pace is counted by channel."""
    redis = Redis.from_url(url, decode_responses=True)
    journal, memo = Journal(redis, Clock(), rings=True), {"admitted": True}
    for name in names:
        where, request = channel and channel + name, {"values": {"text": "x"}}
        await journal.create(NewOperation(name, "reply", request, "T0PLAYGROUND", where, "U0ALICE", name, thread="1.1", memo=memo))
    await redis.aclose()


async def ended(url: str) -> bool:
    redis = Redis.from_url(url, decode_responses=True)
    left = int(await redis.scard(Journal.key("active")))
    await redis.aclose()
    return left == 0


def test_an_operation_ends_while_hundreds_of_posts_hang() -> None:
    with playing("--no-bot", speed=60) as play:
        url = play.ready["redis"]
        play.fault("slack", "hang", "", times=-1)
        asyncio.run(asked(url, [f"say{number}" for number in range(SAYING)], "C"))
        play.bot("worker")
        wait_until(lambda: asyncio.run(ended(url)), 120, "all to have something to say")
        asyncio.run(asked(url, ["silent"], ""))
        wait_until(lambda: asyncio.run(ended(url)), HELD_SECONDS, "the one that needs no Slack to end")
        play.bots["worker"].kill()  # it would wait for the posts
