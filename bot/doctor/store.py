"""Redis: reachable, ours to write, durable, never evicting."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from bot.doctor.finding import Found
from bot.settings import Settings
from bot.store import impatient

OLDEST: Final = (6, 2)
SKEW_SECONDS: Final = 5.0
NEARLY_FULL: Final = 0.9


async def redis(settings: Settings) -> AsyncGenerator[Found, None]:
    """Everything about it."""
    client = impatient(settings)
    try:
        info: Mapping[str, Any] = await client.info()
        for found in judged(info, await _fsync(client), settings.redis_url.reveal()):
            yield found
        seconds, micros = await client.time()
        yield skewed("Redis", seconds + micros / 1e6 - time.time(), SKEW_SECONDS)
    except AuthenticationError as error:
        yield Found("Redis", f"does not let us in ({error})", "Put the right user and password into REDIS_URL: redis://USER:PASSWORD@HOST:PORT.")
    except (RedisError, OSError) as error:
        yield Found("Redis", f"does not answer ({type(error).__name__})", "Check REDIS_URL and the network: is it running, is the port right, TLS (rediss://)?")
    finally:
        await client.aclose()


async def _fsync(client: Redis) -> str:
    try:
        return str((await client.config_get("appendfsync")).get("appendfsync") or "")
    except (NoPermissionError, ResponseError):
        return ""  # hosted services forbid CONFIG


def judged(info: Mapping[str, Any], fsync: str, url: str) -> list[Found]:
    """What ``INFO``, `fsync` ('' not readable) and the URL say (Redis: persistence, key eviction)."""
    version = str(info.get("redis_version", "0"))
    old = tuple(int(part) for part in version.split(".")[:2]) < OLDEST
    found = [Found("Redis version", version, "Use Redis 6.2 or newer, or Valkey." if old else "")]
    replica = info.get("role") != "master"
    found.append(Found("Redis role", str(info.get("role")), "REDIS_URL must name the primary: a replica takes no writes." if replica else ""))
    found += _durable(info, fsync)
    policy = str(info.get("maxmemory_policy") or "not told")
    evicts = policy != "noeviction"
    found.append(Found("Redis eviction", policy, "Set `maxmemory-policy noeviction`: evicted records are lost requests." if evicts else ""))
    most, used = int(info.get("maxmemory") or 0), int(info.get("used_memory") or 0)
    if most and used > NEARLY_FULL * most:
        found.append(Found("Redis memory", f"{used / most:.0%} of maxmemory", "Raise `maxmemory`: when it is full nothing can be written down."))
    if url.startswith(("redis://", "redis+sentinel://")) and not any(host in url for host in ("127.0.0.1", "localhost", "[::1]")):
        todo = "Use rediss://: what people ask for passes through it, and whoever writes to it rules the bot."
        found.append(Found("Redis connection", "not encrypted", todo, True))
    return found


def _durable(info: Mapping[str, Any], fsync: str) -> list[Found]:
    if not info.get("aof_enabled"):
        return [Found("Redis durability", "no append-only file", "Set `appendonly yes`: what was acked must survive a restart.")]
    bad = str(info.get("aof_last_write_status", "ok")) != "ok"
    found = [
        Found("Redis durability", "append-only file, last write failed" if bad else "append-only file", "Make room on Redis' disk." if bad else "")
    ]
    if fsync == "no":
        todo = "Set `appendfsync everysec` (or `always`): a power cut loses half a minute of requests."
        found.append(Found("Redis appendfsync", "no", todo))
    else:
        unknown = "not readable here (CONFIG is forbidden)"
        found.append(Found("Redis appendfsync", fsync or unknown, "" if fsync else "See with the provider that it is `everysec` or `always`.", True))
    return found


def skewed(what: str, seconds: float, most: float) -> Found:
    """A line about a clock that differs from ours by so many seconds."""
    wrong = abs(seconds) > most
    seen = f"{abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} ours" if abs(seconds) >= 1 else "as ours"
    return Found(f"Clock of {what}", seen, "Synchronise this machine's clock (NTP): signatures and time limits depend on it." if wrong else "")
