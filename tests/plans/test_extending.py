"""What an extension needs: pure, so every way to cross a tier is tried."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.approvals.decide import Denied, tier
from bot.approvals.policy import read
from bot.errors import Refused
from bot.plans.extending import again

POLICY = read("""[roles]
admin = ["U0CAROL"]
[[tiers]]
up_to_hourly = 1
up_to_total = 10
approvals = 0
[[tiers]]
up_to_hourly = 5
up_to_total = 100
approvals = 1
[[tiers]]
up_to_hourly = 6
up_to_total = 500
approvals = 2
""")
MONEY = st.decimals(0, 499, places=2)


@pytest.mark.parametrize(
    ("hourly", "before", "after", "approvals"),
    [
        ("0.50", "4", "10", 0),
        ("0.50", "4", "10.01", 1),
        ("0.50", "40", "99", 0),
        ("0.50", "99", "100.01", 2),
        ("0.50", "4", "101", 2),
        ("2", "2", "99", 0),
        ("2", "2", "101", 2),
    ],
)
def test_the_whole_since_it_was_made_decides_and_only_a_crossed_tier_asks(hourly: str, before: str, after: str, approvals: int) -> None:
    assert again(POLICY, Decimal(hourly), Decimal(before), Decimal(after)).approvals == approvals


def test_beyond_the_last_tier_nobody_may_extend() -> None:
    with pytest.raises(Refused, match="more than anybody may approve"):
        again(POLICY, Decimal(1), Decimal(499), Decimal(501))


@given(hourly=st.decimals("0.01", 5, places=2), steps=st.lists(MONEY, min_size=2, max_size=6))
def test_many_small_extensions_are_approved_by_as_many_as_one_large_one(hourly: Decimal, steps: list[Decimal]) -> None:
    totals = sorted(steps)
    whole = tier(POLICY, hourly, totals[-1])
    first = tier(POLICY, hourly, totals[0])
    assert not isinstance(whole, Denied)
    assert not isinstance(first, Denied)
    asked = [again(POLICY, hourly, before, after).approvals for before, after in pairwise(totals)]
    assert max([first.approvals, *asked]) == whole.approvals
