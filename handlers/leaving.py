"""Leaving Socket Mode without leaving anybody unanswered.

Slack goes on sending until it has seen the close frame, and a closed connection carries no acks. So whatever arrives after that frame is
still taken, and acked over a fresh connection (acks may go out on any connection of the app, as the SDK itself does when Slack
asks it to reconnect), which is closed the same way - until one closes with nothing in flight.
"""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

LEAVING_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.005
CLOSE: Final = struct.pack("!H", WSCloseCode.GOING_AWAY)


class SocketMode(AsyncSocketModeHandler):
    """Bolt's handler, which also knows what is in flight."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._busy = self._held = 0
        self._may_ack = asyncio.Event()
        self._may_ack.set()

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Handle one envelope, and ack it on a connection that is open."""
        started = time.time()
        self._busy += 1
        try:
            response = await run_async_bolt_app(self.app, req)
            self._held += 1
            try:
                await self._may_ack.wait()
            finally:
                self._held -= 1
            await send_async_response(client, req, response, started)
        finally:
            self._busy -= 1

    async def leave(self) -> None:
        """Close for good, within `LEAVING_SECONDS`."""
        client = self.client
        client.default_auto_reconnect_enabled = client.auto_reconnect_enabled = False
        ends = time.monotonic() + LEAVING_SECONDS
        while client.current_session is not None and not client.current_session.closed and time.monotonic() < ends:
            await self._until(lambda: not self._busy, min(ends, time.monotonic() + 0.2))
            await self._close_one(ends)
            if not self._busy:
                break
            client.wss_uri = None
            try:
                async with asyncio.timeout(max(0.0, ends - time.monotonic())):
                    await client.connect()  # type: ignore[no-untyped-call]
            except (TimeoutError, SlackApiError):
                break
            self._may_ack.set()
        self._may_ack.set()
        await self.close_async()  # type: ignore[no-untyped-call]

    async def _close_one(self, ends: float) -> None:
        """Say goodbye on the present connection, and take what still arrives on it; its acks are held."""
        session = self.client.current_session
        assert session is not None
        self._may_ack.clear()
        try:
            await session.send_frame(CLOSE, WSMsgType.CLOSE)
        except ConnectionError:
            return
        await self._until(lambda: session.closed, ends)
        await self._until(lambda: self.client.message_queue.empty() and self._busy == self._held, ends)

    @staticmethod
    async def _until(condition: Any, ends: float) -> None:
        while not condition() and time.monotonic() < ends:  # noqa: ASYNC110 - what is waited for belongs to the SDK
            await asyncio.sleep(POLL_SECONDS)
