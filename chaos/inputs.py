"""``python -m chaos.inputs [N]``: N generated commands and payloads posted at `web` with the right signature, while `worker` runs what is accepted.

There is a cluster with GPUs to be asked about, and Bob approves some of what is asked for. No traceback may reach anybody, no process may end, and
nothing outside of what may be meant may be requested of Azure or Kubernetes; what is written is about a name that was drawn.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlencode

import redis as redis_sync
from hypothesis import HealthCheck, Phase, given, seed, settings

from chaos.posted import BASE, command, named, payloads
from chaos.telling import buttons
from tests.playing import ALICE, BOB, GPU, ROOT, Playing, playing, shown, wait_until

SIZE: Final = "Standard_NC4as_T4_v3"
DECIDE_EVERY: Final = 100
REST_SECONDS: Final = 240.0
MEND_EVERY_SECONDS: Final = 20.0
WRITES: Final = ("PUT", "POST", "PATCH", "DELETE")
OURS: Final = ("default", "gpu-resources", "nvidia-device-plugin-daemonset")
ADDED: Final = re.compile(r"-?(\d+|[a-z2-7]{6})$")
"""What is added to a name that nobody chose: a number, or the beginning of an operation's id."""
KEPT: Final = re.compile(rf"delete (cluster {BASE}|node pool {BASE}/gpu)\b")
NAME: Final = r"[A-Za-z0-9](?:[\w.()-]*[\w()-])?"
MEANT: Final = {
    "azure": re.compile(
        rf"^/subscriptions(/[0-9a-f-]{{36}}(/resourcegroups(/{NAME})?|/locations)?"
        rf"(/providers(/{NAME})*|/resources)?)?/?(\?.*)?$", re.IGNORECASE,
    ),
    "kubernetes": re.compile(rf"^(/clusters)?/{NAME}(/[\w.:-]*[\w:-])*/?(\?.*)?$"),
}  # fmt: skip


class Door:
    """The bot behind signed HTTP, and what is found wrong with how it answers."""

    def __init__(self, play: Playing, log: Path) -> None:
        self.play, self.log = play, log
        self._secret, self._url = play.ready["env"]["SLACK_SIGNING_SECRET"], f"http://127.0.0.1:{play.ready['env']['PORT']}/slack/events"
        self._number = 0
        self._seen: Counter[str] = Counter()
        self._decided: set[str] = set()
        self.names: set[str] = {"gpu"}  # what a pool is called that nobody names
        self._store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)

    def post(self, kind: str, payload: Any) -> tuple[int, str]:
        """Post as Slack does; status and body."""
        self._number += 1
        text = json.dumps(payload).replace("1.2.x", f"1.2.{self._number}").replace('"Ev1"', f'"Ev{self._number}"')
        form = {"command": lambda: urlencode(json.loads(text)), "event": lambda: text}.get(kind, lambda: urlencode({"payload": text}))()
        stamp = str(int(time.time()))
        digest = hmac.new(self._secret.encode(), f"v0:{stamp}:{form}".encode(), hashlib.sha256).hexdigest()
        headers = {
            "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}",
            "Content-Type": "application/json" if kind == "event" else "application/x-www-form-urlencoded",
        }  # fmt: skip
        try:
            with urllib.request.urlopen(urllib.request.Request(self._url, data=form.encode(), headers=headers), timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def furnish(self) -> None:
        """A cluster with two GPUs, as somebody made it before; what was requested for that is not counted."""
        assert self.play.call("POST", "/delivery", {"mode": "http", "url": self._url})["verified"]
        self.play.command(f"cluster create {BASE} --size {SIZE} --nodes 2 --for 7d", ALICE)
        self.play.click(self.play.card("Waiting for approval", seconds=120), "approve", BOB)
        self.play.card(f"cluster {BASE}(.|\n)*Done", seconds=120)
        self._decided = {card["ts"] for card in self.play.messages(GPU)}
        self._seen = Counter({service: len(self.play.requests(service)) for service in MEANT})

    def decide(self) -> None:
        """Bob approves two of three cards that wait for him, and Alice confirms as many deletions, but none of what the rest is asked about."""
        for card in self.play.messages(GPU):
            waits = {"approve", "confirm"} & buttons(card)
            if not waits or card["ts"] in self._decided or KEPT.match(shown(card)):
                continue
            self._decided.add(card["ts"])
            if len(self._decided) % 3:
                action = waits.pop()
                self.play.click(card, action, BOB if action == "approve" else ALICE)

    def active(self) -> list[str]:
        """Operations that run: not those that wait for somebody, nor the leases of what exists."""
        rows: list[Any] = [self._store.hgetall(key) for key in self._store.scan_iter("{qm}:op:*", count=1000)]
        return [f"{row['id']} {row['kind']} {row['step']} {row['text']}" for row in rows if row["status"] == "running" and row["kind"] != "lease"]

    def rest(self) -> list[str]:
        """Wait until nothing runs any more; what still does. What is waited for is put right meanwhile: the cluster runs, with its plugin."""
        ends, mend_at = time.monotonic() + REST_SECONDS, 0.0
        while (going := self.active()) and time.monotonic() < ends:
            if time.monotonic() >= mend_at:
                self.play.command(f"cluster start {BASE}", ALICE)
                self.play.command(f"plugin install {BASE}", ALICE)
                mend_at = time.monotonic() + MEND_EVERY_SECONDS
            self.decide()
            time.sleep(1)
        return [f"still runs: {line}" for line in going]

    def requests(self, service: str) -> list[dict[str, Any]]:
        """What was requested of a service since the cluster stood there."""
        return self.play.requests(service)[self._seen[service] :]

    def wrong(self) -> list[str]:
        """What should not have happened: a process ended, a traceback was shown, something was requested that nobody can have meant."""
        found = [f"{name} ended" for name, process in self.play.bots.items() if process.poll() is not None]
        found += [f"shown: {row['text'][:200]}" for row in self.play.messages(GPU) if re.search("Traceback|on my side", json.dumps(row))]
        for service, meant in MEANT.items():
            rows = self.requests(service)
            paths = [row["path"] for row in rows]
            found += [f"{service} was asked for {path}" for path in paths if not meant.match(path) or "/../" in path or "%" in path.partition("?")[0]]
            found += [f"{service} was asked for nothing at all"] if not rows else []
            found += (
                [f"{service} was never written to"] if not any(row["method"] in WRITES and row["handled"] in (200, 201, 202) for row in rows) else []
            )
            for row in rows:
                strange = [name for name in _written(service, row) if not self._known(name)] if row["method"] in WRITES else []
                found += [f"{service}: {row['method']} {row['path']} is about {strange}, which nobody named"] if strange else []
        # What `web` makes of a wrong shape it may well log; `worker` must not be reached by it.
        lines = [json.loads(line) for line in self.log.read_text(errors="replace").splitlines() if line.startswith("{")]
        return found + [f"logged: {json.dumps(line)[-700:]}" for line in lines if line["level"] in ("ERROR", "CRITICAL")]

    def _known(self, name: str) -> bool:
        """Whether somebody named it. A number may have been added, an operation's id, or our own name before it."""
        plain = name.lower().removeprefix("quartermaster-")
        return plain in self.names or ADDED.sub("", plain) in self.names or plain in OURS


def _written(service: str, row: dict[str, Any]) -> Iterator[str]:
    """The names that a write is about."""
    path = row["path"].partition("?")[0].lower()
    if service == "azure":
        yield from re.findall(r"/(?:resourcegroups|managedclusters|agentpools|features)/([^/]+)", path)
        return
    cluster, _, rest = path.removeprefix("/clusters/").partition("/")
    yield from cluster.split("--")
    yield from re.findall(r"/(?:namespaces|jobs|daemonsets)/([^/]+)", rest)
    yield from [row["made"]] if rest.endswith("/jobs") and row["made"] else []


def hold(number: int, draws: int = 1) -> list[str]:
    """Post `number` generated requests; what is wrong."""
    with TemporaryDirectory(prefix="inputs-") as folder, playing("--no-bot", "--slack-rate", "100", speed=2000) as play:
        door = Door(play, Path(folder) / "bot.log")
        for name in ("web", "worker"):
            with (Path(folder) / ("bot.log" if name == "worker" else "web.log")).open("ab") as log:
                env = {**play.ready["env"], "SLACK_APP_TOKEN": "", "PATH": ""}
                play.bots[name] = subprocess.Popen([sys.executable, "-m", "bot", name], cwd=ROOT, env=env, stdout=log, stderr=log)
        wait_until(lambda: _answers(door), 90, "web to answer")
        door.furnish()
        bad: list[str] = []
        posted: Counter[str] = Counter()

        @seed(draws)
        @settings(max_examples=number, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
        @given(payloads())
        def answered(drawn: tuple[str, Any, bool]) -> None:
            kind, body, right = drawn
            posted[kind] += 1
            door.names |= named(body)
            if posted.total() % DECIDE_EVERY == 0:
                door.decide()
            status, text = door.post(kind, body)
            if status not in ((200, 404) if right else (200, 400, 404, 500)) or "Traceback" in text or (right and "on my side" in text):
                bad.append(f"{status} {text[:200]} for {json.dumps(drawn)[:600]}")

        answered()
        assert _answers(door), "web answers no more"
        bad += door.rest()
        asked = {service: Counter(row["method"] for row in door.requests(service)) for service in MEANT}
        print(f"{posted.total()} posted: {dict(posted)}; requested: " + "; ".join(f"{name} {dict(count)}" for name, count in asked.items()))
        return bad + door.wrong()


def _answers(door: Door) -> bool:
    try:
        return "On it" in door.post("command", command("sizes"))[1]
    except OSError:
        return False


def main(argv: list[str]) -> int:
    """Post them; 0 if nothing was wrong."""
    number = int(argv[0]) if argv else 10_000
    wrong = hold(number, int(argv[1]) if len(argv) > 1 else 1)
    fine = f"{number} generated requests: no traceback, no process ended, nothing asked for that nobody meant"
    print("\n".join(dict.fromkeys(wrong)) or fine)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
