"""Whatever Slack might post, generated: commands, clicks, modals, events and shortcuts, right and of the wrong shape."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from hypothesis import strategies as st

from tests.playing import ALICE, BOB, GPU

BASE: Final = "demo"
GOOD: Final = (BASE, "alpha", "beta", "gamma")
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
    """An example, meant as it is and about one of a few names, or with a word replaced or inserted."""
    if draw(st.integers(0, 2)) == 0:
        return draw(st.sampled_from(EXAMPLES)).replace(BASE, draw(st.sampled_from(GOOD)))
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


def named(drawn: Any) -> set[str]:
    """Every word in what was drawn, in lower case: what it may be about."""
    return set(re.findall(r"[a-z0-9]+(?:[-_.()]+[a-z0-9]+)*", json.dumps(drawn, ensure_ascii=False).lower()))
