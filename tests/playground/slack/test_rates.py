"""Rate limits: real time, per method and per channel, 429 with Retry-After."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from playground.slack.limits import CHANNEL_BURST, PER_MINUTE
from playground.slack.manifest import DEFAULT

from .local import Json, Local


async def answer(local: Local, method: str, **args: str) -> tuple[int, Json, str]:
    """Status, body and Retry-After of one call."""
    headers = {"Authorization": f"Bearer {local.workspace.bot_token}"}
    async with local.session.post(f"{local.url}/api/{method}", data=args, headers=headers) as response:
        return response.status, await response.json(), response.headers.get("Retry-After", "")


async def test_a_channel_takes_a_short_burst_then_one_message_a_second(local: Local) -> None:
    rows = [await answer(local, "chat.postMessage", channel="C0GPU", text=str(n)) for n in range(int(CHANNEL_BURST) + 2)]
    assert [status for status, _, _ in rows[: int(CHANNEL_BURST)]] == [200] * int(CHANNEL_BURST)
    status, body, retry_after = rows[-1]
    assert (status, body, retry_after) == (429, {"ok": False, "error": "ratelimited"}, "1")
    assert (await answer(local, "chat.postMessage", channel="C0ML", text="elsewhere"))[0] == 200


async def test_edits_are_counted_per_method_not_per_channel(local: Local) -> None:
    stamps = {c: (await local.client.chat_postMessage(channel=c, text="x"))["ts"] for c in ("C0GPU", "C0ML")}
    for number in range(PER_MINUTE["t3"]):
        channel = ("C0GPU", "C0ML")[number % 2]
        assert (await answer(local, "chat.update", channel=channel, ts=stamps[channel], text=str(number)))[0] == 200
    status, _, retry_after = await answer(local, "chat.update", channel="C0GPU", ts=stamps["C0GPU"], text="one too many")
    assert status == 429
    assert int(retry_after) >= 1
    assert (await answer(local, "reactions.add", channel="C0GPU", timestamp=stamps["C0GPU"], name="eyes"))[0] == 200


async def test_a_rate_limit_can_be_asked_for(local: Local) -> None:
    local.fault("ratelimited", "chat.update", retry_after=30)
    assert (await answer(local, "chat.update", channel="C0GPU", ts="1", text="x"))[::2] == (429, "30")
    assert (await answer(local, "chat.update", channel="C0GPU", ts="1", text="x"))[1]["error"] == "message_not_found"


async def test_any_error_can_be_asked_for(local: Local) -> None:
    local.fault("error", "POST chat.update", error="edit_window_closed")
    assert (await answer(local, "chat.update", channel="C0GPU", ts="1", text="x"))[1]["error"] == "edit_window_closed"


async def test_a_connection_cut_after_the_post_leaves_the_message_there(local: Local) -> None:
    local.fault("reset_after", "chat.postMessage")
    with pytest.raises((aiohttp.ClientError, asyncio.TimeoutError)):
        await local.client.chat_postMessage(channel="C0GPU", text="did it?")
    assert [row["text"] for row in await local.messages()] == ["did it?"]
    assert [row["status"] for row in local.traffic.listed("slack")] == [499]


@pytest.mark.parametrize(
    ("headers", "error"),
    [({}, "not_authed"), ({"Authorization": "Bearer xoxb-other"}, "invalid_auth")],
)
async def test_a_call_needs_a_known_token(local: Local, headers: dict[str, str], error: str) -> None:
    async with local.session.post(f"{local.url}/api/auth.test", headers=headers) as response:
        assert (await response.json())["error"] == error


async def test_the_app_token_opens_sockets_and_nothing_else(local: Local) -> None:
    wrong = {"Authorization": f"Bearer {local.workspace.app_token}"}
    async with local.session.post(f"{local.url}/api/auth.test", headers=wrong) as response:
        assert (await response.json())["error"] == "not_allowed_token_type"
    assert (await answer(local, "apps.connections.open"))[1]["error"] == "not_allowed_token_type"


ROTATING: Json = DEFAULT | {"settings": DEFAULT["settings"] | {"token_rotation_enabled": True}}


@pytest.mark.parametrize(("manifest", "expires"), [(None, False), (ROTATING, True)])
async def test_a_rotated_token_is_good_for_twelve_hours(local: Local, expires: bool) -> None:
    local.clock.advance(12 * 3600 - 60)
    assert (await answer(local, "auth.test"))[1]["ok"]
    local.clock.advance(120)
    assert (await answer(local, "auth.test"))[1].get("error") == ("token_expired" if expires else None)
