"""Connections to Redis: impatient where a person waits for an ack, patient where work is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff

from bot.settings import Settings


def text(value: object) -> str:
    """What Redis answered as text (the client's types admit bytes, its setting does not)."""
    return value.decode() if isinstance(value, bytes) else str(value)


def texts(fields: Mapping[Any, Any]) -> dict[str, str]:
    """The same for a hash."""
    return {text(name): text(value) for name, value in fields.items()}


def impatient(settings: Settings) -> Redis:
    """For `web`: an unreachable or frozen Redis is an error within a second, never a late ack."""
    return Redis.from_url(
        settings.redis_url.reveal(), decode_responses=True, max_connections=200, socket_timeout=1.0, socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
    )  # fmt: skip


def patient(settings: Settings) -> Redis:
    """For `worker` and `clock`."""
    return Redis.from_url(
        settings.redis_url.reveal(), decode_responses=True, max_connections=200, socket_timeout=5.0, socket_connect_timeout=5.0,
        retry=Retry(ExponentialBackoff(cap=2.0, base=0.1), 5),
    )  # fmt: skip
