"""Nobody is called by a text that somebody typed, or that a cluster said: `<!channel>` is shown, never obeyed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from bot.approvals.gate import Gate
from bot.clock import Clock
from bot.errors import Refused
from bot.model import Plan
from bot.operations.present import plan_message
from bot.operations.queries import asked
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, End
from bot.plans.room import room_step
from bot.slack.cards import Card, draw

POLICY = Gate.open(Path(__file__).resolve().parents[2] / "playground" / "policy.toml", Clock()).policy
SHOUT = "<!channel>"
NO_SERVICES = cast("Services", None)


def operation(**target: Any) -> Operation:
    request = {"values": {"pool": "gpu"}}  # bound to its pool: no other is looked for, so that nothing is asked of Azure
    return Operation(
        id="op1", kind="job.run", status="running", step="room", request=request, team="T", channel="C", user="U0ALICE", plan={"target": target}
    )


def test_a_cards_notification_does_not_obey_what_was_typed() -> None:
    assert SHOUT not in draw(Card(title=f"/gpu run {SHOUT}", state="<@U0BOB>")).text
    assert "<@U0BOB>" in draw(Card(title="x", state="<@U0BOB>")).text


def test_a_plans_notification_does_not_obey_its_title() -> None:
    plan = Plan(title=SHOUT, changes=(), target={})
    assert SHOUT not in plan_message(plan).text


@pytest.mark.parametrize("hopeless", [True, False])
async def test_a_job_without_room_does_not_shout_the_name_of_what_it_lacks(hopeless: bool) -> None:
    op = operation(
        job="x", cluster="lab", short=f"No node offers `nvidia.com/mig-{SHOUT}`.", hopeless=hopeless, per_pod=1, pods=1, region="eastus",
        resource="nvidia.com/gpu",
    )  # fmt: skip
    outcome = await room_step(POLICY).run(op, NO_SERVICES)
    assert isinstance(outcome, End | Done)
    (say,) = outcome.say
    assert SHOUT not in say.text
    assert SHOUT not in json.dumps(say.blocks)
    assert "&lt;!channel&gt;" in say.text


async def test_an_answer_that_is_refused_does_not_shout_what_the_cluster_said() -> None:
    async def question(op: Operation, do: Services) -> Any:
        raise Refused("operations.no_log", name="x", reason=f'image "{SHOUT}"')

    outcome = await asked(question).run(operation(), NO_SERVICES)
    assert isinstance(outcome, Done)
    assert SHOUT not in json.dumps(outcome.memo)
    assert "&lt;!channel&gt;" in json.dumps(outcome.memo)
