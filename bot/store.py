"""Connections to Redis: impatient where a person waits for an ack, patient where work is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import hiredis
from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import DataError, NoScriptError, ReadOnlyError
from redis.maint_notifications import MaintNotificationsConfig

from bot.pipelined import Pipelined
from bot.settings import Settings

MOST_CONNECTIONS: Final = 200
REPLICAS_MS: Final = 500


def text(value: object) -> str:
    """What Redis answered as text (the client's types admit bytes, its setting does not)."""
    return value.decode() if isinstance(value, bytes) else str(value)


def texts(fields: Mapping[Any, Any]) -> dict[str, str]:
    """The same for a hash."""
    return {text(name): text(value) for name, value in fields.items()}


def impatient(settings: Settings) -> Redis:
    """For `web`: an unreachable or frozen Redis is an error within a second, never a late ack."""
    return _connect(settings, Retry(NoBackoff(), 0), seconds=1.0, connect_seconds=0.5, kind=Pipelined)


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
        try:
            return await redis.execute_command("EVALSHA", script.sha, len(keys), *keys, *args)  # type: ignore[no-untyped-call]
        except NoScriptError:
            return await script(keys=list(keys), args=list(args))
    async with redis.pipeline(transaction=False) as pipe:  # WAIT counts the writes of its own connection
        await script(keys=list(keys), args=list(args), client=pipe)
        pipe.execute_command("WAIT", replicas, REPLICAS_MS)
        answer, reached = await pipe.execute()
    if int(reached) < replicas:
        raise Unreachable(f"{reached} of {replicas} replicas have it")
    return answer


class _Leaving(AbstractConnection):
    """Leaves a server that was demoted to a replica: the address may lead to the new primary by now, and this connection never will.

    Commands are packed by hiredis, as the client's own connections do that are not asynchronous: in a seventh of the time.
    """

    def pack_command(self, *args: Any) -> list[bytes]:
        name = args[0].encode() if isinstance(args[0], str) else args[0]
        try:
            return [hiredis.pack_command((*name.split(), *args[1:]))]
        except TypeError as error:
            raise DataError(str(error)) from error

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
    pool = ConnectionPool.from_url(
        url, decode_responses=True, socket_timeout=seconds, socket_connect_timeout=connect_seconds,
        # Where they are on, as they are by default over TCP, redis-py takes a connection that the server closed for one with news.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )  # fmt: skip
    leave_when_demoted(pool)
    return pool


def _connect(settings: Settings, retry: Retry, *, seconds: float, connect_seconds: float, kind: type[Redis] = Redis) -> Redis:
    pool = pool_of(settings.redis_url.reveal(), seconds=seconds, connect_seconds=connect_seconds)
    pool.max_connections = MOST_CONNECTIONS
    pool.connection_kwargs["retry"] = retry
    return kind.from_pool(pool)
