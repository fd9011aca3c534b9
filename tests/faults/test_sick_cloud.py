"""Azure and Kubernetes slow, hanging, throttling, failing, lying: acks come as ever, others go on, people are told once and not per retry."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.playing import ALICE, BOB, GPU, Playing, playing, shown, wait_until

ACK_MS = 3000.0
SIZE = "Standard_NC4as_T4_v3"
SICK: dict[str, tuple[str, dict[str, Any]]] = {  # cluster: effect, options
    "hangs": ("hang", {"seconds": 3}),
    "slow": ("delay", {"seconds": 2}),
    "throttled": ("status", {"status": 429, "retry_after": 2}),
    "failing": ("status", {"status": 500}),
    "lying": ("status", {"status": 404, "body": {"page": "not found"}}),
    "half": ("truncate", {}),
}


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    with playing("--slack-rate", "20", speed=200) as running:
        yield running


def acks(play: Playing, text: str = "digest show", times: int = 5) -> list[dict[str, Any]]:
    """Type it a few times; the answers that were late or none."""
    answers = [play.call("POST", "/commands", {"user": ALICE, "channel": GPU, "text": text}) for _ in range(times)]
    return [one for one in answers if one.get("error") or "On it" not in str(one["ack"]["text"]) or one["ack"]["ms"] > ACK_MS]


def replies(play: Playing, card: dict[str, Any]) -> list[str]:
    return [shown(one) for one in next(row for row in play.messages(GPU) if row["ts"] == card["ts"])["replies"]]


def asked_of(play: Playing, service: str, match: str) -> int:
    return sum(bool(re.search(match, row["path"])) for row in play.requests(service))


def asked_again(play: Playing, service: str, name: str, more: int = 3) -> None:
    """Wait until a sick service was asked about `name` that many times more."""
    match = f"/managedClusters/{name}\\b" if service == "azure" else name
    before = asked_of(play, service, match)
    wait_until(lambda: asked_of(play, service, match) >= before + more, 60, f"{service} to be asked about {name} again")


@pytest.mark.timeout(240)
def test_seven_are_sick_and_the_eighth_is_well(play: Playing) -> None:
    cards, names = {}, [*SICK, "stuck"]
    for number, name in enumerate(names):
        play.command(f"cluster create {name} --size {SIZE} --region {'eastus' if number < 4 else 'westeurope'} --for 8h")
    for name in names:
        cards[name] = play.card(f"cluster {name} (.|\n)*Waiting for approval")
    for name, (effect, options) in SICK.items():
        play.fault("azure", effect, f"/managedClusters/{name}\\b", times=-1, **options)
    play.fault("kubernetes", "hang", "stuck", times=-1, seconds=3)
    for name in names:
        play.click(cards[name], "approve", BOB)
        play.reply(cards[name]["ts"], "Approved by")
    silent = {name: replies(play, cards[name]) for name in names if name != "slow"}
    assert acks(play) == []
    play.command("cluster create well --for 8h")
    play.card("cluster well(.|\n)*Done", seconds=60)
    for name in silent:
        asked_again(play, "kubernetes" if name == "stuck" else "azure", name, more=1)
    assert acks(play) == []
    assert {name: replies(play, cards[name]) for name in silent} == silent
    play.call("DELETE", "/faults")
    for name in names:
        play.card(f"cluster {name} (.|\n)*Done", seconds=120)
    puts = Counter(row["path"].split("?")[0] for row in play.requests("azure") if row["method"] == "PUT" and row["handled"] in (200, 201))
    assert [path for path, count in puts.items() if count > 1] == []
    assert [text for card in cards.values() for text, count in Counter(replies(play, card)).items() if count > 1] == []
    assert "Traceback" not in json.dumps(play.messages(GPU))
