"""One playground with the bot on it, made for being broken: its processes can be killed, its store frozen, and what it holds read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import redis as redis_sync

from playground import valkey
from tests.playing import ALICE, BOB, GPU, ROOT, Playing, playing, shown, wait_until

QUICK: Final = {
    "QUARTERMASTER_LEASE_SECONDS": "2", "QUARTERMASTER_SWEEP_SECONDS": "1", "QUARTERMASTER_OBSERVE_SECONDS": "1",
    "QUARTERMASTER_SETTLE_SECONDS": "1.5", "QUARTERMASTER_JOB_LOOK_SECONDS": "1", "QUARTERMASTER_PATROL_SECONDS": "5",
}  # fmt: skip
SPEED: Final = 1500.0
SLACK_RATE: Final = 30.0
BASE: Final = "base"
SIZE: Final = "Standard_NC4as_T4_v3"
KINDS: Final = ("web", "worker", "clock")
FRESH_SECONDS: Final = 0.25


class System:
    """`log` is where the bot's processes write; `processes` is how many there are of each kind."""

    def __init__(self, play: Playing, log: Path, processes: tuple[int, int, int]) -> None:
        self.play, self.log = play, log
        self.names = tuple(f"{kind}{number}" for kind, count in zip(KINDS, processes, strict=True) for number in range(count))
        self._ports = {name: str(_free_port()) for name in self.names if name.startswith("web")}
        self._struck: Counter[str] = Counter()
        self.store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True, socket_timeout=10)
        self._redis: asyncio.subprocess.Process | None = None
        self._lock = threading.Lock()
        self._read: dict[str, tuple[float, list[dict[str, Any]]]] = {}

    def open(self) -> None:
        """Start the bot, and have a cluster with a GPU pool ready for jobs and pools."""
        for name in self.names:
            self.start(name)
        wait_until(lambda: "On it" in self.play.command(f"cluster create {BASE} --size {SIZE} --nodes 2 --for 7d", ALICE), 90, "web to answer")
        card = self.play.card("Waiting for approval", seconds=60)
        self.play.click(card, "approve", BOB)
        self.play.card(f"cluster {BASE}(.|\n)*Done", seconds=60)

    def start(self, name: str) -> None:
        """Start one process."""
        env = {**os.environ, **self.play.ready["env"], **QUICK, "PYTHONPATH": str(ROOT / "chaos" / "peek")}
        env |= {"PORT": self._ports[name]} if name in self._ports else {}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "bot", name.rstrip("0123456789")]
            self.play.bots[name] = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)

    def strike(self, event: str) -> None:
        """Have something befall the system."""
        verb, _, what = event.partition(" ")
        if verb in ("kill", "restart") and what != "redis":
            self._replace(self._chosen(what), signal.SIGKILL if verb == "kill" else signal.SIGTERM)
        elif event == "lose the queue":
            for key in list(self.store.scan_iter("{qm}:docket*")):
                self.store.delete(key)
        elif event == "freeze redis":
            self._signal_redis(signal.SIGSTOP)
            time.sleep(1.5)
            self._signal_redis(signal.SIGCONT)
        elif event == "kill redis":
            self._signal_redis(signal.SIGKILL)
            folder = Path(str(self.play.ready["redis"]).removeprefix("unix://")).parent
            self._redis, _ = asyncio.run(valkey.start(folder))
        elif event == "an hour passes":
            self.play.advance(3600)
        else:
            time.sleep(0.5)

    def _chosen(self, what: str) -> list[str]:
        """All processes, or one of a kind: another one each time."""
        if what == "all":
            return list(self.names)
        of_kind = [name for name in self.names if name.startswith(what)]
        self._struck[what] += 1
        return [of_kind[self._struck[what] % len(of_kind)]]

    def _replace(self, names: list[str], how: signal.Signals) -> None:
        for name in names:
            self.play.bots[name].send_signal(how)
        for name in names:
            self.play.bots[name].wait(30)
            self.start(name)

    def now(self) -> float:
        """Business time."""
        return float(self.play.call("GET", "/clock")["now"])

    def _redis_pid(self) -> int:
        return self._redis.pid if self._redis else int(self.play.ready["pids"]["redis"])

    def _signal_redis(self, name: signal.Signals) -> None:
        os.kill(self._redis_pid(), name)

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """What stands in a channel; not older than a quarter of a second, and shared by all who look."""
        with self._lock:
            at, rows = self._read.get(channel, (0.0, []))
            if time.monotonic() - at > FRESH_SECONDS:
                rows = self.play.messages(channel)
                self._read[channel] = (time.monotonic(), rows)
            return rows

    def records(self) -> list[dict[str, str]]:
        """All operations' records, each with the states of its messages under ``messages``."""
        keys = [str(key) for key in self.store.scan_iter("{qm}:op:*", count=1000)]
        with self.store.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hgetall(key)
                pipe.hgetall(key.replace("{qm}:op:", "{qm}:out:"))
            rows = pipe.execute()
        found = []
        for record, out in zip(rows[::2], rows[1::2], strict=True):
            states = {name: json.loads(value)["state"] for name, value in out.items() if name.startswith("m:")}
            found.append({**record, "messages": json.dumps(states)})
        return found

    def peek(self) -> None:
        """Have every process write down what its tasks wait for."""
        for name in self.names:
            self.play.bots[name].send_signal(signal.SIGUSR2)
        time.sleep(1)

    def died(self) -> list[str]:
        """Processes that ended by themselves."""
        return [name for name in self.names if self.play.bots[name].poll() is not None]

    def close(self) -> None:
        """End the store that took the place of the playground's own."""
        if self._redis is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._redis.pid, signal.SIGKILL)


@contextlib.contextmanager
def opened(processes: tuple[int, int, int]) -> Iterator[System]:
    """A fresh system for one round."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, playing("--no-bot", "--slack-rate", str(SLACK_RATE), speed=SPEED) as play:
        system = System(play, Path(folder) / "bot.log", processes)
        try:
            system.open()
            yield system
        finally:
            play.close()
            system.close()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def threads(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parents and replies in one list."""
    return [message for parent in rows for message in (parent, *parent["replies"])]


__all__ = ["ALICE", "BASE", "BOB", "GPU", "SIZE", "System", "opened", "shown", "threads", "wait_until"]
