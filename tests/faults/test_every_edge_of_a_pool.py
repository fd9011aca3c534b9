"""``kill -9`` of the worker at every edge of a real story: a node pool planned, approved, made, proven, leased and deleted, and one taken back.

The toy in ``test_every_edge.py`` is killed once a run; a pool takes seconds, so here the worker is killed again and again in one run: at each command
to Redis that writes something about an operation, the first time that it is seen in that place (which script, of which kind of operation, in
which step, about which message), and whoever takes over gets as far as the next one. In one run it is always before Redis has heard it, in the
other always once Redis has answered. All of them, not a sample; only docket's own keys are left to the toy.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import redis as redis_sync

from tests.faults.proxy import EachOnce
from tests.faults.test_every_edge import Nursery
from tests.faults.test_kills import said_once
from tests.playing import ALICE, BOB, GPU, Playing, playing, shown, wait_until

QUICK = {"LEASE": "0.6", "SWEEP": "0.3", "SETTLE": "1.5", "OBSERVE": "0.5", "PATROL": "3600"}
SIZE = "Standard_NC4as_T4_v3"
SAID = {"Plan: node pool": 2, "Approved by": 2, "Proven": 1, "has expired": 1, "is deleted": 1}
READS = frozenset(b"GET HGET HMGET HGETALL HKEYS EXISTS SMEMBERS ZSCORE ZRANGEBYSCORE LRANGE TIME PTTL MULTI EXEC".split())
ID = re.compile(r"\b[a-z2-7]{10}\b")
CHANGING = re.compile(r"[{\[\"].*|[0-9a-f]{8,}|F[0-9A-Z]{8,}|[-0-9.:T+]*", re.DOTALL)
NUMBERED = re.compile(r"\b[0-9a-f]{12}\b|\d[\d.]+")
"""Arguments, and parts of them, that differ from one try to the next: JSON, digests, file ids, numbers, times."""


class Story:
    """One playground, its worker behind a proxy that strikes at each edge, before (or `after`) Redis has heard of it."""

    def __init__(self, play: Playing, folder: Path, after: bool) -> None:
        self.play = play
        self.socket = str(play.ready["redis"]).removeprefix("unix://")
        self.store = redis_sync.Redis(unix_socket_path=self.socket, decode_responses=True)
        self.nursery = Nursery(play.ready["env"])
        self.proxy = EachOnce(folder / f"{after}.sock", self.socket, self.label, after=after, kill=self.replace)
        self._worker = 0

    def env(self, run: str, **more: str) -> dict[str, str]:
        return {**self.play.ready["env"], **{f"QUARTERMASTER_{name}_SECONDS": value for name, value in QUICK.items()}, "RUN": run, **more}

    def replace(self) -> None:
        """``kill -9``, and a new one at once."""
        if self._worker:
            self.nursery.kill(self._worker)
        self._worker = self.nursery.fork(self.env("worker", REDIS_URL=f"unix://{self.proxy.path}"))

    def label(self, command: bytes) -> str:
        """Where in an operation's life the command stands; '' for what writes nothing about one."""
        verb, *parts = command.split(b"\r\n")[2::2]
        if verb.upper() in READS or b"{qm}:docket" in command:
            return ""
        text = [part.decode(errors="replace") for part in parts]
        key = next((one for one in text if one.startswith("{qm}:op:")), "")
        kinds = {one: self.store.hget(f"{{qm}}:op:{one}", "kind") for part in text[:40] for one in ID.findall(part[:200])}
        if not any(kinds.values()):
            return ""
        words = [ID.sub(lambda found: str(kinds.get(found[0])), part[:200]) for part in text if not CHANGING.fullmatch(part)]
        where = self.store.hmget(key, "status", "step") if key else []
        named = (verb.decode(), text[0][:4] if verb == b"EVALSHA" else "", *where, *(NUMBERED.sub("#", word) for word in words))
        return " ".join(map(str, named))


def status(story: Story, kind: str) -> str:
    """Of the operation of that kind; '' while there is none."""
    found = (story.store.hmget(key, "kind", "status") for key in story.store.scan_iter("{qm}:op:*"))
    return next((str(row[1]) for row in found if isinstance(row, list) and row[0] == kind), "")


def told(story: Story) -> None:
    """The whole story, as people see it."""
    play = story.play
    wait_until(lambda: "On it" in play.command("cluster create edge --for 8h"), 30, "web to answer")
    play.card("cluster edge(.|\n)*Done")
    story.proxy.armed = True
    play.command(f"pool add edge/one --size {SIZE} --for 5h")
    play.click(play.card("edge/one(.|\n)*Waiting for approval"), "approve", BOB)
    play.card("edge/one(.|\n)*Done", seconds=120)
    play.command(f"pool add edge/two --size {SIZE} --for 5h")
    card = play.card("edge/two(.|\n)*Waiting for approval")
    play.call("POST", "/clock", {"speed": 20})
    play.click(card, "approve", BOB)
    wait_until(lambda: accepted(play, "PUT", "two"), 60, "the second pool's PUT")
    play.call("POST", "/clock", {"speed": 600})
    assert play.click(card, "cancel", ALICE)["ok"]
    play.card("edge/two(.|\n)*Cancelled", seconds=120)
    play.advance(5 * 3600)
    wait_until(lambda: status(story, "pool.expire") == "succeeded", 120, "the first pool's expiry")
    wait_until(lambda: not story.store.zcard("{qm}:unsent"), 60, "everything to be said")


def accepted(play: Playing, method: str, name: str) -> int:
    rows = [row for row in play.requests("azure") if row["method"] == method and row["handled"] in (200, 201, 202, 204)]
    return sum(bool(re.search(f"agentPools/({name})", row["path"])) for row in rows)


async def killed_at_every_edge(folder: Path, after: bool) -> set[str]:
    """The edges; raises AssertionError where something happened twice, or not at all."""
    with playing("--no-bot", "--slack-rate", "30", speed=600) as play:
        story = Story(play, folder, after)
        try:
            async with story.proxy:
                story.nursery.fork(story.env("web"))
                story.replace()
                await asyncio.to_thread(told, story)
        finally:
            story.nursery.close()
        made = {f"{method} {name}": accepted(play, method, name) for method in ("PUT", "DELETE") for name in ("one", "two")}
        assert made == dict.fromkeys(("PUT one", "PUT two", "DELETE one", "DELETE two"), 1)
        said_once(play)
        told_of = [re.sub(r"\s+", " ", shown(reply)) for parent in play.messages(GPU) for reply in parent["replies"] if reply.get("bot")]
        assert {said: sum(said in one for one in told_of) for said in SAID} == SAID
        return set(story.proxy.names)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("after", [False, True], ids=["before it is heard", "once it is answered"])
async def test_killed_at_every_edge_a_pool_is_made_once_leased_and_deleted_once(tmp_path: Path, after: bool) -> None:
    edges = await killed_at_every_edge(tmp_path, after)
    steps = {word for edge in edges for word in edge.split()}
    assert {"budget", "approve", "reserve", "pool", "plugin", "rollout", "proof", "lease", "keep", "settle", "take_back_pool"} <= steps
    assert len(edges) > 100
