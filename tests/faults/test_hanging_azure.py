"""An Azure that takes every request and answers none holds up what needs its answer only: other operations go on."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from bot.clock import Clock
from bot.operations.journal import Journal, NewOperation
from tests.faults.test_hanging_slack import active, emptied
from tests.playing import playing, wait_until

MANY = 150
HELD_SECONDS = 40  # with every slot of the worker in the hands of those who wait for Azure, each for 15 s and again and again, it was 116 s


async def asked(url: str, names: list[str], kind: str) -> None:
    async with Redis.from_url(url, decode_responses=True) as redis:
        journal = Journal(redis, Clock(), rings=True)
        for name in names:
            request, memo = {"values": {"text": "x"}}, {"admitted": True}
            await journal.create(NewOperation(name, kind, request, "T0PLAYGROUND", "", "U0ALICE", name, thread="1.1", memo=memo))


@pytest.mark.timeout(180)
def test_operations_that_need_no_azure_go_on() -> None:
    with playing("--no-bot", speed=60) as play:
        play.fault("azure", "hang", "managedClusters", times=-1)
        url = play.ready["redis"]
        asyncio.run(emptied(url))
        asyncio.run(asked(url, [f"q{number}" for number in range(MANY)], "query.clusters"))
        play.bot("worker")
        wait_until(lambda: any("managedClusters" in row["path"] for row in play.requests("azure")), 60, "the first to be asked")
        asyncio.run(asked(url, ["silent"], "reply"))
        wait_until(lambda: "silent" not in asyncio.run(active(url)), HELD_SECONDS, "the one that needs no Azure")
        play.bots["worker"].kill()
        play.bots.pop("worker").wait()
