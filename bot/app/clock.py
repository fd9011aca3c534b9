"""The ticking process."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Final

from bot.app.base import opened
from bot.app.observed import Stock
from bot.app.probes import Readiness, probes, redis_answers
from bot.lifecycle.clock import TICK_SECONDS, Ticker
from bot.settings import Settings
from bot.store import patient

LATE_TICKS: Final = 6


class Ticking(Ticker):
    """A ticker that remembers when it last ticked."""

    ticked = 0.0

    async def tick(self) -> None:
        """As the ticker's."""
        await super().tick()
        self.ticked = time.monotonic()


@contextlib.asynccontextmanager
async def clock(settings: Settings) -> AsyncIterator[Ticker]:
    """The ticking side; it also answers for what there is to do in all."""
    redis = patient(settings)
    async with opened(settings, redis) as base:
        ticker = Ticking(base.journal, base.clock)

        async def examine() -> Readiness:
            readiness = Readiness()
            await redis_answers(redis, readiness)
            age = round(time.monotonic() - ticker.ticked, 1) if ticker.ticked else None
            well = age is not None and age < LATE_TICKS * TICK_SECONDS
            readiness.note("tick_age_seconds", age, well, "the schedules were not looked at for too long")
            return readiness

        async with probes(settings.probe_port, examine, Stock(redis).take):
            yield ticker
