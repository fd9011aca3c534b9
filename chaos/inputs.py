"""``python -m chaos.inputs [N]``: N generated commands and payloads posted at `web` with the right signature, while `worker` runs what is accepted.

No traceback may reach anybody, no process may end, and nothing outside of what may be meant may be requested of Azure or Kubernetes.
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
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlencode

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.playing import ALICE, BOB, GPU, ROOT, Playing, playing, wait_until

NASTY: Final = (
    "..", "demo/..", "../..", "%2e%2e", "demo%2Fgpu", "demo/gpu/..", "\u2014", "--", "-", "*", "`", "```", '"', "'", "\\", "\n", "\x00",
    "=b", "\U0001f600",
    "<!channel>", "<http://a|b>", "9" * 30, "-1", "NaN", "0h", "900d", "\u202e", "$(id)", "{}", "&amp;", "x" * 300, "#", "?x=1", ";", "C0GPU", "null",
)  # fmt: skip
EXAMPLES: Final = (
    "", "help pool", "cluster create demo --size Standard_NC4as_T4_v3 --nodes 1 --for 8h", "cluster list", "cluster show demo", "cluster adopt demo",
    "cluster stop demo", "cluster start demo", "cluster delete demo", "pool add demo/gpu --size Standard_NC4as_T4_v3 --min 0 --max 2 --spot",
    "pool list demo", "pool show demo/gpu", "pool scale demo/gpu --nodes 2", "pool extend demo/gpu --for 4h", "pool delete demo/gpu",
    "plugin status demo", "plugin remove demo", "nodes demo", "check demo/gpu", "run mnist --on demo --env A=b -- --max_steps 5",
    "run vector-add --gpus 2",
    "jobs", "job mnist-1", "job mnist-1 --again", "logs mnist-1 --tail 5", "cancel mnist-1", "clean mnist-1", "sizes --region eastus",
    "price Standard_NC4as_T4_v3", "quota eastus",
    "feature register ManagedGPUExperiencePreview",
    "feature status ManagedGPUExperiencePreview", "status", "budget", "audit", "digest show",
    'digest set "weekdays 09:00 Europe/Berlin"', "digest off",
)  # fmt: skip
BUTTONS: Final = (
    "approve", "confirm", "cancel", "deny", "extend", "logs", "curve", "again", "again_edit", "offer:0", "offer:x", "keep", "retry", "sizes", "quota",
    "break_glass", "suggest_takeover", "suggest_x", "menu_cluster", "menu_x", "menu_nodes", "link_", "approve:1", "nothing_of_ours",
)  # fmt: skip
VIEWS: Final = ("deny", "break_glass", "cluster", "run", "again", "notice", "unknown")
NAME: Final = r"[A-Za-z0-9](?:[\w.()-]*[\w()-])?"
MEANT: Final = {
    "azure": re.compile(
        rf"^/subscriptions(/[0-9a-f-]{{36}}(/resourcegroups(/{NAME})?|/locations)?"
        rf"(/providers(/{NAME})*|/resources)?)?/?(\?.*)?$", re.IGNORECASE,
    ),
    "kubernetes": re.compile(rf"^(/clusters)?/{NAME}(/[\w.:-]*[\w:-])*/?(\?.*)?$"),
}  # fmt: skip


def command(text: str) -> dict[str, str]:
    """A slash command's form."""
    return {
        "command": "/gpu", "text": text, "team_id": "T0PLAYGROUND", "team_domain": "playground", "user_id": ALICE, "user_name": "alice",
        "channel_id": GPU, "channel_name": "gpu", "response_url": "http://127.0.0.1:9/x", "api_app_id": "A0QM", "token": "t", "trigger_id": "1.2.x",
    }  # fmt: skip


def click(action: str, value: str) -> dict[str, Any]:
    """A button's payload."""
    return {
        "type": "block_actions", "user": {"id": BOB, "username": "bob", "team_id": "T0PLAYGROUND"}, "api_app_id": "A0QM", "token": "t",
        "container": {"type": "message", "message_ts": "1.2", "channel_id": GPU}, "trigger_id": "1.2.x", "team": {"id": "T0PLAYGROUND"},
        "channel": {"id": GPU, "name": "gpu"}, "message": {"ts": "1.2", "text": "x", "blocks": []}, "response_url": "http://127.0.0.1:9/x",
        "actions": [{
            "action_id": action, "block_id": "b", "type": "button", "value": value, "action_ts": "1.2", "text": {"type": "plain_text", "text": "x"},
        }],
    }  # fmt: skip


def submission(callback: str, value: str) -> dict[str, Any]:
    """A modal's payload."""
    fields = ("name", "region", "size", "nodes", "for", "work", "on", "gpus", "pods", "timeout", "args", "reason")
    state = {field: {field: {"type": "plain_text_input", "value": value}} for field in fields}
    return {
        "type": "view_submission", "team": {"id": "T0PLAYGROUND"}, "user": {"id": ALICE, "team_id": "T0PLAYGROUND"}, "trigger_id": "1.2.x",
        "view": {
            "id": "V1", "type": "modal", "callback_id": callback, "state": {"values": state}, "blocks": [{"type": "input", "block_id": "name"}],
            "private_metadata": json.dumps({"value": value, "channel": GPU, "job": value, "about": value}),
        },
    }  # fmt: skip


def event(kind: str, text: str) -> dict[str, Any]:
    """An event's payload."""
    inner = {"type": kind, "user": ALICE, "channel": GPU, "text": f"<@U0QM> {text}", "ts": "1.2", "tab": "home"}
    return {"type": "event_callback", "team_id": "T0PLAYGROUND", "api_app_id": "A0QM", "event": inner, "event_id": "Ev1", "token": "t"}


def shortcut(text: str) -> dict[str, Any]:
    """A message shortcut's payload."""
    return {
        "type": "message_action", "callback_id": "run_on_gpu", "trigger_id": "1.2.x", "team": {"id": "T0PLAYGROUND"}, "user": {"id": ALICE},
        "channel": {"id": GPU}, "message": {"type": "message", "text": text, "ts": "1.2", "files": [{"id": text, "name": text}]}, "message_ts": "1.2",
        "response_url": "http://127.0.0.1:9/x",
    }  # fmt: skip


words = st.sampled_from(NASTY) | st.text(max_size=20) | st.sampled_from(EXAMPLES)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """An example with a word replaced or inserted, or anything."""
    parts = draw(st.sampled_from(EXAMPLES)).split()
    at = draw(st.integers(0, len(parts)))
    return " ".join([*parts[:at], draw(words), *parts[at + draw(st.integers(0, 1)) :]])


JUNK: Final = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda kids: st.lists(kids, max_size=2), max_leaves=4)


@st.composite
def payloads(draw: st.DrawFn) -> tuple[str, Any, bool]:
    """What Slack might post: a form or JSON; and whether it has the right shape: sometimes something is in it that nobody expects."""
    text = draw(texts())
    kind = draw(st.sampled_from(("command", "command", "click", "view", "event", "shortcut")))
    if kind == "command":
        return kind, command(text), True
    body = {
        "click": lambda: click(draw(st.sampled_from(BUTTONS)), text), "view": lambda: submission(draw(st.sampled_from(VIEWS)), text),
        "event": lambda: event(draw(st.sampled_from(("app_mention", "app_home_opened", "message"))), text), "shortcut": lambda: shortcut(text),
    }[kind]()  # fmt: skip
    at = draw(st.none() | st.integers(0, 60))
    return kind, broken(body, at, draw(JUNK)), at is None


def broken(body: Any, at: int | None, junk: Any) -> Any:
    """`body` with its `at`-th inner value replaced; None: as it is."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            places.append((node, key))
            walk(node[key])

    walk(body)
    if at is not None and at < len(places):
        node, key = places[at]
        node[key] = junk
    return body


class Door:
    """The bot behind signed HTTP, and what is found wrong with how it answers."""

    def __init__(self, play: Playing, log: Path) -> None:
        self.play, self.log = play, log
        self._secret, self._url = play.ready["env"]["SLACK_SIGNING_SECRET"], f"http://127.0.0.1:{play.ready['env']['PORT']}/slack/events"
        self._number = 0

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

    def wrong(self) -> list[str]:
        """What should not have happened: a process ended, a traceback was shown, something was requested that nobody can have meant."""
        found = [f"{name} ended" for name, process in self.play.bots.items() if process.poll() is not None]
        found += [f"shown: {row['text'][:200]}" for row in self.play.messages(GPU) if re.search("Traceback|on my side", json.dumps(row))]
        for service, meant in MEANT.items():
            paths = [row["path"] for row in self.play.requests(service)]
            found += [f"{service} was asked for {path}" for path in paths if not meant.match(path) or "/../" in path or "%" in path.partition("?")[0]]
        # What `web` makes of a wrong shape it may well log; `worker` must not be reached by it.
        lines = [json.loads(line) for line in self.log.read_text(errors="replace").splitlines() if line.startswith("{")]
        return found + [f"logged: {json.dumps(line)[-700:]}" for line in lines if line["level"] in ("ERROR", "CRITICAL")]


def hold(number: int, draws: int = 1) -> list[str]:
    """Post `number` generated requests; what is wrong."""
    with TemporaryDirectory(prefix="inputs-") as folder, playing("--no-bot", "--slack-rate", "100", speed=2000) as play:
        door = Door(play, Path(folder) / "bot.log")
        for name in ("web", "worker"):
            with (Path(folder) / ("bot.log" if name == "worker" else "web.log")).open("ab") as log:
                env = {**play.ready["env"], "SLACK_APP_TOKEN": "", "PATH": ""}
                play.bots[name] = subprocess.Popen([sys.executable, "-m", "bot", name], cwd=ROOT, env=env, stdout=log, stderr=log)
        wait_until(lambda: _answers(door), 40, "web to answer")
        bad: list[str] = []

        @seed(draws)
        @settings(max_examples=number, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
        @given(payloads())
        def answered(drawn: tuple[str, Any, bool]) -> None:
            kind, body, right = drawn
            status, text = door.post(kind, body)
            if status not in ((200, 404) if right else (200, 400, 404, 500)) or "Traceback" in text or (right and "on my side" in text):
                bad.append(f"{status} {text[:200]} for {json.dumps(drawn)[:600]}")

        answered()
        assert _answers(door), "web answers no more"
        play.card("GPU sizes|sizes", seconds=60)
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
