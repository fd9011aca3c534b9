"""What money does over time: months that end in between, resources that go one by one, prices that change, accounts that nobody knows."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.approvals.accounts import ran
from bot.approvals.budgets import INDEX, LEDGER, Budgets
from bot.approvals.paying import parts_of
from bot.approvals.spending import MICRO, Overview, Scope, answer, cost, dollars, micros, month_of, spans, split
from bot.clock import Clock
from bot.errors import Refused
from bot.operations.record import Operation
from tests.approvals.books import HOUR, MID, at, balanced, policy, reserve


async def test_a_reservation_across_the_end_of_a_month_counts_in_both(redis: Redis, budgets: Budgets) -> None:
    eve = at("2026-11-30T18:00")
    assert await reserve(budgets, "op1", "80", hours=24, since=eve)
    assert [(await budgets.overview("U0ALICE", "C0GPU", month)).of_user.reserved for month in ("2026-11", "2026-12")] == [20, 60]
    # December has room for 40 dollars more, November for 80: all or nothing.
    assert not await reserve(budgets, "op2", "60", hours=24, since=eve)
    assert (await balanced(redis))["2026-11:reserved:total"] == 20 * MICRO
    assert await budgets.settle("op1", until=eve + 12 * HOUR) == 40
    assert [(await budgets.overview("U0ALICE", "C0GPU", month)).of_user.spent for month in ("2026-11", "2026-12")] == [20, 20]
    assert await reserve(budgets, "op3", "60", hours=24, since=eve)


@given(amount=st.integers(0, 10**15), since=st.floats(1.7e9, 1.9e9), length=st.floats(0, 400 * 86400))
@settings(max_examples=300, deadline=None)
def test_the_months_shares_add_up_to_the_amount(amount: int, since: float, length: float) -> None:
    shares = split(amount, since, since + length)
    assert sum(shares.values()) == amount
    assert all(share >= 0 for share in shares.values())
    assert list(shares) == sorted(shares)
    assert next(iter(shares)) == month_of(since)
    assert abs(sum(spans(since, since + length).values()) - length) < 1e-3


@given(amount=st.decimals(0, 10**9, places=6))
def test_micro_dollars_lose_nothing(amount: Decimal) -> None:
    assert dollars(micros(amount)) == amount


def test_leap_days_and_years_end_where_utc_says() -> None:
    assert spans(at("2027-12-31T23:00"), at("2028-03-01T01:00")) == {
        "2027-12": HOUR, "2028-01": 31 * 24 * HOUR, "2028-02": 29 * 24 * HOUR, "2028-03": HOUR
    }  # fmt: skip
    assert cost(Decimal(3_600_000), MID, MID + 1) == 1000
    assert cost(Decimal(3_600_000), MID, MID - 1) == 0


async def test_deleting_early_frees_the_rest_and_books_the_hours_that_ran(redis: Redis, budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", {"demo": "20", "demo/gpu": "80"}, hours=10)
    assert not await reserve(budgets, "op2", "1")
    assert await budgets.gone("demo/gpu", MID + 2 * HOUR) == 16
    overview = await budgets.overview("U0ALICE", "C0GPU", "2026-11")
    assert overview.of_user == Scope(Decimal(100), Decimal(16), Decimal(20))
    assert overview.of_user.left == 64
    assert await budgets.gone("demo", MID + 5 * HOUR) == 10
    assert (await budgets.overview("U0ALICE", "C0GPU", "2026-11")).total == Scope(Decimal(200), Decimal(26), Decimal(0))
    assert await redis.hgetall(INDEX) == {}
    await balanced(redis)


async def test_everything_on_a_cluster_goes_with_it(redis: Redis, budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", {"demo": "10"})
    assert await reserve(budgets, "op2", {"Demo/gpu": "30"}, user="U0BOB")
    assert await reserve(budgets, "op3", {"demo2": "10"}, user="U0BOB", channel="C0ML")
    assert await budgets.gone("demo", MID + 10 * HOUR) == 40
    assert (await budgets.overview("U0BOB", "C0ML", "2026-11")).of_user == Scope(Decimal(100), Decimal(30), Decimal(10))


async def test_a_deletion_that_is_seen_twice_is_booked_once(redis: Redis, budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", {"demo": "10"})
    booked = await asyncio.gather(
        *(budgets.gone("demo", MID + HOUR) for _ in range(20)), *(budgets.settle("op1", until=MID + HOUR) for _ in range(20))
    )
    assert sum(one or 0 for one in booked) == 1
    assert (await balanced(redis))["2026-11:spent:total"] == MICRO


async def test_what_ran_longer_than_it_was_to_is_spent_all_the_same(budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", {"demo": "100"}, hours=10)
    assert await budgets.gone("demo", MID + 12 * HOUR) == 120
    overview = await budgets.overview("U0ALICE", "C0GPU", "2026-11")
    assert overview.of_user.spent == 120
    assert overview.of_user.left == 0
    assert "*$20.00 over* of $100.00" in answer(overview)[1][0]


async def test_a_request_that_came_to_nothing_costs_nothing(redis: Redis, budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", {"demo": "50", "demo/gpu": "50"})
    await budgets.release("op1", part="demo/gpu")
    assert await budgets.settle("op1", Decimal("1.25")) == Decimal("1.25")
    assert (await budgets.overview("U0ALICE", "C0GPU", "2026-11")).of_user == Scope(Decimal(100), Decimal("1.25"), Decimal(0))
    await budgets.release("op1")
    await balanced(redis)


async def test_what_is_free_can_be_settled_too(redis: Redis, budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", {"demo": "0", "demo/gpu": "10"})
    assert await budgets.gone("demo", MID + HOUR) == 1
    assert await redis.hgetall(INDEX) == {}
    await balanced(redis)


async def test_an_extension_is_paid_by_the_owner_from_where_the_reservation_ends(redis: Redis, budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", {"demo/gpu": "50"}, hours=10)
    standing = await budgets.account_of("DEMO/gpu")
    assert standing == ("op1", MID + 10 * HOUR)
    assert await reserve(budgets, "op2", {"demo/gpu": "20"}, hours=4, user="U0BOB", channel="C0ML", since=standing[1], account=standing[0])
    assert (await budgets.overview("U0BOB", "C0ML", "2026-11")).of_user.reserved == 0
    assert (await budgets.overview("U0ALICE", "C0GPU", "2026-11")).of_user.reserved == 70
    assert await budgets.account_of("demo/gpu") == ("op1", MID + 14 * HOUR)
    assert not await reserve(budgets, "op3", {"demo/gpu": "31"}, user="U0BOB", channel="C0ML", account="op1")
    assert await budgets.gone("demo/gpu", MID + 12 * HOUR) == 60
    assert not await reserve(budgets, "op4", {"demo/gpu": "1"}, account="op1"), "it is gone"
    await balanced(redis)


async def test_what_is_made_elsewhere_under_another_name_and_price_is_still_paid_for(redis: Redis, budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", {"demo": "10", "demo/gpu": "40"})
    for _ in range(2):
        await budgets.move("op1", "demo/gpu", "demo/gpu2", Decimal(3))
    assert await budgets.account_of("demo/gpu") is None
    assert await budgets.account_of("demo/gpu2") == ("op1", MID + 10 * HOUR)
    await balanced(redis)
    assert await budgets.gone("demo", MID + 2 * HOUR) == 2 + 6
    assert (await budgets.overview("U0ALICE", "C0GPU", "2026-11")).of_user == Scope(Decimal(100), Decimal(8), Decimal(0))
    assert not await budgets.move("op1", "demo/gpu2", "demo/gpu3", Decimal(3)), "it is gone"


async def test_scaling_and_stopping_change_what_the_hours_from_then_on_cost(redis: Redis, budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", {"demo/gpu": "20"}, hours=10)
    assert await reserve(budgets, "scale", {"demo/gpu": "16"}, hours=8, since=MID + 2 * HOUR, account="op1")
    for _ in range(2):
        await budgets.reprice("scale", "demo/GPU", Decimal(4), at=MID + 2 * HOUR)
    for _ in range(2):
        await budgets.pause("stop", "demo", at=MID + 4 * HOUR)
    await budgets.pause("stop again", "demo/gpu", at=MID + 5 * HOUR)
    await budgets.resume("start", "demo", at=MID + 8 * HOUR)
    assert await budgets.gone("demo/gpu", MID + 9 * HOUR) == 2 * 2 + 2 * 4 + 4
    assert not await budgets.reprice("scale again", "demo/gpu", Decimal(4))
    assert (await budgets.overview("U0ALICE", "C0GPU", "2026-11")).of_user == Scope(Decimal(100), Decimal(16), Decimal(0))
    await balanced(redis)


async def test_what_ran_is_booked_in_the_months_in_which_it_ran_whatever_it_cost_later(redis: Redis, budgets: Budgets) -> None:
    eve = at("2026-11-30T14:00")
    assert await reserve(budgets, "op1", {"demo/gpu": "20"}, hours=20, since=eve)
    await budgets.reprice("to zero", "demo/gpu", Decimal(0), at=eve + HOUR)
    await budgets.reprice("up", "demo/gpu", Decimal(3), at=eve + 9 * HOUR)
    await budgets.pause("stop", "demo/gpu", at=eve + 12 * HOUR)
    assert await budgets.gone("demo/gpu", eve + 18 * HOUR) == 10
    assert [(await budgets.overview("U0ALICE", "C0GPU", month)).of_user.spent for month in ("2026-11", "2026-12")] == [4, 6]
    await balanced(redis)


def clocked(redis: Redis, folder: Path, now: float) -> Budgets:
    """Budgets at a certain time."""
    file = folder / "clock.json"
    file.write_text(json.dumps({"offset": now - datetime.now(UTC).timestamp()}))
    return Budgets(redis, policy(), Clock(file))


async def held(redis: Redis, month: str = "2026-11") -> float:
    return round((await balanced(redis)).get(f"{month}:reserved:total", 0) / 1e6, 1)


async def test_what_was_saved_pays_for_later_nodes_but_not_out_of_another_months_budget(redis: Redis, budgets: Budgets, tmp_path: Path) -> None:
    eve = at("2026-11-30T14:00")
    assert await reserve(budgets, "op1", {"demo/gpu": "20"}, hours=20, since=eve)
    await budgets.reprice("to zero", "demo/gpu", Decimal(0), at=eve)
    late = clocked(redis, tmp_path, eve + 4 * HOUR)
    await late.top_up("up", "Demo/GPU", Decimal("1.5"))
    assert (await held(redis), await held(redis, "2026-12")) == (10, 15), "ten saved hours are enough for November, and of no use in December"
    await late.reprice("up", "demo/gpu", Decimal("1.5"))
    await reserve(budgets, "longer", {"demo/gpu": "3"}, hours=2, since=eve + 20 * HOUR, account="op1")
    await late.top_up("no dearer", "demo/gpu", Decimal("1.5"))
    assert (await held(redis), await held(redis, "2026-12")) == (10, 18)
    await late.top_up("two", "demo/gpu", Decimal(3), dry=True)
    await late.top_up("two", "demo/gpu", Decimal(3))
    assert (await held(redis), await held(redis, "2026-12")) == (18, 36)
    await late.give_back("two", "demo/gpu")
    await late.give_back("two", "demo/gpu")
    assert (await held(redis), await held(redis, "2026-12")) == (10, 18)


async def test_a_change_on_its_way_pays_for_no_other_one_because_it_may_come_to_nothing(redis: Redis, tmp_path: Path) -> None:
    budgets = clocked(redis, tmp_path, MID)
    assert await reserve(budgets, "op1", {"demo/gpu": "10"}, hours=10)
    workers = [clocked(redis, tmp_path, MID) for _ in range(5)]
    await asyncio.gather(*(one.top_up("to four", "demo/gpu", Decimal(4)) for one in workers))
    assert await held(redis) == 40
    await budgets.top_up("to three", "demo/gpu", Decimal(3))
    await budgets.give_back("to four", "demo/gpu")
    assert await held(redis) == 30
    await budgets.reprice("to three", "demo/gpu", Decimal(3))
    await budgets.top_up("to four again", "demo/gpu", Decimal(4))
    assert await held(redis) == 40
    with pytest.raises(Refused, match="Your budget"):
        await budgets.top_up("to eleven", "demo/gpu", Decimal(11))


async def test_a_change_that_comes_to_nothing_after_its_resource_changed_hands_takes_nothing_from_the_new_owner(redis: Redis, tmp_path: Path) -> None:
    budgets = clocked(redis, tmp_path, MID)
    assert await reserve(budgets, "op1", {"demo/gpu": "10"}, hours=10)
    await budgets.top_up("scale", "demo/gpu", Decimal(2))
    await budgets.settle("op1", part="demo/gpu", until=MID)
    await budgets.give_back("scale", "demo/gpu")
    assert await held(redis) == 0
    await budgets.carry("taken", "U0BOB", "C0ML", {"demo/gpu": Decimal(1)}, since=MID, until=MID + 10 * HOUR)
    await budgets.give_back("scale", "demo/gpu")
    await budgets.top_up("next", "demo/gpu", Decimal(2))
    assert (await budgets.overview("U0BOB", "C0ML", "2026-11")).of_user.reserved == pytest.approx(20, abs=Decimal("0.01"))


def test_what_an_older_version_noted_of_an_account_is_not_lost() -> None:
    eve = at("2026-11-30T14:00")
    old = {"hourly:demo": str(MICRO), "from:demo": repr(eve), "accrued:demo": "2000000", "since:demo": repr(eve + 20 * HOUR)}
    assert ran(old, "demo", eve + 21 * HOUR) == {"2026-11": 1_000_000, "2026-12": 2_000_000}


async def test_changes_that_workers_make_at_once_are_all_booked(redis: Redis, budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", {"demo/gpu": "20"}, hours=10)
    workers = [Budgets(redis, policy(), Clock()) for _ in range(10)]
    await asyncio.gather(*(one.reprice(f"scale {number}", "demo/gpu", Decimal(2), at=MID + HOUR) for number, one in enumerate(workers)))
    assert await budgets.gone("demo/gpu", MID + 2 * HOUR) == 4
    await balanced(redis)


async def test_a_stopped_cluster_costs_nothing_of_any_of_its_parts_and_a_pool_that_stays_stopped_goes_on_costing_nothing(
    redis: Redis, budgets: Budgets
) -> None:
    assert await reserve(budgets, "op1", {"demo": "10", "demo/gpu": "40"}, hours=10)
    await budgets.pause("stop pool", "demo/gpu", at=MID + HOUR)
    await budgets.pause("stop", "demo", at=MID + 2 * HOUR)
    await budgets.resume("start", "demo", but=["Demo/gpu"], at=MID + 4 * HOUR)
    await budgets.pause("stop again", "demo", at=MID + 5 * HOUR)
    await budgets.resume("start again", "demo", at=MID + 6 * HOUR)
    assert await budgets.gone("demo", MID + 7 * HOUR) == (2 + 1 + 1) * 1 + (1 + 1) * 4
    await balanced(redis)


async def test_what_is_carried_on_counts_beyond_the_budget_and_says_so_once(redis: Redis, budgets: Budgets) -> None:
    hourly = {"demo": Decimal(9), "demo/gpu": Decimal(2)}
    over = await budgets.carry("op1", "U0ALICE", "C0GPU", hourly, since=MID, until=MID + 10 * HOUR)
    assert over == "Your budget of $100.00 for 2026-11 has $100.00 left; this needs $110.00 of it."
    assert await budgets.carry("op1", "U0ALICE", "C0GPU", hourly, since=MID, until=MID + 10 * HOUR) == ""
    assert (await budgets.overview("U0ALICE", "C0GPU", "2026-11")).of_user == Scope(Decimal(100), Decimal(0), Decimal(110))
    assert not await reserve(budgets, "op2", "0.01")
    assert await budgets.gone("demo", MID + HOUR) == 11
    await balanced(redis)


async def test_a_name_that_is_used_again_is_a_new_account(budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", {"demo": "40"})
    assert await budgets.gone("demo", MID + HOUR) == 4
    assert await reserve(budgets, "op2", {"demo": "40"}, since=MID + 2 * HOUR)
    assert await budgets.gone("demo", MID + 3 * HOUR) == 4
    assert (await budgets.overview("U0ALICE", "C0GPU", "2026-11")).of_user.spent == 8


async def test_what_is_not_known_is_not_guessed(redis: Redis, budgets: Budgets) -> None:
    assert await budgets.settle("forgotten", Decimal(3)) is None
    assert await budgets.account_of("demo") is None
    assert await budgets.gone("demo") == 0
    assert not await redis.exists(LEDGER)
    assert await budgets.settle("forgotten", Decimal(3), part="demo", until=MID, user="U0ALICE", channel="C0GPU") == 3
    assert (await budgets.overview("U0ALICE", "C0GPU", "2026-11")).of_user.spent == 3


def planned(kind: str, **plan: object) -> Operation:
    return Operation(id="op1", kind=kind, status="running", step="", request={}, team="T", channel="C0GPU", user="U0ALICE", plan=plan)


def test_what_is_set_aside_is_what_the_plan_said_by_resource() -> None:
    pool = {"name": "gpu", "hourly": "0.526"}
    create = planned("cluster.create", target={"cluster": "demo", "system_hourly": "0.192", "pool": pool})
    assert parts_of(create) == {"demo": Decimal("0.192"), "demo/gpu": Decimal("0.526")}
    assert parts_of(planned("pool.add", target={"cluster": "demo", "pool": pool})) == {"demo/gpu": Decimal("0.526")}
    both = {"demo": "0.20", "demo/gpu": "0.53"}
    assert parts_of(planned("pool.extend", target={"cluster": "demo", "parts": both})) == {"demo": Decimal("0.20"), "demo/gpu": Decimal("0.53")}
    assert parts_of(planned("pool.scale", target={"cluster": "demo", "pool": "gpu", "shown": "demo/gpu", "hourly": "1.06"})) == {
        "demo/gpu": Decimal("1.06")
    }
    adopt = planned("cluster.adopt", target={"cluster": "demo", "system_hourly": "0.20", "prices": {"a": "1", "b": "2"}, "shown": "demo"})
    assert parts_of(adopt) == {"demo": Decimal("0.20"), "demo/a": 1, "demo/b": 2}
    assert parts_of(planned("cluster.start", target={"cluster": "demo", "shown": "demo"})) == {}


async def test_the_overview_is_of_the_present_month_unless_another_is_asked_for(redis: Redis, tmp_path: Path) -> None:
    offset = at("2027-01-15T00:00") - datetime.now(UTC).timestamp()
    file = tmp_path / "clock.json"
    file.write_text(json.dumps({"offset": offset}))
    budgets = Budgets(redis, policy(), Clock(file))
    assert await reserve(budgets, "op1", "25")
    assert (await budgets.overview("U0ALICE", "C0GPU")).month == "2027-01"
    assert (await budgets.overview("U0ALICE", "C0GPU")).total.reserved == 0
    assert (await budgets.overview("U0ALICE", "C0GPU", "2026-11")).total.reserved == 25


def test_the_answer_names_what_is_left_and_what_binds() -> None:
    overview = Overview(
        "2026-11",
        "U0ALICE",
        "C0GPU",
        Scope(Decimal(100), Decimal(10), Decimal(30)),
        Scope(None, Decimal(1)),
        Scope(Decimal(50), Decimal(20), Decimal(5)),
    )
    text, lines = answer(overview)
    assert text == "$25.00 left for you here in 2026-11"
    assert lines[0] == "*<@U0ALICE>*: `█▒▒▒░░░░░░` *$60.00* left of $100.00 · $10.00 spent, $30.00 reserved"
    assert lines[1].endswith("no bound")
    assert answer(Overview("2026-11", "U", "C", Scope(None), Scope(None), Scope(Decimal(0))))[0].startswith("$0.00 left")
