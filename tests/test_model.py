"""Money: exact where it is carried, rounded once where it is shown."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from bot.azure import tags
from bot.azure.clusters import ClusterState
from bot.azure.pools import PoolState
from bot.model import exact, usd, usd_above
from bot.operations.answers import pool_price, pool_prices, spending

AMOUNTS = st.decimals(0, 10**6, places=6)


@given(st.lists(AMOUNTS, max_size=5))
def test_what_parts_carry_adds_up_to_what_the_whole_carries(parts: list[Decimal]) -> None:
    assert sum(map(Decimal, map(exact, parts)), Decimal(0)) == Decimal(exact(sum(parts, Decimal(0))))


def test_amounts_are_shown_to_the_nearest_cent_and_small_ones_not_as_nothing() -> None:
    assert [usd("0.524999"), usd("0.525"), usd("1.244"), usd("1234.5"), usd("0.00421"), usd(0)] == [
        "$0.52", "$0.53", "$1.24", "$1,234.50", "$0.0042", "$0.00"
    ]  # fmt: skip
    assert [exact(Decimal("0.50")), exact(Decimal("100")), exact(Decimal("1.23456789"))] == ["0.5", "100", "1.234568"]


@given(AMOUNTS, st.decimals("0.000001", 1, places=6))
@example(Decimal("0.008650"), Decimal("0.000050"))
@example(Decimal("0.099960"), Decimal("0.000140"))
def test_what_is_above_a_limit_looks_it(limit: Decimal, more: Decimal) -> None:
    shown, at = (Decimal(text.removeprefix("$").replace(",", "")) for text in usd_above(limit + more, limit))
    assert shown > at


POOL = PoolState("", "g", "demo", "gpu", "Standard_NC4as_T4_v3", "User", "Succeeded", "Running", 1, tags={tags.PRICE: "2.104"},
                 autoscaling=True, min_nodes=0, max_nodes=4)  # fmt: skip
DEMO = ClusterState("", "g", "demo", "eastus", "Succeeded", "Running", "1.35", tags={tags.PRICE: "0.20"}, pools=(POOL,))


def test_an_autoscaled_pool_costs_as_many_nodes_as_it_has() -> None:
    assert pool_prices([POOL]) == {"gpu": Decimal("0.526")}
    assert spending(DEMO) == Decimal("0.726"), "tags with whole cents, of earlier versions, are still read"
    assert pool_price(DEMO, POOL) == " · $0.53/h, at most $2.10/h"
    assert pool_price(DEMO, replace(POOL, count=4)) == " · $2.10/h"


def test_what_is_stopped_or_carries_no_amount_costs_nothing() -> None:
    assert spending(replace(DEMO, power_state="Stopped")) == 0
    assert spending(replace(DEMO, pools=(replace(POOL, power_state="Stopped"),))) == Decimal("0.20")
    assert spending(replace(DEMO, tags={tags.PRICE: "much"}, pools=(replace(POOL, tags={}),))) == 0
    assert pool_price(DEMO, replace(POOL, power_state="Stopped")) == " · stopped; $2.10/h when it runs"
