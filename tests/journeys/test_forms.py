"""The menu and its forms: the same commands for people who do not like to type."""

from __future__ import annotations

import json
from typing import Any

import redis

from tests.playing import ALICE, GPU, XAVI, Playing, wait_until


def opened(play: Playing, user: str = ALICE) -> dict[str, object]:
    views: list[dict[str, object]] = wait_until(lambda: play.call("GET", f"/views?user={user}")["views"])
    return views[-1]


def menu(play: Playing, action: str, user: str = ALICE) -> None:
    play.command("", user)
    message = wait_until(lambda: next((one for one in reversed(play.messages(GPU, user)) if one.get("ephemeral_to") and one["blocks"]), None))
    assert play.click(message, action, user)["ok"]


def test_a_cluster_is_asked_for_by_form(play: Playing) -> None:
    menu(play, "menu_cluster")
    values = {"name": "formed", "region": "eastus", "nodes": "1", "for": "2h"}
    answer = play.call("POST", "/views/submit", {"user": ALICE, "view_id": opened(play)["id"], "values": values})
    assert answer["ok"], answer
    play.card("cluster formed(.|\n)*Waiting for approval")


def test_a_wrong_value_is_marked_in_the_form(play: Playing) -> None:
    menu(play, "menu_cluster")
    values = {"name": "not a name!", "region": "eastus", "nodes": "1", "for": "2h"}
    answer = play.call("POST", "/views/submit", {"user": ALICE, "view_id": opened(play)["id"], "values": values})
    assert answer["response_action"] == "errors", answer
    assert "name" in answer["errors"]
    play.call("POST", "/views/close", {"user": ALICE, "view_id": opened(play)["id"]})


def test_a_form_from_a_shared_channel_admits_nobody_of_another_workspace(play: Playing) -> None:
    """Slack Connect: such a person need be no stranger, and the form is submitted in the name of their own workspace."""
    assert play.call("POST", "/people", {"user": XAVI, "stranger": False})["ok"]
    assert play.call("POST", "/invite", {"user": XAVI, "channel": GPU})["ok"]
    menu(play, "menu_cluster", XAVI)
    values = {"name": "foreign", "region": "eastus", "nodes": "1", "for": "2h"}
    assert play.call("POST", "/views/submit", {"user": XAVI, "view_id": opened(play, XAVI)["id"], "values": values})["ok"]
    store = redis.Redis.from_url(play.ready["redis"], decode_responses=True)

    def record() -> dict[str, str] | None:
        found: list[Any] = [store.hgetall(key) for key in store.scan_iter("{qm}:op:*")]
        return next((one for one in found if one.get("user") == XAVI and (one["status"] == "refused" or json.loads(one.get("plan") or "null"))), None)

    decided = wait_until(record, 30, "a decision on the request")
    assert (decided["status"], decided["team"]) == ("refused", "T0PLAYGROUND")
    assert "another workspace" in decided["error"]
    menu(play, "menu_cluster", XAVI)  # by now they are known
    told = play.call("POST", "/views/submit", {"user": XAVI, "view_id": opened(play, XAVI)["id"], "values": values})
    assert "another workspace" in str(told["errors"])
    play.call("POST", "/views/close", {"user": XAVI, "view_id": opened(play, XAVI)["id"]})


def test_a_button_of_the_menu_is_the_command_itself(play: Playing) -> None:
    menu(play, "menu_status")
    play.card("Going on")


def test_the_home_tab_shows_the_same_picture(play: Playing) -> None:
    play.call("POST", "/home", {"user": ALICE})
    view = wait_until(lambda: play.call("GET", f"/home?user={ALICE}")["view"])
    assert "GPU digest" in str(view)
