"""Three of each process, double clicks, redelivered events, a new hand at the wheel: one effect each."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.test_kills import QUICK, said_once
from tests.playing import ALICE, BOB, CAROL, GPU, Playing, playing, shown, wait_until

REPLICAS = 3


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    with playing("--no-bot", speed=200) as running:
        for number in range(REPLICAS):
            running.bot("web", f"web{number}", **QUICK, PORT=str(int(running.ready["env"]["PORT"]) + number))
            running.bot("worker", f"worker{number}", **QUICK)
            running.bot("clock", f"clock{number}", **QUICK)
        wait_until(lambda: "On it" in running.command("sizes"), 60, "web to answer")
        yield running


def at_once(*calls: object) -> None:
    """Make all calls at the same time."""
    threads = [threading.Thread(target=call) for call in calls if callable(call)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.timeout(120)
def test_double_clicks_of_several_people_start_it_once(play: Playing) -> None:
    play.command("cluster create once --size Standard_NC4as_T4_v3 --for 8h")
    card = play.card("cluster once(.|\n)*Waiting for approval")
    at_once(*[lambda who=who: play.click(card, "approve", who) for who in (BOB, BOB, CAROL, CAROL, BOB)])
    play.card("cluster once(.|\n)*Done", seconds=90)
    puts = Counter(row["path"].split("?")[0].rsplit("/", 1)[1].lower() for row in play.requests("azure") if row["method"] == "PUT")
    assert puts == {"quartermaster-once": 1, "once": 1, "gpu": 1}
    said_once(play)


@pytest.mark.timeout(120)
def test_two_who_want_the_same_cluster_at_once_get_one_and_it_stays(play: Playing) -> None:
    """Both looked before either wrote: the second must not take the group from the first, and then take it back."""
    play.fault("azure", "late", "^GET .*/resourcegroups/quartermaster-both", times=4, seconds=1.0)
    at_once(*[lambda who=who: play.command("cluster create both --for 8h", who) for who in (ALICE, BOB)])
    play.card("cluster both(.|\n)*Done", seconds=60)
    play.card("both(.|\n)*Not started|both(.|\n)*(taken|already)", seconds=60)
    handled = [row for row in play.requests("azure") if row["handled"] in (200, 201, 202) and "quartermaster-both" in row["path"].lower()]
    puts = Counter(row["path"].split("?")[0].rsplit("/", 1)[1].lower() for row in handled if row["method"] == "PUT")
    assert puts == {"quartermaster-both": 1, "both": 1}
    assert not [row["path"] for row in handled if row["method"] == "DELETE"]


def test_an_event_that_slack_delivers_again_counts_once(play: Playing) -> None:
    play.command("cluster create again --for 8h")
    card = play.card("cluster again(.|\n)*(Waiting|Done)")
    for effect in ("deliver_twice", "redeliver"):
        play.fault("slack", effect)
    play.mention(card["ts"], "status", ALICE)
    play.reply(card["ts"], "cluster again")
    play.mention(card["ts"], "extend 3h", ALICE)
    play.reply(card["ts"], "now runs until")
    thread = next(one for one in play.messages(GPU) if one["ts"] == card["ts"])["replies"]
    bots = Counter(shown(one) for one in thread if one.get("bot"))
    assert [text for text, count in bots.items() if count > 1] == []


def test_three_clocks_give_one_digest(play: Playing) -> None:
    play.command('digest set "daily 09:00 UTC"')
    play.card("digest will be posted here")
    play.advance(86400)
    wait_until(lambda: any("GPU digest" in shown(one) for one in play.messages(GPU)), 40)
    play.command("digest off")
    play.card("No more digests here")
    assert sum("GPU digest" in shown(one) for one in play.messages(GPU)) == 1
