"""The step between an approval and the first write: where a request has waited, its plan is made anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from bot.approvals.rules import Policy
from bot.approvals.standing import changed
from bot.errors import Refused
from bot.model import Plan
from bot.operations.present import plan_message
from bot.operations.record import REFUSED, Operation
from bot.operations.services import Services
from bot.operations.steps import Done, End, Outcome, Say, Step
from bot.plans.planner import PLANS
from bot.slack.blocks import escaped

FRESH_SECONDS: Final = 60.0


def recheck_step(policy: Policy) -> Step:
    """The step, bound to one policy. What differs beyond tolerance voids the approval: asked again, or refused where it cannot be done any more."""

    async def recheck(op: Operation, do: Services) -> Outcome:
        if "asked_at" not in op.memo or op.plan is None:
            return Done()
        do.prices.age(FRESH_SECONDS)
        do.skus.age(FRESH_SECONDS)
        try:
            made = await PLANS[op.kind](op, do, policy)
        except Refused as error:
            return _impossible(op, error.code, str(error), error.detail.get("buttons"))
        if made.blocked:
            return _impossible(op, "plans.blocked", made.blocked, made.target.get("mend"))
        found = changed(policy, Plan.from_json(op.plan), made)
        return _void(op, made, found, do.clock.now()) if found else Done()

    return Step("recheck", recheck)


def _impossible(op: Operation, code: str, reasons: str, buttons: object) -> End:
    text = f"🟠 <@{op.user}> {_whose(op)} void, and nothing was started: since it was given something has changed.\n{escaped(reasons)}"
    error = {"code": code, "sentence": f"No longer possible: {reasons}", "next_step": "", "buttons": buttons or []}
    return End(REFUSED, memo={"decided": ""}, say=(Say("void", text),), error=error)


def _void(op: Operation, made: Plan, found: tuple[str, ...], now: float) -> Done:
    number = int(op.memo.get("round", 0)) + 1
    # The number makes this plan another one even if everything goes back to what it was: old clicks stay old.
    plan = replace(made, target={**made.target, "asked_again": number})
    memo: dict[str, Any] = {
        "round": number,
        "asked_at": now,
        "reminded": 0,
        "decided": "",
        "approved_by": [],
        "notes": {**op.memo.get("notes", {}), "approvals": ""},
    }
    follows = "It has to be approved again; the new plan follows." if plan.approvals else "It needs no approval now; I go on with the new plan."
    listed = "\n".join(f"• {line}" for line in found)
    void = Say(f"void-{number}", f"🟠 <@{op.user}> {_whose(op)} void: the plan is not the same any more.\n{listed}\n{follows}")
    shown = replace(plan_message(plan), event=f"plan-{plan.digest}")
    kept = {**plan.as_json(), "digest": plan.digest}
    return Done(memo, (void, shown), goto="approve" if plan.approvals else "", plan=kept)


def _whose(op: Operation) -> str:
    by = " and ".join(f"<@{user}>" for user in op.memo.get("approved_by", []))
    return f"The approval by {by} is" if by else "The approval is"
