"""Every listener of the bot, entered by those who may not, with values of their own making: signed as Slack would, and nothing moves."""

from __future__ import annotations

import itertools
import json
import re
import time
from typing import Any
from urllib.parse import urlencode

import pytest
import redis as redis_sync

from bot.approvals.gate import UNKNOWN_CLICKS
from handlers.actions import ACTS
from tests.playing import ALICE, CAROL, GINA, GPU, RANDOM, ROOT, XAVI, Playing, wait_until
from tests.security.test_signatures import now, sent, signed

TEAM = {"id": "T0PLAYGROUND", "domain": "playground"}
OTHER_ACTIONS = ("deny", "break_glass", "again_edit", "suggest_takeover", "suggest_stop", "menu_cluster", "menu_run", "menu_nodes")
VIEWS = {
    "deny": {"reason": "because I say so"}, "break_glass": {"reason": "an emergency of mine, really"},
    "cluster": {"name": "mine", "region": "eastus", "size": "Standard_NC4as_T4_v3", "nodes": "1", "for": "8h"},
    "run": {"work": "mnist", "on": "doors"}, "again": {"gpus": "1"}, "where": {"cluster": "doors"},
}  # fmt: skip
_trigger = itertools.count(1)


def interact(play: Playing, payload: dict[str, Any]) -> int:
    """Post an interaction as Slack does, truly signed: who is in it is Slack's word, what is pressed is the person's."""
    body, stamp = urlencode({"payload": json.dumps(payload)}), now()
    return sent(play, body, stamp, signed(play.ready["env"]["SLACK_SIGNING_SECRET"], stamp, body))


def pressed(play: Playing, who: str, channel: str, action: str, value: str) -> int:
    """A click on a button that nobody drew."""
    return interact(play, {
        "type": "block_actions", "user": {"id": who, "team_id": TEAM["id"]}, "team": TEAM, "channel": {"id": channel, "name": "x"}, "token": "x",
        "trigger_id": f"{next(_trigger)}.{time.time()}", "api_app_id": "A0QM", "response_url": "http://127.0.0.1:9/",
        "container": {"type": "message"},
        "actions": [{"type": "button", "action_id": action, "block_id": "b", "value": value, "action_ts": "1.0"}],
    })  # fmt: skip


def submitted(play: Playing, who: str, callback: str, kept: dict[str, str], values: dict[str, str]) -> int:
    """A form that nobody opened."""
    state = {name: {name: {"type": "plain_text_input", "value": value}} for name, value in values.items()}
    return interact(play, {
        "type": "view_submission", "user": {"id": who, "team_id": TEAM["id"]}, "team": TEAM, "api_app_id": "A0QM", "token": "x",
        "trigger_id": f"{next(_trigger)}.1", "view": {
            "id": f"V0{next(_trigger)}", "type": "modal", "callback_id": callback, "private_metadata": json.dumps(kept), "state": {"values": state},
            "hash": "1.x", "blocks": [],
        },
    })  # fmt: skip


@pytest.fixture(scope="module")
def store(play: Playing) -> redis_sync.Redis:
    return redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)


def records(store: redis_sync.Redis) -> dict[str, dict[str, str]]:
    """Every operation's record."""
    found: Any = {str(key): store.hgetall(key) for key in store.scan_iter("{qm}:op:*")}
    return dict(found)


def test_every_listener_is_entered_here() -> None:
    """What is listened to stands in the source; a new door has to be tried here, too."""
    source = "".join(file.read_text() for file in (ROOT / "handlers").glob("*.py"))
    (listed,) = re.findall(r"for name in \((.*)\):\n        listen", source)
    views = set(re.findall(r'@app\.view\("(\w+)"\)', source)) | set(re.findall(r"\w+", listed))
    actions = set(re.findall(r'@app\.action\(re\.compile\(r"\^(\w+?)_?(?:\(:|")', source))
    assert views == set(VIEWS)
    assert {name.removesuffix("_").partition("_")[0] for name in actions} == {name.partition("_")[0] for name in OTHER_ACTIONS} | {"link"}


def test_no_button_or_form_moves_anything_for_those_who_may_not(play: Playing, store: redis_sync.Redis) -> None:
    wait_until(lambda: "On it" in play.command("cluster create doors --size Standard_NC4as_T4_v3 --for 8h", ALICE), 20)
    play.card("cluster doors(.|\n)*Waiting for approval")
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
        for action, value in itertools.product((*ACTS, *OTHER_ACTIONS), forged):
            assert pressed(play, who, channel, action, value) == 200, action
    for who in (GINA, XAVI):
        store.set(f"{{qm}}:aside:{who}:mine", json.dumps({"manifest": "apiVersion: batch/v1\nkind: Job\n"}))
        for callback, values in VIEWS.items():
            kept = {"value": f"{operation}:{digest}", "channel": GPU, "about": operation, "job": "doors", "aside": "mine"}
            assert submitted(play, who, callback, kept, values) == 200, callback
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
