"""How long the cloud usually takes: the median of earlier operations of the same kind."""

from __future__ import annotations

import statistics
from typing import Final

from redis.asyncio import Redis

KEPT: Final = 50


async def usual(redis: Redis, kind: str) -> float | None:
    """The median in seconds; None while there are no earlier ones."""
    rows = await redis.lrange(f"{{qm}}:took:{kind}", 0, KEPT - 1)
    return statistics.median(float(row) for row in rows) if rows else None


async def remember(redis: Redis, kind: str, seconds: float) -> None:
    """An operation of this kind took so long from its approval to its end."""
    async with redis.pipeline(transaction=True) as pipe:
        pipe.lpush(f"{{qm}}:took:{kind}", f"{seconds:.1f}")
        pipe.ltrim(f"{{qm}}:took:{kind}", 0, KEPT - 1)
        await pipe.execute()
