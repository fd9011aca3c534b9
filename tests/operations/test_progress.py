"""How far a run is: never guessed, and finer where the log counts steps within epochs."""

from __future__ import annotations

import pytest

from bot.operations.progress import Progress, Total, progress, remaining, total_of


@pytest.mark.parametrize(
    ("args", "env", "total"),
    [
        (["--max_steps", "500"], {}, Total("step", 500)),
        (["--max-steps=500", "--epochs", "3"], {}, Total("step", 500)),
        (["--num_train_epochs", "3.0"], {}, Total("epoch", 3)),
        ([], {"EPOCHS": "10"}, Total("epoch", 10)),
        (["--epochs=2", "--epochs=4"], {"EPOCHS": "10"}, Total("epoch", 4)),
        (["--epochs", "many"], {}, None),
        (["steps", "5"], {}, None),
        (["--warmup_steps", "100"], {}, None),
    ],
)
def test_the_total_is_what_was_asked_for(args: list[str], env: dict[str, str], total: Total | None) -> None:
    assert total_of(args, env) == total


@pytest.mark.parametrize(
    ("log", "total", "expected"),
    [
        ("Accuracy at step 250: 0.9\n", Total("step", 500), Progress("step", 250, 500, 0.5)),
        ("step 10 of 20", None, Progress("step", 10, 20, 0.5)),
        ("Epoch [2/4], Step [50/100], Loss: 0.1", None, Progress("epoch", 2, 4, 0.375)),
        ("step 90/100\nEpoch 3/4\n", None, Progress("epoch", 3, 4, 0.5)),
        ("Accuracy at step 900: 0.9\n", Total("step", 500), None),
        ("accuracy 0.9\n", Total("step", 500), None),
        ("epoch 7/5", None, None),
    ],
)
def test_progress_is_read_from_the_newest_lines_or_not_at_all(log: str, total: Total | None, expected: Progress | None) -> None:
    assert progress(log, total) == expected


def test_what_is_left_needs_a_pace() -> None:
    half = Progress("step", 50, 100, 0.5)
    assert remaining(half, 100.0, None) is None
    assert remaining(half, 100.0, {"at": 100.0, "share": 0.5}) is None
    assert remaining(half, 100.0, {"at": 60.0, "share": 0.1}) == pytest.approx(50.0)
