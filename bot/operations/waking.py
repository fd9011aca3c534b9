"""When things run: three calls over docket (tasks and durable timers on Redis Streams).

Nothing of value is in docket's keys: they may be lost at any time, the sweep finds what is overdue in the journal. One task
name for all subjects, strings only as arguments: an old worker in a rolling deployment drops names that it does not know,
and docket pickles arguments.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from docket import Docket, Worker
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.operations.journal import RUNG
from bot.rounds import repeat
from bot.store import leave_when_demoted, pool_of, text

log = logging.getLogger(__name__)
Handle = Callable[[str], Awaitable[None]]
LISTEN_SECONDS: Final = 1.0
SHORTEST_PAUSE_SECONDS: Final = 0.05
AT_ONCE: Final = 100


class Lane:
    """Serves at most `width` names at once. Whoever comes when it is full stands in line, each name once, and gives its slot back.

    The line is in memory only: what stands in it must be found again by a sweep if this process dies.
    """

    def __init__(self, width: int, serve: Handle) -> None:
        self._width, self._serve = width, serve
        self._line: dict[str, None] = {}
        self._busy = 0

    async def handle(self, name: str) -> None:
        """Serve `name` and what stands in line, or put it there."""
        self._line[name] = None
        if self._busy >= self._width:
            return
        self._busy += 1
        try:
            while self._line:
                name = next(iter(self._line))
                del self._line[name]
                await self._serve(name)
        finally:
            self._busy -= 1


class Waking:
    """`handle` is called with a subject (``op:<id>``, ``out:<id>``) when its time has come; only what runs operations needs it."""

    def __init__(self, redis_url: str, handle: Handle | None = None) -> None:
        self._url = redis_url
        self._docket = Docket(name="{qm}:docket", url=redis_url)
        self._handle = handle

        async def wake(subject: str) -> None:
            if self._handle is None:
                raise RuntimeError("this process only wakes others")
            await self._handle(subject)

        self._wake = wake
        self._repeated: list[tuple[str, float, Callable[[], Awaitable[None]]]] = []
        self._docket.register(wake)

    async def __aenter__(self) -> Waking:
        await self._docket.__aenter__()
        for name in ("_connection_pool", "_pubsub_pool"):  # docket has no option for it
            pool = getattr(self._docket._redis, name, None)
            if pool is not None:
                await pool.disconnect()
                leave_when_demoted(pool)
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._docket.__aexit__(*error)

    async def wake(self, subject: str, seconds: float = 0.0) -> None:
        """Have `subject` handled after that many seconds, instead of whenever it was due before."""
        jitter = random.uniform(0, seconds / 10) if seconds > 30 else 0.0  # thousands due at one instant would block Redis
        when = datetime.now(UTC) + timedelta(seconds=seconds + jitter)
        await self._docket.replace(self._wake, when, key=subject)(subject)

    def every(self, name: str, seconds: float, task: Callable[[], Awaitable[None]]) -> None:
        """Run `task` about every so many seconds on one of the workers, for as long as :meth:`run` does.

        Not as a task of docket: the sweep that heals lost wakes is repeated so, and docket never again begins one of whose keys it lost only a part.
        """
        self._repeated.append((name, seconds, task))

    async def run(self, *, slots: int, redelivery: float) -> None:
        """Work until cancelled; running tasks are drained then. A killed worker's tasks reappear after `redelivery` seconds."""
        worker = Worker(
            self._docket,
            concurrency=slots,
            redelivery_timeout=timedelta(seconds=redelivery),
            minimum_check_interval=timedelta(milliseconds=100),
            scheduling_resolution=timedelta(milliseconds=100),
            reconnection_delay=timedelta(seconds=1),
        )
        async with worker, Redis.from_pool(pool_of(self._url, seconds=LISTEN_SECONDS + 4, connect_seconds=5.0)) as redis:
            stop = asyncio.Event()
            listening = asyncio.create_task(self._listen(redis, stop))
            repeating = [asyncio.create_task(self._repeat(redis, stop, *one)) for one in self._repeated]
            try:
                await worker.run_forever()
            finally:
                stop.set()
                for task in repeating:
                    task.cancel()
                await asyncio.wait([listening, *repeating])

    async def _repeat(self, redis: Redis, stop: asyncio.Event, name: str, seconds: float, task: Callable[[], Awaitable[None]]) -> None:
        """Whoever sets the key has the turn; the next is due when it has gone."""
        turn = f"{{qm}}:turn:{name}"

        async def once() -> float:
            if await redis.set(turn, "", nx=True, px=int(seconds * 1000)):
                await task()
            return max(await redis.pttl(turn) / 1000, SHORTEST_PAUSE_SECONDS)

        await repeat(name, once, stop, after_error=1.0)

    async def _listen(self, redis: Redis, stop: asyncio.Event) -> None:
        """Wake what processes without an engine have written (the journal's list). What a kill takes along is found by the sweep."""
        while not stop.is_set():
            try:
                # Never cancelled while it waits: what Redis has just given would be lost with it.
                first = await redis.blpop([RUNG], timeout=LISTEN_SECONDS)
                if first is not None:
                    rung = [first[1], *(await redis.lpop(RUNG, AT_ONCE) or ())]
                    for subject in dict.fromkeys(text(one) for one in rung):
                        await self.wake(subject)
            except (RedisError, TimeoutError):
                await asyncio.sleep(LISTEN_SECONDS)
