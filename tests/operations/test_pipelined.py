"""One connection for all who wait for an ack: everybody gets their own answer, and what breaks it breaks nothing for those who come later."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import DataError, RedisError, ResponseError
from redis.exceptions import TimeoutError as Late

from bot.clock import Clock
from bot.operations.journal import Journal
from bot.pipelined import Pipelined
from bot.store import pool_of
from tests.operations.test_waking import new

SECONDS = 0.3


@pytest.fixture(params=["unix", "tcp"])
async def client(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Pipelined]:
    """Over either, since redis-py treats them differently."""
    async with forwarded(redis_url) as tcp:
        opened = Pipelined(connection_pool=pool_of(tcp if request.param == "tcp" else redis_url, seconds=SECONDS, connect_seconds=SECONDS))
        yield opened
        await opened.aclose()


@contextlib.asynccontextmanager
async def forwarded(url: str) -> AsyncIterator[str]:
    """A TCP address that leads to the unix socket of `url`."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_unix_connection(url.removeprefix("unix://"))
        await asyncio.gather(copy(reader, outer), copy(inner, writer))

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@contextlib.asynccontextmanager
async def slow(path: Path, *, greeting: float = 0.0, answer: float = 0.0) -> AsyncIterator[Pipelined]:
    """A client of a server that takes its time, for each command of a connection's beginning and for each GET."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                words = int((await reader.readline())[1:].strip() or 0)
                command = [(await reader.readline(), await reader.readline())[1] for _ in range(words)]
                if not command:
                    break
                await asyncio.sleep(answer if command[0].strip() == b"GET" else greeting)
                writer.write(b"+OK\r\n")
        writer.close()

    server = await asyncio.start_unix_server(serve, str(path / "redis.sock"))
    client = Pipelined(connection_pool=pool_of(f"unix://{path / 'redis.sock'}?protocol=2", seconds=SECONDS, connect_seconds=SECONDS))
    yield client
    await client.aclose()
    server.close()


async def test_commands_of_many_requests_share_round_trips_and_get_their_own_answers(client: Pipelined, redis: Redis) -> None:
    before = int((await redis.info("stats"))["total_reads_processed"])

    async def one(number: int) -> Any:
        await client.set(f"k{number}", number)
        if number == 7:
            with pytest.raises(ResponseError):
                await client.incr("text")
        return await client.get(f"k{number}")

    await client.set("text", "no number")
    assert await asyncio.gather(*(one(number) for number in range(50))) == [str(number) for number in range(50)]
    assert int((await redis.info("stats"))["total_reads_processed"]) - before < 25
    journal = Journal(client, Clock(), rings=True)
    await redis.script_flush()  # as after a restart: the script is loaded again on the way
    ids = [f"op{number}" for number in range(20)]
    assert await asyncio.gather(*(journal.create(new(name)) for name in ids)) == ids


async def test_when_redis_does_not_answer_nobody_waits_twice(tmp_path: Path) -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)

    connections: list[asyncio.StreamWriter] = []
    server = await asyncio.start_unix_server(silent, str(tmp_path / "redis.sock"))
    client = Pipelined.from_url(f"unix://{tmp_path / 'redis.sock'}", socket_timeout=0.2, socket_connect_timeout=0.2, retry=None)
    answers = await asyncio.gather(*(client.get("k") for _ in range(20)), return_exceptions=True)
    assert all(isinstance(one, RedisError) for one in answers)
    assert len(connections) == 1  # one attempt told them all
    await client.aclose()
    server.close()
    for writer in connections:
        writer.close()


async def test_who_gives_up_takes_nobody_elses_answer(client: Pipelined) -> None:
    await client.mset({f"k{number}": number for number in range(20)})
    asked = [asyncio.ensure_future(client.get(f"k{number}")) for number in range(20)]
    await asyncio.sleep(0)
    for task in asked[::3]:
        task.cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [one for one in answers if not isinstance(one, asyncio.CancelledError)] == [str(number) for number in range(20) if number % 3]


async def test_a_connection_that_was_closed_while_nobody_used_it_is_opened_again(client: Pipelined, redis: Redis) -> None:
    await client.set("k", "before")
    await redis.client_kill_filter(_type="normal", skipme=True)
    await asyncio.sleep(0.05)  # until it is known here
    assert await client.get("k") == "before"


async def test_when_redis_stops_answering_all_that_is_under_way_fails_and_the_next_command_connects_anew(client: Pipelined, redis: Redis) -> None:
    failed: list[RedisError] = []
    client.on_error = failed.append
    await client.set("k", 1)
    await redis.client_pause(int(SECONDS * 2000))
    answers = await asyncio.gather(*(client.get("k") for _ in range(20)), return_exceptions=True)
    assert [type(one) for one in answers] == [Late] * 20
    assert len(failed) == 20
    assert await redis.get("k") == "1"  # waits until the pause is over
    assert await client.get("k") == "1"


async def test_what_cannot_be_sent_is_its_callers_fault_alone(client: Pipelined) -> None:
    await client.set("k", 1)
    answers = await asyncio.gather(client.get("k"), client.execute_command("SET", "k", None), client.get("k"), return_exceptions=True)
    assert [answers[0], answers[2]] == ["1", "1"]
    assert isinstance(answers[1], DataError)


async def test_a_command_may_have_two_words_and_be_given_as_bytes(client: Pipelined) -> None:
    assert await client.execute_command("CLIENT GETNAME") is None
    assert await client.execute_command(b"CLIENT GETNAME") is None


async def test_answers_come_as_the_client_itself_gives_them(client: Pipelined, redis: Redis) -> None:
    for one in (client, redis):
        await one.hset("hash", mapping={"a": "1"})
        await one.zadd("sorted", {"a": 1.5})
        await one.sadd("set", "a", "b")
    asks: tuple[Callable[[Any], Any], ...] = (
        lambda one: one.hgetall("hash"), lambda one: one.zrange("sorted", 0, -1, withscores=True), lambda one: one.smembers("set"),
        lambda one: one.ping(), lambda one: one.set("k", 1), lambda one: one.get("nothing"), lambda one: one.time(),
    )  # fmt: skip
    for ask in asks:
        assert type(await ask(client)) is type(await ask(redis))
    assert await client.hgetall("hash") == await redis.hgetall("hash")
    assert await client.zrange("sorted", 0, -1, withscores=True) == await redis.zrange("sorted", 0, -1, withscores=True)


async def test_what_is_under_way_when_it_is_closed_fails(client: Pipelined, redis: Redis) -> None:
    await client.set("k", 1)
    await redis.client_pause(200)
    asked = asyncio.ensure_future(client.get("k"))
    await asyncio.sleep(0.05)
    await client.aclose()
    with pytest.raises(Unreachable):
        await asked


async def test_nobody_waits_longer_than_the_limit_for_a_redis_that_answers_one_after_the_other(tmp_path: Path) -> None:
    async with slow(tmp_path, answer=SECONDS * 0.6) as client:
        answers = await asyncio.gather(*(client.get("k") for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in answers] == [str, Late, Late, Late, Late]


async def test_a_connection_has_one_limit_for_all_that_its_beginning_takes(tmp_path: Path) -> None:
    async with slow(tmp_path, greeting=SECONDS * 0.6) as client:
        answers = await asyncio.gather(*(client.get("k") for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in answers] == [Late] * 5


async def test_whoever_asks_a_client_that_is_being_closed_is_told(client: Pipelined) -> None:
    asked = asyncio.ensure_future(client.get("k"))
    await asyncio.sleep(0)
    await client.aclose()
    assert isinstance((await asyncio.gather(asked, return_exceptions=True))[0], RedisError | None)
