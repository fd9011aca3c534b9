"""What each process costs: time until it does its work, memory at rest, and ten thousand operations that wait."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from pathlib import Path

import redis as redis_sync
from redis.asyncio import Redis

from bot.clock import Clock
from bot.operations.journal import Commit, Journal, NewOperation
from bot.operations.record import Operation
from bot.operations.waking import Waking
from tests.playing import Playing, playing, wait_until

TICKS = os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> float:
    """Resident memory in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def busy(pid: int) -> float:
    """CPU seconds so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure() -> list[tuple[str, str]]:
    """Start-up and memory of each process, and of `az`, where it is there."""
    rows = []
    with playing("--no-bot", speed=60) as play:
        store = redis_sync.Redis.from_url(play.ready["redis"])
        started = time.perf_counter()
        play.bot("web")
        wait_until(lambda: "On it" in play.command("sizes"), 30, "web")
        rows.append(("web: start to first ack", f"{time.perf_counter() - started:.2f} s"))
        started = time.perf_counter()
        play.bot("worker")
        wait_until(lambda: play.messages(), 30, "worker")
        rows.append(("worker: start to first message", f"{time.perf_counter() - started:.2f} s"))
        play.bot("clock")
        wait_until(lambda: resident(play.bots["clock"].pid) > 40, 10, "clock")
        del store
        time.sleep(2)
        rows += [(f"{name}: resident memory", f"{resident(process.pid):.0f} MB") for name, process in play.bots.items()]
    az = shutil.which("az")
    if az:
        started = time.perf_counter()
        subprocess.run([az, "aks", "-h"], check=True, stdout=subprocess.DEVNULL)
        rows.append(("az aks -h", f"{time.perf_counter() - started:.2f} s"))
    else:
        rows.append(("az aks -h", "azure-cli is not installed here"))
    return rows


def waiting(count: int) -> list[tuple[str, str]]:
    """`count` operations that wait: memory, CPU at rest, and how fast the right one wakes."""
    with playing("--no-bot", speed=60) as play:
        # The playground looks every two seconds; measured is what an installation does.
        worker = play.bot("worker", QUARTERMASTER_SWEEP_SECONDS="15", QUARTERMASTER_OBSERVE_SECONDS="15").pid
        store = redis_sync.Redis.from_url(play.ready["redis"])
        info = store.info("server")
        assert isinstance(info, dict)
        server = int(info["process_id"])
        time.sleep(4)
        before = resident(worker), resident(server)
        asyncio.run(_park(play, count))
        wait_until(lambda: store.zcard("{qm}:unsent") == 0, 400, "everything to be said")
        after = resident(worker), resident(server)
        cpu, started = (busy(worker), busy(server)), time.perf_counter()
        time.sleep(30)
        spent = time.perf_counter() - started
        shares = [(busy(pid) - old) / spent * 100 for pid, old in zip((worker, server), cpu, strict=True)]
        wakes = sorted(asyncio.run(_woken(play, f"wait{number}")) for number in range(0, count, max(1, count // 20)))
    return [
        (f"{count:,} waiting operations: worker's memory", f"{after[0]:.0f} MB (before: {before[0]:.0f})"),
        (f"{count:,} waiting operations: Redis' memory", f"{after[1]:.0f} MB (before: {before[1]:.0f})"),
        (f"{count:,} waiting operations: CPU at rest", f"worker {shares[0]:.1f} %, Redis {shares[1]:.1f} % of a core"),
        (f"{count:,} waiting operations: fact to end, median / longest", f"{wakes[len(wakes) // 2] * 1000:.0f} / {wakes[-1] * 1000:.0f} ms"),
    ]  # fmt: skip


async def _park(play: Playing, count: int) -> None:
    redis = Redis.from_url(play.ready["redis"], decode_responses=True)
    journal = Journal(redis, Clock())
    async with Waking(play.ready["redis"]) as waking:
        for number in range(count):
            name = f"wait{number}"
            await journal.create(NewOperation(name, "reply", {"values": {"text": "x"}}, "T0PLAYGROUND", "", "U0ALICE", name))
            op = await journal.claim(name)
            if isinstance(op, Operation):
                await journal.commit(op, Commit({}, wait=3600))
            await waking.wake(f"op:{name}", 3600)
    await redis.delete(journal.key("unsent"))  # they have nothing to say
    await redis.aclose()


async def _woken(play: Playing, name: str) -> float:
    redis = Redis.from_url(play.ready["redis"], decode_responses=True)
    journal = Journal(redis, Clock())
    async with Waking(play.ready["redis"]) as waking:
        started = time.perf_counter()
        await journal.poke(name, {"cancel": '{"by": "U0ALICE", "at": 0}'})
        await waking.wake(f"op:{name}")
        while not await redis.hexists(journal.key("op", name), "ended"):  # noqa: ASYNC110 - another process ends it
            await asyncio.sleep(0.002)
        taken = time.perf_counter() - started
    await redis.aclose()
    return taken
