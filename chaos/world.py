"""The whole system under a schedule: what may happen to it, and what has to be true afterwards - counted at the simulated services."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import redis as redis_sync

from tests.playing import ALICE, BOB, CAROL, GPU, Playing, shown, wait_until

QUICK = {
    "QUARTERMASTER_LEASE_SECONDS": "2", "QUARTERMASTER_SWEEP_SECONDS": "1", "QUARTERMASTER_OBSERVE_SECONDS": "1",
    "QUARTERMASTER_SETTLE_SECONDS": "2", "QUARTERMASTER_JOB_LOOK_SECONDS": "1",
}  # fmt: skip
FAULTS: dict[str, tuple[str, str, str, dict[str, Any]]] = {  # name: service, effect, match, options
    "slack takes it and cuts": ("slack", "reset_after", "chat.postMessage", {}),
    "slack cuts": ("slack", "reset_before", "chat.postMessage", {}),
    "slack throttles": ("slack", "ratelimited", "chat.", {"retry_after": 1}),
    "slack breaks": ("slack", "status", "chat.", {"status": 503}),
    "slack delivers twice": ("slack", "deliver_twice", "", {}),
    "azure takes it and cuts": ("azure", "reset_after", "^PUT", {}),
    "azure cuts": ("azure", "reset_before", "", {}),
    "azure throttles": ("azure", "status", "", {"status": 429, "retry_after": 1}),
    "azure breaks": ("azure", "status", "", {"status": 500}),
    "azure is slow": ("azure", "late", "^PUT", {"seconds": 1.0}),
    "kubernetes breaks": ("kubernetes", "status", "", {"status": 503}),
    "kubernetes takes it and cuts": ("kubernetes", "reset_after", "^P", {}),
}
PROCESSES = ("web", "worker", "clock")
ACTIONS = (
    "ask", "ask again", "approve", "approve twice", "approve oneself", "cancel", "kill web", "kill worker", "kill clock", "kill all",
    "lose the queue", "freeze redis", "an hour passes", "wait", *FAULTS,
)  # fmt: skip
ACCEPTED = (200, 201, 202, 204, 499)  # 499: done, but the answer was cut off
OVER = frozenset({"succeeded", "failed", "refused", "denied", "cancelled", "expired"})
AT_REST = OVER | {"waiting_approval", "waiting_confirmation"}


@dataclass
class World:
    """A playground, the bot on it, and one schedule at a time."""

    play: Playing
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    name: str = ""
    acked: int = 0
    approved: bool = False

    def open(self) -> None:
        """Start the bot."""
        for name in PROCESSES:
            self.play.bot(name, **QUICK)
        wait_until(lambda: "On it" in self.play.command("sizes"), 40, "web to answer")
        self.store = redis_sync.Redis.from_url(self.play.ready["redis"], decode_responses=True)

    def run(self, schedule: list[str]) -> None:
        """Play a schedule, let everything come to rest, and look. Raises AssertionError with what does not hold."""
        self.name, self.acked, self.approved = f"w{next(self.numbers)}", 0, False
        self._ask()
        for action in schedule:
            self._act(action)
        self.play.call("DELETE", "/faults")
        wait_until(lambda: not self.moving(), 120, "everything to come to rest")
        self.hold()

    def _act(self, action: str) -> None:
        if action in FAULTS:
            service, effect, match, options = FAULTS[action]
            self.play.fault(service, effect, match, **options)
        elif action in ("ask", "ask again"):
            self._ask()
        elif action.startswith("approve"):
            self._approve(action)
        elif action == "cancel":
            for card in self._cards():
                self.play.click(card, "cancel", ALICE)
        elif action.startswith("kill"):
            for name in PROCESSES if action == "kill all" else (action.split()[1],):
                self.play.bots[name].kill()
                self.play.bots[name].wait()
                self.play.bot(name, **QUICK)
        elif action == "lose the queue":
            for key in list(self.store.scan_iter("{qm}:docket*")):
                self.store.delete(key)
        elif action == "freeze redis":
            info = self.store.info("server")
            assert isinstance(info, dict)
            os.kill(int(info["process_id"]), signal.SIGSTOP)
            time.sleep(1.5)
            os.kill(int(info["process_id"]), signal.SIGCONT)
        elif action == "an hour passes":
            self.play.advance(3600)
        else:
            time.sleep(0.7)

    def _ask(self) -> None:
        answer = self.play.command(f"cluster create {self.name} --size Standard_NC4as_T4_v3 --for 48h", ALICE)
        self.acked += "On it" in answer

    def _approve(self, action: str) -> None:
        ends = time.monotonic() + 4
        while not self._cards() and time.monotonic() < ends:  # not forced: under faults it may be late, and then nobody can approve
            time.sleep(0.1)
        for card in self._cards():
            for who in {"approve": (BOB,), "approve twice": (BOB, CAROL, BOB)}.get(action, (ALICE,)):
                self.play.click(card, "approve", who)
                self.approved = self.approved or who != ALICE

    def _cards(self) -> list[dict[str, Any]]:
        return [one for one in self.play.messages(GPU) if f"cluster {self.name}" in shown(one) and "Waiting for approval" in shown(one)]

    def records(self) -> list[dict[str, str]]:
        """The records of this schedule's requests."""
        found = []
        for key in self.store.scan_iter("{qm}:op:*"):
            record = self.store.hgetall(key)
            if isinstance(record, dict) and f" {self.name} " in str(record.get("text", "")) + " ":
                found.append({str(name): str(value) for name, value in record.items()})
        return found

    def moving(self) -> list[str]:
        """What has not come to rest: operations that run, messages that are not sent."""
        rows = self.records()
        found = [f"{row['id']} {row['status']} {row.get('step')}" for row in rows if row["status"] not in AT_REST]
        for row in rows:
            out = self.store.hgetall("{qm}:out:" + row["id"])
            assert isinstance(out, dict)
            states = {str(name): json.loads(value)["state"] for name, value in out.items() if str(name).startswith("m:")}
            found += [f"{name} {state}" for name, state in states.items() if state in ("new", "sending")]
        return found if len(rows) >= self.acked else [*found, f"{len(rows)} of {self.acked} requests"]

    def hold(self) -> None:
        """The promises."""
        rows = self.records()
        assert len(rows) >= self.acked, f"lost: {self.acked} were acked, {len(rows)} are known"
        said = Counter(
            (payload["op"], payload["k"])
            for parent in self.play.messages(GPU)
            for message in (parent, *parent["replies"])
            if (payload := (message.get("metadata") or {}).get("event_payload"))
        )
        assert [name for name, count in said.items() if count > 1] == [], "said twice"
        silent = [row["id"] for row in rows if not any(op == row["id"] for op, _ in said)]
        assert silent == [], "acked and never answered"
        writes = [
            f"{row['method']} {row['path'].split('?')[0]}".lower()
            for row in self.play.requests("azure")
            if row["method"] in ("PUT", "DELETE")
            and row["status"] in ACCEPTED
            and self.name in row["path"].split("?")[0].replace("-", "/").split("/")
        ]
        assert [write for write, count in Counter(writes).items() if count > 1 and write.startswith("put")] == [], "made twice"
        assert self.approved or not writes, f"made without approval: {writes}"
        assert all(process.poll() is None for process in self.play.bots.values()), "a process died"
