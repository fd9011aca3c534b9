"""Three of each process, double clicks, redelivered events, a new hand at the wheel: one effect each."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.faults.test_kills import QUICK, kill, said_once
from tests.playing import ALICE, BOB, CAROL, GPU, Playing, playing, shown, wait_until

REPLICAS = 3


def start(play: Playing, number: int) -> None:
    """One of each process."""
    play.bot("web", f"web{number}", **QUICK, PORT=str(int(play.ready["env"]["PORT"]) + number))
    play.bot("worker", f"worker{number}", **QUICK)
    play.bot("clock", f"clock{number}", **QUICK)


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    with playing("--no-bot", speed=200) as running:
        for number in range(REPLICAS):
            start(running, number)
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


@pytest.mark.timeout(180)
def test_double_clicks_start_it_once_while_one_of_each_process_is_killed(play: Playing) -> None:
    """The clicks go on while the processes go, until one is taken: whoever clicks and is told of an error clicks again."""
    names = ("killedweb", "killedworker", "killedclock")
    for name in names:
        play.command(f"cluster create {name} --size Standard_NC4as_T4_v3 --for 8h")
    cards = {name: play.card(f"cluster {name} (.|\n)*Waiting for approval") for name in names}

    def clicks(name: str, who: str) -> None:
        wait_until(lambda: play.click(cards[name], "approve", who).get("ok"), 30, f"a click of {who} to be taken")

    for number, name in enumerate(names):
        victim = f"{name.removeprefix('killed')}{number}"
        at_once(*[lambda who=who, name=name: clicks(name, who) for who in (BOB, BOB, CAROL)], lambda victim=victim: kill(play, victim))
        at_once(*[lambda who=who, name=name: clicks(name, who) for who in (BOB, CAROL)])
    for name in names:
        play.card(f"cluster {name} (.|\n)*Done", seconds=90)
        parts = (f"quartermaster-{name}[?]", f"managedClusters/{name}[?]", f"managedClusters/{name}/agentPools/gpu[?]")
        assert [len(play.writes("azure", f"^PUT.*/{part}")) for part in parts] == [1, 1, 1]
    said_once(play)
    for number, name in enumerate(("web", "worker", "clock")):
        extra = {"PORT": str(int(play.ready["env"]["PORT"]) + number)} if name == "web" else {}
        play.bot(name, f"{name}{number}", **QUICK, **extra)


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
