"""Slack tells a person that a command timed out which the bot has: they type it again, or press a button twice. One effect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.playing import ALICE, BOB, Playing, playing, shown, wait_until


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    with playing(speed=200) as running:
        running.command("cluster create lab --size Standard_NC4as_T4_v3 --nodes 2 --for 8h")
        running.click(running.card("cluster lab(.|\n)*Waiting for approval"), "approve", BOB)
        running.card("cluster lab(.|\n)*Done", seconds=90)
        yield running


def jobs(play: Playing) -> int:
    """Jobs that were created."""
    return sum(row["method"] == "POST" and row["path"].endswith("/jobs") and row["handled"] == 201 for row in play.requests("kubernetes"))


def done(play: Playing) -> int:
    """Cards of jobs that are done."""
    return sum(" on lab" in shown(one) and "Done" in shown(one) for one in play.messages())


@pytest.mark.timeout(120)
def test_a_command_that_is_typed_again_after_a_false_timeout_runs_once(play: Playing) -> None:
    play.fault("slack", "redeliver", "slash_commands")
    lost = play.command("run mnist --on lab")
    assert "On it" not in lost  # Slack says that it timed out; the bot has it
    again = play.command("run mnist --on lab")
    assert "under way already" in again
    assert "--name" in again
    assert "On it" in play.command("run mnist --on lab --name another")
    assert "On it" in play.command("run mnist --on lab", BOB)
    wait_until(lambda: done(play) == 3, 90, "three runs to end")
    assert jobs(play) == 3
    assert "On it" in play.command("run mnist --on lab")  # it has ended: whoever types it now wants another
    wait_until(lambda: jobs(play) == 4, 60, "one more run")


def test_a_button_that_is_pressed_twice_asks_once(play: Playing) -> None:
    before = jobs(play)
    card = play.card("mnist(.|\n)*Done", seconds=90)
    button = next(one for one in (card, *card["replies"]) if "again" in str(one["blocks"]))
    for _ in range(2):
        play.click(button, "again", ALICE)
    wait_until(lambda: jobs(play) > before, 60, "the run again")
    assert "On it" in play.command("sizes")
    play.card("Standard_NC4as_T4_v3", seconds=60)
    assert jobs(play) == before + 1
    assert any("under way already" in whisper for whisper in play.whispers(ALICE))
