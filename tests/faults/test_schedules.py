"""A hundred random schedules of `make chaos`, always the same ones; a night's run draws thousands of others."""

from __future__ import annotations

import pytest

from chaos.__main__ import draw

SCHEDULES = 100
SEED = 20


@pytest.mark.timeout(900)
def test_the_promises_hold_under_random_schedules() -> None:
    assert draw(SCHEDULES, SEED) == 0
