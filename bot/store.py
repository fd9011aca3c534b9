"""Connections to Redis: impatient where a person waits for an ack, patient where work is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from docket._redis_sentinel import is_sentinel_url, sentinel_connection_pool  # the same URL must mean the same to the queue and to us
from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError

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
    return _connect(settings, Retry(NoBackoff(), 0), seconds=1.0, connect_seconds=0.5)


def patient(settings: Settings) -> Redis:
    """For `worker` and `clock`."""
    return _connect(settings, Retry(ExponentialBackoff(cap=2.0, base=0.1), 5), seconds=5.0, connect_seconds=5.0)


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
        raise RedisConnectionError(f"{reached} of {replicas} replicas have it")
    return answer


class _Leaving(AbstractConnection):
    """Leaves a server that was demoted to a replica: the address may lead to the new primary by now, and this connection never will."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except ReadOnlyError as error:
            await self.disconnect()
            raise RedisConnectionError("this server is a replica now") from error


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


def _connect(settings: Settings, retry: Retry, *, seconds: float, connect_seconds: float) -> Redis:
    url = settings.redis_url.reveal()
    if is_sentinel_url(url):
        pool = sentinel_connection_pool(url, decode_responses=True, socket_timeout=seconds, socket_connect_timeout=connect_seconds)
    else:
        pool = ConnectionPool.from_url(url, decode_responses=True, socket_timeout=seconds, socket_connect_timeout=connect_seconds)
        leave_when_demoted(pool)
    pool.max_connections = MOST_CONNECTIONS
    pool.connection_kwargs["retry"] = retry
    return Redis.from_pool(pool)
