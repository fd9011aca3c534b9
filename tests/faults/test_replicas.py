"""Three of each process, double clicks, redelivered events, a new hand at the wheel: one effect each."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import redis as redis_sync

from tests.faults.test_kills import QUICK, kill, said_once
from tests.playing import ALICE, BOB, CAROL, GINA, GPU, Playing, playing, shown, wait_until

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


def records(play: Playing) -> list[dict[str, str]]:
    """What was written down, whatever became of it."""
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    found: Any = [store.hgetall(key) for key in store.scan_iter("{qm}:op:*")]
    return list(found)


def asked(play: Playing, text: str) -> list[dict[str, str]]:
    """The records of a command."""
    return [record for record in records(play) if record["text"].startswith(text)]


def at_rest(play: Playing, about: str) -> Counter[str]:
    """The kinds of what was asked in the thread of `about`, once all of it has ended and nothing is left to be said."""
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)

    def look() -> Counter[str] | None:
        rows = [row for row in records(play) if json.loads(row["memo"]).get("about") == about]
        over = all("ended" in row and store.zscore("{qm}:unsent", row["id"]) is None for row in rows)
        return Counter(row["kind"] for row in rows) if rows and over and store.zscore("{qm}:unsent", about) is None else None

    return wait_until(look, 40, f"what belongs to {about} to end")


def used_up(play: Playing, left: int = 0) -> None:
    """Wait until no more than so many of Slack's deliveries are still to go wrong."""

    def look() -> bool:
        return sum(int(fault["times"]) for fault in play.call("GET", "/faults")["faults"] if fault["service"] == "slack") <= left

    wait_until(look, 20, f"{left} deliveries to be left")


def replies(play: Playing, ts: str, text: str) -> int:
    """How many messages in the thread show `text`."""
    thread = next(one for one in play.messages(GPU) if one["ts"] == ts)["replies"]
    return sum(bool(re.search(text, shown(one))) for one in thread if one.get("bot"))


def test_an_event_that_slack_delivers_again_counts_once(play: Playing) -> None:
    """At once, after a minute and after five: each replica may get one of them, and the first was answered long ago when the last one comes."""
    play.command("cluster create again --for 8h")
    card = play.card("cluster again(.|\n)*Done", seconds=90)
    (first,) = asked(play, "cluster create again")
    for text in ("status", "extend 3h"):
        play.fault("slack", "redeliver", "events_api app_mention", times=4)  # the first delivery and Slack's three attempts
        play.mention(card["ts"], text, ALICE)
        for left, seconds in ((2, 61), (1, 301), (0, 0)):
            used_up(play, left)
            play.advance(seconds)
    assert at_rest(play, first["id"]) == {"thread.status": 1, "thread.extend": 1}
    assert replies(play, card["ts"], "now runs until") == 1
    assert replies(play, card["ts"], r"^\*cluster again\*: ") == 1
    said_once(play)


@pytest.mark.timeout(170)
def test_a_command_a_click_and_a_form_that_slack_delivers_twice_count_once(play: Playing) -> None:
    play.fault("slack", "deliver_twice", "slash_commands")
    play.command("cluster create twice --size Standard_NC4as_T4_v3 --for 8h")
    used_up(play)
    card = play.card("cluster twice(.|\n)*Waiting for approval")
    assert len(asked(play, "cluster create twice")) == 1

    play.click(card, "approve", GINA)  # she may not, which the worker tells her this time; now she is known
    wait_until(lambda: len(play.whispers(GINA)) == 1, 20, "Gina to be told")
    clicked_twice(play, card, "approve", GINA)
    clicked_twice(play, card, "approve", BOB)
    play.card("cluster twice(.|\n)*Done", seconds=90)
    play.command("run mnist --on twice --name trained -- --max_steps 20")
    report = play.reply(play.card("trained(.|\n)*Done", seconds=90)["ts"], "(?i)accuracy")
    clicked_twice(play, report, "again", ALICE)
    wait_until(lambda: len(asked(play, "job trained --again")) > 0, 20)
    menu = offered(play)
    clicked_twice(play, menu, "menu_jobs", ALICE)
    assert {text: len(asked(play, text)) for text in ("job trained --again", "jobs")} == {"job trained --again": 1, "jobs": 1}

    play.click(menu, "menu_cluster")
    submitted_twice(play, ALICE, {"name": "filled", "region": "eastus", "nodes": "1", "for": "2h"})
    card = play.card("cluster filled(.|\n)*Waiting for approval")
    play.click(card, "deny", BOB)
    submitted_twice(play, BOB, {"reason": "there is room elsewhere"})
    play.card("cluster filled(.|\n)*Denied")
    assert len(asked(play, "cluster create filled")) == 1
    wait_until(lambda: [row for row in asked(play, "job trained --again") if "ended" in row], 60, "the job that was run again to end")
    made = Counter(row["path"].split("?")[0].rsplit("/", 1)[1] for row in play.requests("azure") if row["method"] == "PUT" and "twice" in row["path"])
    assert made == {"quartermaster-twice": 1, "twice": 1, "gpu": 1}
    jobs = [row for row in play.requests("kubernetes") if row["method"] == "POST" and row["path"].endswith("/jobs") and row["status"] == 201]
    assert len(jobs) == 2
    assert len(play.whispers(GINA)) == 2
    said_once(play)


def clicked_twice(play: Playing, message: dict[str, Any], action: str, who: str) -> None:
    """One click, of which Slack tells twice."""
    play.fault("slack", "deliver_twice", "interactive block_actions")
    assert play.click(message, action, who)["ok"]
    used_up(play)


def submitted_twice(play: Playing, who: str, values: dict[str, str]) -> None:
    """One form that was filled in, of which Slack tells twice."""
    view = play.view(user=who)
    play.fault("slack", "deliver_twice", "interactive view_submission")
    assert play.call("POST", "/views/submit", {"user": who, "view_id": view["id"], "values": values})["ok"]
    used_up(play)


def offered(play: Playing) -> dict[str, Any]:
    """The menu that `/gpu` alone shows."""
    play.command("")
    return wait_until(lambda: next((one for one in reversed(play.messages(GPU, ALICE)) if one.get("ephemeral_to") and one["blocks"]), None))


def test_three_clocks_give_one_digest(play: Playing) -> None:
    play.command('digest set "daily 09:00 UTC"')
    play.card("digest will be posted here")
    play.advance(86400)
    wait_until(lambda: any("GPU digest" in shown(one) for one in play.messages(GPU)), 40)
    play.command("digest off")
    play.card("No more digests here")
    assert sum("GPU digest" in shown(one) for one in play.messages(GPU)) == 1
