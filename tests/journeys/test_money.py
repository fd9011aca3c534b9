"""What an approval is worth over time, and what idles: asked again, reminded, expired, started in an emergency, warned, reclaimed."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import Any

from tests.playing import ALICE, BOB, CAROL, GPU, Playing, shown, wait_until

HOUR = 3600
SIZE = "Standard_NC4as_T4_v3"


def listed(play: Playing, size: str, factor: float) -> dict[str, Any]:
    """The price list's own answer for `size`, with every price multiplied."""
    terms = f"serviceName eq 'Virtual Machines' and armRegionName eq 'eastus' and armSkuName eq '{size}' and priceType eq 'Consumption'"
    url = f"{play.ready['prices']}?api-version=2023-01-01-preview&$filter={urllib.parse.quote(terms)}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: dict[str, Any] = json.loads(answer.read())
    for item in body["Items"]:
        item["retailPrice"] = item["unitPrice"] = round(item["retailPrice"] * factor, 6)
    return body


def priced(play: Playing, factor: float) -> None:
    """From now on the price list answers with these prices for the GPU size."""
    play.call("DELETE", "/faults")
    body = listed(play, SIZE, factor)
    play.fault("prices", "status", SIZE, times=-1, status=200, body=body)


def waiting(play: Playing, name: str, length: str = "8h") -> dict[str, Any]:
    play.command(f"cluster create {name} --size {SIZE} --for {length}")
    return play.card(f"cluster {name}(.|\n)*Waiting for approval")


def now(play: Playing, card: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in play.messages(GPU) if one["ts"] == card["ts"])


def value_of(message: dict[str, Any], action: str) -> str:
    """What a button carries, as Slack would send it again for a card that was drawn before."""
    for block in message["blocks"]:
        for element in block.get("elements", []):
            if element.get("action_id") == action:
                return str(element["value"])
    raise AssertionError(f"no {action} button")


def test_a_price_that_moved_beyond_tolerance_voids_the_approval_and_asks_again(play: Playing) -> None:
    card = waiting(play, "dearer")
    before = value_of(card, "approve")
    play.advance(120)
    priced(play, 1.5)
    play.fault("slack", "status", "POST /api/chat.update", times=-1, status=503)  # so the old card stays to be clicked
    play.click(card, "approve", BOB)
    void = play.reply(card["ts"], "approval by <@U0BOB> is void", seconds=30)
    assert "price went from" in shown(void)
    assert "approved again" in shown(void)
    assert not play.writes("azure", "dearer")
    play.click(now(play, card), "approve", CAROL)
    wait_until(lambda: any("plan has changed" in one for one in play.whispers(CAROL)))
    assert not play.writes("azure", "dearer")
    priced(play, 1.5)
    wait_until(lambda: value_of(now(play, card), "approve") != before, 30, "the new card")
    play.click(now(play, card), "approve", BOB)
    play.reply(card["ts"], r"Approved by <@U0BOB>\. Starting")
    wait_until(lambda: play.writes("azure", "^PUT.*managedClusters/dearer"), 30)
    play.call("DELETE", "/faults")
    play.click(now(play, card), "cancel", ALICE)
    play.reply(card["ts"], "Cancelled", seconds=90)


def test_a_price_that_moved_within_tolerance_is_let_pass_and_the_digest_stays(play: Playing) -> None:
    card = waiting(play, "steady")
    before = value_of(card, "approve")
    play.advance(120)
    priced(play, 1.02)
    play.click(card, "approve", BOB)
    wait_until(lambda: play.writes("azure", "^PUT.*managedClusters/steady"), 30)
    play.call("DELETE", "/faults")
    drawn = now(play, card)
    assert value_of(drawn, "cancel") == before
    assert not any("void" in shown(reply) for reply in drawn["replies"])
    play.click(drawn, "cancel", ALICE)
    play.reply(card["ts"], "Cancelled", seconds=90)


def test_a_pending_approval_is_reminded_of_with_growing_intervals_and_expires(play: Playing) -> None:
    card = waiting(play, "forgotten")
    for number, (seconds, count) in enumerate(((15 * 60, 1), (45 * 60, 2), (HOUR, 3)), 1):
        play.advance(seconds + 5)
        found = wait_until(lambda want=count: [r for r in now(play, card)["replies"] if "Still waiting for" in shown(r)][want - 1 :], 20, f"reminder {number}")  # type: ignore[misc]
        assert len(found) == 1
    play.advance(2 * HOUR)
    play.reply(card["ts"], "nobody approved within 4 h", seconds=20)
    over = wait_until(lambda: one if "Expired" in shown(one := now(play, card)) else None)
    assert not [block for block in over["blocks"] if block["type"] == "actions"]
    assert sum("Still waiting for" in shown(reply) for reply in over["replies"]) == 3
    assert not play.writes("azure", "forgotten")


def test_an_emergency_starts_without_approval_but_not_without_a_reason_nor_in_silence(play: Playing) -> None:
    card = waiting(play, "urgent")
    play.click(card, "break_glass", BOB)
    wait_until(lambda: any("cannot start this without approval" in one for one in play.whispers(BOB)))
    play.click(card, "break_glass", CAROL)
    view = wait_until(lambda: play.call("GET", f"/views?user={CAROL}")["views"])[-1]
    refused = play.call("POST", "/views/submit", {"user": CAROL, "view_id": view["id"], "values": {"reason": "now"}})
    assert refused["response_action"] == "errors"
    assert "reason" in refused["errors"]
    assert not play.writes("azure", "urgent")
    taken = play.call("POST", "/views/submit", {"user": CAROL, "view_id": view["id"], "values": {"reason": "inference is down & <!channel> waits"}})
    assert taken["ok"], taken
    told = shown(play.reply(card["ts"], "Started without approval"))
    assert "<@U0CAROL>" in told
    assert "inference is down &amp; &lt;!channel&gt; waits" in told
    assert "<!subteam^S0PLATFORM>" in told
    wait_until(lambda: "Started without approval by <@U0CAROL>" in shown(now(play, card)))
    wait_until(lambda: play.writes("azure", "^PUT.*managedClusters/urgent"), 30)
    play.click(now(play, card), "cancel", ALICE)
    play.reply(card["ts"], "Cancelled", seconds=90)
