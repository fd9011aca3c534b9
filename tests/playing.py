"""A playground that a test or the tour drives: started as a user starts it, spoken to over its control API."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
GPU, RANDOM = "C0GPU", "C0RANDOM"
ALICE, BOB, CAROL, GINA, XAVI = "U0ALICE", "U0BOB", "U0CAROL", "U0GINA", "U0XAVI"
ROOT = Path(__file__).resolve().parent.parent


def wait_until(look: Callable[[], T | None], seconds: float = 60.0, what: str = "") -> T:
    """Poll until `look` answers something true. Raises AssertionError with what was missing."""
    ends = time.monotonic() + seconds
    pause = 0.05
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > ends:
            raise AssertionError(f"not within {seconds:g} s: {what or look}")
        time.sleep(pause)
        pause = min(0.5, pause * 1.3)


class Playing:
    """One running playground. `ready` is its ready file."""

    def __init__(self, process: subprocess.Popen[bytes], ready: dict[str, Any]) -> None:
        self.process, self.ready = process, ready
        self.bots: dict[str, subprocess.Popen[bytes]] = {}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the control API."""
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.ready["control"] + path, data=data, method=method, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())

    def command(self, text: str, user: str = ALICE, channel: str = GPU) -> str:
        """Type ``/gpu text``; what the person is shown at once."""
        answer = self.call("POST", "/commands", {"user": user, "channel": channel, "text": text})
        return str((answer.get("ack") or {}).get("text") or answer.get("error") or "")

    def messages(self, channel: str = GPU, user: str = "") -> list[dict[str, Any]]:
        """Parents with their replies, oldest first; with `user` also what only that person sees."""
        found: list[dict[str, Any]] = self.call("GET", f"/messages?channel={channel}" + (f"&user={user}" if user else ""))["messages"]
        return found

    def card(self, text: str, channel: str = GPU, seconds: float = 60.0) -> dict[str, Any]:
        """The newest parent message that shows `text` (a regular expression)."""

        def look() -> dict[str, Any] | None:
            return next((one for one in reversed(self.messages(channel)) if re.search(text, shown(one))), None)

        return wait_until(look, seconds, f"a card with {text!r}; there are: {[shown(one)[:200] for one in self.messages(channel)]}")

    def reply(self, ts: str, text: str, channel: str = GPU, seconds: float = 60.0, user: str = "") -> dict[str, Any]:
        """The first message in the thread `ts` that shows `text`."""

        def thread() -> list[dict[str, Any]]:
            parent = next((one for one in self.messages(channel, user) if one["ts"] == ts), None)
            return parent["replies"] if parent else []

        def look() -> dict[str, Any] | None:
            return next((one for one in thread() if re.search(text, shown(one))), None)

        try:
            return wait_until(look, seconds, f"a reply with {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the thread: {json.dumps([shown(one)[:300] for one in thread()], ensure_ascii=False, indent=1)}") from None

    def click(self, message: dict[str, Any], action: str, user: str = ALICE, channel: str = GPU) -> dict[str, Any]:
        """Press a button of a message."""
        answer: dict[str, Any] = self.call("POST", "/actions", {"user": user, "channel": channel, "ts": message["ts"], "action_id": action})
        return answer

    def view(self, text: str = "", user: str = ALICE) -> dict[str, Any]:
        """The newest open modal of a person that shows `text` (a regular expression): another may still be open from before."""

        def look() -> list[dict[str, Any]]:
            return [one for one in self.call("GET", f"/views?user={user}")["views"] if re.search(text, json.dumps(one, ensure_ascii=False))]

        return wait_until(look, 60, f"a modal with {text!r}")[-1]

    def mention(self, ts: str, text: str, user: str = ALICE, channel: str = GPU) -> None:
        """``@quartermaster text`` in a thread."""
        self.call("POST", "/mentions", {"user": user, "channel": channel, "thread_ts": ts, "text": text})

    def whispers(self, user: str, channel: str = GPU) -> list[str]:
        """What only that person was shown."""
        found = []
        for one in self.messages(channel, user):
            found += [shown(message) for message in (one, *one["replies"]) if message.get("ephemeral_to")]
        return found

    def requests(self, service: str) -> list[dict[str, Any]]:
        """Every request that a simulated service received."""
        found: list[dict[str, Any]] = self.call("GET", f"/requests?service={service}")["requests"]
        return found

    def writes(self, service: str, match: str) -> list[str]:
        """Accepted writes (method and path) to a simulated service."""
        listed = [f"{row['method']} {row['path']}" for row in self.requests(service) if row["method"] in ("PUT", "POST", "PATCH", "DELETE")]
        return [line for line in listed if re.search(match, line)]

    def fault(self, service: str, effect: str, match: str = "", times: int = 1, **options: Any) -> None:
        """Have something go wrong."""
        answer = self.call("POST", "/faults", {"service": service, "effect": effect, "match": match, "times": times, **options})
        assert answer["ok"], answer

    def advance(self, seconds: float) -> None:
        """Let business time pass."""
        self.call("POST", "/clock", {"advance": seconds})

    def begin_a_month(self, days: int) -> None:
        """Where fewer than `days` of the month are left, go on to the next: a budget counts what falls into the present one."""
        found = self.call("POST", "/clock", {"advance": 0})
        now = datetime.fromtimestamp(float(found["now"]), UTC)
        following = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=1)
        if now + timedelta(days=days) > following:
            self.advance((following - now).total_seconds())

    def bot(self, name: str, tag: str = "", **extra: str) -> subprocess.Popen[bytes]:
        """Start one of the bot's processes (where the playground was started without)."""
        env = {**os.environ, **self.ready["env"], **extra}
        process = subprocess.Popen([sys.executable, "-m", "bot", name], cwd=ROOT, env=env)
        self.bots[tag or name] = process
        return process

    def close(self) -> None:
        """End everything that was started, and see that it ended. The bot is not asked to drain: nobody waits for what it still does."""
        for process in self.bots.values():
            process.kill()
        for name in ("web", "worker", "clock"):
            if pid := self.ready["pids"].get(name):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.send_signal(signal.SIGTERM)
        for process in (*self.bots.values(), self.process):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def shown(message: dict[str, Any]) -> str:
    """Everything a reader sees of a message: text, blocks, file names."""
    blocks = list(texts(message.get("blocks") or []))
    said = message.get("text") or ""
    parts = [*([] if said in blocks else [said]), *blocks, *(file["name"] for file in message.get("files") or [])]
    return "\n".join(part for part in parts if part)


def texts(node: Any) -> Iterator[str]:
    """Every text in a block, in order."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("text", "title", "alt_text") and isinstance(value, str):
                yield value
            elif name == "status" and node.get("type") == "task_card":
                yield f"[{value}]"
            elif name not in ("block_id", "action_id", "value", "type"):
                yield from texts(value)
    elif isinstance(node, list):
        for item in node:
            yield from texts(item)


@contextlib.contextmanager
def playing(*arguments: str, speed: float = 60, seconds: float = 60.0) -> Iterator[Playing]:
    """A playground for the time of a test."""
    with tempfile.TemporaryDirectory(prefix="playing-") as folder:
        ready_file = Path(folder) / "ready.json"
        command = [
            sys.executable,
            "-m",
            "playground",
            "--headless",
            "--port",
            "0",
            "--speed",
            str(speed),
            "--ready-file",
            str(ready_file),
            *arguments,
        ]
        process = subprocess.Popen(command, cwd=ROOT)

        def ready() -> bool:
            assert process.poll() is None, f"the playground ended with {process.returncode}"
            return ready_file.exists()

        try:
            wait_until(ready, seconds, "the playground's ready file")
        except AssertionError:
            process.kill()
            raise
        play = Playing(process, json.loads(ready_file.read_text()))
        try:
            yield play
        finally:
            play.close()
