"""Redis down, frozen, restarted, robbed of the queue's keys: the ack says so in time, nothing starts by half, and all goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_sync

from playground import valkey
from playground.ports import free_port
from tests.faults.aside import Aside
from tests.faults.proxy import Proxy
from tests.faults.test_kills import QUICK, kill
from tests.playing import BOB, GPU, Playing, playing, shown, wait_until

ACK_SECONDS = 3.0  # Slack: a slash command that is not answered by then shows the person an error


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    with playing("--no-bot", speed=200) as running:
        for name in ("web", "worker", "clock"):
            running.bot(name, **QUICK)
        wait_until(lambda: "On it" in running.command("sizes"), 30, "web to answer")
        yield running


def redis_pid(play: Playing) -> int:
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    info = store.info("server")
    assert isinstance(info, dict)
    return int(info["process_id"])


def asked(play: Playing, text: str) -> tuple[str, float]:
    """What the person is told, and after how long."""
    started = time.monotonic()
    return play.command(text), time.monotonic() - started


def at_rest(play: Playing, text: str) -> bool:
    """Whether no request that begins so is under way."""
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    records = [dict(store.hgetall(key)) for key in store.scan_iter("{qm}:op:*", count=1000)]
    return not [one for one in records if str(one.get("text", "")).startswith(text) and one["status"] == "running"]


def test_a_frozen_redis_is_said_in_the_ack_and_nothing_is_started(play: Playing) -> None:
    pid = redis_pid(play)
    os.kill(pid, signal.SIGSTOP)
    try:
        told = [asked(play, f"cluster create {text}") for text in ("frozen --for 1h", "frozen-gpus --size Standard_NC4as_T4_v3 --for 8h")]
    finally:
        os.kill(pid, signal.SIGCONT)
    for answer, seconds in told:
        assert "nothing was started" in answer
        assert seconds < ACK_SECONDS
    # Frozen is not dead: the write may be carried out after all once it thaws, so the person is told to look, and typing again is safe by name.
    wait_until(lambda: "On it" in play.command("nodes"), 30)
    wait_until(lambda: any("nodes" in shown(one) or "GPU" in shown(one) for one in play.messages(GPU)), 30)
    # What costs money waits for its approval then, and what does not has its card: nothing is written behind the person's back.
    wait_until(lambda: at_rest(play, "cluster create frozen"), 60, "what Redis carried out after all to end or to wait")
    assert not play.writes("azure", "/managedClusters/frozen-gpus")
    assert not play.writes("azure", "/managedClusters/frozen[?]") or play.card("cluster frozen\\b")


class LastAnswerLost(Aside):
    """Redis as `web` sees it: gone, from the moment on when it has written down what names `text`, and before it could say so."""

    def __init__(self, path: Path, upstream: str, text: bytes) -> None:
        super().__init__()
        self._proxy = Proxy(path, upstream, lambda command: text in command, at=1, after=True, kill=lambda: None)

    async def begin(self) -> None:
        """Let everything through."""
        await self._proxy.__aenter__()

    async def end(self) -> None:
        """Close."""
        await self._proxy.__aexit__()


def test_what_was_written_though_the_ack_says_otherwise_waits_for_its_approval(play: Playing, tmp_path: Path) -> None:
    path, upstream = tmp_path / "redis.sock", str(play.ready["redis"]).removeprefix("unix://")
    kill(play, "web")
    with LastAnswerLost(path, upstream, b"cluster create unheard"):
        play.bot("web", "cut off", **QUICK, REDIS_URL=f"unix://{path}")
        wait_until(lambda: "On it" in play.command("sizes"), 30, "web to answer")
        answer, seconds = asked(play, "cluster create unheard --size Standard_NC4as_T4_v3 --for 8h")
    kill(play, "cut off")
    play.bot("web", **QUICK)
    assert "nothing was started" in answer
    assert seconds < ACK_SECONDS
    play.card("cluster unheard(.|\n)*Waiting for approval")
    wait_until(lambda: "On it" in play.command("nodes"), 30, "web to answer")
    assert not play.writes("azure", "/managedClusters/unheard")


@pytest.fixture(params=["socket", "http"])
def by(play: Playing, request: pytest.FixtureRequest) -> Iterator[str]:
    """How Slack delivers: over the socket, or signed, to a `web` that has none."""
    if request.param == "http":
        port = free_port()
        play.bot("web", "http", SLACK_APP_TOKEN="", PORT=str(port), **QUICK)
        address = {"mode": "http", "url": f"http://127.0.0.1:{port}/slack/events"}
        wait_until(lambda: play.call("POST", "/delivery", address)["verified"], 30, "the bot to answer the challenge")
        wait_until(lambda: "On it" in play.command("sizes"), 30, "web to answer")
    yield request.param
    play.call("POST", "/clock", {"speed": 200})
    if request.param == "http":
        play.call("POST", "/delivery", {"mode": "socket"})
        process = play.bots.pop("http")
        process.kill()
        process.wait()


def test_what_could_not_be_written_is_not_acked_so_a_click_fails_visibly_and_a_mention_comes_again(play: Playing, by: str) -> None:
    play.command(f"cluster create iced-{by} --size Standard_NC4as_T4_v3 --for 8h")
    card = play.card(f"cluster iced-{by}(.|\n)*Waiting for approval")
    assert play.click(card, "deny", BOB)["ok"]
    view = wait_until(lambda: play.call("GET", f"/views?user={BOB}")["views"])[-1]
    play.call("POST", "/clock", {"speed": 20})  # Slack delivers an event again at once, and a minute and five minutes later: here 3 s and 15 s
    pid = redis_pid(play)
    os.kill(pid, signal.SIGSTOP)
    try:
        play.mention(card["ts"], "cancel")
        clicked = play.click(card, "approve", BOB)
        used = play.call("POST", "/shortcuts", {"user": BOB, "channel": GPU, "ts": card["ts"], "callback_id": "run_on_gpu"})
        submitted = play.call("POST", "/views/submit", {"user": BOB, "view_id": view["id"], "values": {"reason": "not this week"}})
    finally:
        os.kill(pid, signal.SIGCONT)
    failed = {"socket": "operation_timeout", "http": "dispatch_failed"}[by]
    assert [(answer["ok"], answer["error"]) for answer in (clicked, used)] == [(False, failed)] * 2
    assert "nothing was started" in submitted["errors"]["reason"]
    assert view["id"] in [one["id"] for one in play.call("GET", f"/views?user={BOB}")["views"]]
    play.call("POST", "/views/close", {"user": BOB, "view_id": view["id"]})
    play.reply(card["ts"], "Cancelled", seconds=30)
    assert not play.writes("azure", f"managedClusters/iced-{by}")


def test_the_queues_keys_are_lost_and_everything_still_ends(play: Playing) -> None:
    play.command("cluster create robbed --size Standard_NC4as_T4_v3 --for 8h")
    card = play.card("cluster robbed(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    wait_until(lambda: play.writes("azure", "^PUT.*managedClusters/robbed[?]"), 30)
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    for key in list(store.scan_iter("{qm}:docket*")):
        store.delete(key)
    play.card("cluster robbed(.|\n)*Done", seconds=25)  # docket by itself would look after its repeated tasks once a minute
    assert len(play.writes("azure", "^PUT.*managedClusters/robbed[?]")) == 1
    assert len(play.writes("azure", "^PUT.*managedClusters/robbed/agentPools/gpu[?]")) == 1


def test_redis_is_killed_and_comes_back_with_its_file(play: Playing) -> None:
    play.command("cluster create revived --size Standard_NC4as_T4_v3 --for 8h")
    card = play.card("cluster revived(.|\n)*Waiting for approval")
    folder = Path(str(play.ready["redis"]).removeprefix("unix://")).parent
    os.kill(redis_pid(play), signal.SIGKILL)
    answer, seconds = asked(play, "cluster create never --for 1h")
    assert "nothing was started" in answer
    assert seconds < ACK_SECONDS
    process, _ = asyncio.run(valkey.start(folder))
    try:
        wait_until(lambda: play.click(card, "approve", BOB).get("ok"), 30)
        play.card("cluster revived(.|\n)*Done", seconds=90)
        assert len(play.writes("azure", "^PUT.*managedClusters/revived[?]")) == 1
        assert not play.writes("azure", "managedClusters/never")
        assert not any("never" in shown(one) for one in play.messages(GPU))
        assert all(process.poll() is None for process in play.bots.values())
    finally:
        play.close()
        os.kill(process.pid, signal.SIGTERM)
