"""Changing what exists: scale, stop, start, abort, adopt - asked for in chat, seen in Azure."""

from __future__ import annotations

import re

import pytest

from tests.playing import ALICE, BOB, CAROL, Playing, shown, wait_until


def approved(play: Playing, title: str, done: str = "Done") -> dict[str, object]:
    """Approve the newest card of that title if it asks for it; the card once it is done."""
    card = play.card(f"{title}(.|\n)*(Waiting for approval|{done})")
    if "Waiting for approval" in shown(card):
        play.click(card, "approve", BOB)
    return play.card(f"{title}(.|\n)*{done}", seconds=120)


@pytest.fixture(scope="module")
def cluster(play: Playing) -> str:
    """A cluster with a GPU pool of one node."""
    play.command("cluster create shop --size Standard_NC4as_T4_v3 --nodes 1 --for 2d")
    approved(play, "cluster shop with", "Done(.|\n)*ready until")
    return "shop"


def test_a_pool_is_scaled_and_the_new_price_is_shown(play: Playing, cluster: str) -> None:
    play.command(f"pool scale {cluster}/gpu --nodes 2")
    card = play.card("scale(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    play.card("scale(.|\n)*Progress: 2 of 2", seconds=90)
    play.command("nodes shop")
    play.card("2 of 2 GPUs free on 2 nodes", seconds=60)
    play.command(f"pool scale {cluster}/gpu --nodes 9")
    assert "9 nodes" in play.command(f"pool scale {cluster}/gpu --nodes 9")


def test_a_pool_is_stopped_and_started(play: Playing, cluster: str) -> None:
    play.command(f"pool stop {cluster}/gpu")
    approved(play, "stop node pool|stop .*gpu")
    play.command(f"pool show {cluster}/gpu")
    play.card(r"shop/gpu\*: .*Stopped")
    play.command(f"pool start {cluster}/gpu")
    approved(play, "start node pool|start .*gpu")
    wait_until(lambda: play.command(f"pool show {cluster}/gpu"))
    play.card(r"shop/gpu\*: .*Running")


def test_a_cluster_made_by_hand_is_adopted_by_an_operator(play: Playing) -> None:
    refused = play.command("cluster adopt shop --group quartermaster-shop", ALICE)
    assert "operator" in refused or wait_until(lambda: any("operator" in one for one in play.whispers(ALICE)))
    play.command("cluster adopt nothere --group quartermaster-shop", CAROL)
    assert re.search("nothere", shown(play.card("adopt nothere(.|\n)*Not started")))


def test_aborting_where_nothing_runs_says_so(play: Playing, cluster: str) -> None:
    play.command(f"pool abort {cluster}/gpu")
    card = play.card("abort(.|\n)*(Not started|Done)")
    assert card
