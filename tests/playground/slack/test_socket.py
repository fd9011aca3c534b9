"""Socket Mode on the wire, and the SDK's socket client through everything that goes wrong with sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from .local import Json, Local, wait_until

COMMAND: Json = {"user": "U0ALICE", "channel": "C0GPU", "text": "status"}


async def link(local: Local) -> str:
    headers = {"Authorization": f"Bearer {local.workspace.app_token}"}
    async with local.session.post(f"{local.url}/api/apps.connections.open", headers=headers) as answer:
        return str((await answer.json())["url"])


async def sockets(local: Local) -> int:
    return int((await local.get("workspace"))["delivery"]["sockets"])


@asynccontextmanager
async def sdk(local: Local, taken: list[SocketModeRequest], *, ping: float = 0.3) -> AsyncIterator[SocketModeClient]:
    """slack_sdk's aiohttp client, acknowledging everything."""
    client = SocketModeClient(app_token=local.workspace.app_token, web_client=local.client, ping_interval=ping)

    async def take(socket: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        taken.append(request)
        await socket.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload={"text": "taken"}))

    client.socket_mode_request_listeners.append(take)
    await client.connect()  # type: ignore[no-untyped-call]
    yield client
    await client.close()  # type: ignore[no-untyped-call]


async def test_a_ticket_opens_one_socket(local: Local) -> None:
    url = await link(local)
    async with local.session.ws_connect(url) as ws:
        hello = await ws.receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await local.session.ws_connect(url)


async def test_each_envelope_goes_to_exactly_one_of_many_sockets(local: Local) -> None:
    counts: list[int] = []

    async def app(ws: aiohttp.ClientWebSocketResponse) -> None:
        seen = 0
        async for message in ws:
            body = message.json()
            if body["type"] == "slash_commands":
                seen += 1
                await ws.send_json({"envelope_id": body["envelope_id"]})
        counts.append(seen)

    links = [await local.session.ws_connect(await link(local)) for _ in range(3)]
    tasks = [asyncio.create_task(app(ws)) for ws in links]
    answers = await asyncio.gather(*(local.post("commands", **COMMAND) for _ in range(30)))
    assert all(answer["ok"] for answer in answers)
    for ws in links:
        await ws.close()
    await asyncio.gather(*tasks)
    assert sum(counts) == 30
    assert sum(1 for count in counts if count) > 1


async def test_an_eleventh_socket_is_sent_away(local: Local) -> None:
    links = [await local.session.ws_connect(await link(local)) for _ in range(10)]
    await wait_until(lambda: many(local, 10))
    async with local.session.ws_connect(await link(local)) as ws:
        assert (await ws.receive_json())["reason"] == "too_many_websockets"
    for open_link in links:
        await open_link.close()


async def many(local: Local, count: int) -> bool:
    return await sockets(local) == count


async def test_a_ping_is_answered_with_the_same_words(local: Local) -> None:
    async with local.session.ws_connect(await link(local), autoping=False) as ws:
        await ws.receive_json()
        await ws.ping(b"sdk-ping-pong:1.5")
        message = await ws.receive()
        assert (message.type, bytes(message.data)) == (aiohttp.WSMsgType.PONG, b"sdk-ping-pong:1.5")


@pytest.mark.parametrize("effect", ["disconnect", "close", "reset"])
async def test_the_sdk_comes_back_after(local: Local, effect: str) -> None:
    taken: list[SocketModeRequest] = []
    async with sdk(local, taken):
        await wait_until(lambda: many(local, 1))
        assert (await local.post("sockets", effect=effect, reason="refresh_requested"))["sockets"] == 1

        async def answered() -> Any:
            answer = await local.post("commands", **COMMAND)
            return answer["ok"]

        await wait_until(answered, 15)
        assert taken[-1].type == "slash_commands"


@pytest.mark.parametrize("socket_seconds", [0.4])
async def test_a_socket_is_refreshed_when_it_has_lived_its_time(local: Local) -> None:
    async with local.session.ws_connect(await link(local)) as ws:
        assert (await ws.receive_json())["debug_info"]["approximate_connection_time"] == 0
        said = [await ws.receive_json() for _ in range(2)]
        assert [(one["type"], one["reason"]) for one in said] == [("disconnect", "warning"), ("disconnect", "refresh_requested")]
        assert (await ws.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_a_warned_socket_still_works_until_there_is_another(local: Local) -> None:
    async with local.session.ws_connect(await link(local)) as old:
        await old.receive_json()
        await local.post("sockets", effect="disconnect", reason="warning")
        asked = asyncio.create_task(local.post("commands", **COMMAND))
        assert (await old.receive_json())["reason"] == "warning"
        await old.send_json({"envelope_id": (await old.receive_json())["envelope_id"]})
        assert (await asked)["ok"]
        async with local.session.ws_connect(await link(local)) as new:
            await new.receive_json()
            asked = asyncio.create_task(local.post("commands", **COMMAND))
            await new.send_json({"envelope_id": (await new.receive_json(timeout=2))["envelope_id"]})
            assert (await asked)["ok"]


@pytest.mark.parametrize("socket_seconds", [0.5])
async def test_the_sdk_outlives_its_sockets(local: Local) -> None:
    async with sdk(local, []):
        await wait_until(lambda: more_links(local, 3), 15)


async def test_the_sdk_notices_a_silent_peer(local: Local) -> None:
    taken: list[SocketModeRequest] = []
    async with sdk(local, taken, ping=0.2):
        await wait_until(lambda: many(local, 1))
        first = await link_count(local)
        await local.post("sockets", effect="silent")
        await wait_until(lambda: more_links(local, first), 15)


async def link_count(local: Local) -> int:
    return sum(1 for row in local.traffic.listed("slack") if row["path"].startswith("/link"))


async def more_links(local: Local, than: int) -> bool:
    return await link_count(local) > than


async def test_without_an_ack_the_command_times_out_and_is_not_sent_again(local: Local) -> None:
    async with local.session.ws_connect(await link(local)) as ws:
        await ws.receive_json()
        answer = await local.post("commands", **COMMAND)
        assert answer["error"] == "operation_timeout"
        assert (await ws.receive_json())["type"] == "slash_commands"
        with pytest.raises(TimeoutError):
            await ws.receive_json(timeout=0.2)


async def test_an_event_without_ack_comes_again_as_a_new_envelope(local: Local) -> None:
    local.fault("lost", "app_mention")
    async with local.session.ws_connect(await link(local)) as ws:
        await ws.receive_json()
        await local.post("mentions", user="U0ALICE", channel="C0GPU", text="status")
        envelope = await ws.receive_json()
        assert (envelope["retry_attempt"], envelope["retry_reason"]) == (1, "http_timeout")
        await ws.send_json({"envelope_id": envelope["envelope_id"]})
