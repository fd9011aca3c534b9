"""Socket Mode: one-use tickets, ``hello``, one envelope to any one of up to ten sockets, acks, ping and pong, ``disconnect``."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import WSMsgType, web

from playground.slack.errors import ApiError
from playground.slack.model import APP_ID, Json
from playground.slack.webapi import APP_TOKEN, Call, Methods

MAX_SOCKETS: Final = 10
TICKET_SECONDS: Final = 30.0
LINGER_SECONDS: Final = 10.0
BUILD: Final = 1


@dataclass(eq=False)
class Socket:
    """One open connection; `silent` ones neither answer pings nor carry acks any more, `leaving` ones get no new envelopes."""

    ws: web.WebSocketResponse
    request: web.Request
    silent: bool = False
    leaving: bool = False


class Sockets:
    """All connections of the app."""

    def __init__(self, public_url: str) -> None:
        self._url = public_url.replace("http", "ws", 1)
        self._tickets: dict[str, float] = {}
        self.open: list[Socket] = []
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self.methods = Methods()
        self.methods.add("apps.connections.open", "t3", token=APP_TOKEN)(self._connections_open)

    async def _connections_open(self, _: Call) -> Json:
        ticket = str(uuid.uuid4())
        self._tickets[ticket] = time.monotonic() + TICKET_SECONDS
        return {"url": f"{self._url}/link?ticket={ticket}&app_id={APP_ID}"}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """``GET /link?ticket=…``."""
        if self._tickets.pop(request.query.get("ticket", ""), 0.0) < time.monotonic():
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=403)
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        if len(self._usable()) >= MAX_SOCKETS:
            await ws.send_json({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {"host": "applink"}})
            await ws.close()
            return ws
        socket = Socket(ws, request)
        self.open.append(socket)
        try:
            await ws.send_json(self._hello())
            async for message in ws:
                if message.type is WSMsgType.PING and not socket.silent:
                    await ws.pong(message.data)
                elif message.type is WSMsgType.TEXT and not socket.silent:
                    self._acknowledged(message.data)
        except ConnectionError:
            return ws
        finally:
            self.open.remove(socket)
        return ws

    def _hello(self) -> Json:
        debug = {"host": "applink-playground", "build_number": BUILD, "approximate_connection_time": 18060}
        return {"type": "hello", "num_connections": len(self.open), "debug_info": debug, "connection_info": {"app_id": APP_ID}}

    def _usable(self) -> list[Socket]:
        return [socket for socket in self.open if not socket.leaving and not socket.ws.closed]

    def _acknowledged(self, text: str) -> None:
        """Acks may come on any socket of the app, be the one that carried the envelope closed or not."""
        try:
            body = json.loads(text)
        except ValueError:
            return
        future = self._waiting.pop(str(body.get("envelope_id")), None)
        if future is not None and not future.done():
            future.set_result(body.get("payload"))

    async def send(self, kind: str, payload: Json, *, answerable: bool, seconds: float, retry: tuple[int, str] | None = None) -> Any:
        """Send one envelope to a random socket and wait for its ack; gives the ack's payload.

        Raises ApiError("dispatch_failed") without a socket and TimeoutError without an ack within `seconds`.
        """
        usable = self._usable()
        if not usable:
            raise ApiError("dispatch_failed")
        socket = random.choice(usable)
        envelope: Json = {"envelope_id": str(uuid.uuid4()), "payload": payload, "type": kind, "accepts_response_payload": answerable}
        if kind == "events_api":
            envelope |= {"retry_attempt": retry[0] if retry else 0, "retry_reason": retry[1] if retry else ""}
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = future
        try:
            if not socket.silent:
                await socket.ws.send_json(envelope)
            answer = await asyncio.wait_for(future, seconds)
        except ConnectionError:
            raise ApiError("dispatch_failed") from None
        finally:
            self._waiting.pop(envelope["envelope_id"], None)
        return answer if answerable else None

    async def disturb(self, effect: str, options: Json) -> int:
        """Do something unpleasant to every socket; gives how many there were.

        ``disconnect`` {reason: warning|refresh_requested|link_disabled} · ``close`` (close frame) · ``reset`` (TCP) · ``silent`` (half-open).
        """
        sockets = list(self.open)
        for socket in sockets:
            if effect == "disconnect":
                socket.leaving = True
                reason = str(options.get("reason", "warning"))
                await socket.ws.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": f"applink-{secrets.token_hex(2)}"}})
                asyncio.get_running_loop().call_later(LINGER_SECONDS, self._abort, socket)
            elif effect == "close":
                await socket.ws.close()
            elif effect == "reset":
                self._abort(socket)
            elif effect == "silent":
                socket.silent = True
        return len(sockets)

    @staticmethod
    def _abort(socket: Socket) -> None:
        if socket.request.transport is not None:
            socket.request.transport.abort()

    async def close(self) -> None:
        """End all connections."""
        for socket in list(self.open):
            await socket.ws.close()
