"""``kill -9`` between any two commands that a worker sends to the journal, the outbox and the queue: enumerated, not sampled.

The real worker runs one toy operation (two writes, a card, two replies). A first run without a kill lists the commands that concern
the operation; then the worker is killed once before and once after each of them, and a second one finishes. Counted is what
arrived outside: writes at a small server, messages at the local Slack.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from redis.asyncio import Redis

from bot.clock import Clock as BotClock
from bot.operations.journal import Journal, NewOperation
from playground import slack
from playground.clock import Clock
from playground.faults import Faults
from playground.ports import free_port
from playground.traffic import Traffic
from tests.faults.proxy import Proxy
from tests.faults.toy import EFFECTS
from tests.playground.slack.local import wait_until
from tests.playing import ROOT

AT_ONCE = 14  # databases of one Valkey: they do not see each other
QUICK = {"LEASE": "0.5", "SWEEP": "0.3", "SETTLE": "0.4", "OBSERVE": "3600", "STEP_CAP": "5"}


class Nursery:
    """Forks workers; with `env`, which has to stand in the environment before anything is imported, the bot's own processes."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "tests.faults.toy", *(["whole"] if env else [])]
        surroundings = {**os.environ, **(env or {})}
        self._process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=surroundings)
        self._alive: set[int] = set()

    def fork(self, env: dict[str, str]) -> int:
        """A fresh worker's process id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(env) + "\n")
        self._process.stdin.flush()
        pid = int(self._process.stdout.readline())
        self._alive.add(pid)
        return pid

    def kill(self, pid: int) -> None:
        """``kill -9``."""
        self._alive.discard(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End the workers that are left, then the nursery."""
        for pid in list(self._alive):
            self.kill(pid)
        self._process.kill()
        self._process.communicate()


@dataclass
class Outside:
    """What the world sees of one operation."""

    url: str
    workspace: slack.Workspace
    writes: Counter[str] = field(default_factory=Counter)

    def said(self) -> list[str]:
        """Names of the messages in Slack, in order."""
        rows = sorted(self.workspace.messages["C0GPU"].values(), key=lambda message: message.ts)
        return [str(row.metadata["event_payload"]["k"]) for row in rows if row.metadata]


@contextlib.asynccontextmanager
async def outside() -> AsyncIterator[Outside]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    app, workspace = slack.build(Clock(speed=600), Traffic(Faults()), public_url=url, manifest=None)
    world = Outside(url, workspace)

    async def look(request: web.Request) -> web.Response:
        return web.Response(status=200 if world.writes[request.match_info["name"]] else 404)

    async def write(request: web.Request) -> web.Response:
        world.writes[request.match_info["name"]] += 1
        return web.Response()

    app.router.add_get("/toy/{name}", look)
    app.router.add_put("/toy/{name}", write)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield world
    finally:
        await runner.cleanup()


def concerns(command: bytes) -> bool:
    """Whether a command is about the one operation (docket's housekeeping is not)."""
    return b"toyop" in command


@dataclass
class Edge:
    """Where the first worker dies."""

    at: int
    after: bool
    forget: bool
    """Whether the queue's own keys are lost, too."""


@dataclass
class Bench:
    """Runs the operation with a kill at an edge."""

    nursery: Nursery
    socket: str
    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def env(self, world: Outside, socket: str, database: int) -> dict[str, str]:
        return {
            "SLACK_BOT_TOKEN": world.workspace.bot_token, "SLACK_SIGNING_SECRET": "x", "SLACK_API_BASE_URL": f"{world.url}/api/",
            "REDIS_URL": f"unix://{socket}?db={database}", "AZURE_SUBSCRIPTION_ID": "00000000-0000-4000-8000-000000000001",
            "AZURE_ARM_BASE_URL": "https://127.0.0.1:9", "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "IDENTITY_ENDPOINT": "http://127.0.0.1:9", "IDENTITY_HEADER": "x", "TOY_URL": f"{world.url}/toy",
            "QUARTERMASTER_POLICY": str(ROOT / "playground/policy.toml"),
            **{f"QUARTERMASTER_{name}_SECONDS": value for name, value in QUICK.items()},
        }  # fmt: skip

    async def run(self, edge: Edge, database: int) -> tuple[int, str]:
        """How many commands concerned the operation before the kill, and what is wrong ('' nothing)."""
        async with outside() as world, contextlib.AsyncExitStack() as stack:
            redis = Redis(unix_socket_path=self.socket, db=database, decode_responses=True)
            stack.push_async_callback(redis.aclose)
            await redis.flushdb()
            journal = Journal(redis, BotClock())
            await journal.create(NewOperation("toyop", "toy", {"values": {}}, "T0PLAYGROUND", "C0GPU", "U0ALICE", "toyop", text="toy"))
            pids: list[int] = []
            path = self.folder / f"{next(self.numbers)}.sock"
            proxy = Proxy(path, self.socket, concerns, at=edge.at, after=edge.after, kill=lambda: self.nursery.kill(pids[0]))
            async with proxy:
                pids.append(self.nursery.fork(self.env(world, str(path), database)))

                async def over() -> bool:
                    return proxy.struck.is_set() or await self._finished(journal)

                await wait_until(over, 40)
                self.nursery.kill(pids[0])
            if proxy.struck.is_set():
                # The dead sender's claim would run out after some seconds; the test does not wait for that.
                only = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], '_lease', 0) end"
                await redis.eval(only, 1, "{qm}:out:toyop")
                if edge.forget:
                    async for key in redis.scan_iter("{qm}:docket*"):
                        await redis.delete(key)
                second = self.nursery.fork(self.env(world, self.socket, database))
                try:
                    await wait_until(lambda: self._finished(journal), 40)
                except AssertionError:
                    return len(proxy.seen), f"{edge} stuck: {await self._state(journal)}; struck at {proxy.seen[-1][:300]!r}"
                finally:
                    self.nursery.kill(second)
            return len(proxy.seen), self._wrong(world, edge, proxy)

    @staticmethod
    async def _state(journal: Journal) -> str:
        out = await journal.redis.hgetall(journal.key("out", "toyop"))
        return f"{await journal.redis.hgetall(journal.key('op', 'toyop'))} {out}"

    @staticmethod
    async def _finished(journal: Journal) -> bool:
        op = await journal.load("toyop")
        out = await journal.redis.hgetall(journal.key("out", "toyop"))
        states = [json.loads(value)["state"] for name, value in out.items() if str(name).startswith("m:")]
        return op is not None and op.ended is not None and len(states) >= 3 and set(states) == {"sent"} and out.get("_lease") == "0"

    @staticmethod
    def _wrong(world: Outside, edge: Edge, proxy: Proxy) -> str:
        wrong = [] if world.writes == dict.fromkeys(EFFECTS, 1) else [f"writes {dict(world.writes)}"]
        expected = ["m:card", "m:toyop/first/told", "m:toyop/second/told"]
        if world.said() != expected:
            wrong.append(f"said {world.said()}")
        struck = f"struck at {proxy.seen[-1][:200]!r}" if proxy.struck.is_set() else "no kill"
        return f"{edge}: {'; '.join(wrong)}; {struck}" if wrong else ""


@pytest.fixture
def kills(redis_url: str, tmp_path: Path) -> Iterator[Bench]:
    nursery = Nursery()
    yield Bench(nursery, redis_url.removeprefix("unix://"), tmp_path)
    nursery.close()


async def every(bench: Bench, edges: list[Edge]) -> list[str]:
    """Run them, some at a time; what went wrong."""
    free: asyncio.Queue[int] = asyncio.Queue()
    for database in range(1, AT_ONCE + 1):
        free.put_nowait(database)

    async def one(edge: Edge) -> str:
        database = await free.get()
        try:
            return (await bench.run(edge, database))[1]
        finally:
            free.put_nowait(database)

    return [wrong for wrong in await asyncio.gather(*(one(edge) for edge in edges)) if wrong]


@pytest.mark.timeout(170)
async def test_killed_between_any_two_commands_each_effect_happens_once(kills: Bench) -> None:
    count, wrong = await kills.run(Edge(0, False, False), 1)
    assert not wrong
    assert count > 20
    # A few more than counted: what a run sends varies a little with its timing.
    edges = [Edge(at, after, forget=(at + after) % 2 == 0) for at in range(1, count + 4) for after in (False, True)]
    assert await every(kills, edges) == []
