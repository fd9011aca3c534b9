"""A rolling restart of `web` under load: one replica after the other is replaced, and everybody who types meanwhile is answered."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis as redis_sync
from aiohttp import ClientConnectionError, ClientSession, ClientTimeout, TCPConnector, web

from playground.ports import free_port
from tests.faults.aside import Aside
from tests.playing import ALICE, GPU, Playing, playing, wait_until

ACK_MS = 3000.0
TYPISTS = 12
POLL_SECONDS = 1.0  # how often a balancer asks whether a replica is ready
ASKED = {  # what people type all the time, and how it is answered at once; {} is a number that nobody else types
    "sizes": "On it",
    "nodes": "On it",
    "price Standard_NC4as_T4_v3": "On it",
    "help run": "/gpu run",
    "cluster craete x": "cluster create",
    "pool add rolled/gpu{} --size Standard_NC4as_T4_v3": "On it",
    "cluster create rolled{} --for 1h": "On it",
}


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    with playing("--no-bot", speed=200) as running:
        yield running


@dataclass
class Typists:
    """People who type all the time. `acks` is what each command was answered with, as Slack saw it."""

    play: Playing
    acks: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    mark: int = field(default_factory=itertools.count().__next__)

    def _type(self, number: int) -> None:
        for count, pattern in enumerate(itertools.islice(itertools.cycle(ASKED), number, None)):
            if self.over.is_set():
                return
            text = pattern.format(f"{self.mark}x{number}x{count}")
            self.acks.append((text, self.play.call("POST", "/commands", {"user": ALICE, "channel": GPU, "text": text})))
            time.sleep(0.01)

    @contextlib.contextmanager
    def typing(self) -> Iterator[None]:
        """As long as the block runs."""
        threads = [threading.Thread(target=self._type, args=(number,)) for number in range(TYPISTS)]
        for thread in threads:
            thread.start()
        try:
            yield
            seen = len(self.acks)
            wait_until(lambda: len(self.acks) > seen + 20, 20, "typing to go on after the last restart")
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def unanswered(self) -> list[tuple[str, dict[str, Any]]]:
        """Commands that were not answered as they should be, or too late."""
        return [(text, one) for text, one in self.acks if one.get("error") or not _answered(text, one["ack"]) or one["ack"]["ms"] > ACK_MS]

    def unrecorded(self) -> set[str]:
        """Clusters that somebody was told would be seen to and of which there is no record."""
        store = redis_sync.Redis.from_url(self.play.ready["redis"], decode_responses=True)
        asked = {text for text, _ in self.acks if text.startswith("cluster create")}
        return asked - {store.hget(key, "text") for key in store.scan_iter("{qm}:op:*", count=1000)}


def _answered(text: str, ack: dict[str, Any]) -> bool:
    wanted = next(answer for pattern, answer in ASKED.items() if re.fullmatch(re.escape(pattern).replace(r"\{\}", r"\w+"), text))
    return wanted in json.dumps(ack)


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def start(play: Playing, port: int, **extra: str) -> int:
    """One replica, ready."""
    play.bot("web", f"web{port}", PORT=str(port), **extra)
    wait_until(lambda: ready(port), 30, "a replica to be ready")
    return port


def replaced(play: Playing, old: list[int], new: list[int], **extra: str) -> None:
    """Replace one after the other, as a Deployment with maxUnavailable 0 does."""
    for before, after in zip(old, new, strict=True):
        start(play, after, **extra)
        process = play.bots.pop(f"web{before}")
        process.terminate()
        assert process.wait(20) == 0


def test_over_socket_mode_no_ack_is_missed(play: Playing) -> None:
    old, new = [free_port(), free_port()], [free_port(), free_port()]
    for port in old:
        start(play, port)
    typists = Typists(play)
    with typists.typing():
        replaced(play, old, new)
    for port in new:
        play.bots.pop(f"web{port}").kill()
    assert typists.unanswered() == []
    assert typists.unrecorded() == set()
    assert len(typists.acks) > 100


class Balancer(Aside):
    """What stands before the replicas: asks each of them once in a while whether it is ready, and tries no second one for a request."""

    def __init__(self, ports: list[int]) -> None:
        super().__init__()
        self.port, self.ports = free_port(), ports
        self._ready: list[int] = []
        self._count = 0

    async def end(self) -> None:
        """Close the door, then the connections to the replicas."""
        self._polling.cancel()
        await self._runner.cleanup()
        await self._session.close()

    async def begin(self) -> None:
        """Open the door."""
        self._session = ClientSession(connector=TCPConnector(force_close=True), timeout=ClientTimeout(total=10))
        app = web.Application()
        app.router.add_post("/slack/events", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self._ready = [port for port in self.ports if await self._is_ready(port)]
        self._polling = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            self._ready = [port for port in self.ports if await self._is_ready(port)]

    async def _is_ready(self, port: int) -> bool:
        try:
            async with self._session.get(f"http://127.0.0.1:{port}/readyz", timeout=ClientTimeout(total=POLL_SECONDS)) as answer:
                return answer.status == 200
        except TimeoutError:
            return port in self._ready  # one late answer takes nobody out (Kubernetes: failureThreshold)
        except ClientConnectionError:
            return False

    async def _pass(self, request: web.Request) -> web.Response:
        body, turn = await request.read(), self._ready
        if not turn:
            return web.Response(status=503)
        port = turn[self._count % len(turn)]
        self._count += 1
        headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length")}
        try:
            async with self._session.post(f"http://127.0.0.1:{port}/slack/events", data=body, headers=headers) as answer:
                return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)
        except ClientConnectionError:
            return web.Response(status=503)


def test_over_http_no_ack_is_missed(play: Playing) -> None:
    old, new = [free_port(), free_port()], [free_port(), free_port()]
    for port in old:
        start(play, port, SLACK_APP_TOKEN="")
    typists = Typists(play)
    with Balancer([*old, *new]) as balancer:
        assert play.call("POST", "/delivery", {"mode": "http", "url": f"http://127.0.0.1:{balancer.port}/slack/events"})["verified"]
        with typists.typing():
            replaced(play, old, new, SLACK_APP_TOKEN="")
    assert typists.unanswered() == []
    assert typists.unrecorded() == set()
    assert len(typists.acks) > 100
