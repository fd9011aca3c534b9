"""Every listener of the bot, entered by those who may not, with values of their own making: signed as Slack would, and nothing moves."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import redis as redis_sync
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.app.web import web
from bot.approvals.gate import UNKNOWN_CLICKS
from bot.commands.mention import VERBS
from bot.settings import Settings
from handlers.actions import ACTS
from handlers.server import Identity, bolt_app
from tests.playing import ALICE, CAROL, GINA, GPU, RANDOM, XAVI, Playing, wait_until
from tests.security.test_signatures import FORM, now, sent, signed

Json = dict[str, Any]
TEAM = {"id": "T0PLAYGROUND", "domain": "playground"}
OTHER_ACTIONS = ("deny", "break_glass", "again_edit", "suggest_takeover", "suggest_stop", "menu_cluster", "menu_run", "menu_nodes", "link_docs")
MANIFEST = "```\napiVersion: batch/v1\nkind: Job\nmetadata: {name: mine}\n```"
VIEWS = {
    "deny": {"reason": "because I say so"}, "break_glass": {"reason": "an emergency of mine, really"},
    "cluster": {"name": "mine", "region": "eastus", "size": "Standard_NC4as_T4_v3", "nodes": "1", "for": "8h"},
    "run": {"work": "mnist", "on": "doors"}, "again": {"gpus": "1"}, "where": {"cluster": "doors"},
}  # fmt: skip
_trigger = itertools.count(1)


def heard(play: Playing, payload: Json) -> int:
    """Post it as Slack does, truly signed: who is in it is Slack's word, what is in it is the person's."""
    if payload["type"] == "event_callback":
        body, kind = json.dumps(payload), "application/json"
    else:
        body, kind = urlencode(payload if payload["type"] == "command" else {"payload": json.dumps(payload)}), FORM
    stamp = now()
    return sent(play, body, stamp, signed(play.ready["env"]["SLACK_SIGNING_SECRET"], stamp, body), kind)


def command(who: str, channel: str, text: str) -> Json:
    """What is typed after `/gpu`."""
    return {"type": "command", "command": "/gpu", "text": text, "team_id": TEAM["id"], "user_id": who, "channel_id": channel} | _fresh()


def click(who: str, channel: str, action: str, value: str) -> Json:
    """A click on a button that nobody drew."""
    return {
        "type": "block_actions", "user": {"id": who, "team_id": TEAM["id"]}, "team": TEAM, "channel": {"id": channel, "name": "x"}, "token": "x",
        "api_app_id": "A0QM", "container": {"type": "message"},
        "actions": [{"type": "button", "action_id": action, "block_id": "b", "value": value, "action_ts": "1.0"}],
    } | _fresh()  # fmt: skip


def form(who: str, callback: str, kept: dict[str, str], values: dict[str, str]) -> Json:
    """A form that nobody opened."""
    state = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in values.items()}
    return {
        "type": "view_submission", "user": {"id": who, "team_id": TEAM["id"]}, "team": TEAM, "api_app_id": "A0QM", "token": "x",
        "trigger_id": f"{next(_trigger)}.1", "view": {
            "id": f"V0{next(_trigger)}", "type": "modal", "callback_id": callback, "private_metadata": json.dumps(kept), "state": {"values": state},
            "hash": "1.x", "blocks": [],
        },
    }  # fmt: skip


def shortcut(who: str, channel: str, text: str) -> Json:
    """*Run on GPU*, on a message of one's own."""
    return {
        "type": "message_action", "callback_id": "run_on_gpu", "user": {"id": who, "team_id": TEAM["id"]}, "team": TEAM, "token": "x",
        "channel": {"id": channel, "name": "x"}, "message_ts": "1.0", "message": {"type": "message", "user": who, "text": text},
    } | _fresh()  # fmt: skip


def event(who: str, kind: str, **more: str) -> Json:
    """What happened, as the Events API tells it."""
    return {
        "type": "event_callback", "team_id": TEAM["id"], "api_app_id": "A0QM", "event_id": f"Ev{next(_trigger)}{time.time()}", "event_time": 1,
        "authorizations": [{"team_id": TEAM["id"], "user_id": "U0QM", "is_bot": True}], "event": {"type": kind, "user": who, **more},
    }  # fmt: skip


def _fresh() -> Json:
    return {"trigger_id": f"{next(_trigger)}.{time.time()}", "response_url": "http://127.0.0.1:9/"}


def pressed(play: Playing, who: str, channel: str, action: str, value: str) -> int:
    return heard(play, click(who, channel, action, value))


def tried(who: str, channel: str, values: tuple[str, ...], kept: dict[str, str], thread: str) -> Iterator[Json]:
    """Everything that somebody can do to the bot, with values of their own making."""
    for action, value in itertools.product((*ACTS, *OTHER_ACTIONS), values):
        yield click(who, channel, action, value)
    for callback, filled in VIEWS.items():
        yield form(who, callback, {**kept, "channel": channel}, filled)
    yield command(who, channel, "cluster create mine --for 1h")
    yield shortcut(who, channel, MANIFEST)
    yield event(who, "app_home_opened", tab="home", channel="D0")
    for verb in VERBS:
        yield event(who, "app_mention", text=f"<@U0QM> {verb}", channel=channel, ts=f"{time.time():.6f}", thread_ts=thread)


@pytest.fixture(scope="module")
def store(play: Playing) -> redis_sync.Redis:
    return redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)


def records(store: redis_sync.Redis) -> dict[str, dict[str, str]]:
    """Every operation's record."""
    found: Any = {str(key): store.hgetall(key) for key in store.scan_iter("{qm}:op:*")}
    return dict(found)


async def test_every_listener_is_entered_here(play: Playing) -> None:
    """Asked of Bolt's app itself, with what is tried below: a new door, however it is written, is entered by none of it."""
    settings = Settings.from_environment(play.ready["env"])
    entered: set[int] = set()
    async with web(settings) as (intake, client):
        listeners = bolt_app(settings.slack, client, Identity(client), intake)._async_listeners
        for payload in tried(GINA, GPU, ("x",), {"value": "x"}, "1.0"):
            request = AsyncBoltRequest(body=payload, mode="socket_mode")
            matching = [number for number, one in enumerate(listeners) if await one.async_matches(req=request, resp=BoltResponse(status=200))]
            assert len(matching) == 1, payload
            entered |= set(matching)
    unentered = [listeners[number].ack_function for number in range(len(listeners)) if number not in entered]
    assert [f"{one.__module__}.{one.__qualname__}" for one in unentered] == []


def test_no_button_or_form_moves_anything_for_those_who_may_not(play: Playing, store: redis_sync.Redis) -> None:
    wait_until(lambda: "On it" in play.command("cluster create doors --size Standard_NC4as_T4_v3 --for 8h", ALICE), 20)
    card = play.card("cluster doors(.|\n)*Waiting for approval")
    key, asked = wait_until(
        lambda: next(((key, one) for key, one in records(store).items() if "doors" in one["text"] and one["status"] == "waiting_approval"), None), 20
    )
    for who in (GINA, XAVI):  # a click by somebody unknown is kept for the worker to judge; these are known by now
        pressed(play, who, GPU, "menu_nodes", "nodes")
        wait_until(lambda who=who: store.exists(f"{{qm}}:person:{who}"), 20, f"{who} to be known")  # type: ignore[misc]
    operation, digest = asked["id"], json.loads(asked["plan"])["digest"]
    writes = {service: len(play.writes(service, "")) for service in ("azure", "kubernetes")}
    for who, channel in ((GINA, GPU), (XAVI, GPU), (ALICE, RANDOM)):
        forged = (operation, f"{operation}:{digest}", f"{operation}:0", "cluster create mine")
        store.set(f"{{qm}}:aside:{who}:mine", json.dumps({"manifest": "apiVersion: batch/v1\nkind: Job\n"}))
        kept = {"value": f"{operation}:{digest}", "about": operation, "job": "doors", "aside": "mine"}
        for payload in tried(who, channel, forged, kept, card["ts"]):
            assert heard(play, payload) == 200, payload
    wait_until(lambda: not [one for one in records(store).values() if one["user"] in (GINA, XAVI) and one["status"] != "refused"], 60, "all refused")
    after = records(store)[key]
    assert after["status"] == "waiting_approval"
    assert [name for name in after if name.startswith("decision:") or name == "cancel"] == []
    assert {service: len(play.writes(service, "")) for service in writes} == writes
    crowd(play, store, key, f"{operation}:{digest}")
    # The same click by somebody who may does count: the door is a real one.
    assert pressed(play, CAROL, GPU, "approve", f"{operation}:{digest}") == 200
    wait_until(lambda: records(store)[key]["status"] != "waiting_approval", 20, "the approval to count")


def crowd(play: Playing, store: redis_sync.Redis, key: str, value: str) -> None:
    """Whom the bot does not know may fill no record, nor keep an approver out whom it does not know either."""
    for number in range(2 * UNKNOWN_CLICKS):
        assert pressed(play, f"U0NOBODY{number}", GPU, "approve", value) == 200
    assert sum(name.startswith("decision:") for name in records(store)[key]) == UNKNOWN_CLICKS
    store.delete(f"{{qm}}:person:{CAROL}")
    assert pressed(play, CAROL, GPU, "approve", value) == 200
    assert sum(name.startswith("decision:") for name in records(store)[key]) == UNKNOWN_CLICKS
    assert "On it" in play.command("budget", CAROL)
    wait_until(lambda: store.exists(f"{{qm}}:person:{CAROL}"), 20, "Carol to be known")
