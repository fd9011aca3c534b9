"""The menu and its forms: the same commands for people who do not like to type."""

from __future__ import annotations

from tests.playing import ALICE, GPU, Playing, wait_until


def opened(play: Playing) -> dict[str, object]:
    views: list[dict[str, object]] = wait_until(lambda: play.call("GET", f"/views?user={ALICE}")["views"])
    return views[-1]


def menu(play: Playing, action: str) -> None:
    play.command("")
    message = wait_until(lambda: next((one for one in reversed(play.messages(GPU, ALICE)) if one.get("ephemeral_to") and one["blocks"]), None))
    assert play.click(message, action)["ok"]


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


def test_a_button_of_the_menu_is_the_command_itself(play: Playing) -> None:
    menu(play, "menu_status")
    play.card("Going on")


def test_the_home_tab_shows_the_same_picture(play: Playing) -> None:
    play.call("POST", "/home", {"user": ALICE})
    view = wait_until(lambda: play.call("GET", f"/home?user={ALICE}")["view"])
    assert "GPU digest" in str(view)
