"""What every process has."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from redis.asyncio import Redis

from bot.clock import Clock
from bot.operations.journal import Journal
from bot.operations.waking import Waking
from bot.settings import Settings


@dataclass
class Base:
    """Settings, time, the state store, and a way to wake the workers."""

    settings: Settings
    clock: Clock
    redis: Redis
    journal: Journal
    waking: Waking


@contextlib.asynccontextmanager
async def opened(settings: Settings, redis: Redis, waking: Waking) -> AsyncIterator[Base]:
    """Open what every process has, and close it at the end."""
    clock = Clock(settings.clock_file)
    try:
        async with waking:
            yield Base(settings, clock, redis, Journal(redis, clock, lease=settings.engine.lease, replicas=settings.redis_replicas), waking)
    finally:
        await redis.aclose()
