"""Connections to Redis: impatient where a person waits for an ack, patient where work is done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as Late

from bot.settings import Settings

MOST_CONNECTIONS: Final = 200
REPLICAS_MS: Final = 500


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
    return _connect(settings, Retry(NoBackoff(), 0), seconds=1.0, connect_seconds=0.5, kind=Gathering)


def patient(settings: Settings) -> Redis:
    """For `worker` and `clock`."""
    return _connect(settings, Retry(ExponentialBackoff(cap=2.0, base=0.1), 5), seconds=5.0, connect_seconds=5.0)


_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_RENEW: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('EXPIRE', KEYS[1], ARGV[2]) end return 0"


async def release(redis: Redis, lock: str, holder: str) -> None:
    """Give up a lock, unless it ran out and is another's by now."""
    await redis.eval(_RELEASE, 1, lock, holder)


async def renew(redis: Redis, lock: str, holder: str, seconds: int) -> None:
    """Keep a lock for `seconds` more, unless it ran out and is another's by now."""
    await redis.eval(_RENEW, 1, lock, holder, str(seconds))


async def run(script: AsyncScript, keys: Sequence[str], args: Sequence[Any], *, redis: Redis, replicas: int) -> Any:
    """Run a script; where `replicas` is not 0, that many have to have its writes within half a second. Raises RedisError otherwise.

    What was written is not taken back then: it may be carried out, as with a Redis that froze.
    """
    if not replicas:
        return await script(keys=list(keys), args=list(args))
    async with redis.pipeline(transaction=False) as pipe:  # WAIT counts the writes of its own connection
        await script(keys=list(keys), args=list(args), client=pipe)
        pipe.execute_command("WAIT", replicas, REPLICAS_MS)
        answer, reached = await pipe.execute()
    if int(reached) < replicas:
        raise Unreachable(f"{reached} of {replicas} replicas have it")
    return answer


class _Leaving(AbstractConnection):
    """Leaves a server that was demoted to a replica: the address may lead to the new primary by now, and this connection never will."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except ReadOnlyError as error:
            await self.disconnect()
            raise Unreachable("this server is a replica now") from error


class _Plain(_Leaving, Connection):
    pass


class _Encrypted(_Leaving, SSLConnection):
    pass


class _Socket(_Leaving, UnixDomainSocketConnection):
    pass


_LEAVING: Final[dict[type[AbstractConnection], type[AbstractConnection]]] = {
    Connection: _Plain, SSLConnection: _Encrypted, UnixDomainSocketConnection: _Socket,
}  # fmt: skip


def leave_when_demoted(pool: ConnectionPool) -> None:
    """Have the connections of `pool` end where their server answers READONLY; what follows Sentinel does so by itself."""
    pool.connection_class = _LEAVING.get(pool.connection_class, pool.connection_class)


def pool_of(url: str, *, seconds: float, connect_seconds: float) -> ConnectionPool:
    """Connections to whatever is the primary at `url`, which may name Sentinels; how long an answer and a connection may take."""
    if "+sentinel://" in url:
        from docket._redis_sentinel import sentinel_connection_pool  # the same URL must mean the same to the queue and to us

        return sentinel_connection_pool(url, decode_responses=True, socket_timeout=seconds, socket_connect_timeout=connect_seconds)
    pool = ConnectionPool.from_url(url, decode_responses=True, socket_timeout=seconds, socket_connect_timeout=connect_seconds)
    leave_when_demoted(pool)
    return pool


def _connect(settings: Settings, retry: Retry, *, seconds: float, connect_seconds: float, kind: type[Redis] = Redis) -> Redis:
    pool = pool_of(settings.redis_url.reveal(), seconds=seconds, connect_seconds=connect_seconds)
    pool.max_connections = MOST_CONNECTIONS
    pool.connection_kwargs["retry"] = retry
    return kind.from_pool(pool)
