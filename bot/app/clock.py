"""The ticking process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from bot.app.base import opened
from bot.lifecycle.clock import Ticker
from bot.settings import Settings
from bot.store import patient


@contextlib.asynccontextmanager
async def clock(settings: Settings) -> AsyncIterator[Ticker]:
    """The ticking side."""
    async with opened(settings, patient(settings)) as base:
        yield Ticker(base.journal, base.clock)
