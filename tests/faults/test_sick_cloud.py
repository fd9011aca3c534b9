"""Azure and Kubernetes slow, hanging, throttling, failing, lying: acks come as ever, others go on, people are told once and not per retry."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.playing import ALICE, BOB, GPU, Playing, playing, shown, wait_until

ACK_MS = 3000.0
SIZE = "Standard_NC4as_T4_v3"
RETRY_AFTER = 7  # longer than the first pause that the engine would make by itself
OBSERVER = (10.0, 0.5)  # what the shared observation may read at once, and each second
SICK: dict[str, tuple[str, dict[str, Any]]] = {  # cluster: effect, options
    "hangs": ("hang", {"seconds": 3}),
    "slow": ("delay", {"seconds": 2}),
    "throttled": ("status", {"status": 429, "retry_after": RETRY_AFTER}),
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


def reads(play: Playing, since: float, until: float) -> list[dict[str, Any]]:
    """Management reads in that time."""
    return [row for row in play.requests("azure") if row["method"] == "GET" and "/managedClusters" in row["path"] and since <= row["at"] < until]


def allowed(rows: list[dict[str, Any]], until: float) -> int:
    """The most reads of a step that fails each time: pauses of 2, 4, 8, ... seconds, and one more where a kept connection breaks (aiohttp)."""
    if not rows:
        return 0
    tries, pause, at = 1, 2.0, rows[0]["at"] + 2.0
    while at < until:
        tries, pause = tries + 1, pause * 2
        at += pause
    return 2 * tries


def of(rows: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Those about the cluster itself: what its operation asked, not the observation's lists."""
    return [row for row in rows if re.search(f"/managedClusters/{name}[?]", row["path"])]


def budget_kept(play: Playing, names: list[str], since: float, until: float) -> None:
    """No failing step asks more often than its pauses allow, and all together no more than that and the observation's budget."""
    rows = reads(play, since, until)
    sums = {name: (len(of(rows, name)), allowed(of(rows, name), until)) for name in names}
    assert {name: counts for name, counts in sums.items() if counts[0] > counts[1]} == {}
    burst, each = OBSERVER
    assert len(rows) <= burst + each * (until - since) + sum(most for _, most in sums.values())


def retry_after_kept(play: Playing, name: str) -> None:
    """After each 429 the operation let pass what Azure asked for."""
    asked = of(play.requests("azure"), name)
    again = [after["at"] - (row["at"] + row["seconds"]) for row, after in pairwise(asked) if row["status"] == 429]
    assert again
    assert min(again) >= RETRY_AFTER


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
    began = time.time()
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
    well = time.time()
    play.call("DELETE", "/faults")
    budget_kept(play, [*names, "well"], began, well)
    for name in names:
        play.card(f"cluster {name} (.|\n)*Done", seconds=120)
    retry_after_kept(play, "throttled")
    puts = Counter(row["path"].split("?")[0] for row in play.requests("azure") if row["method"] == "PUT" and row["handled"] in (200, 201))
    assert [path for path, count in puts.items() if count > 1] == []
    assert [text for card in cards.values() for text, count in Counter(replies(play, card)).items() if count > 1] == []
    assert "Traceback" not in json.dumps(play.messages(GPU))
