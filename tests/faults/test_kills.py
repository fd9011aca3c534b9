"""``kill -9`` at any moment: nothing that was acked is lost, nothing is made twice, nothing is said twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
import redis as redis_sync

from tests.playing import ALICE, BOB, GPU, Playing, playing, shown, wait_until

QUICK = {
    "QUARTERMASTER_LEASE_SECONDS": "2",
    "QUARTERMASTER_SWEEP_SECONDS": "1",
    "QUARTERMASTER_OBSERVE_SECONDS": "1",
    "QUARTERMASTER_SETTLE_SECONDS": "3",
}
SLOWED = (  # each step is held up long enough to be killed in its middle
    ("slack", "POST /api/chat.postMessage"),
    ("prices", "GET"),
    ("azure", "PUT .*/resource[gG]roups/quartermaster-demo[?]"),
    ("azure", "PUT .*/managedClusters/demo[?]"),
    ("azure", "PUT .*/agentPools/gpu[?]"),
    ("kubernetes", "PATCH .*daemonsets"),
    ("kubernetes", "POST .*pods"),
    ("kubernetes", "POST .*/jobs"),
    ("kubernetes", "GET .*/log"),
)


@pytest.fixture
def play() -> Iterator[Playing]:
    with playing("--no-bot", speed=40) as running:
        running.bot("web")
        running.bot("worker", **QUICK)
        running.bot("clock")
        yield running


def kill(play: Playing, name: str) -> None:
    process = play.bots.pop(name)
    process.kill()
    process.wait()


def kill_and_replace(play: Playing, name: str) -> None:
    kill(play, name)
    play.bot(name, **QUICK)


def killed_in_every_step(play: Playing, op_id: str, until: str) -> list[str]:
    """Kill the worker once in each step that the operation goes through; the steps in which that happened."""
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    seen: list[str] = []

    def step() -> bool:
        record = store.hgetall(f"{{qm}}:op:{op_id}")
        assert isinstance(record, dict)
        name = str(record.get("step") or "admit")
        if name not in seen and "ended" not in record:
            seen.append(name)
            kill_and_replace(play, "worker")
        return record.get("status") in (until, "failed", "refused")

    wait_until(step, 240, f"operation {op_id} to be {until}; killed in {seen}")
    record = store.hgetall(f"{{qm}}:op:{op_id}")
    assert isinstance(record, dict)
    assert record["status"] == until, record.get("error")
    return seen


def said_once(play: Playing) -> None:
    for parent in play.messages(GPU):
        texts = Counter(re.sub(r"\s+", " ", shown(reply)) for reply in parent["replies"])
        assert [text for text, count in texts.items() if count > 1] == []
    titles = Counter(shown(parent).splitlines()[0] for parent in play.messages(GPU))
    assert [title for title, count in titles.items() if count > 1] == []


def operation(play: Playing, kind: str) -> str:
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)

    def look() -> str | None:
        for key in store.scan_iter("{qm}:op:*"):
            if store.hget(key, "kind") == kind:
                return str(key).rsplit(":", 1)[1]
        return None

    return wait_until(look, 20, f"a record of {kind}")


@pytest.mark.timeout(600)
def test_the_worker_is_killed_in_each_step_and_the_story_still_ends(play: Playing) -> None:
    for service, match in SLOWED:
        play.fault(service, "late", match, times=3, seconds=1.0)
    wait_until(lambda: "On it" in play.command("cluster create demo --size Standard_NC4as_T4_v3 --for 8h"), 30, "web to answer")
    op_id = operation(play, "cluster.create")
    card = play.card("Waiting for approval", seconds=90)
    kill_and_replace(play, "worker")
    play.click(card, "approve", BOB)
    killed = killed_in_every_step(play, op_id, "succeeded")
    assert {"group", "cluster", "pool"} <= set(killed)
    play.call("POST", "/clock", {"speed": 4})  # the job must outlast the start of the next worker, or nobody sees it being watched
    play.command("run mnist --on demo")
    job = operation(play, "job.run")
    killed += killed_in_every_step(play, job, "succeeded")
    assert "watch" in killed
    play.card("mnist-.* on demo(.|\n)*Done")
    said_once(play)
    accepted = Counter(
        re.sub(r"\?.*", "", row["path"]).rsplit("/", 1)[1].lower()
        for row in play.requests("azure")
        if row["method"] == "PUT" and row["status"] in (200, 201, 499)
    )
    assert accepted == {"quartermaster-demo": 1, "demo": 1, "gpu": 1}
    made = [row for row in play.requests("kubernetes") if row["method"] == "POST" and row["path"].endswith("/jobs") and row["status"] == 201]
    assert len(made) == 1


def test_within_15_seconds_of_a_kill_everything_moves_on(play: Playing) -> None:
    """With the times that a production has: nothing is set but the playground's own."""
    names = ("one", "two", "three")
    wait_until(lambda: "On it" in play.command("sizes"), 30, "web to answer")
    kill(play, "worker")
    play.bot("worker", tag="first")
    play.fault("azure", "late", "^PUT .*/resource[gG]roups/", times=len(names), seconds=9.0)
    for name in names:
        play.command(f"cluster create {name} --for 8h")
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    wait_until(lambda: len([row for row in play.requests("azure") if row["method"] == "PUT" and row["status"] == 0]) == len(names), 30, "their PUTs")
    play.bot("worker", tag="second")
    wait_until(lambda: store.zcard("{qm}:docket:workers") == 2, 20, "the second worker to be up")
    held = {key: store.hget(key, "fence") for key in store.scan_iter("{qm}:op:*") if store.hget(key, "step") == "group"}
    assert len(held) == len(names)
    kill(play, "first")
    wait_until(lambda: all(store.hget(key, "fence") != fence for key, fence in held.items()), 15, f"{held} to be taken over")
    for name in names:
        play.card(f"cluster {name}(.|\n)*Done", seconds=60)
    said_once(play)


def test_web_is_killed_and_clicks_still_count(play: Playing) -> None:
    wait_until(lambda: "On it" in play.command("cluster create demo --size Standard_NC4as_T4_v3 --for 8h"), 30, "web to answer")
    card = play.card("Waiting for approval", seconds=60)
    kill_and_replace(play, "web")
    wait_until(lambda: play.click(card, "approve", BOB).get("ok"), 30, "a click to be taken")
    play.reply(card["ts"], "Approved by")
    said_once(play)


def test_the_clock_is_killed_and_the_digest_comes_late_and_once(play: Playing) -> None:
    wait_until(lambda: "On it" in play.command('digest set "daily 09:00 UTC"', ALICE), 30, "web to answer")
    play.card("digest will be posted here")
    play.bots["clock"].kill()
    play.bots["clock"].wait()
    play.advance(86400 + 3600)
    play.bot("clock")
    play.bot("clock", tag="clock2")
    card = play.card("GPU digest")
    assert "Late" in shown(card)
    play.advance(30)
    assert sum("GPU digest" in shown(one) for one in play.messages(GPU)) == 1
