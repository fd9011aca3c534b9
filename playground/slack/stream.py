"""Server-Sent Events: tells every open page what to fetch again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

QUIET_SECONDS = 15.0


class Stream:
    """Fans out small notices; a slow page loses its oldest ones and nobody waits for it."""

    def __init__(self) -> None:
        self._listeners: list[tuple[str, asyncio.Queue[dict[str, Any]]]] = []
        self._closing = asyncio.Event()

    def publish(self, notice: dict[str, Any], user: str | None = None) -> None:
        """Send to every page, or only to those of `user`."""
        for listener, queue in self._listeners:
            if user is None or listener == user:
                if queue.full():
                    queue.get_nowait()
                queue.put_nowait(notice)

    def close(self) -> None:
        """Let every open stream end."""
        self._closing.set()
        for _, queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait({"type": "closing"})

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """``GET /_control/stream?user=U``."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        entry = (request.query.get("user", ""), asyncio.Queue[dict[str, Any]](maxsize=256))
        self._listeners.append(entry)
        try:
            await response.write(b": open\n\n")
            while not self._closing.is_set():
                try:
                    notice = await asyncio.wait_for(entry[1].get(), QUIET_SECONDS)
                    await response.write(f"data: {json.dumps(notice)}\n\n".encode())
                except TimeoutError:
                    await response.write(b": still here\n\n")
        except ConnectionError:
            return response
        finally:
            self._listeners.remove(entry)
        return response
