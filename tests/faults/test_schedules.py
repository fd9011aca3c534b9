"""A few short schedules of `make chaos`: the ones that once found something, and some that mix everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos.world import World
from tests.playing import playing

SCHEDULES = {
    "asked again, both approved": ["ask again", "wait", "wait", "approve twice", "wait"],
    "killed between approval and cloud": ["wait", "wait", "approve", "kill all", "slack takes it and cuts", "azure takes it and cuts"],
    "the queue lost while Slack breaks": ["slack breaks", "slack breaks", "lose the queue", "wait", "approve oneself", "an hour passes"],
    "cancelled under throttling": ["wait", "wait", "azure throttles", "approve", "slack throttles", "cancel", "kill worker"],
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with playing("--no-bot", speed=400) as play:
        opened = World(play)
        opened.open()
        yield opened


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_promises_hold(world: World, name: str) -> None:
    world.run(SCHEDULES[name])
