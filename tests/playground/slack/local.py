"""A local Slack on a free loopback port, and clients of it that we did not write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground import slack
from playground.clock import Clock
from playground.faults import Faults
from playground.traffic import Traffic

Json = dict[str, Any]


async def wait_until(condition: Callable[[], Awaitable[Any]], seconds: float = 5.0) -> Any:
    """Poll `condition` until it gives something true; that is the result. Raises AssertionError after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        found = await condition()
        if found:
            return found
        assert time.monotonic() < until, "did not happen in time"
        await asyncio.sleep(0.02)


@dataclass
class Local:
    """The running local Slack: its state, its URL, a session, and the SDK's client with the bot's token."""

    url: str
    workspace: slack.Workspace
    clock: Clock
    faults: Faults
    traffic: Traffic
    session: aiohttp.ClientSession
    client: AsyncWebClient

    async def post(self, route: str, **body: Any) -> Json:
        """``POST /_control/{route}``."""
        async with self.session.post(f"{self.url}/_control/{route}", json=body) as answer:
            found: Json = await answer.json()
            return found

    async def get(self, route: str, **query: str) -> Json:
        """``GET /_control/{route}``."""
        async with self.session.get(f"{self.url}/_control/{route}", params=query) as answer:
            found: Json = await answer.json()
            return found

    async def messages(self, channel: str = "C0GPU", user: str | None = None) -> list[Json]:
        """What stands in a channel."""
        query = {"channel": channel} | ({"user": user} if user else {})
        found: list[Json] = (await self.get("messages", **query))["messages"]
        return found

    async def refusal(self, call: Awaitable[Any]) -> str:
        """The error that Slack answers; '' if it does not."""
        try:
            await call
        except SlackApiError as error:
            return str(error.response["error"])
        return ""

    def fault(self, effect: str, match: str = "", times: int = 1, **options: Any) -> None:
        """Register a fault of the Slack service."""
        self.faults.add({"service": "slack", "match": match, "effect": effect, "times": times, **options})
