"""The bot is thrown out of a channel in the middle of everything: what goes on elsewhere does not notice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis as redis_sync

from tests.faults.test_kills import QUICK
from tests.playing import ALICE, BOB, GPU, Playing, playing, wait_until

ML = "C0ML"


@pytest.fixture
def play() -> Iterator[Playing]:
    with playing("--no-bot", speed=100) as running:
        for name in ("web", "worker"):
            running.bot(name, **QUICK)
        wait_until(lambda: "On it" in running.command("sizes"), 60, "web to answer")
        yield running


@pytest.mark.timeout(150)
def test_a_bot_that_is_kicked_from_one_channel_goes_on_in_the_others(play: Playing) -> None:
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    cards = {}
    for name, channel in (("stays", GPU), ("kicked", ML)):
        play.command(f"cluster create {name} --size Standard_NC4as_T4_v3 --for 8h", ALICE, channel)
        cards[name] = play.card(f"cluster {name}(.|\n)*Waiting for approval", channel)
    play.click(cards["stays"], "approve", BOB)
    assert play.call("POST", "/kick", {"channel": ML})["ok"]
    play.click(cards["kicked"], "approve", BOB, ML)
    play.command("cluster create unheard --for 1h", ALICE, ML)
    play.card("cluster stays(.|\n)*Done", seconds=90)
    play.reply(cards["stays"]["ts"], "Proven")
    play.mention(cards["stays"]["ts"], "status")
    play.reply(cards["stays"]["ts"], r"^\*cluster stays.*succeeded")

    def became() -> dict[str, str]:
        rows = [store.hmget(key, "text", "status", "ended") for key in store.scan_iter("{qm}:op:*")]
        named = {str(row[0]).split()[2]: row for row in rows if isinstance(row, list) and str(row[0]).startswith("cluster create")}
        return {name: str(row[1]) if row[2] else "going on" for name, row in named.items()}

    # What was approved is carried out although nobody can be told there; what nobody can be shown is not begun.
    ended = {"stays": "succeeded", "kicked": "succeeded", "unheard": "refused"}
    wait_until(lambda: became() == ended, 60, f"{ended}")
    wait_until(lambda: not store.zcard("{qm}:unsent"), 30, "nothing to be left that wants to be said")
    assert not [row for row in play.requests("slack") if row["status"] == 429]
    assert not play.writes("azure", "^PUT.*unheard")
