"""A bare HTTP endpoint of an app: records what Slack delivers, raw, and answers what the test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from playground.ports import free_port

from .local import Json, Local


@dataclass
class Delivered:
    """One request as it came in; `payload` is the decoded command, interaction or event."""

    headers: dict[str, str]
    raw: bytes
    payload: Json


@dataclass
class Reply:
    """What to answer: after `seconds`, with that status, body and headers."""

    body: str = ""
    status: int = 200
    seconds: float = 0.0
    content_type: str = "text/plain"
    headers: dict[str, str] | None = None


class Receiver:
    """`reply` decides each answer; url_verification is answered by itself and not recorded."""

    def __init__(self) -> None:
        self.delivered: list[Delivered] = []
        self.reply: Callable[[Json], Reply] = lambda _: Reply()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self, local: Local) -> Receiver:
        app = web.Application()
        app.router.add_post("/slack/events", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        port = free_port()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{port}/slack/events"
        assert (await local.post("delivery", mode="http", url=self.url))["verified"]
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        raw = await request.read()
        payload = _decoded(request.content_type, raw)
        if payload.get("type") == "url_verification":
            return web.Response(text=payload["challenge"])
        self.delivered.append(Delivered(dict(request.headers), raw, payload))
        reply = self.reply(payload)
        await asyncio.sleep(reply.seconds)
        return web.Response(text=reply.body, status=reply.status, content_type=reply.content_type, headers=reply.headers)

    async def trigger(self, local: Local, user: str = "U0ALICE") -> str:
        """A fresh trigger_id, got by typing a command."""
        await local.post("commands", user=user, channel="C0GPU", text="trigger")
        return str(self.delivered[-1].payload["trigger_id"])

    async def press(self, local: Local, view_id: str, action_id: str = "more", user: str = "U0ALICE") -> Json:
        """The payload of a button pressed in a view."""
        assert (await local.post("actions", user=user, view_id=view_id, action_id=action_id))["ok"]
        return self.delivered[-1].payload


def _decoded(content_type: str, raw: bytes) -> Json:
    if content_type == "application/json":
        found: Json = json.loads(raw)
        return found
    form: dict[str, Any] = {key: values[0] for key, values in parse_qs(raw.decode(), keep_blank_values=True).items()}
    return dict(json.loads(form["payload"])) if "payload" in form else form
