"""What is not there yet or not any more: new block types, a channel, a price, a connection."""

from __future__ import annotations

from tests.playing import ALICE, BOB, GPU, Playing, shown, wait_until


def test_where_plan_blocks_are_not_rolled_out_the_card_is_drawn_in_words(play: Playing) -> None:
    play.fault("slack", "block_not_rolled_out", times=-1, type="plan")
    play.command("cluster create plain --size Standard_NC4as_T4_v3 --for 1h")
    card = play.card("cluster plain(.|\n)*Waiting for approval")
    assert not [block for block in card["blocks"] if block["type"] == "plan"]
    assert "○ Cluster plain with its system pool" in shown(card)
    play.click(card, "cancel", ALICE)
    play.reply(card["ts"], "Cancelled")
    play.call("DELETE", "/faults")


def test_an_unknown_price_is_refused_and_not_taken_for_zero(play: Playing) -> None:
    play.fault("prices", "status", times=2, status=200, body={"BillingCurrency": "USD", "Items": [], "NextPageLink": None, "Count": 0})
    play.command("cluster create priceless --size Standard_NC8as_T4_v3 --for 1h")
    card = play.card("create priceless(.|\n)*Not started")
    assert "price" in shown(card)
    assert not play.writes("azure", "managedClusters/priceless")


def test_a_failed_cluster_is_taken_back_and_the_cause_is_said_in_words(play: Playing) -> None:
    play.fault(
        "azure", "lro_failed", match="agentPools/gpu", code="AllocationFailed", message="Allocation failed. We do not have sufficient capacity."
    )
    play.command("cluster create unlucky --size Standard_NC4as_T4_v3 --for 1h")
    card = play.card("cluster unlucky(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    reply = play.reply(card["ts"], "no free machines", seconds=90)
    assert "<@U0ALICE>" in shown(reply)
    assert "deleted" in shown(reply)
    assert "Failed" in shown(next(one for one in play.messages(GPU) if one["ts"] == card["ts"]))
    wait_until(lambda: play.writes("azure", "^DELETE.*managedClusters/unlucky"))
    failed = next(one for one in play.messages(GPU) if one["ts"] == card["ts"])
    assert play.click(failed, "sizes")["ok"]
    play.reply(card["ts"], "GPU sizes in eastus")
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
