"""A rolling restart of `web` under load: one replica after the other is replaced, and everybody who types meanwhile is answered."""

from __future__ import annotations

import contextlib
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientConnectionError, ClientSession, ClientTimeout, TCPConnector, web

from playground.__main__ import free_port
from tests.faults.aside import Aside
from tests.playing import ALICE, GPU, Playing, playing, wait_until

ACK_MS = 3000.0
TYPISTS = 12


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    with playing("--no-bot", speed=200) as running:
        yield running


@dataclass
class Typists:
    """People who type all the time. `acks` is what each command was answered with, as Slack saw it."""

    play: Playing
    acks: list[dict[str, Any]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def _type(self) -> None:
        while not self.over.is_set():
            self.acks.append(self.play.call("POST", "/commands", {"user": ALICE, "channel": GPU, "text": "sizes"}))
            time.sleep(0.01)

    @contextlib.contextmanager
    def typing(self) -> Iterator[None]:
        """As long as the block runs."""
        threads = [threading.Thread(target=self._type) for _ in range(TYPISTS)]
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

    def unanswered(self) -> list[dict[str, Any]]:
        """Commands that were not taken, or too late."""
        return [one for one in self.acks if one.get("error") or "On it" not in str(one["ack"]["text"]) or one["ack"]["ms"] > ACK_MS]


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
    assert len(typists.acks) > 100


class Balancer(Aside):
    """What stands before the replicas: sends each request to one that says it is ready; one that cannot be reached is passed over."""

    def __init__(self, ports: list[int]) -> None:
        super().__init__()
        self.port, self.ports = free_port(), ports

    async def end(self) -> None:
        """Close the door, then the connections to the replicas."""
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

    async def _pass(self, request: web.Request) -> web.Response:
        body = await request.read()
        for port in list(self.ports):
            with contextlib.suppress(ClientConnectionError, TimeoutError):
                async with self._session.get(f"http://127.0.0.1:{port}/readyz", timeout=ClientTimeout(total=0.5)) as answer:
                    if answer.status != 200:
                        continue
                headers = {name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length")}
                async with self._session.post(f"http://127.0.0.1:{port}/slack/events", data=body, headers=headers) as answer:
                    return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)
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
    assert len(typists.acks) > 100
