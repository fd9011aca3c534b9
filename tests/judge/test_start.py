"""The playground starts in under three seconds and stays small enough to be read."""

from __future__ import annotations

import time

from tests.playing import ROOT, playing

SECONDS = 3.0
LINES = 350


def test_the_services_answer_within_three_seconds() -> None:
    took = []
    for _ in range(3):
        began = time.perf_counter()
        with playing("--no-bot"):
            took.append(time.perf_counter() - began)
    assert min(took) < SECONDS, took


def test_every_rule_group_fits_on_a_few_screens() -> None:
    long = {str(path): count for path in (ROOT / "playground").rglob("*.py") if (count := len(path.read_text().splitlines())) > LINES}
    assert long == {}
