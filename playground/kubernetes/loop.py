"""The controllers' work queue: keys are reconciled one by one; nothing runs while nothing is queued."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Callable
from typing import Any

from playground.clock import Clock

_log = logging.getLogger(__name__)
Reconcile = Callable[[Any], None]


class Loop:
    """Keys queued twice before their turn are reconciled once. `later` counts in simulated work, `at` on the clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kinds: dict[str, Reconcile] = {}
        self._queue: dict[tuple[str, Any], None] = {}
        self._wake = asyncio.Event()
        self._timers: set[asyncio.TimerHandle] = set()
        self._deadlines: list[tuple[float, int, str, Any]] = []
        self._ids = itertools.count()
        self._task: asyncio.Task[None] | None = None

    def register(self, kind: str, reconcile: Reconcile) -> None:
        """`reconcile(key)` works off keys of `kind`."""
        self._kinds[kind] = reconcile

    def add(self, kind: str, key: Any) -> None:
        """Queue a key."""
        self._queue[kind, key] = None
        self._wake.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def later(self, seconds: float, kind: str, key: Any) -> None:
        """Queue a key after `seconds` of simulated work (divided by the clock's speed)."""
        handle: asyncio.TimerHandle

        def fire() -> None:
            self._timers.discard(handle)
            self.add(kind, key)

        handle = asyncio.get_running_loop().call_later(self._clock.scaled(seconds), fire)
        self._timers.add(handle)

    def at(self, moment: float, kind: str, key: Any) -> None:
        """Queue a key when the clock reaches `moment` (epoch seconds), jumps of the clock included."""
        heapq.heappush(self._deadlines, (moment, next(self._ids), kind, key))

    def tick(self) -> None:
        """Queue what is due by the clock."""
        while self._deadlines and self._deadlines[0][0] <= self._clock.now():
            _, _, kind, key = heapq.heappop(self._deadlines)
            self.add(kind, key)

    async def close(self) -> None:
        """End everything."""
        for handle in self._timers:
            handle.cancel()
        self._timers.clear()
        self._deadlines.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                entry = next(iter(self._queue))
                del self._queue[entry]
                try:
                    self._kinds[entry[0]](entry[1])
                except (KeyError, TypeError, ValueError, AttributeError, IndexError):
                    # One object that validation let through must not stop the cluster.
                    _log.exception("controller %s failed on %s", *entry)
                await asyncio.sleep(0)
