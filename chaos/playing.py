"""A round, from its first command until everything is at rest and was looked at."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Final

from chaos.counting import Outside, jobs, strangers, writes
from chaos.drawn import Round
from chaos.system import BASE, System
from chaos.telling import ML, Telling
from tests.faults.test_redis_wiped import azure
from tests.playing import GPU

REST_SECONDS: Final = 100.0
PATIENT_SECONDS: Final = 40.0
QUARTER_HOUR: Final = 1000
"""What cannot be proven, as where its nodes were stopped meanwhile, is given up after fifteen minutes, which need not be waited for."""


class Broken(AssertionError):
    """A promise does not hold; the text says which, and how to see it again. `heard` is what the bot had to say about it."""

    def __init__(self, wrong: list[str], drawn: Round, heard: list[str]) -> None:
        super().__init__("\n".join([*wrong, f"the round: {drawn.as_json()}"]))
        self.heard = "\n".join(heard)


def play(system: System, drawn: Round) -> None:
    """Play a round. Raises Broken with all that does not hold."""
    tellings = [Telling(system, story, number) for number, story in enumerate(drawn.stories)]
    failures: list[str] = []

    def guarded(run: Any) -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the round
            failures.append(repr(error))

    def befall() -> None:
        for event, pause in drawn.events:
            time.sleep(pause)
            system.strike(event)

    threads = [threading.Thread(target=guarded, args=(run,)) for run in (befall, *(one.tell for one in tellings))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    system.play.call("DELETE", "/faults")
    wrong = failures or _resting(system, tellings) or _holding(system, tellings)
    if wrong:
        raise Broken(wrong, drawn, _heard(system, wrong))


def _resting(system: System, tellings: list[Telling]) -> list[str]:
    """Wait until nothing moves; what still does."""
    began, passed = time.monotonic(), False
    while True:
        records = system.records()
        moving = [line for one in tellings for line in one.moving(records)]
        if not moving:
            return []
        if died := system.died():
            return [f"{name} ended by itself" for name in died]
        if not passed and time.monotonic() > began + PATIENT_SECONDS:
            system.play.advance(QUARTER_HOUR)
            passed = True
        if time.monotonic() > began + REST_SECONDS:
            return [f"not at rest after {REST_SECONDS:g} s: {line}" for line in moving]
        time.sleep(0.3)


def _holding(system: System, tellings: list[Telling]) -> list[str]:
    """What does not hold, of any story and of all together."""
    records = system.records()
    outside = Outside(writes(system.play.requests("azure")), jobs(system.play.requests("kubernetes")), _standing(system))
    wrong = [line for one in tellings for line in one.broken(records, outside)]
    names = {one.name for one in tellings}
    wrong += strangers(outside, {BASE, *names})
    wrong += [f"a Job that nobody asked for: {name}" for name in outside.jobs if name not in names]
    wrong += [f"{name} ended by itself" for name in system.died()]
    texts = json.dumps([system.play.messages(channel) for channel in (GPU, ML)])
    return [*wrong, "a traceback was shown"] if "Traceback" in texts else wrong


def _standing(system: System) -> tuple[str, ...]:
    """Names of the clusters and node pools that exist, as Azure tells anybody who asks: twice where there are two in different groups."""
    listed = azure(system.play, "GET", "/providers/Microsoft.ContainerService/managedClusters?api-version=2025-05-01")["value"]
    pools = [pool["name"] for one in listed for pool in one["properties"].get("agentPoolProfiles") or []]
    return (*(one["name"] for one in listed), *pools)


def _heard(system: System, wrong: list[str]) -> list[str]:
    """What the bot's processes logged about the operations that are named."""
    if any("not at rest" in line for line in wrong):
        system.peek()
    ids = {word for line in wrong for word in line.replace("'", " ").replace(",", " ").split() if len(word) == 10 and word.islower()}
    lines = system.log.read_text(errors="replace").splitlines()
    heard = [line[:600] for line in lines if any(one in line for one in ids) or '"ERROR"' in line or line.startswith("PEEK")]
    records = [row for row in system.records() if row["id"] in ids]
    return [*(f"record: {json.dumps(row)[:1500]}" for row in records), *heard[-80:]]
