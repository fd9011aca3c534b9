"""What is asked nowhere: only the Home tab has no channel. A shortcut without one waited for ever for a card that nobody could post."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.approvals.decide import Allowed, Denied, Reason
from bot.approvals.gate import Gate
from bot.clock import Clock
from bot.slack.people import Profile

ALICE = Profile("U0ALICE", "T0", "alice", guest=False, external=False, bot=False)


@pytest.fixture(scope="module")
def gate() -> Gate:
    return Gate.open(Path("playground/policy.toml"), Clock())


@pytest.mark.parametrize("kind", ["job.run", "cluster.create", "query.status", "reply"])
@pytest.mark.parametrize("profile", [ALICE, None])
def test_a_request_from_no_channel_is_refused(gate: Gate, kind: str, profile: Profile | None) -> None:
    verdict = gate.admission(kind, profile, "")
    assert isinstance(verdict, Denied)
    assert verdict.reason == Reason.NOWHERE
    assert "channel" in gate.refusal(kind, profile, "")


def test_the_home_tab_has_no_channel(gate: Gate) -> None:
    assert isinstance(gate.admission("home", ALICE, ""), Allowed)
