"""Observation that serves all who wait: one LIST loop for the subscription, one watch per cluster - only while somebody waits.

Each worker runs this; a lock in Redis makes one of them the watcher of a cluster, and another takes over within seconds if
that one dies. A missed event delays, it never loses: every operation also looks for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Mapping, Sequence
from typing import Final

from redis.exceptions import RedisError

from bot.cluster.watch import Watcher
from bot.errors import QuartermasterError
from bot.operations import known
from bot.operations.journal import Journal
from bot.operations.services import Services
from bot.rounds import repeat
from bot.store import release

log = logging.getLogger(__name__)
LOCK_SECONDS: Final = 10
ROUND_SECONDS: Final = 2.0
AZURE: Final = "azure"
SETTLED_SECONDS: Final = 60.0


class Observing:
    """One per worker process. `settled_seconds` is how often those are woken that wait for what is at rest."""

    def __init__(self, do: Services, settled_seconds: float = SETTLED_SECONDS) -> None:
        self._do = do
        self._settled_seconds = settled_seconds
        self._watchers: dict[str, Watcher] = {}
        self._poking: set[asyncio.Task[None]] = set()
        self._name = f"{os.uname().nodename}-{os.getpid()}"
        self._look_at = 0.0
        self._owed: set[str] = set()
        self._woken: dict[str, float] = {}

    async def look_at_azure(self) -> None:
        """One round of the LIST loop. One worker does it for as long as it lives: budget and snapshot are its own."""
        names = await self._do.waiting.names("azure:")
        wanted = {name: (group, cluster) for name in names for group, _, cluster in [name.removeprefix("azure:").partition("/")]}
        before = self._do.observer.snapshot().at
        try:
            self._owed |= await self._do.observer.tick(wanted.values())
        except QuartermasterError as error:
            log.info("the subscription could not be listed", extra={"cause": repr(error.__cause__ or error)})
            return
        for name in self._due(wanted):
            await self._wake(name)
            self._owed.discard(name)
            self._woken[name] = time.monotonic()
        self._owed &= set(names)
        seen = self._do.observer.snapshot()
        if seen.at != before:
            await self._do.waiting.saw(names)
            await known.saw(self._do.redis, seen.clusters.values())

    def _due(self, wanted: Mapping[str, tuple[str, str]]) -> list[str]:
        """What changed; and, once a minute, what has settled while somebody still waits for it: a change that passed between a step's look and
        its waiting, or that the store did not take, must not be waited for until the step looks by itself."""
        now, seen = time.monotonic(), self._do.observer.snapshot()
        self._woken = {name: self._woken.get(name, now) for name in wanted}
        settled = {name for name, (group, cluster) in wanted.items() if seen.settled(group, cluster)}
        return [name for name in wanted if name in self._owed or (name in settled and now - self._woken[name] >= self._settled_seconds)]

    async def watch(self, stop: asyncio.Event) -> None:
        """List the subscription, and keep watches open for the clusters, that somebody waits for, until `stop`."""
        try:
            # Side by side: a cloud that hangs must not cost the watches, nor an API server that hangs the LISTs.
            rounds = (("observe", self._list), ("watch", self._watch))
            await asyncio.gather(*(repeat(name, once, stop, after_error=ROUND_SECONDS) for name, once in rounds))
        finally:
            with contextlib.suppress(RedisError):
                for name in list(self._watchers):
                    await self._end(name)
                await self._release(AZURE)

    async def _list(self) -> float:
        now = time.monotonic()
        if await self._mine([AZURE]) and now >= self._look_at:
            self._look_at = now + self._do.settings.engine.observe - ROUND_SECONDS / 2
            looking = asyncio.create_task(self.look_at_azure())
            try:
                # A round may take longer than the lock lasts: each of its requests may, where Azure is slow.
                while not (await asyncio.wait({looking}, timeout=LOCK_SECONDS / 3))[0]:
                    with contextlib.suppress(RedisError):
                        await self._mine([AZURE])
                await looking
            finally:
                looking.cancel()
        return ROUND_SECONDS

    async def _watch(self) -> float:
        mine = await self._mine(await self._do.waiting.names("cluster:"))
        for name in [name for name in self._watchers if name not in mine]:
            await self._end(name)
        for name in [name for name, watcher in self._watchers.items() if watcher.closed]:
            await self._stop(name)
        for name in sorted(mine - self._watchers.keys()):
            await self._begin(name)
        return ROUND_SECONDS

    async def _mine(self, names: Sequence[str]) -> set[str]:
        """What of this is for this worker to watch: nobody else has got to it."""
        if not names:
            return set()
        async with self._do.redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.set(Journal.key("watcher", name), self._name, nx=True, ex=LOCK_SECONDS)
                pipe.get(Journal.key("watcher", name))
            holders = (await pipe.execute())[1::2]
            mine = {name for name, holder in zip(names, holders, strict=True) if holder == self._name}
            for name in mine:
                pipe.expire(Journal.key("watcher", name), LOCK_SECONDS)
            await pipe.execute()
        return mine

    async def _begin(self, name: str) -> None:
        group, _, cluster = name.removeprefix("cluster:").partition("/")
        try:
            access = await self._do.clusters.access(group, cluster)
        except QuartermasterError as error:
            log.info("no watch yet", extra={"cluster": cluster, "cause": repr(error)})
            return
        loop = asyncio.get_running_loop()

        def changed(kind: str, op_id: str) -> None:
            loop.call_soon_threadsafe(self._poke_soon, name, op_id)

        watcher = Watcher(access, changed)
        self._watchers[name] = watcher
        watcher.start()

    async def _stop(self, name: str) -> None:
        await asyncio.to_thread(self._watchers.pop(name).stop)

    async def _end(self, name: str) -> None:
        await self._stop(name)
        await self._release(name)

    async def _release(self, name: str) -> None:
        await release(self._do.redis, Journal.key("watcher", name), self._name)

    def _poke_soon(self, name: str, op_id: str) -> None:
        async def poke() -> None:
            with contextlib.suppress(RedisError):
                await self._wake(name, op_id)

        task = asyncio.create_task(poke())
        self._poking.add(task)
        task.add_done_callback(self._poking.discard)

    async def _wake(self, name: str, only: str = "") -> None:
        for op_id in await self._do.waiting.poke(name, only):
            await self._do.waking.wake(f"op:{op_id}")
