"""What every process has."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from redis.asyncio import Redis

from bot.app.observed import Observed, count_errors
from bot.clock import Clock
from bot.operations.journal import Journal
from bot.settings import Settings


@dataclass
class Base:
    """Settings, time, the state store and the journal."""

    settings: Settings
    clock: Clock
    redis: Redis
    journal: Journal


@contextlib.asynccontextmanager
async def opened(settings: Settings, redis: Redis, *, rings: bool = True) -> AsyncIterator[Base]:
    """Open what every process has, and close it at the end. Only a process that wakes operations by itself needs no journal that `rings`."""
    clock = Clock(settings.clock_file)
    count_errors(redis)
    try:
        journal = Observed(redis, clock, lease=settings.engine.lease, rings=rings, replicas=settings.redis_replicas)
        yield Base(settings, clock, redis, journal)
    finally:
        await redis.aclose()
