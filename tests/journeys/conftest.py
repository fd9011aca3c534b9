"""Journeys: what a user does, over HTTP, with the unchanged bot on a playground."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.playing import Playing, playing


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    """A playground with the bot on it, shared by the journeys of one module."""
    with playing(speed=200) as running:
        yield running
