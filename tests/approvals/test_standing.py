"""Whether an approval still stands: pure, so every way in which a plan can differ is tried."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from bot.approvals.rules import ApprovalRules, Policy
from bot.approvals.standing import changed
from bot.model import Change, Plan

POLICY = Policy(roles={}, tiers=(), approvals=ApprovalRules(price_tolerance=Decimal(5)))
POOL: dict[str, Any] = {"name": "gpu", "size": "Standard_NC4as_T4_v3", "nodes": 1, "hourly": "1.00", "node_hourly": "1.00"}
PLAN = Plan(
    title="node pool demo/gpu", changes=(Change("create", "gpu"),), hourly_max="1.00", approvals=1, one_way=("VM size",),
    target={"cluster": "demo", "pool": POOL, "places": []},
)  # fmt: skip


def test_the_same_plan_stands() -> None:
    assert changed(POLICY, PLAN, PLAN) == ()


@given(some.decimals(min_value="0.01", max_value="100", places=2))
def test_a_price_voids_exactly_beyond_the_tolerance(price: Decimal) -> None:
    now = replace(PLAN, hourly_max=str(price), target={**PLAN.target, "pool": {**POOL, "hourly": str(price), "node_hourly": str(price)}})
    assert bool(changed(POLICY, PLAN, now)) == (abs(price - 1) > Decimal("0.05"))


def test_another_size_is_named() -> None:
    now = replace(PLAN, target={**PLAN.target, "pool": {**POOL, "size": "Standard_NC8as_T4_v3"}})
    assert changed(POLICY, PLAN, now) == ("pool size: `Standard_NC4as_T4_v3` became `Standard_NC8as_T4_v3`",)


def test_one_more_approval_voids_and_one_less_does_not() -> None:
    assert "2 approvals are needed now" in changed(POLICY, PLAN, replace(PLAN, approvals=2, why="dear"))[0]
    assert changed(POLICY, PLAN, replace(PLAN, approvals=0)) == ()


def test_what_was_left_to_try_elsewhere_and_the_day_of_the_price_do_not_matter() -> None:
    now = replace(PLAN, price_date="2026-11-24", target={**PLAN.target, "places": [{"size": "x"}], "asked_again": 2})
    assert changed(POLICY, PLAN, now) == ()


def test_prices_by_name_are_judged_with_the_tolerance_and_another_name_is_told() -> None:
    adopt = replace(PLAN, target={"cluster": "demo", "prices": {"a": "0.50"}, "system_hourly": "0.50"})
    dearer = replace(adopt, hourly_max="1.04", target={**adopt.target, "prices": {"a": "0.52"}, "system_hourly": "0.52"})
    assert changed(POLICY, adopt, dearer) == ()
    assert changed(POLICY, adopt, replace(dearer, hourly_max="1.06"))[0].startswith("the price went from $1.00/h to $1.06/h")
    assert changed(POLICY, adopt, replace(adopt, target={**adopt.target, "prices": {"a": "0.25", "b": "0.25"}})) == ("prices: `a` became `a, b`",)
