"""An API server that shows a large cluster in pages, as many and as heavy objects as real ones have."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web

from bot.cluster.access import Access
from tests.cluster.build import Json, container, node, pod


@dataclass
class Large:
    """`pages` are the kinds of what was read, one for each page; `url` is the server's."""

    access: Access
    url: str
    pages: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def large(nodes: int, pods: int) -> AsyncIterator[Large]:
    """A cluster of so many nodes with eight GPUs each, and pods of which every other one holds a GPU."""
    running = container("running", startedAt="2026-11-20T08:00:00Z")
    stock = {
        "nodes": [json.dumps(_padded(node(f"n{number}", gpus=8))) for number in range(nodes)],
        "pods": [json.dumps(_padded(pod(f"p{number}", gpus=number % 2, on=f"n{number % nodes}", container=running))) for number in range(pods)],
    }
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
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    access = Access.from_kubeconfig(config, cluster="large")
    try:
        yield Large(access, url, pages)
    finally:
        access.close()
        await runner.cleanup()


def _padded(item: Json) -> Json:
    # Real pods carry managed fields, volumes and environments: four kilobytes each and more.
    item["metadata"]["annotations"] = {"padding": "x" * 3000}
    return item
