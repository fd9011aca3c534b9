"""One LIST for all who ask at the same time, within its budget, and never of before they asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.azure import clusters, tags
from bot.azure.listing import Listing
from bot.azure.observer import TokenBucket
from bot.calls import OPERATION
from bot.errors import Temporary
from tests.azure.test_observation import Hand, demo


def under_way(cloud: Any) -> Callable[[], Awaitable[int]]:
    async def reads() -> int:
        return int(cloud.conn.meter.reads)

    return reads


async def test_four_hundred_who_ask_at_once_cost_two_lists_and_all_are_answered(cloud: Any, until: Any) -> None:
    await demo(cloud, until, "demo")
    listing, before = Listing(cloud.conn), cloud.conn.meter.reads
    first = asyncio.create_task(listing.clusters())
    await until(under_way(cloud), lambda reads: reads > before)
    answers = await asyncio.gather(first, *(listing.clusters() for _ in range(400)))
    assert cloud.conn.meter.reads - before == 2
    assert all([one.name for one in found] == ["demo"] for found in answers)


async def test_nobody_is_shown_what_was_so_before_he_asked(cloud: Any, until: Any) -> None:
    await demo(cloud, until, "demo")
    cloud.fault("late", "GET .*managedClusters[?]", seconds=0.5)
    listing, before = Listing(cloud.conn), cloud.conn.meter.reads
    earlier = asyncio.create_task(listing.clusters())
    await until(under_way(cloud), lambda reads: reads > before)
    await clusters.update_tags(cloud.conn, "rg", "demo", {tags.OWNER: "U2"})
    seen = await listing.clusters()
    assert [tags.value(one.tags, tags.OWNER) for one in seen] == ["U2"]
    assert [tags.value(one.tags, tags.OWNER) for one in await earlier] != ["U2"]


async def test_the_budget_is_kept_and_every_page_is_paid_for(cloud: Any, until: Any) -> None:
    await demo(cloud, until, "c0", "c1", "c2")
    cloud.state.page_size = 1
    hand = Hand()
    bucket = TokenBucket(100.0, 1.0, hand)
    listing = Listing(cloud.conn, bucket=bucket)
    assert len(await listing.clusters()) == 3
    assert bucket.level == pytest.approx(-2.0)
    hand.time += 0.02
    started = time.monotonic()
    await listing.clusters()
    assert bucket.level == pytest.approx(-3.0)
    assert time.monotonic() - started >= 0.01  # one page was still owed


async def test_a_lost_answer_costs_nobody_who_asks_after_it(cloud: Any, until: Any) -> None:
    await demo(cloud, until, "demo")
    cloud.fault("hang", "GET .*managedClusters[?]")
    listing, before = Listing(cloud.conn), cloud.conn.meter.reads
    lost = asyncio.create_task(listing.clusters())
    await until(under_way(cloud), lambda reads: reads > before)
    assert [one.name for one in await listing.clusters()] == ["demo"]
    assert not lost.done()
    lost.cancel()


async def test_each_who_waits_counts_by_himself_so_that_a_cloud_that_hangs_holds_a_few_slots_only(cloud: Any, until: Any) -> None:
    await demo(cloud, until, "demo")
    cloud.fault("hang", "GET .*managedClusters[?]", times=-1)
    listing = Listing(cloud.conn)

    async def ask(number: int) -> None:
        OPERATION.set(f"op{number}")
        await listing.clusters()

    early = [asyncio.create_task(ask(number)) for number in range(16)]
    await asyncio.sleep(3.5)
    told = await asyncio.gather(*(ask(number) for number in range(16, 40)), return_exceptions=True)
    assert all(isinstance(error, Temporary) for error in told)
    assert not any(task.done() for task in early)
    for task in early:
        task.cancel()


async def test_one_who_gives_up_leaves_the_others_their_answer(cloud: Any, until: Any) -> None:
    await demo(cloud, until, "demo")
    listing = Listing(cloud.conn)
    gone, stays = asyncio.create_task(listing.clusters()), asyncio.create_task(listing.clusters())
    await asyncio.sleep(0)
    gone.cancel()
    assert [one.name for one in await stays] == ["demo"]


async def test_all_who_waited_are_told_of_a_failure_and_the_next_ask_anew(cloud: Any, until: Any) -> None:
    await demo(cloud, until, "demo")
    cloud.fault("throttled", "GET .*managedClusters[?]", retry_after=3)
    listing = Listing(cloud.conn)
    told = await asyncio.gather(*(listing.clusters() for _ in range(5)), return_exceptions=True)
    assert [getattr(error, "retry_after", None) for error in told] == [3.0] * 5
    assert [one.name for one in await listing.clusters()] == ["demo"]
