"""Redis pipelining for many who wait: their commands travel on one connection, written as they come, answered in the order of asking.

Sixteen acks at once cost a few system calls instead of sixteen round trips on sixteen connections (Redis: "Using pipelining"). redis-py's
own pipelines hold the commands of one caller.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as Late

CLOSED: Final = "the connection was closed"


class Pipelined(Redis):
    """A client whose callers share a connection. For short commands only: one that blocks would hold up all others.

    When Redis stops answering, all that is under way fails after the pool's ``socket_timeout``; the next command connects anew. `on_error` is
    told of each command that failed.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.on_error: Callable[[RedisError], None] = lambda _: None
        self._line: _Line | None = None
        self._opening: asyncio.Task[_Line] | None = None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """One command's answer; raises as :class:`redis.asyncio.Redis` does."""
        line = self._line if self._line is not None and not self._line.ended else await self._open()
        try:
            answer = await line.ask(args)
        except RedisError as error:
            self.on_error(error)
            raise
        options.pop("keys", None)  # as redis-py does: meant for its cache
        callback = self.response_callbacks.get(str(args[0]))
        return answer if callback is None else callback(answer, **options)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """As redis-py's; what is still under way fails."""
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if self._line is not None:
            await self._line.close()
        await super().aclose(close_connection_pool)

    async def _open(self) -> _Line:
        """One attempt for all who want it: with a Redis that hangs they would wait for it one after the other."""
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._opened())
        return await asyncio.shield(self._opening)

    async def _opened(self) -> _Line:
        pool = self.connection_pool
        seconds = pool.connection_kwargs.get("socket_timeout")
        try:
            async with asyncio.timeout(seconds):  # each part of it has a limit of its own, and there are several
                self._line = _Line(pool, await pool.get_connection())  # type: ignore[no-untyped-call]
        except TimeoutError as error:
            raise Late(f"no connection within {seconds} s") from error
        return self._line


class _Line:
    """A connection of `pool`, in use until it breaks: then `ended` is set, all who wait are told, and the pool has it back."""

    def __init__(self, pool: ConnectionPool, connection: AbstractConnection) -> None:
        self._pool, self._connection = pool, connection
        # One limit for all that is under way: the connection's own would cost each command a task and a timer.
        self._seconds, connection.socket_timeout = connection.socket_timeout, None
        self._unsent: list[bytes] = []
        self._asked: deque[tuple[float, asyncio.Future[Any]]] = deque()
        self._sent = 0
        self._to_send, self._to_read, self._closing = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.ended = False
        self._running = asyncio.create_task(self._run())

    async def ask(self, args: tuple[Any, ...]) -> Any:
        """The raw answer. Raises RedisError."""
        if self.ended:
            raise Unreachable(CLOSED)
        loop = asyncio.get_running_loop()
        packed, answer = self._connection.pack_command(*args), loop.create_future()
        self._unsent += packed
        self._asked.append((loop.time(), answer))
        self._to_send.set()
        return await answer

    async def close(self) -> None:
        """End it."""
        self._closing.set()
        await asyncio.wait([self._running])

    async def _run(self) -> None:
        error: RedisError = Unreachable(CLOSED)
        try:
            async with asyncio.TaskGroup() as group:
                for part in (self._write, self._read, self._close):
                    group.create_task(part())
        except* Exception as errors:  # noqa: BLE001 - whatever it is, it is told to all who wait
            error = self._told(errors.exceptions[0])
        finally:
            self.ended = True
            for _, answer in self._asked:
                if not answer.done():
                    answer.set_exception(error)
            await self._connection.disconnect(nowait=True)
            self._connection.socket_timeout = self._seconds
            await self._pool.release(self._connection)

    def _told(self, error: Exception) -> RedisError:
        if isinstance(error, RedisError):
            return error
        return Late(f"no answer within {self._seconds} s") if isinstance(error, TimeoutError) else Unreachable(repr(error))

    async def _close(self) -> None:
        await self._closing.wait()
        raise Unreachable(CLOSED)

    async def _write(self) -> None:
        while True:
            await self._to_send.wait()
            if not self._sent:  # nobody has read from it for a while: Redis may have closed it
                async with asyncio.timeout(self._seconds):
                    await self._pool.ensure_connection(self._connection)
            self._to_send.clear()
            leaving, self._unsent = b"".join(self._unsent), []
            self._sent = len(self._asked)
            self._to_read.set()
            await self._connection.send_packed_command(leaving, check_health=False)

    async def _read(self) -> None:
        async with asyncio.timeout(None) as limit:
            while True:
                if not self._sent:
                    limit.reschedule(None)
                    self._to_read.clear()
                    await self._to_read.wait()
                limit.reschedule(self._asked[0][0] + self._seconds if self._seconds else None)
                try:
                    answer = await self._connection.read_response()
                except ResponseError as error:
                    answer = error
                self._sent -= 1
                self._settle(answer)

    def _settle(self, answer: Any) -> None:
        _, waiting = self._asked.popleft()
        if waiting.done():  # its request was cancelled meanwhile
            return
        if isinstance(answer, ResponseError):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)
