"""A local Slack on a free loopback port, and an app's endpoint beside it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from playground import slack
from playground.clock import Clock
from playground.faults import Faults
from playground.ports import free_port
from playground.slack.socket import LIFETIME_SECONDS
from playground.traffic import Traffic

from .local import Json, Local
from .published import FOLDER, wrong
from .receiver import Receiver


@pytest.fixture
async def local(manifest: Json | None, socket_seconds: float) -> AsyncIterator[Local]:
    """The local Slack, sped up 600 times where the cloud (not Slack's protocol) is concerned; every answer of a method fits its specification."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    clock, traffic = Clock(speed=600), Traffic(Faults())
    refused: list[str] = []

    @web.middleware
    async def judge(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        answer = await handler(request)
        name = request.match_info.get("method", "")
        if (FOLDER / f"{name}.json").is_file() and isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            refused.extend(wrong(name, json.loads(answer.body)))
        return answer

    app, workspace = slack.build(clock, traffic, public_url=url, manifest=manifest, socket_seconds=socket_seconds)
    app.middlewares.append(judge)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(workspace.bot_token, base_url=f"{url}/api/", session=session, retry_handlers=[])
        yield Local(url, workspace, clock, traffic.faults, traffic, session, client)
    await runner.cleanup()
    assert refused == [], "an answer that Slack's specifications do not know"


@pytest.fixture
def manifest() -> Json | None:
    """The app's manifest; None is the default one. Override it in a module or by parametrization."""
    return None


@pytest.fixture
def socket_seconds() -> float:
    """How long a socket lives."""
    return LIFETIME_SECONDS


@pytest.fixture
async def app(local: Local) -> AsyncIterator[Receiver]:
    """An app's bare HTTP endpoint, to which everything is delivered."""
    receiver = await Receiver().start(local)
    yield receiver
    await receiver.stop()
