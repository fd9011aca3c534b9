"""The simulated Azure on a loopback port over TLS, and a connection of the bot to it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.azure.connection import Connection, Sent
from playground.azure import build
from playground.azure.state import Subscription
from playground.backend import NoClusters
from playground.clock import Clock
from playground.faults import Faults
from playground.tls import certificate
from playground.traffic import Traffic

Until = Callable[[Callable[[], Awaitable[Any]], Callable[[Any], bool]], Awaitable[Any]]
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"


@dataclass
class Cloud:
    """What a test can look at and turn."""

    url: str
    ca_file: Path
    state: Subscription
    faults: Faults
    traffic: Traffic
    clock: Clock
    backend: NoClusters
    conn: Connection
    sent: list[Sent] = field(default_factory=list)

    def fault(self, effect: str, match: str = "", times: int = 1, **options: Any) -> None:
        """Something goes wrong, as the playground's control API would have it."""
        self.faults.add({"service": "azure", "match": match, "effect": effect, "times": times, **options})

    def requests(self, method: str, part: str = "") -> list[str]:
        """Paths that the simulated Azure received with that method."""
        return [row["path"] for row in self.traffic.listed("azure") if row["method"] == method and part in row["path"]]


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server context and the authority that vouches for it."""
    context, ca_file, _ = certificate(tmp_path_factory.mktemp("tls"))
    return context, ca_file


@pytest.fixture
def until() -> Until:
    """Polls: what `look` answers once it is `good`; the test's own time limit ends the wait."""

    async def poll(look: Callable[[], Awaitable[Any]], good: Callable[[Any], bool]) -> Any:
        while not good(found := await look()):  # noqa: ASYNC110 - another server's state has no event
            await asyncio.sleep(0.02)
        return found

    return poll


@pytest.fixture
async def serve(tls: tuple[ssl.SSLContext, Path]) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Serves an application that is made with its own URL; over TLS unless told otherwise."""
    runners: list[web.AppRunner] = []

    async def start(make: Callable[[str], web.Application], *, plain: bool = False) -> str:
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        url = f"{'http' if plain else 'https'}://127.0.0.1:{sock.getsockname()[1]}"
        runner = web.AppRunner(make(url), shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        await web.SockSite(runner, sock, ssl_context=None if plain else tls[0]).start()
        return url

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def cloud(
    serve: Callable[..., Awaitable[str]], tls: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Cloud]:
    """A fresh subscription, two thousand times as fast as the real one, reached with the bot's own default credential."""
    faults, clock, backend = Faults(), Clock(speed=2000.0), NoClusters()
    traffic = Traffic(faults)
    made: list[Subscription] = []

    def make(url: str) -> web.Application:
        app, state = build(clock, traffic, backend, public_url=url)
        made.append(state)
        return app

    url = await serve(make)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "playground")
    sent: list[Sent] = []
    conn = Connection(subscription_id=SUBSCRIPTION, base_url=url, request_log=sent.append, ca_file=tls[1])
    yield Cloud(url, tls[1], made[0], faults, traffic, clock, backend, conn, sent)
    await conn.close()
