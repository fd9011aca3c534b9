"""What each process costs: time until it does its work, memory at rest, ten thousand operations that wait, and what more workers give."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import redis as redis_sync
from redis.asyncio import Redis

from bench.rows import Row, share
from bot.clock import Clock
from bot.operations.journal import Commit, Journal, NewOperation
from bot.operations.record import Operation
from bot.operations.waking import Waking
from tests.playing import ROOT, Playing, playing, wait_until

TICKS = os.sysconf("SC_CLK_TCK")
AS_INSTALLED = {f"QUARTERMASTER_{name}_SECONDS": value for name, value in (("OBSERVE", "15"), ("SWEEP", "15"), ("PATROL", "60"))}
"""The playground looks every two seconds; measured is what an installation does."""
REST_PERCENT = 2.0


def resident(pid: int) -> float:
    """Resident memory in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def busy(pid: int) -> float:
    """CPU seconds so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def started() -> Iterator[Row]:
    """Start-up and memory of each process, and of ``az aks -h``, where azure-cli is there."""
    seconds, az = _az()
    with playing("--no-bot", speed=60) as play:
        store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)

        def ticking() -> bool:
            return any(one["cmd"] == "hgetall" for one in store.client_list())  # it reads the schedules; nobody else is there yet

        for name, label, ready in (
            ("clock", "start to first tick", ticking),
            ("web", "start to first ack", lambda: "On it" in play.command("sizes")),
            ("worker", "start to first message", play.messages),
        ):
            began = time.perf_counter()
            play.bot(name, **AS_INSTALLED)
            wait_until(ready, 60, name)
            spent = time.perf_counter() - began
            yield Row(f"{name}: {label}", f"{spent:.2f} s" + (f"; × {spent / seconds:.2f} of az" if seconds else ""))
        time.sleep(2)
        for name, process in play.bots.items():
            mine = resident(process.pid)
            yield Row(f"{name}: resident memory", f"{mine:.0f} MB" + (f"; × {mine / az:.2f} of az" if az else ""))
    missing = "skipped: azure-cli is not in .tools (`make judge` installs it)"
    yield Row("az aks -h, second run", f"{seconds:.2f} s, {az:.0f} MB" if seconds else missing)


def _az() -> tuple[float, float]:
    """Seconds and peak MB of ``az aks -h``; zeros where it is not installed. The second run: the first writes its caches."""
    binary = ROOT / ".tools" / "azure-cli" / "bin" / "az"
    if not binary.exists():
        return 0.0, 0.0
    with tempfile.TemporaryDirectory(prefix="az-") as home:
        env = {"PATH": os.environ["PATH"], "HOME": home, "AZURE_CORE_COLLECT_TELEMETRY": "0"}
        spent, peak = 0.0, 0.0
        for _ in range(2):
            began = time.perf_counter()
            process = subprocess.Popen([binary, "aks", "-h"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            peak = 0.0
            while process.poll() is None:
                peak = max([peak, *_residents(process.pid)])
                time.sleep(0.02)
            spent = time.perf_counter() - began
    return spent, peak


def _residents(pid: int) -> list[float]:
    """Resident MB of a process and its children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [resident(pid), *(one for child in children for one in _residents(int(child)))]
    except (OSError, IndexError):  # it has just ended
        return []


def waiting(count: int, rest: float) -> Iterator[Row]:
    """`count` operations that wait: memory, CPU in `rest` seconds of nothing, and how fast the right one wakes."""
    with playing("--no-bot", speed=60) as play:
        worker = play.bot("worker", **{**AS_INSTALLED, "QUARTERMASTER_PATROL_SECONDS": "30"}).pid
        store = redis_sync.Redis.from_url(play.ready["redis"])
        info = store.info("server")
        assert isinstance(info, dict)
        server = int(info["process_id"])
        time.sleep(4)
        before = resident(worker), resident(server)
        asyncio.run(_park(play, count))
        time.sleep(35)  # one round of the patrol reads what is new
        after = resident(worker), resident(server)
        cpu, began = (busy(worker), busy(server)), time.perf_counter()
        time.sleep(rest)
        spent = time.perf_counter() - began
        shares = [(busy(pid) - old) / spent * 100 for pid, old in zip((worker, server), cpu, strict=True)]
        wakes = sorted(asyncio.run(_woken(play, f"wait{number}")) for number in range(0, count, max(1, count // 20)))
    what = f"{count:,} waiting operations"
    yield Row(f"{what}: worker's memory", f"{after[0]:.0f} MB (before: {before[0]:.0f})")
    yield Row(f"{what}: Redis' memory", f"{after[1]:.0f} MB (before: {before[1]:.0f})")
    yield Row(
        f"{what}: CPU at rest, over {spent:.0f} s", f"worker {shares[0]:.1f} %, Redis {shares[1]:.1f} % of a core",
        f"worker < {REST_PERCENT:.0f} %", shares[0] < REST_PERCENT,
    )  # fmt: skip
    yield Row(f"{what}: fact to end, median / longest", f"{share(wakes, 0.5) * 1000:.0f} / {wakes[-1] * 1000:.0f} ms")


async def _park(play: Playing, count: int) -> None:
    redis = Redis.from_url(play.ready["redis"], decode_responses=True)
    journal = Journal(redis, Clock())
    async with Waking(play.ready["redis"]) as waking:
        for number in range(count):
            name = f"wait{number}"
            plan = {"title": name, "target": {"cluster": f"c{number % 200}"}, "digest": "bench"}
            request = {"values": {"text": "x"}}
            new = NewOperation(name, "reply", request, "T0PLAYGROUND", "", "U0ALICE", name, fields={"plan": json.dumps(plan)})
            await journal.create(new)
            op = await journal.claim(name)
            if isinstance(op, Operation):
                await journal.commit(op, Commit({}, wait=3600, quiet=True))
            await waking.wake(f"op:{name}", 3600)
    await redis.aclose()


async def _woken(play: Playing, name: str) -> float:
    redis = Redis.from_url(play.ready["redis"], decode_responses=True)
    journal = Journal(redis, Clock(), rings=True)
    began = time.perf_counter()
    await journal.poke(name, {"cancel": '{"by": "U0ALICE", "at": 0}'})
    while not await redis.hexists(journal.key("op", name), "ended"):  # noqa: ASYNC110 - another process ends it
        await asyncio.sleep(0.002)
    taken = time.perf_counter() - began
    await redis.aclose()
    return taken


def workers(count: int) -> Iterator[Row]:
    """Operations ended per second when `count` come at once, by one, two and four workers."""
    rates = {}
    for number in (1, 2, 4):
        with playing("--no-bot", speed=60) as play:
            for each in range(number):
                play.bot("worker", f"worker{each}", **AS_INSTALLED)
            store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
            wait_until(lambda: sum(one["cmd"] == "blpop" for one in store.client_list()) == number, 60, "all workers to listen")  # noqa: B023
            asyncio.run(_ended(play, "warm", 20 * number))
            rates[number] = count / asyncio.run(_ended(play, "burst", count))
    yield Row(
        f"{count} operations at once: ended per second by 1 / 2 / 4 workers",
        f"{rates[1]:.0f} / {rates[2]:.0f} / {rates[4]:.0f}: × {rates[2] / rates[1]:.2f} / × {rates[4] / rates[1]:.2f} on {os.cpu_count()} CPUs",
    )


async def _ended(play: Playing, name: str, count: int) -> float:
    """Seconds from the first record to the end of the last operation."""
    redis = Redis.from_url(play.ready["redis"], decode_responses=True)
    journal = Journal(redis, Clock(), rings=True)
    began = time.perf_counter()
    for number in range(count):
        op_id = f"{name}{number}"
        await journal.create(NewOperation(op_id, "reply", {"values": {"text": "x"}}, "T0PLAYGROUND", "", "U0ALICE", op_id))
    while await redis.scard(journal.key("active")):  # noqa: ASYNC110 - other processes end them
        await asyncio.sleep(0.01)
    taken = time.perf_counter() - began
    await redis.aclose()
    return taken
