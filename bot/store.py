"""Connections to Redis: impatient where a person waits for an ack, patient where work is done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as Late

from bot.settings import Settings


def text(value: object) -> str:
    """What Redis answered as text (the client's types admit bytes, its setting does not)."""
    return value.decode() if isinstance(value, bytes) else str(value)


def texts(fields: Mapping[Any, Any]) -> dict[str, str]:
    """The same for a hash."""
    return {text(name): text(value) for name, value in fields.items()}


class Gathering(Redis):
    """Commands given while another is under way leave together, as one pipeline: sixteen acks at once cost a few round trips, not dozens.

    For short commands only: one that blocks would hold up the others. What waits when Redis stops answering fails with what was under way.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._under_way = False
        self._waiting: list[tuple[tuple[Any, ...], dict[str, Any], asyncio.Future[Any]]] = []
        self._sender: asyncio.Task[None] | None = None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """One command's answer; raises as :class:`redis.asyncio.Redis` does."""
        if self._under_way:
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._waiting.append((args, options, future))
            return await future
        self._under_way = True
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except (Unreachable, Late) as error:
            self._fail(error)
            raise
        finally:
            if self._waiting:
                self._sender = asyncio.create_task(self._send())
            else:
                self._under_way = False

    async def _send(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                async with self.pipeline(transaction=False) as pipe:
                    for args, options, _ in batch:
                        pipe.execute_command(*args, **options)
                    try:
                        answers = await pipe.execute(raise_on_error=False)
                    except RedisError as error:
                        answers = [error] * len(batch)
                        self._fail(error)
                for (_, _, future), answer in zip(batch, answers, strict=True):
                    _settle(future, answer)
        finally:
            self._under_way = False

    def _fail(self, error: RedisError) -> None:
        waiting, self._waiting = self._waiting, []
        for _, _, future in waiting:
            _settle(future, error)


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def impatient(settings: Settings) -> Redis:
    """For `web`: an unreachable or frozen Redis is an error within a second, never a late ack."""
    return Gathering.from_url(
        settings.redis_url.reveal(), decode_responses=True, max_connections=200, socket_timeout=1.0, socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 0),
    )  # fmt: skip


def patient(settings: Settings) -> Redis:
    """For `worker` and `clock`."""
    return Redis.from_url(
        settings.redis_url.reveal(), decode_responses=True, max_connections=200, socket_timeout=5.0, socket_connect_timeout=5.0,
        retry=Retry(ExponentialBackoff(cap=2.0, base=0.1), 5),
    )  # fmt: skip
