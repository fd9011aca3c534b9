"""Bolt for JavaScript, which we did not write, runs an app against the local Slack: in Socket Mode, and over signed HTTP."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.judge.clients import node, tool
from tests.playing import ALICE, BOB, GPU, RANDOM, Playing, playing, shown, wait_until

APP = Path(__file__).with_name("bolt-js") / "app.mjs"


@pytest.fixture(scope="module", params=["socket", "http"])
def app(request: pytest.FixtureRequest) -> Iterator[Playing]:
    """A playground whose app is the one in JavaScript; whatever went wrong in it fails the tests."""
    place, binary = tool("bolt-js"), node()
    with playing("--no-bot") as play:
        given = play.ready["env"]
        names = ["SLACK_API_BASE_URL", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "PORT"] + (["SLACK_APP_TOKEN"] if request.param == "socket" else [])
        env = {"PATH": os.environ["PATH"], "BOLT_JS_PLACE": str(place)} | {name: given[name] for name in names}
        process = subprocess.Popen([binary, str(APP)], env=env, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["kind"] == "started"
        url = f"http://127.0.0.1:{given['PORT']}/slack/events"
        play.call("POST", "/delivery", {"mode": request.param, **({"url": url} if request.param == "http" else {})})
        wait_until(lambda: request.param == "http" or play.call("GET", "/workspace")["delivery"]["sockets"], 20, "the app's socket")
        yield play
        process.terminate()
        said, _ = process.communicate(timeout=20)
        assert said == "", said


def texts(app: Playing, channel: str = GPU) -> list[str]:
    return [message["text"] for message in app.messages(channel)]


def views(app: Playing) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = app.call("GET", f"/views?user={ALICE}")["views"]
    return found


def test_a_command_is_acknowledged_and_a_button_edits_its_card(app: Playing) -> None:
    assert app.command("card") == "heard card"
    card = app.card(r"1 x T4")
    assert app.click(card, "approve", BOB)["ok"]
    wait_until(lambda: f"approved op-1 by <@{BOB}>" in texts(app), 10, "the edited card")


def test_a_response_reaches_a_channel_that_the_app_is_not_in(app: Playing) -> None:
    app.command("respond", channel=RANDOM)
    wait_until(lambda: "responded" in texts(app, RANDOM), 10, "the response")


def test_a_modal_is_opened_corrected_and_submitted(app: Playing) -> None:
    app.command("modal")
    view = wait_until(lambda: views(app), 10, "a modal")[0]
    refused = app.call("POST", "/views/submit", {"user": ALICE, "view_id": view["id"], "values": {"value": "Bad Name"}})
    assert refused["errors"] == {"name": "Lower-case letters only."}
    assert len(views(app)) == 1
    assert app.call("POST", "/views/submit", {"user": ALICE, "view_id": view["id"], "values": {"value": "demo"}})["ok"]
    wait_until(lambda: "creating demo" in texts(app) and not views(app), 10, "the message, and no modal")


def test_a_mention_is_answered_in_its_thread(app: Playing) -> None:
    app.command("threaded")
    card = app.card(r"1 x T4")
    app.mention(card["ts"], "status", BOB)
    assert shown(app.reply(card["ts"], "in the thread"))


def test_the_home_is_drawn_when_it_is_opened(app: Playing) -> None:
    assert app.call("POST", "/home", {"user": BOB})["ok"]
    view = wait_until(lambda: app.call("GET", f"/home?user={BOB}")["view"], 10, "a home")
    assert view["blocks"][0]["text"]["text"] == "GPUs"
