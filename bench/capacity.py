"""``/gpu nodes`` on a large cluster, against the official client reading the same lists into its models, and against reading the bytes alone."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator

from kubernetes import client

from bench.rows import Row, share
from bot.cluster.nodes import capacity
from tests.cluster.large import Large, large

NODES, PODS, PAGE = 1000, 10_000, 500


def read(runs: int) -> Iterator[Row]:
    """Median seconds over some runs."""
    ours, models, raw = asyncio.run(_measured(runs))
    what = f"capacity of {NODES:,} nodes and {PODS:,} pods"
    yield Row(what, f"{ours:.2f} s; official client, the lists alone: **× {ours / models:.2f}**; the bytes alone: × {ours / raw:.2f}")


async def _measured(runs: int) -> tuple[float, float, float]:
    async with large(NODES, PODS) as cluster:

        async def ours() -> None:
            assert len((await capacity(cluster.access)).nodes) == NODES

        return (
            await _median(ours, runs),
            await _median(lambda: asyncio.to_thread(_models, cluster), runs),
            await _median(lambda: asyncio.to_thread(_bytes, cluster), runs),
        )


async def _median(once: Callable[[], Awaitable[None]], runs: int) -> float:
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        await once()
        taken.append(time.perf_counter() - began)
    return share(sorted(taken), 0.5)


def _models(cluster: Large) -> None:
    with client.ApiClient(client.Configuration(host=cluster.url)) as api:
        core = client.CoreV1Api(api)
        for listing, count in ((core.list_node, NODES), (core.list_pod_for_all_namespaces, PODS)):
            found = sum(len(listing(limit=PAGE, _continue=str(start)).items) for start in range(0, count, PAGE))
            assert found == count


def _bytes(cluster: Large) -> None:
    for kind, count in (("nodes", NODES), ("pods", PODS)):
        for start in range(0, count, PAGE):
            with urllib.request.urlopen(f"{cluster.url}/api/v1/{kind}?limit={PAGE}&continue={start}") as answer:
                answer.read()
