"""A large cluster: 1,000 nodes and 10,000 pods, as large as real ones, over HTTP and in pages."""

from __future__ import annotations

import asyncio
import json
import re
import time

from aiohttp import web

from bot.cluster.access import Access
from bot.cluster.nodes import capacity
from bot.operations.nodeview import View
from bot.slack.blocks import TOTAL, size
from tests.cluster.build import NOW, Json, container, node, pod


def _padded(item: Json) -> Json:
    # Real pods carry managed fields, volumes and environments: four kilobytes each and more.
    item["metadata"]["annotations"] = {"padding": "x" * 3000}
    return item


async def test_capacity_of_a_large_cluster_is_read_in_seconds_and_in_pages_and_fits_a_message() -> None:
    nodes = [_padded(node(f"n{number}", gpus=8)) for number in range(1000)]
    running = container("running", startedAt="2026-11-20T08:00:00Z")
    pods = [_padded(pod(f"p{number}", gpus=number % 2, on=f"n{number % 1000}", container=running)) for number in range(10_000)]
    stock = {"nodes": [json.dumps(item) for item in nodes], "pods": [json.dumps(item) for item in pods]}
    pages: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        items = stock[request.match_info["kind"]]
        start, limit = int(request.query.get("continue", "0")), int(request.query["limit"])
        pages.append(request.match_info["kind"])
        more = {"continue": str(start + limit)} if start + limit < len(items) else {}
        metadata = json.dumps({"resourceVersion": "1", **more})
        body = f'{{"kind":"List","metadata":{metadata},"items":[{",".join(items[start : start + limit])}]}}'
        return web.Response(text=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/api/v1/{kind}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    access = Access.from_kubeconfig(config, cluster="large")
    begun = time.process_time()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    beat = asyncio.create_task(tick())
    found = await capacity(access)
    took = time.process_time() - begun
    beat.cancel()
    access.close()
    await runner.cleanup()
    assert (found.total.capacity, found.total.requested, len(found.nodes)) == (8000, 5000, 1000)
    assert (pages.count("nodes"), pages.count("pods"), len(pages)) == (2, 20, 22)
    assert took < 10.0  # CPU, that of the serving side included
    view = View("large", found, NOW.timestamp())
    for blocks in (view.blocks(), view.plain()):
        assert size(blocks) <= TOTAL
        assert "largest free block: 8" in str(blocks)
        assert re.search(r"9\d\d more nodes", str(blocks))
    assert view.cut()
    assert len(view.listing().splitlines()) == 1001
    # The loop went on meanwhile: the reading is done in a thread.
    assert ticks >= 10
