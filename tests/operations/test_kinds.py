"""Every command that can be typed leads somewhere."""

from __future__ import annotations

from pathlib import Path

from bot.approvals.gate import Gate
from bot.clock import Clock
from bot.commands import BY_KIND
from bot.plans.planner import PLANS

ROOT = Path(__file__).resolve().parents[2]
ANSWERED_AT_ONCE = {"menu", "help"}


def listed() -> set[str]:
    """The names in the one list of kinds, without wiring a worker."""
    text = (ROOT / "bot" / "kinds.py").read_text()
    from bot.operations.capacityquestions import CAPACITY_QUESTIONS
    from bot.operations.jobquestions import JOB_QUESTIONS
    from bot.operations.queries import QUESTIONS

    found = {name for name in {*BY_KIND, "lease", "home"} if f'"{name}"' in text}
    return found | set(QUESTIONS) | set(CAPACITY_QUESTIONS) | set(JOB_QUESTIONS)


def test_every_command_has_a_kind_of_operation() -> None:
    assert set(BY_KIND) - listed() - ANSWERED_AT_ONCE == set()


def test_every_change_is_planned() -> None:
    changing = {kind for kind, command in BY_KIND.items() if command.changes}
    unplanned = changing - set(PLANS)
    assert unplanned == {"job.cancel", "job.clean", "feature.register"}


def test_the_playgrounds_policy_and_the_example_can_be_read() -> None:
    for path in (ROOT / "playground" / "policy.toml", ROOT / "manifests" / "policy.example.toml"):
        assert Gate.open(path, Clock()).policy.tiers
