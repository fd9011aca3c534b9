"""Bolt for Python drives the local Slack, over sockets and over HTTP: what a real app does must simply work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from playground.ports import free_port

from .local import Json, Local, wait_until

BUTTONS: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Create *demo*?"}},
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "Approve"}, "action_id": "approve", "value": "op-1", "style": "primary"},
            {
                "type": "static_select",
                "action_id": "size",
                "options": [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("T4", "A100")],
            },
        ],
    },
]
MODAL: Json = {
    "type": "modal",
    "callback_id": "create",
    "notify_on_close": True,
    "title": {"type": "plain_text", "text": "New cluster"},
    "submit": {"type": "plain_text", "text": "Create"},
    "blocks": [
        {
            "type": "input",
            "block_id": "name",
            "label": {"type": "plain_text", "text": "Name"},
            "element": {"type": "plain_text_input", "action_id": "value", "max_length": 12},
        }
    ],
}


class Recorder:
    """What the app's listeners were called with."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Json]] = []

    def of(self, kind: str) -> list[Json]:
        return [payload for name, payload in self.seen if name == kind]


def listeners(app: AsyncApp, seen: Recorder) -> None:
    """What people do on purpose: command, buttons, modal, shortcut."""

    @app.command("/gpu")
    async def command(ack: Any, body: Json, client: AsyncWebClient) -> None:
        seen.seen.append(("command", body))
        words = body["text"].split()
        if words[:1] == ["open"]:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        elif words[:1] == ["silent"]:
            await asyncio.sleep(float(words[1]))
        elif words[:1] == ["public"]:
            await ack(text="to all", response_type="in_channel")
        else:
            await ack(f"got {body['text']}")

    @app.action("approve")
    @app.action("size")
    async def acted(ack: Any, body: Json) -> None:
        seen.seen.append(("action", body))
        await ack()

    @app.view("create")
    async def submitted(ack: Any, body: Json) -> None:
        seen.seen.append(("view", body))
        name = body["view"]["state"]["values"]["name"]["value"]["value"]
        if name == "bad":
            await ack(response_action="errors", errors={"name": "Not that one."})
        else:
            await ack()

    @app.view_closed("create")
    async def closed(ack: Any, body: Json) -> None:
        seen.seen.append(("closed", body))
        await ack()

    @app.shortcut("run_on_gpu")
    async def shortcut(ack: Any, body: Json) -> None:
        seen.seen.append(("shortcut", body))
        await ack()


def event_listeners(app: AsyncApp, seen: Recorder) -> None:
    """What the app is told: home opened, mentioned."""

    @app.event("app_home_opened")
    async def home(event: Json, client: AsyncWebClient) -> None:
        seen.seen.append(("home", event))
        view = {"type": "home", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "GPUs"}}]}
        await client.views_publish(user_id=event["user"], view=view)

    @app.event("app_mention")
    async def mention(event: Json, say: Any) -> None:
        seen.seen.append(("mention", event))
        await say(text="here", thread_ts=event.get("thread_ts", event["ts"]))


@asynccontextmanager
async def over_socket(local: Local, app: AsyncApp) -> AsyncIterator[None]:
    handler = AsyncSocketModeHandler(app, local.workspace.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    await wait_until(lambda: sockets(local, 1))
    yield
    await handler.close_async()  # type: ignore[no-untyped-call]


async def sockets(local: Local, count: int) -> bool:
    return bool((await local.get("workspace"))["delivery"]["sockets"] == count)


@asynccontextmanager
async def over_http(local: Local, app: AsyncApp) -> AsyncIterator[None]:
    port = free_port()
    runner = web.AppRunner(app.web_app(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    chosen = await local.post("delivery", mode="http", url=f"http://127.0.0.1:{port}/slack/events")
    assert chosen["verified"] is True
    yield
    await runner.cleanup()


@pytest.fixture(params=[over_socket, over_http], ids=["socket", "http"])
async def seen(request: pytest.FixtureRequest, local: Local) -> AsyncIterator[Recorder]:
    """A Bolt app at work, in each mode."""
    recorder = Recorder()
    app = AsyncApp(client=local.client, signing_secret=local.workspace.signing_secret, process_before_response=True)
    listeners(app, recorder)
    event_listeners(app, recorder)
    connect: Callable[[Local, AsyncApp], Any] = request.param
    async with connect(local, app):
        yield recorder


async def test_the_ack_text_is_seen_by_the_person_alone(local: Local, seen: Recorder) -> None:
    answer = await local.post("commands", user="U0ALICE", channel="C0GPU", text="status")
    assert (answer["ok"], answer["error"]) == (True, None)
    assert (answer["ack"]["text"], answer["ack"]["response_type"]) == ("got status", "ephemeral")
    assert await local.messages() == []
    shown = await local.messages(user="U0ALICE")
    assert [(m["text"], m["ephemeral_to"]) for m in shown] == [("got status", "U0ALICE")]
    payload = seen.of("command")[0]
    assert "thread_ts" not in payload
    assert payload["is_enterprise_install"] == "false"


async def test_an_ack_in_channel_is_seen_by_all(local: Local, seen: Recorder) -> None:
    await local.post("commands", user="U0ALICE", channel="C0GPU", text="public")
    assert [m["text"] for m in await local.messages()] == ["to all"]


async def test_a_button_brings_its_message_and_who_pressed_it(local: Local, seen: Recorder) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="ask", blocks=BUTTONS))["ts"]
    assert (await local.post("actions", user="U0BOB", channel="C0GPU", ts=ts, action_id="approve"))["ok"]
    payload = seen.of("action")[0]
    assert payload["actions"][0]["value"] == "op-1"
    assert payload["user"]["id"] == "U0BOB"
    assert payload["message"]["ts"] == ts
    assert (await local.post("actions", user="U0BOB", channel="C0GPU", ts=ts, action_id="size", value="A100"))["ok"]
    assert seen.of("action")[1]["actions"][0]["selected_option"]["value"] == "A100"


async def test_nobody_presses_what_they_do_not_see(local: Local, seen: Recorder) -> None:
    ts = (await local.client.chat_postMessage(channel="C0ML", text="ask", blocks=BUTTONS))["ts"]
    assert (await local.post("actions", user="U0CAROL", channel="C0ML", ts=ts, action_id="approve"))["error"] == "not_in_channel"
    assert (await local.post("actions", user="U0BOB", channel="C0ML", ts=ts, action_id="deny"))["error"] == "no_such_action"
    answer = await local.client.chat_postEphemeral(channel="C0GPU", user="U0ALICE", text="ask", blocks=BUTTONS)
    private = {"channel": "C0GPU", "ts": answer["message_ts"], "action_id": "approve"}
    assert (await local.post("actions", user="U0BOB", **private))["error"] == "no_such_action"
    assert (await local.post("actions", user="U0ALICE", **private))["ok"]
    assert "message" not in seen.of("action")[-1]


async def test_a_modal_is_opened_refused_corrected_and_taken(local: Local, seen: Recorder) -> None:
    await local.post("commands", user="U0ALICE", channel="C0GPU", text="open")
    view = (await local.get("views", user="U0ALICE"))["views"][0]
    empty = await local.post("views/submit", user="U0ALICE", view_id=view["id"], values={})
    assert empty["errors"] == {"name": "Please complete this required field."}
    assert seen.of("view") == []
    refused = await local.post("views/submit", user="U0ALICE", view_id=view["id"], values={"name": {"value": "bad"}})
    assert (refused["ok"], refused["errors"]) == (False, {"name": "Not that one."})
    assert (await local.get("views", user="U0ALICE"))["views"]
    assert (await local.post("views/submit", user="U0ALICE", view_id=view["id"], values={"value": "demo"}))["ok"]
    assert (await local.get("views", user="U0ALICE"))["views"] == []


async def test_closing_a_modal_is_told_where_it_was_asked_for(local: Local, seen: Recorder) -> None:
    await local.post("commands", user="U0ALICE", channel="C0GPU", text="open")
    view = (await local.get("views", user="U0ALICE"))["views"][0]
    await local.post("views/close", user="U0ALICE", view_id=view["id"])
    assert [body["view"]["id"] for body in seen.of("closed")] == [view["id"]]


async def test_home_is_drawn_when_it_is_opened(local: Local, seen: Recorder) -> None:
    assert (await local.post("home", user="U0GINA"))["delivered"]

    async def drawn() -> Json | None:
        view: Json | None = (await local.get("home", user="U0GINA"))["view"]
        return view

    assert (await wait_until(drawn))["blocks"][0]["text"]["text"] == "GPUs"


async def test_a_mention_in_a_thread_is_answered_in_the_thread(local: Local, seen: Recorder) -> None:
    ts = (await local.client.chat_postMessage(channel="C0GPU", text="card"))["ts"]
    await local.post("mentions", user="U0ALICE", channel="C0GPU", thread_ts=ts, text="status")

    async def replies() -> list[Json] | None:
        rows: list[Json] = (await local.messages())[0]["replies"]
        return rows if len(rows) == 2 else None

    assert [reply["text"] for reply in await wait_until(replies)] == ["<@U0QM> status", "here"]
    assert seen.of("mention")[0]["thread_ts"] == ts


async def test_a_shortcut_brings_message_and_file(local: Local, seen: Recorder) -> None:
    posted = await local.post("messages", user="U0ALICE", channel="C0GPU", text="run this", files=[{"name": "job.yaml", "content": "kind: Job"}])
    assert (await local.post("shortcuts", user="U0ALICE", channel="C0GPU", ts=posted["ts"], callback_id="run_on_gpu"))["ok"]
    file = seen.of("shortcut")[0]["message"]["files"][0]
    async with local.session.get(file["url_private"], headers={"Authorization": f"Bearer {local.workspace.bot_token}"}) as answer:
        assert await answer.text() == "kind: Job"
    async with local.session.get(file["url_private"]) as answer:
        assert "Sign in" in await answer.text()


async def test_no_ack_within_three_seconds_is_told_to_the_person_alone(local: Local, seen: Recorder) -> None:
    answer = await local.post("commands", user="U0ALICE", channel="C0GPU", text="silent 3.3")
    assert (answer["ok"], answer["error"]) == (False, "operation_timeout")
    assert 2900 <= answer["ack"]["ms"] < 3300
    assert await local.messages() == []
    assert "operation_timeout" in (await local.messages(user="U0ALICE"))[0]["text"]
    assert len(seen.of("command")) == 1
