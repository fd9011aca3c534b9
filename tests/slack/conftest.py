"""An outbox between a real Valkey and a local Slack that can fail."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from redis.asyncio import Redis
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock as BotClock
from bot.operations.journal import Journal
from bot.slack.blocks import Rendered, section
from bot.slack.outbox import Outbox
from bot.slack.pacing import Pacing
from bot.slack.posts import Addressee
from playground import slack
from playground.clock import Clock
from playground.faults import Faults
from playground.ports import free_port
from playground.traffic import Traffic
from tests.playground.slack.local import Local, wait_until

SETTLE = 0.4


def rendered(text: str) -> Rendered:
    """A card of one section."""
    return Rendered(text, [section(text)], [section(text)])


@dataclass
class Post:
    """Operations that speak, and any number of replicas of the outbox. `opened` and `lost` are what the outbox reported."""

    redis: Redis
    local: Local
    journal: Journal
    where: dict[str, Addressee] = field(default_factory=dict)
    opened: list[tuple[str, str]] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)
    granted: float = 1.0

    def replica(self, settle: float = SETTLE) -> Outbox:
        """One more process that sends."""
        return Outbox(
            self.redis, self.local.client, self.local.session, Pacing(self.redis, self.granted),
            lookup=self._lookup, opened=self._opened, unreachable=self._lost, settle=settle,
        )  # fmt: skip

    def speak(self, op_id: str, channel: str = "C0GPU", thread: str = "", card: str = "") -> None:
        """Where an operation speaks."""
        self.where[op_id] = Addressee(op_id, channel, "U0ALICE", thread, rendered(card) if card else None)

    async def say(self, op_id: str, *names: str, blocks: bool = False, **more: object) -> None:
        """Queue messages, as the journal does."""
        for name in names:
            await self.journal.tell(op_id, f"{op_id}/{name}", {"text": name, "blocks": [section(name)] if blocks else [], **more})

    async def delivered(self, op_id: str, *replicas: Outbox) -> None:
        """Have the replicas deliver, again and again, until none has anything left to do."""

        async def one(outbox: Outbox) -> None:
            again = await outbox.deliver(op_id)
            while again is not None:
                await asyncio.sleep(min(again, 1.2))
                again = await outbox.deliver(op_id)

        await asyncio.gather(*(one(outbox) for outbox in replicas or (self.replica(),)))

    async def killed(self, op_id: str, when: Callable[[], object]) -> None:
        """A replica delivers and is gone without a trace once `when` is true: its claim stays until it runs out."""
        task = asyncio.create_task(self.replica().deliver(op_id))

        async def look() -> object:
            return when()

        await wait_until(look)
        task.cancel()
        await asyncio.wait({task})
        await self.redis.hset(f"{{qm}}:out:{op_id}", "_lease", "0")

    async def states(self, op_id: str) -> dict[str, str]:
        """The state of each message."""
        fields = await self.redis.hgetall(f"{{qm}}:out:{op_id}")
        return {str(name)[2:]: json.loads(value)["state"] for name, value in fields.items() if str(name).startswith("m:")}

    async def shown(self, channel: str = "C0GPU", thread: str = "") -> list[str]:
        """The texts in a channel, or in a thread."""
        rows = await self.local.messages(channel)
        if thread:
            rows = next(row for row in rows if row["ts"] == thread)["replies"]
        return [row["text"] for row in rows]

    def calls(self, method: str) -> int:
        """How often Slack was asked."""
        return sum(row["path"].split("?")[0].endswith(method) for row in self.local.traffic.listed("slack"))

    async def _lookup(self, op_id: str) -> Addressee | None:
        return self.where.get(op_id)

    async def _opened(self, op_id: str, ts: str) -> None:
        self.opened.append((op_id, ts))

    async def _lost(self, op_id: str, reason: str) -> None:
        self.lost.append((op_id, reason))


@contextlib.asynccontextmanager
async def opened(redis: Redis, granted: float = 1.0) -> AsyncIterator[Post]:
    """The local Slack, a Valkey, and nobody who sends yet; `granted` is how many times its usual limits Slack allows."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    clock, traffic = Clock(speed=600), Traffic(Faults())
    app, workspace = slack.build(clock, traffic, public_url=url, manifest=None, rate=granted)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        client = AsyncWebClient(workspace.bot_token, base_url=f"{url}/api/", session=session, retry_handlers=[], timeout=2)
        local = Local(url, workspace, clock, traffic.faults, traffic, session, client)
        yield Post(redis, local, Journal(redis, BotClock()), granted=granted)
    await runner.cleanup()


@pytest.fixture
async def post(redis: Redis) -> AsyncIterator[Post]:
    """With Slack's usual limits."""
    async with opened(redis) as local:
        yield local
