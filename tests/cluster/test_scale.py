"""A large cluster: 1,000 nodes and 10,000 pods, as large as real ones, over HTTP and in pages. How fast: ``make bench``."""

from __future__ import annotations

import asyncio
import re

from bot.cluster.nodes import capacity
from bot.operations.nodeview import View
from bot.slack.blocks import TOTAL, size
from tests.cluster.build import NOW
from tests.cluster.large import large


async def test_capacity_of_a_large_cluster_is_read_in_pages_beside_other_work_and_fits_a_message() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    async with large(1000, 10_000) as cluster:
        beat = asyncio.create_task(tick())
        found = await capacity(cluster.access)
        beat.cancel()
    pages = cluster.pages
    assert (found.total.capacity, found.total.requested, len(found.nodes)) == (8000, 5000, 1000)
    assert (pages.count("nodes"), pages.count("pods"), len(pages)) == (2, 20, 22)
    view = View("large", found, NOW.timestamp())
    for blocks in (view.blocks(), view.plain()):
        assert size(blocks) <= TOTAL
        assert "largest free block: 8" in str(blocks)
        assert re.search(r"9\d\d more nodes", str(blocks))
    assert view.cut()
    assert len(view.listing().splitlines()) == 1001
    # The loop went on meanwhile: the reading is done in a thread.
    assert ticks >= 10
