"""``kill -9`` at any moment: nothing that was acked is lost, nothing is made twice, nothing is said twice."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import redis as redis_sync

from playground.ports import free_port
from tests.faults.test_rolling import ready
from tests.playing import ALICE, BOB, GPU, Playing, playing, shown, wait_until

QUICK = {
    "QUARTERMASTER_LEASE_SECONDS": "2",
    "QUARTERMASTER_SWEEP_SECONDS": "1",
    "QUARTERMASTER_OBSERVE_SECONDS": "1",
    "QUARTERMASTER_SETTLE_SECONDS": "3",
}
PRODUCTION = {  # the settings' own defaults
    f"QUARTERMASTER_{name}_SECONDS": seconds
    for name, seconds in {"LEASE": "10", "SWEEP": "15", "OBSERVE": "15", "PATROL": "60", "SETTLE": "60", "JOB_LOOK": "10"}.items()
}
DRAINED = {**QUICK, "QUARTERMASTER_LEASE_SECONDS": "120"}  # no lease ends while the test looks
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


@pytest.mark.timeout(400)
def test_within_15_seconds_of_a_kill_everything_moves_on(play: Playing) -> None:
    """With the times that a production has. The one that is killed works and observes alone; once another is up already, once it is not."""
    wait_until(lambda: "On it" in play.command("sizes"), 30, "web to answer")
    play.call("POST", "/clock", {"speed": 200})
    play.command("cluster create base --size Standard_NC4as_T4_v3 --for 1d")
    play.click(play.card("cluster base(.|\n)*Waiting for approval"), "approve", BOB)
    play.card("cluster base(.|\n)*Done", seconds=90)
    play.call("POST", "/clock", {"speed": 8})
    kill(play, "worker")
    up(play, "first", PRODUCTION)
    moved_on_after_a_kill(play, "first", "second", already=True)
    moved_on_after_a_kill(play, "second", "third", already=False)
    for name in ("first", "second"):
        for what in ("put", "made"):
            play.card(f"cluster {what}-{name}(.|\n)*Done", seconds=120)
        play.card(f"parked-{name}(.|\n)*Done", seconds=120)
    said_once(play)


def up(play: Playing, name: str, times: dict[str, str]) -> None:
    """Another worker, which has said that it is there."""
    pid = play.bot("worker", name, **times).pid
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    wait_until(lambda: any(str(one).endswith(f"#{pid}") for one in store.zrange("{qm}:docket:workers", 0, -1)), 30, f"the {name} worker to be up")


def moved_on_after_a_kill(play: Playing, name: str, other: str, *, already: bool) -> None:
    """Kill the worker `name` with one operation in a PUT, one waiting for Azure and one for a cluster; `other` is up already or comes then."""
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    observes = f"-{play.bots[name].pid}"
    play.command(f"run busybox:1 --on base --name parked-{name} -- sleep 250")
    play.command(f"cluster create made-{name} --for 8h")
    for waits_on, text in (("cluster:", f"parked-{name}"), ("azure:", f"made-{name}")):
        wait_until(lambda on=waits_on, text=text: record(store, text).get("on", "").startswith(on), 60, f"{text} to wait")  # type: ignore[misc]
    for key in ("azure", "cluster:quartermaster-base/base"):
        wait_until(lambda key=key: str(store.get(f"{{qm}}:watcher:{key}")).endswith(observes), 30, f"{name} to observe {key}")  # type: ignore[misc]
    play.fault("azure", "late", f"^PUT .*/resource[gG]roups/quartermaster-put-{name}", seconds=9.0)
    play.command(f"cluster create put-{name} --for 8h")
    wait_until(lambda: writing(play), 30, "its PUT")
    if already:
        up(play, other, PRODUCTION)
    assert len(writing(play)) == 1
    kill(play, name)
    killed = time.time()
    if not already:
        up(play, other, PRODUCTION)

    def moved() -> bool:
        looked = [row["path"] for row in (*play.requests("azure"), *play.requests("kubernetes")) if row["method"] == "GET" and row["at"] > killed]
        parked = any(re.search(f"/jobs/parked-{name}", path) for path in looked)
        made = any(re.search(f"/managedClusters/made-{name}[?]", path) for path in looked)
        return parked and made and record(store, f"put-{name}")["step"] != "group"

    wait_until(moved, 15, f"what {name} had in its hands to move on")


def record(store: redis_sync.Redis, text: str) -> dict[str, str]:
    """The record of the request that names `text`; empty where there is none yet."""
    for key in store.scan_iter("{qm}:op:*", count=1000):
        found = {str(name): str(value) for name, value in dict(store.hgetall(key)).items()}
        if re.search(f"\\b{text}\\b", found.get("text", "")):
            return found
    return {}


def test_a_worker_that_is_asked_to_leave_commits_its_step_and_hands_the_rest_on(play: Playing) -> None:
    """With a lease that outlasts the test: only a drain explains that another goes on."""
    wait_until(lambda: "On it" in play.command("sizes"), 30, "web to answer")
    kill(play, "worker")
    play.bot("worker", "leaving", **DRAINED)
    play.fault("azure", "late", "^PUT .*/managedClusters/handed[?]", seconds=4.0)
    play.command("cluster create handed --for 8h")
    wait_until(lambda: [row for row in writing(play) if "/managedClusters/handed?" in row["path"]], 60, "its PUT")
    up(play, "staying", DRAINED)
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    leaving = play.bots.pop("leaving")
    leaving.terminate()
    assert leaving.wait(20) == 0
    left = record(store, "handed")
    assert left["step"] != "cluster" or left["on"].startswith("azure:")
    play.card("cluster handed(.|\n)*Done", seconds=60)
    assert len(play.writes("azure", "^PUT.*/managedClusters/handed[?]")) == 1
    said_once(play)


def writing(play: Playing) -> list[dict[str, Any]]:
    """PUTs to Azure that are not answered yet."""
    return [row for row in play.requests("azure") if row["method"] == "PUT" and row["status"] == 0]


def test_web_is_killed_and_clicks_still_count(play: Playing) -> None:
    wait_until(lambda: "On it" in play.command("cluster create demo --size Standard_NC4as_T4_v3 --for 8h"), 30, "web to answer")
    card = play.card("Waiting for approval", seconds=60)
    kill_and_replace(play, "web")
    wait_until(lambda: ready(int(play.ready["env"]["PORT"])), 30, "another to be up")
    wait_until(lambda: play.click(card, "approve", BOB).get("ok"), 15, "a click to be taken")
    play.reply(card["ts"], "Approved by", seconds=15)
    said_once(play)


def test_the_clock_is_killed_and_the_digest_comes_late_and_once(play: Playing) -> None:
    wait_until(lambda: "On it" in play.command('digest set "daily 09:00 UTC"', ALICE), 30, "web to answer")
    play.card("digest will be posted here")
    play.bots["clock"].kill()
    play.bots["clock"].wait()
    play.advance(86400 + 3600)
    ports = [free_port(), free_port()]
    for number, port in enumerate(ports):
        play.bot("clock", f"clock{number}", QUARTERMASTER_PROBE_PORT=str(port))
    wait_until(lambda: any(map(ready, ports)), 30, "another to be up")
    card = play.card("GPU digest", seconds=15)
    assert "Late" in shown(card)
    play.advance(30)
    assert sum("GPU digest" in shown(one) for one in play.messages(GPU)) == 1
