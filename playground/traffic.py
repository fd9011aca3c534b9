"""What every simulated service shares on the wire: the record of requests, and the faults of the HTTP layer.

Stages of a request, of each of which one fault may strike: ``delay`` {seconds}; then, instead of the service, ``hang`` {seconds}, ``status``
{status, retry_after?, body?} or ``reset_before`` (connection dropped, nothing done); then ``late`` {seconds} (done at once, answered late);
at the end ``reset_after`` (done, then dropped: the caller never learns) or ``truncate`` (half of the body, then dropped).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from playground.faults import Fault, Faults

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """One request received: `status` is 0 while it runs and 499 where it was cut off; `at` in epoch seconds.

    `handled` is what the service itself answered, whatever became of that on the way: 0 where a fault kept the request from it.
    `made` is the name of what a POST to a collection made, which its path does not tell.
    """

    service: str
    method: str
    path: str
    status: int
    at: float
    seconds: float = 0.0
    handled: int = 0
    made: str = ""


class Traffic:
    """Keeps the newest `limit` requests of each service."""

    def __init__(self, faults: Faults, limit: int = 200_000) -> None:
        self.faults = faults
        self._seen: dict[str, deque[Seen]] = {}
        self._limit = limit

    def listed(self, service: str | None = None) -> list[dict[str, Any]]:
        """Requests as the control API lists them, oldest first."""
        chosen = [self._seen.get(service, deque())] if service else list(self._seen.values())
        rows = sorted((row for rows in chosen for row in rows), key=lambda row: row.at)
        return [vars(row) for row in rows]

    def middleware(self, service: str) -> Any:
        """An aiohttp middleware that records each request and applies the faults registered for `service`."""

        @web.middleware
        async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
            row = Seen(service, request.method, request.path_qs, 0, time.time())
            self._seen.setdefault(service, deque(maxlen=self._limit)).append(row)
            started = time.perf_counter()

            async def handled(asked: web.Request) -> web.StreamResponse:
                answer = await handler(asked)
                row.handled, row.made = answer.status, asked.get("made", "")
                return answer

            try:
                response = await self._answer(service, request, handled)
                row.status = response.status
                return response
            except web.HTTPException as error:
                row.status = error.status
                raise
            finally:
                row.status = row.status or 499
                row.seconds = time.perf_counter() - started

        return record

    async def _answer(self, service: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        """One fault of each stage strikes the same request; what happens instead of the service may still be late and end badly."""
        take = partial(self.faults.take, service, f"{request.method} {request.path_qs}")
        slow, instead = take("delay"), take("hang", "status", "reset_before")
        answered = instead is None or instead.effect == "status"
        late, end = (take("late"), take("reset_after", "truncate")) if answered else (None, None)
        if slow is not None:
            await asyncio.sleep(slow.options["seconds"])
        if instead is not None and instead.effect == "hang":
            await asyncio.sleep(instead.options.get("seconds", 3600))
        if not answered:
            return self._dropped(request)
        response = await handler(request) if instead is None else self._refusal(instead)
        if late is not None:
            await asyncio.sleep(late.options["seconds"])
        if end is not None and end.effect == "reset_after":
            return self._dropped(request)
        if end is not None and isinstance(response, web.Response) and isinstance(response.body, bytes):
            return await self._truncated(request, response, response.body)
        return response

    @staticmethod
    def _refusal(fault: Fault) -> web.Response:
        headers = {"Retry-After": str(fault.options["retry_after"])} if "retry_after" in fault.options else {}
        return web.json_response(fault.options.get("body", {}), status=fault.options["status"], headers=headers)

    @staticmethod
    def _dropped(request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=499)

    @classmethod
    async def _truncated(cls, request: web.Request, response: web.Response, body: bytes) -> web.StreamResponse:
        partial = web.StreamResponse(status=response.status, headers={"Content-Type": response.content_type, "Content-Length": str(len(body))})
        await partial.prepare(request)
        await partial.write(body[: len(body) // 2])
        cls._dropped(request)
        return partial
