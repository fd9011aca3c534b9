"""Probes and metrics over HTTP: ``/healthz`` (the process turns over), ``/readyz`` (and can do its work; else 503 with why), ``/metrics``.

`web` answers them on its own port, `worker` and `clock` on `QUARTERMASTER_PROBE_PORT`. Liveness asks no dependency: a dead Redis
must not restart the process that waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.metrics import exposition

REDIS_SECONDS: Final = 1.5


@dataclass
class Readiness:
    """What was looked at, and why the process is not ready (empty: it is)."""

    details: dict[str, Any] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)

    def note(self, name: str, value: Any, well: bool, why: str) -> None:
        """One thing that was looked at."""
        self.details[name] = value
        if not well:
            self.why.append(why)

    def response(self) -> web.Response:
        """200 or 503, with everything that was found."""
        return web.json_response({"ready": not self.why, "why": self.why, **self.details}, status=503 if self.why else 200)


Examine = Callable[[], Awaitable[Readiness]]
Refresh = Callable[[], Awaitable[None]]


async def redis_answers(redis: Redis, readiness: Readiness) -> None:
    """Whether Redis answers at once. A patient client would repeat for longer than any probe waits."""
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            well = bool(await redis.ping())
    except (RedisError, TimeoutError, OSError):
        well = False
    readiness.note("redis", well, well, "Redis does not answer")


class Watchful:
    """How old the newest observation is, for as long as somebody waits for one."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._since: float | None = None

    def age(self, waited_for: bool, newest: float | None) -> float | None:
        """Seconds; None where nobody waits. Where there was none yet it counts from when it was first missed."""
        if not waited_for:
            self._since = None
            return None
        self._since = self._since or self._now()
        return max(0.0, self._now() - (newest or self._since))


def routes(examine: Examine, refresh: Refresh | None = None) -> list[web.RouteDef]:
    """The three paths."""

    async def alive(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def ready(_: web.Request) -> web.Response:
        return (await examine()).response()

    async def metrics(_: web.Request) -> web.Response:
        if refresh is not None:
            await refresh()
        body, kind = exposition()
        return web.Response(body=body, headers={"Content-Type": kind})

    return [web.get("/healthz", alive), web.get("/readyz", ready), web.get("/metrics", metrics)]


@contextlib.asynccontextmanager
async def probes(port: int, examine: Examine, refresh: Refresh | None = None) -> AsyncIterator[None]:
    """Answer on `port` (0: nowhere) for as long as the context is open. Raises OSError where the port is taken."""
    if not port:
        yield
        return
    site = web.Application()
    site.add_routes(routes(examine, refresh))
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, None, port).start()
        yield
    finally:
        await runner.cleanup()
