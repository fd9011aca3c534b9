"""The `clock` process: APScheduler with a memory store. Every replica runs the same ticks; none of them does the work.

A tick only writes a record named after its slot, so N clocks make one digest, and a slot that was missed in an outage is written by
the first tick after it. A job store that is shared would fire each job once per scheduler (agronholm/apscheduler#231).
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from redis.exceptions import RedisError

from bot.clock import Clock
from bot.lifecycle.schedules import LATE_SECONDS, schedules
from bot.operations.journal import Journal, NewOperation

log = logging.getLogger(__name__)
TICK_SECONDS: Final = 5


class Ticker:
    """Writes what is due; `journal` rings, so that a worker wakes for it."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock

    async def run(self, stop: asyncio.Event, every: float = TICK_SECONDS) -> None:
        """Tick until `stop`."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(self.tick, "interval", seconds=every, max_instances=1, coalesce=True, misfire_grace_time=3600)
        scheduler.start()
        try:
            await self.tick()
            await stop.wait()
        finally:
            scheduler.shutdown(wait=False)

    async def tick(self) -> None:
        """Write the newest slot of each schedule that has come; writing it again changes nothing."""
        try:
            now = self._clock.now()
            for schedule in await schedules(self._journal.redis):
                fire = schedule.newest(now)
                if fire is None:
                    continue
                slot = schedule.slot(fire)
                new = NewOperation(
                    id=slot, kind="digest", request={}, team=schedule.team, channel=schedule.channel, user=schedule.user, idempotency=slot,
                    memo={"slot": fire, "late": now - fire > LATE_SECONDS},
                )  # fmt: skip
                if await self._journal.load(slot) is None:
                    await self._journal.create(new)
        except RedisError as error:
            log.warning("the state store does not answer; the next tick makes up for it", extra={"cause": repr(error)})
