"""What people do with jobs, and what they look at."""

from __future__ import annotations

import re
import urllib.request
from typing import Any

from tests.playing import ALICE, GPU, Playing, shown

IMAGE = "ghcr.io/team/train:1.2"
MANIFEST = """apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: main
          image: ghcr.io/team/train:1.2
          args: {args}
          resources:
            limits:
              nvidia.com/gpu: {gpus}
"""


def card_of(play: Playing, text: str) -> tuple[dict[str, Any], str]:
    """A job's card, and the job's name."""
    card = play.card(rf"\A{text}[-\w]* on lab - ")
    found = re.match(rf"({text}[-\w]*) on lab - ", shown(card))
    assert found
    return card, found[1]


def ran(play: Playing, command: str, text: str, result: str = "succeeded") -> tuple[dict[str, Any], str]:
    """Run a job to its end: its completion message, and its name."""
    earlier = "|".join(found[1] for one in play.messages() if (found := re.match(r"([-\w]+) on lab - ", shown(one))))
    play.command(command)
    card, name = card_of(play, rf"(?!(?:{earlier or '-'}) ){text}")
    return play.reply(card["ts"], rf"{name}\*? {result}", seconds=60), name


def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [element for block in message["blocks"] if block["type"] == "actions" for element in block["elements"]]


def button(message: dict[str, Any], text: str) -> str:
    return next(str(one["action_id"]) for one in buttons(message) if text in one["text"]["text"])


def content(play: Playing, message: dict[str, Any]) -> bytes:
    with urllib.request.urlopen(message["files"][0]["url"], timeout=20) as answer:
        return bytes(answer.read())


def posted(play: Playing, text: str = "", files: list[dict[str, str]] | None = None) -> str:
    """A person's message, to which the shortcut is then applied."""
    answer = play.call("POST", "/messages", {"user": ALICE, "channel": GPU, "text": text, **({"files": files} if files else {})})
    return str(answer["ts"])


def run_on_gpu(play: Playing, ts: str, user: str = ALICE) -> None:
    answer = play.call("POST", "/shortcuts", {"user": user, "channel": GPU, "ts": ts, "callback_id": "run_on_gpu"})
    assert answer["ok"], answer
