"""``kill -9`` of `web` at every edge of an ack: before and after each command to Redis of a slash command, of an approval and of a cancel.

Slack tells the person that it failed, whatever was written by then; so they type it, or press it, again, at another replica. Counted is what became
of both: the cluster is made once, the click counts once, and what was typed twice is one request.
"""

from __future__ import annotations

import asyncio
import os
import signal
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import redis as redis_sync

from playground.ports import free_port
from tests.faults.proxy import Proxy
from tests.faults.test_every_edge import Nursery
from tests.faults.test_kills import QUICK, said_once
from tests.playing import ALICE, BOB, Playing, playing, wait_until

CONNECTING = {b"PING", b"HELLO", b"CLIENT", b"SELECT", b"AUTH"}
Act = Callable[[], object]


def concerns(command: bytes) -> bool:
    """Whether a command belongs to what a person did (the connection's own and the probes' do not)."""
    return command.split(b"\r\n", 3)[2].upper() not in CONNECTING


@dataclass
class Doors:
    """One `web` that stays, and any number that are killed; the worker sees what came of it only afterwards."""

    play: Playing
    nursery: Nursery
    folder: Path
    stays: int
    worker: int

    def open(self, port: int, **more: str) -> int:
        """A `web` at `port`, to which Slack delivers from now on."""
        pid = self.nursery.fork({**self.play.ready["env"], "RUN": "web", "SLACK_APP_TOKEN": "", "PORT": str(port), **more})
        wait_until(partial(ready, port), 20, f"web at {port}")
        self.deliver(port)
        return pid

    def deliver(self, port: int) -> None:
        assert self.play.call("POST", "/delivery", {"mode": "http", "url": f"http://127.0.0.1:{port}/slack/events"})["verified"]

    async def twice(self, at: int, after: bool, act: Act) -> int:
        """`act`, during which `web` is killed at the edge; then once more at the one that stays. How many commands there were to Redis."""
        pids: list[int] = []
        upstream, path = str(self.play.ready["redis"]).removeprefix("unix://"), self.folder / f"{free_port()}.sock"
        async with Proxy(path, upstream, concerns, at=at, after=after, kill=lambda: self.nursery.kill(pids[0])) as proxy:
            pids.append(await asyncio.to_thread(self.open, free_port(), REDIS_URL=f"unix://{path}"))
            os.kill(self.worker, signal.SIGSTOP)
            await asyncio.to_thread(act)
            self.nursery.kill(pids[0])
        self.deliver(self.stays)
        if proxy.struck.is_set():
            await asyncio.to_thread(act)
        os.kill(self.worker, signal.SIGCONT)
        return len(proxy.seen)

    async def everywhere(self, act: Callable[[str], Act], name: str) -> list[str]:
        """`act` with a cluster of its own for each edge; their names."""
        names = [f"{name}0"]
        count = await self.twice(0, False, await asyncio.to_thread(act, names[0]))
        assert count >= 2
        for at in range(1, count + 1):
            for after in (False, True):
                names.append(f"{name}{len(names)}")
                assert await self.twice(at, after, await asyncio.to_thread(act, names[-1])) >= at
        return names


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    with playing("--no-bot", "--slack-rate", "30", speed=600) as play:
        nursery = Nursery(play.ready["env"])
        try:
            one = Doors(play, nursery, tmp_path, free_port(), nursery.fork({**play.ready["env"], **QUICK, "RUN": "worker"}))
            one.open(one.stays)
            for who, text in ((ALICE, "sizes"), (BOB, "quota eastus")):  # whom the bot knows
                assert "On it" in play.command(text, who)
            yield one
        finally:
            nursery.close()


@pytest.mark.timeout(300)
async def test_killed_at_every_edge_of_an_ack_what_is_typed_or_pressed_again_counts_once(doors: Doors) -> None:
    play = doors.play

    def typed(name: str) -> Act:
        return lambda: play.command(f"cluster create {name} --for 1h")

    def pressed(action: str, who: str, name: str) -> Act:
        play.command(f"cluster create {name} --size Standard_NC4as_T4_v3 --for 1h")
        card = play.card(f"cluster {name} (.|\n)*Waiting for approval")
        return lambda: play.click(card, action, who)

    asked = await doors.everywhere(typed, "typed")
    approved = await doors.everywhere(partial(pressed, "approve", BOB), "approved")
    cancelled = await doors.everywhere(partial(pressed, "cancel", ALICE), "cancelled")
    await asyncio.to_thread(counted, play, asked, approved, cancelled)


def counted(play: Playing, asked: list[str], approved: list[str], cancelled: list[str]) -> None:
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)

    def became(name: str) -> list[str]:
        rows = [store.hmget(key, "text", "status", "ended") for key in store.scan_iter("{qm}:op:*")]
        return sorted(str(row[1]) if row[2] else "going on" for row in rows if f"create {name} " in str(row[0]))

    for name in (*asked, *approved, *cancelled):
        wait_until(lambda name=name: "going on" not in became(name), 60, f"{name} to end")  # type: ignore[misc]
    # Written down before web was killed, it is the same request to whoever was told that it had failed, and types it again.
    assert {*(tuple(became(name)) for name in asked)} == {("succeeded",)}
    assert {*(tuple(became(name)) for name in approved)} == {("succeeded",)}
    assert {*(tuple(became(name)) for name in cancelled)} == {("cancelled",)}
    rows = [store.hgetall(key) for key in store.scan_iter("{qm}:op:*")]
    clicks = Counter(row["id"] for row in rows if isinstance(row, dict) for field in row if str(field).startswith("decision:"))
    assert sorted(clicks.values()) == [1] * len(approved)
    taken = [row["path"].split("?")[0] for row in play.requests("azure") if row["method"] == "PUT" and row["handled"] in (200, 201)]
    made = Counter(path.rsplit("/", 1)[1] for path in taken if "/managedClusters/" in path and "/agentPools/" not in path)
    assert made == dict.fromkeys((*asked, *approved), 1)
    said_once(play)
