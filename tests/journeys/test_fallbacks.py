"""What is not there yet or not any more: new block types, a channel, a price, a connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.playing import ALICE, BOB, GPU, Playing, shown, wait_until


@pytest.fixture(autouse=True)
def fair_weather(play: Playing) -> Iterator[None]:
    """No fault of one journey reaches the next."""
    yield
    play.call("DELETE", "/faults")


def test_where_plan_blocks_are_not_rolled_out_the_card_is_drawn_in_words(play: Playing) -> None:
    play.fault("slack", "block_not_rolled_out", times=-1, type="plan")
    play.command("cluster create plain --size Standard_NC4as_T4_v3 --for 1h")
    card = play.card("cluster plain(.|\n)*Waiting for approval")
    assert not [block for block in card["blocks"] if block["type"] == "plan"]
    assert "○ Cluster plain with its system pool" in shown(card)
    play.click(card, "cancel", ALICE)
    play.reply(card["ts"], "Cancelled")


def test_an_unknown_price_is_refused_and_not_taken_for_zero(play: Playing) -> None:
    play.fault("prices", "status", times=-1, status=200, body={"BillingCurrency": "USD", "Items": [], "NextPageLink": None, "Count": 0})
    play.command("cluster create priceless --size Standard_NV36ads_A10_v5 --for 1h")
    card = play.card("create priceless(.|\n)*Not started")
    assert "price" in shown(card)
    assert not play.writes("azure", "managedClusters/priceless")


NO_ROOM: dict[str, Any] = {"code": "AllocationFailed", "message": "Allocation failed. We do not have sufficient capacity."}


def asked(play: Playing, name: str) -> dict[str, Any]:
    """A request for a cluster with a GPU, approved."""
    play.command(f"cluster create {name} --size Standard_NC4as_T4_v3 --for 1h")
    card = play.card(f"cluster {name}(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    return card


def test_without_capacity_the_next_permitted_place_is_tried_without_asking_again(play: Playing) -> None:
    play.fault("azure", "lro_failed", match="agentPools/gpu", **NO_ROOM)
    card = asked(play, "moving")
    moved = shown(play.reply(card["ts"], "no free machines(.|\n)*Trying", seconds=90))
    assert "no dearer than approved" in moved
    play.reply(card["ts"], "Proven: ", seconds=120)
    assert len([line for line in shown_all(play, card) if "Approved by" in line]) == 1


def shown_all(play: Playing, card: dict[str, Any]) -> list[str]:
    return [shown(reply) for one in play.messages(GPU) if one["ts"] == card["ts"] for reply in one["replies"]]


def test_where_nothing_has_capacity_all_is_taken_back_and_the_cause_is_said_in_words(play: Playing) -> None:
    play.fault("azure", "lro_failed", match="agentPools", times=-1, **NO_ROOM)
    card = asked(play, "unlucky")
    reply = play.reply(card["ts"], "<@U0ALICE>(.|\n)*no free machines", seconds=150)
    assert "deleted" in shown(reply)
    failed = play.card("cluster unlucky(.|\n)*Failed")
    wait_until(lambda: play.writes("azure", "^DELETE.*managedClusters/unlucky|^DELETE.*resource[gG]roups/quartermaster-unlucky"))
    assert play.click(failed, "sizes")["ok"]
    play.reply(card["ts"], "GPU sizes in")
    assert play.click(failed, "retry")["ok"]
    again = play.card("cluster unlucky(.|\n)*Waiting for approval")
    assert again["ts"] != card["ts"]


def test_a_cancelled_request_leaves_nothing_behind(play: Playing) -> None:
    play.command("cluster create regretted --size Standard_NC4as_T4_v3 --for 1h")
    card = play.card("cluster regretted(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    wait_until(lambda: play.writes("azure", "^PUT.*managedClusters/regretted"))
    play.mention(card["ts"], "cancel")
    reply = play.reply(card["ts"], "Cancelled by <@U0ALICE>", seconds=90)
    assert "was deleted" in shown(reply)
    play.command("cluster list")
    listed = play.card("Clusters|There is no cluster")
    assert "regretted" not in shown(listed)
