"""One playground with a cluster of two GPUs, for all journeys about jobs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.looking import Looking
from tests.playing import BOB, Playing, playing


@pytest.fixture(scope="package")
def play() -> Iterator[Playing]:
    """A playground with a cluster of two GPUs on it."""
    with playing(speed=200) as running:
        running.command("cluster create lab --region eastus --size Standard_NC4as_T4_v3 --nodes 2 --for 14d")
        card = running.card("cluster lab(.|\n)*Waiting for approval")
        running.click(card, "approve", BOB)
        running.reply(card["ts"], "Proven: ", seconds=90)
        yield running


@pytest.fixture
def lab(play: Playing) -> Looking:
    return Looking(play, "lab")
