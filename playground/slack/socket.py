"""Socket Mode: one-use tickets, ``hello``, one envelope to any one of up to ten sockets, acks, ping and pong, ``disconnect``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import WSMsgType, web

from playground import chance
from playground.slack.errors import ApiError
from playground.slack.model import APP_ID, Json
from playground.slack.webapi import APP_TOKEN, Call, Methods

MAX_SOCKETS: Final = 10
TICKET_SECONDS: Final = 30.0
LINGER_SECONDS: Final = 10.0
LIFETIME_SECONDS: Final = 18060.0
BUILD: Final = 1


@dataclass(eq=False)
class Socket:
    """One open connection; `silent` ones neither answer pings nor carry acks any more.

    `warned` ones get new envelopes only where there is no other, `leaving` ones none.
    """

    ws: web.WebSocketResponse
    request: web.Request
    silent: bool = False
    warned: bool = False
    leaving: bool = False


class Sockets:
    """All connections of the app; each lives for `lifetime` (real) seconds, then is told to come back."""

    def __init__(self, public_url: str, lifetime: float = LIFETIME_SECONDS) -> None:
        self._lifetime, self._linger = lifetime, min(LINGER_SECONDS, lifetime)
        self._url = public_url.replace("http", "ws", 1)
        self._tickets: dict[str, float] = {}
        self.open: list[Socket] = []
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self.methods = Methods()
        self.methods.add("apps.connections.open", "t3", token=APP_TOKEN)(self._connections_open)

    async def _connections_open(self, _: Call) -> Json:
        ticket = chance.uid("ticket")
        self._tickets[ticket] = time.monotonic() + TICKET_SECONDS
        return {"url": f"{self._url}/link?ticket={ticket}&app_id={APP_ID}"}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """``GET /link?ticket=…``."""
        if self._tickets.pop(request.query.get("ticket", ""), 0.0) < time.monotonic():
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=403)
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        if sum(not socket.warned for socket in self._usable()) >= MAX_SOCKETS:
            await ws.send_json({"type": "disconnect", "reason": "too_many_websockets", "debug_info": {"host": "applink"}})
            await ws.close()
            return ws
        socket = Socket(ws, request)
        self.open.append(socket)
        refreshing = asyncio.get_running_loop().create_task(self._refresh(socket))
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
            refreshing.cancel()
            self.open.remove(socket)
        return ws

    async def _refresh(self, socket: Socket) -> None:
        """As Slack does with every connection in the end: a warning, and some seconds later the end."""
        await asyncio.sleep(self._lifetime)
        with contextlib.suppress(ConnectionError):
            await self._disconnect(socket, "warning")
            await asyncio.sleep(self._linger / 2)
            await self._disconnect(socket, "refresh_requested")

    async def _disconnect(self, socket: Socket, reason: str) -> None:
        socket.warned, socket.leaving = True, reason != "warning"
        with contextlib.suppress(ConnectionResetError):  # it is going anyway
            await socket.ws.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": f"applink-{chance.digits('host', 4)}"}})
        asyncio.get_running_loop().call_later(self._linger, self._abort, socket)

    def _hello(self) -> Json:
        debug = {"host": "applink-playground", "build_number": BUILD, "approximate_connection_time": int(self._lifetime)}
        return {"type": "hello", "num_connections": len(self.open), "debug_info": debug, "connection_info": {"app_id": APP_ID}}

    def _usable(self) -> list[Socket]:
        staying = [socket for socket in self.open if not socket.leaving and not socket.ws.closed]
        return [socket for socket in staying if not socket.warned] or staying

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
        socket = chance.one_of("socket", usable)
        envelope: Json = {"envelope_id": chance.uid("envelope"), "payload": payload, "type": kind, "accepts_response_payload": answerable}
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
                await self._disconnect(socket, str(options.get("reason", "warning")))
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
