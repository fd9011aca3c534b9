"""``python -m bench.cloud``: what a plan costs, and what waiting costs, in requests to Azure.

Preflight is timed from the command to the plan in the thread. Waiting: N clusters are being created by a cloud that takes hours;
counted are the management reads of the second minute, at the simulated Azure, not in our own code.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from typing import Any

from redis.asyncio import Redis

from bot.clock import Clock
from bot.operations.journal import Journal, NewOperation
from bot.operations.waking import Waking
from tests.playing import Playing, playing, wait_until

SYSTEM = "Standard_B2s"
REGIONS = ("eastus", "westus2", "westus3", "westeurope", "northeurope", "swedencentral", "southcentralus")


def preflight(runs: int) -> tuple[float, float]:
    """Median seconds from the command to the plan, and requests to Azure and the price list for one plan (nothing cached at first)."""
    seconds, requests = [], []
    with playing(speed=200) as play:
        for number in range(runs):
            before = len(play.requests("azure")) + len(play.requests("prices"))
            play.command(f"cluster create plan{number} --size Standard_NC4as_T4_v3 --for 1h")
            card = play.card(f"plan{number} with(.|\n)*Waiting for approval")
            seconds.append(asyncio.run(planned(play.ready["redis"], f"plan{number}")))
            requests.append(len(play.requests("azure")) + len(play.requests("prices")) - before)
            play.click(card, "cancel")
    return sorted(seconds)[len(seconds) // 2], sum(requests) / len(requests)


async def planned(url: str, name: str) -> float:
    """Seconds between the card standing in the channel and the plan being journalled."""
    redis = Redis.from_url(url, decode_responses=True)
    try:
        for op in await Journal(redis, Clock()).active():
            if (op.plan or {}).get("target", {}).get("cluster") == name and op.kind == "cluster.create":
                return float(op.memo["began"]["plan"]) - float(op.memo["began"]["card"])
        raise LookupError(name)
    finally:
        await redis.aclose()


async def begin(url: str, count: int) -> None:
    """Write `count` approved operations down, each about to create a cluster of its own."""
    redis = Redis.from_url(url, decode_responses=True)
    journal = Journal(redis, Clock())
    async with Waking(url) as waking:
        for number in range(count):
            name = f"c{number}"
            place = {"cluster": name, "group": f"g{number}", "region": REGIONS[number % len(REGIONS)]}
            target: dict[str, Any] = {**place, "system_size": SYSTEM, "system_nodes": 1}
            plan = {"title": name, "target": {**target, "system_hourly": "0.20"}, "expires": time.time() + 86400, "digest": "bench"}
            new = NewOperation(
                id=f"bench{number}", kind="cluster.create", request={}, team="T0PLAYGROUND", channel="", user="U0ALICE", idempotency=f"bench{number}",
                thread="1.1", memo={"admitted": True},
            )  # fmt: skip
            await journal.create(new)
            await redis.hset(journal.key("op", new.id), items=["plan", json.dumps(plan), "step", "group"])
            await waking.wake(f"op:{new.id}")
    await redis.aclose()


def reads(play: Playing) -> int:
    """Management reads that the simulated Azure has received."""
    return sum(row["method"] in ("GET", "HEAD") for row in play.requests("azure"))


def waiting(count: int, window: float) -> float:
    """Management reads per second while `count` operations wait."""
    with playing("--no-bot", speed=0.01) as play:
        play.bot("worker", QUARTERMASTER_OBSERVE_SECONDS="15", QUARTERMASTER_SWEEP_SECONDS="15")
        asyncio.run(begin(play.ready["redis"], count))
        wait_until(lambda: len(play.writes("azure", "^PUT.*managedClusters/c")) >= count, 60 + count, "all clusters to be begun")
        time.sleep(40)
        before = reads(play)
        time.sleep(window)
        return (reads(play) - before) / window


def main(argv: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.cloud", description=__doc__)
    parser.add_argument("--waiting", type=int, nargs="*", default=[1, 100])
    parser.add_argument("--window", type=float, default=60.0, help="seconds counted")
    options = parser.parse_args(argv)
    seconds, requests = preflight(5)
    print(f"preflight: plan in the thread after {seconds:.2f} s (median of 5), {requests:.1f} requests per plan", flush=True)
    for count in options.waiting:
        rate = waiting(count, options.window)
        print(f"{count:>5} waiting operations: {rate:.3f} management reads/s ({rate / count:.5f} per operation)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
