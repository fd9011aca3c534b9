"""What an approval is worth over time, and what idles: asked again, reminded, expired, started in an emergency, warned, reclaimed."""

from __future__ import annotations

import functools
import json
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.faults.test_redis_wiped import azure
from tests.playing import ALICE, BOB, CAROL, GINA, GPU, ROOT, Playing, playing, shown, wait_until

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
    play.click(now(play, card), "approve", BOB)
    wait_until(lambda: any("plan has changed" in one for one in play.whispers(BOB)))
    play.click(now(play, card), "approve", CAROL)  # of whom nothing is known yet
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
    play.call("DELETE", "/faults")
    play.advance(13 * HOUR)  # so that the price is read anew
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


def test_a_quota_that_is_gone_by_the_time_of_the_approval_refuses_and_says_what_changed(play: Playing) -> None:
    card = waiting(play, "crowded")
    usages = azure(play, "GET", "/providers/Microsoft.Compute/locations/eastus/usages?api-version=2024-07-01")
    for row in usages["value"]:
        row["limit"] = row["currentValue"]
    play.fault("azure", "status", "locations/eastus/usages", times=-1, status=200, body=usages)
    play.click(card, "approve", BOB)
    void = shown(play.reply(card["ts"], "void, and nothing was started", seconds=30))
    assert "quota" in void
    assert "<@U0BOB>" in void
    wait_until(lambda: "No longer possible" in shown(now(play, card)))
    assert not play.writes("azure", "crowded")
    play.call("DELETE", "/faults")


def reminders(play: Playing, card: dict[str, Any]) -> int:
    return sum("Still waiting for" in shown(reply) for reply in now(play, card)["replies"])


def test_a_pending_approval_is_reminded_of_with_growing_intervals_and_expires(play: Playing) -> None:
    card = waiting(play, "forgotten")
    for count, seconds in enumerate((15 * 60, 45 * 60, HOUR), 1):
        play.advance(seconds + 5)
        wait_until(functools.partial(lambda want: reminders(play, card) == want, count), 20, f"reminder {count}")
    play.advance(2 * HOUR)
    play.reply(card["ts"], "nobody approved within 4 h", seconds=20)
    over = wait_until(lambda: one if "Expired" in shown(one := now(play, card)) else None)
    assert not [block for block in over["blocks"] if block["type"] == "actions"]
    assert reminders(play, card) == 3
    assert not play.writes("azure", "forgotten")


def test_an_emergency_starts_without_approval_but_not_without_a_reason_nor_in_silence(play: Playing) -> None:
    before = len(play.messages())
    play.command("sizes", BOB)
    wait_until(lambda: len(play.messages()) > before)  # the bot has seen him: of somebody unknown only the worker decides
    card = waiting(play, "urgent")
    play.click(card, "break_glass", BOB)
    wait_until(lambda: any("cannot start this without approval" in one for one in play.whispers(BOB)))
    play.click(card, "break_glass", CAROL)
    view = play.view('"reason"', CAROL)
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


def made(play: Playing, name: str, length: str) -> dict[str, Any]:
    card = waiting(play, name, length)
    play.click(card, "approve", BOB)
    play.reply(card["ts"], "Proven: ", seconds=90)
    wait_until(lambda: "Done" in shown(now(play, card)), 60)
    return card


def test_a_pool_that_nobody_uses_is_warned_of_once_kept_and_warned_of_again_but_never_while_unknown(play: Playing) -> None:
    card = made(play, "idler", "3d")
    wait_until(lambda: counting(play, "idler"), 30, "the count to begin")
    play.fault("kubernetes", "status", "idler.*(/nodes|/pods)", times=-1, status=503)
    wait_until(lambda: not counting(play, "idler"), 60, "the count to end while the cluster is silent")
    play.advance(2 * HOUR)
    play.call("DELETE", "/faults")
    wait_until(lambda: counting(play, "idler"), 60, "the count to begin anew")
    assert len(warnings(play, card)) == 0
    play.advance(HOUR + 60)
    warning = play.reply(card["ts"], "no pod has asked for a GPU of `idler/gpu` for 1 h", seconds=30)
    assert "/h" in shown(warning)
    play.click(warning, "keep", GINA)
    wait_until(lambda: any("Only <@U0ALICE>" in one for one in play.whispers(GINA)))
    play.command("audit --limit 5", CAROL)
    assert "<@U0GINA>" in shown(play.card("entries of the audit log"))
    play.click(warning, "keep", ALICE)
    play.reply(card["ts"], "Kept by <@U0ALICE>", seconds=20)
    wait_until(lambda: counting(play, "idler"), 30)
    play.advance(HOUR + 60)
    wait_until(lambda: len(warnings(play, card)) == 2, 30, "a second warning")
    play.click(warnings(play, card)[-1], "suggest_scale", ALICE)
    play.card("scale node pool idler/gpu(.|\n)*Done", seconds=60)
    assert len(warnings(play, card)) == 2


def warnings(play: Playing, card: dict[str, Any]) -> list[dict[str, Any]]:
    return [reply for reply in now(play, card)["replies"] if "no pod has asked for a GPU" in shown(reply)]


def counting(play: Playing, name: str) -> bool:
    """Whether the bot counts that pool's idle time now."""
    import redis as redis_sync

    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    return any(f"/{name}/" in field for field in store.hkeys("{qm}:idle"))


def ruled(play: Playing, folder: Path, action: str, workers: int) -> None:
    """The bot's processes, anew, under a policy that does this with what idles."""
    for process in play.bots.values():
        process.terminate()
    for process in play.bots.values():
        process.wait(20)
    policy = folder / f"{action}.toml"
    policy.write_text((ROOT / "playground" / "policy.toml").read_text().replace('action = "warn"', f'action = "{action}"'))
    for number in range(workers):
        play.bot("worker", tag=f"worker{number}", QUARTERMASTER_POLICY=str(policy))
    play.bot("web", QUARTERMASTER_POLICY=str(policy))
    wait_until(lambda: "On it" in play.command("status"), 30)


def reclaimed(play: Playing, card: dict[str, Any], deed: str) -> None:
    """An hour without a pod, a warning, a quarter of an hour, and it happens."""
    wait_until(lambda: counting(play, "taken"), 60, "the count to begin")
    play.advance(HOUR + 60)
    play.reply(card["ts"], f"{deed} .*unless it is used or kept", seconds=30)
    play.advance(16 * 60)
    play.reply(card["ts"], f"still idle and {deed} now", seconds=30)


def woken(play: Playing, command: str, title: str) -> None:
    play.command(command)
    play.click(play.card(f"{title}(.|\n)*Waiting for approval"), "approve", BOB)
    play.card(f"{title}(.|\n)*Done", seconds=60)


def test_by_the_policys_rule_an_idle_pool_is_reclaimed_once_however_many_workers_by_scaling_stopping_or_deleting(tmp_path: Path) -> None:
    with playing("--no-bot", speed=200) as play:
        ruled(play, tmp_path, "scale-to-zero", 3)
        card = made(play, "taken", "3d")
        reclaimed(play, card, "is scaled to zero")
        play.reply(card["ts"], "has 0 nodes now", seconds=60)
        replies = [shown(reply) for reply in now(play, card)["replies"]]
        assert sum("no pod has asked" in one for one in replies) == 1
        assert sum("still idle" in one for one in replies) == 1
        assert len(play.writes("azure", "^PUT.*agentPools/gpu")) == 2  # made, and scaled together with its price
        ruled(play, tmp_path, "stop", 1)
        woken(play, "pool scale taken/gpu --nodes 1", "scale node pool taken/gpu")
        reclaimed(play, card, "is stopped")
        play.reply(card["ts"], "Node pool `taken/gpu` is stopped: no node of it costs anything", seconds=60)
        ruled(play, tmp_path, "delete", 1)
        play.command("pool start taken/gpu")  # no dearer than before
        play.card("start node pool taken/gpu(.|\n)*Done", seconds=60)
        reclaimed(play, card, "is deleted")
        play.reply(card["ts"], "Node pool `taken/gpu` is deleted", seconds=60)
        assert len(play.writes("azure", "^DELETE.*agentPools/gpu")) == 1
