"""What a plan costs, and what waiting costs, in requests to Azure. Counted at the simulated Azure, not in our own code.

Preflight is timed from the command to the plan in the thread. Waiting: clusters are being created by a cloud that takes hours, and some
operations wait for each of them.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator
from typing import Any

from redis.asyncio import Redis

from bench.processes import AS_INSTALLED
from bench.rows import Row, share
from bot.clock import Clock
from bot.operations.journal import Commit, Journal, NewOperation
from bot.operations.record import Operation
from bot.operations.waiting import Waiting
from bot.operations.waking import Waking
from tests.judge.clients import Arm
from tests.playing import Playing, playing, wait_until

SYSTEM = "Standard_D2s_v5"
REGIONS = ("eastus", "westus2", "eastus", "westus3", "westeurope", "northeurope", "swedencentral", "southcentralus")
"""As the quota for system pools is spread: 200 clusters in all."""
READS_PER_SECOND, PLAN_SECONDS = 0.5, 5.0
CHANGES = 15


def preflight(runs: int) -> Iterator[Row]:
    """Median seconds from the card to the plan, and requests to Azure and the price list for one plan (nothing cached at first)."""
    seconds, requests = [], []
    with playing(speed=200) as play:
        for number in range(runs):
            before = _asked(play)
            play.command(f"cluster create plan{number} --size Standard_NC4as_T4_v3 --for 1h")
            card = play.card(f"plan{number} with(.|\n)*Waiting for approval")
            seconds.append(asyncio.run(_planned(play.ready["redis"], f"plan{number}")))
            requests.append(_asked(play) - before)
            play.click(card, "cancel")
    middle = share(sorted(seconds), 0.5)
    yield Row(f"plan: from the card to the plan, median of {runs}", f"{middle:.2f} s", f"≤ {PLAN_SECONDS:.0f} s", middle <= PLAN_SECONDS)
    then = share(sorted(requests[1:]), 0.5)
    yield Row("plan: requests to Azure and the price list", f"first {requests[0]}, then {then} (without LISTs of the subscription)")


def _asked(play: Playing) -> int:
    rows = [row for row in play.requests("azure") if not row["path"].partition("?")[0].endswith("Microsoft.ContainerService/managedClusters")]
    return len(rows) + len(play.requests("prices"))


async def _planned(url: str, name: str) -> float:
    redis = Redis.from_url(url, decode_responses=True)
    try:
        for op in await Journal(redis, Clock()).active():
            if (op.plan or {}).get("target", {}).get("cluster") == name and op.kind == "cluster.create":
                return float(op.memo["began"]["plan"]) - float(op.memo["began"]["card"])
        raise LookupError(name)
    finally:
        await redis.aclose()


def waiting(count: int, clusters: int, window: float, *, changes: bool = False) -> Iterator[Row]:
    """Management reads per second while `count` operations wait for (at most 200) clusters; with `changes` how fresh what they know is."""
    with playing("--no-bot", speed=0.01) as play:
        play.bot("worker", **AS_INSTALLED)
        asyncio.run(_begin(play.ready["redis"], clusters))
        wait_until(lambda: len(play.writes("azure", "^PUT.*managedClusters/c")) >= clusters, 120 + clusters, "all clusters to be begun")
        time.sleep(45)
        asyncio.run(_joined(play.ready["redis"], clusters, count))
        before = _reads(play)
        time.sleep(window)
        rows = _reads(play)[len(before) :]
        late = asyncio.run(_changed(play, clusters, count)) if changes else []
    rate = len(rows) / window
    lists = sum(path.endswith("managedClusters") for path in rows)
    what = f"{count:,} operation{'s that wait' if count > 1 else ' that waits'} for {clusters} cluster{'s' * (clusters > 1)}"
    yield Row(
        f"{what}: management reads a second, over {window:.0f} s",
        f"{rate:.3f} ({rate / count:.5f} for each; {lists} LISTs of the subscription, {len(rows) - lists} others)", f"≤ {READS_PER_SECOND}",
        rate <= READS_PER_SECOND,
    )  # fmt: skip
    if late:
        yield Row(f"{what}: a change in Azure to the last of its operations, p50 / p95", f"{share(late, 0.5):.1f} / {share(late, 0.95):.1f} s")


def _reads(play: Playing) -> list[str]:
    return [row["path"].partition("?")[0] for row in play.requests("azure") if row["method"] in ("GET", "HEAD") and "/subscriptions/" in row["path"]]


async def _begin(url: str, clusters: int) -> None:
    """Write approved operations down, each about to create a cluster of its own."""
    redis = Redis.from_url(url, decode_responses=True)
    journal = Journal(redis, Clock())
    async with Waking(url) as waking:
        for number in range(clusters):
            place = {"cluster": f"c{number}", "group": f"g{number}", "region": REGIONS[number % len(REGIONS)]}
            target: dict[str, Any] = {**place, "system_size": SYSTEM, "system_nodes": 1, "system_hourly": "0.20"}
            plan = {"title": place["cluster"], "target": target, "expires": time.time() + 86400, "digest": "bench"}
            new = NewOperation(
                id=f"bench{number}", kind="cluster.create", request={}, team="T0PLAYGROUND", channel="", user="U0ALICE", idempotency=f"bench{number}",
                thread="1.1", memo={"admitted": True}, fields={"plan": json.dumps(plan), "step": "group"},
            )  # fmt: skip
            await journal.create(new)
            await waking.wake(f"op:{new.id}", number / 5)
    await redis.aclose()


async def _joined(url: str, clusters: int, count: int) -> None:
    """The others of `count` wait for these clusters, too."""
    redis = Redis.from_url(url, decode_responses=True)
    journal = Journal(redis, Clock())
    for number in range(clusters, count):
        await _parked(journal, f"also{number}", number % clusters)
    await redis.aclose()


async def _parked(journal: Journal, name: str, cluster: int) -> None:
    """One that waits for a cluster that another is making."""
    await journal.create(NewOperation(name, "reply", {"values": {"text": "x"}}, "T0PLAYGROUND", "", "U0ALICE", name))
    op = await journal.claim(name)
    assert isinstance(op, Operation)
    on = f"azure:g{cluster}/c{cluster}"
    await journal.commit(op, Commit({"on": on, "on_pokes": "0"}, wait=3600, quiet=True))
    await Waiting(journal.redis, journal).add(name, on)


async def _changed(play: Playing, clusters: int, count: int) -> list[float]:
    """Clusters change one after the other; sorted seconds until the operations that wait for each have ended."""
    redis = Redis.from_url(play.ready["redis"], decode_responses=True)
    journal, arm = Journal(redis, Clock()), Arm(play)
    waits: list[asyncio.Task[float]] = []

    async def ended(cluster: int) -> float:
        began = time.monotonic()
        names = [f"also{number}" for number in range(clusters, count) if number % clusters == cluster]
        while not all([await redis.hexists(journal.key("op", name), "ended") for name in names]):  # noqa: ASYNC110 - another process ends them
            await asyncio.sleep(0.1)
        return time.monotonic() - began

    for cluster in random.sample(range(clusters), min(CHANGES, clusters)):
        path = f"/resourceGroups/g{cluster}/providers/Microsoft.ContainerService/managedClusters/c{cluster}"
        status, answer = await asyncio.to_thread(arm, "DELETE", path)
        assert status < 300, answer
        waits.append(asyncio.create_task(ended(cluster)))
        await asyncio.sleep(random.uniform(1, 3))
    async with asyncio.timeout(120):
        found = sorted(await asyncio.gather(*waits))
    await redis.aclose()
    return found
