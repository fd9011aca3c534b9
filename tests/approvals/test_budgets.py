"""Hazards of budgets: many requests at once, retries, what no budget holds, books that do not balance."""

from __future__ import annotations

import asyncio
import contextlib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.approvals.budgets import LEDGER, Budgets
from bot.approvals.spending import MICRO, micros, split
from bot.clock import Clock
from bot.errors import Refused
from tests.approvals.books import HOUR, MID, MONEY, PEOPLE, PLACES, balanced, limit_of, policy, reserve


@given(asked=st.lists(st.tuples(MONEY, st.sampled_from(PEOPLE), st.sampled_from(PLACES), st.sampled_from((-HOUR * 24, HOUR * 24 * 20))), max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_number_of_requests_at_once_overspends_by_nothing(redis_url: str, asked: list[tuple[Decimal, str, str, float]]) -> None:
    async def story() -> None:
        clients = [Redis.from_url(redis_url, decode_responses=True) for _ in range(4)]
        try:
            await clients[0].flushall()
            desks = [Budgets(client, policy(), Clock()) for client in clients]
            granted = await asyncio.gather(
                *(
                    reserve(desks[number % 4], f"op{number}", str(amount), 48, user, channel, MID + shift)
                    for number, (amount, user, channel, shift) in enumerate(asked)
                )
            )
            ledger = await balanced(clients[0])
            overspent = max((value - limit_of(name.split(":", 2)[2]) for name, value in ledger.items()), default=0)
            assert max(0, overspent) == 0
            for (amount, user, channel, shift), was in zip(asked, granted, strict=True):
                needed = split(micros(amount), MID + shift, MID + shift + 48 * HOUR)
                scopes = (f"user:{user}", f"channel:{channel}", "total")
                fits = all(ledger.get(f"{m}:reserved:{s}", 0) + need <= limit_of(s) for m, need in needed.items() for s in scopes if need)
                assert was or not fits, "what still fits at the end was not to be refused before"
        finally:
            for client in clients:
                await client.aclose()

    asyncio.run(story())


async def test_hundreds_of_requests_for_the_last_dollar_give_it_once(redis: Redis, redis_url: str, budgets: Budgets) -> None:
    assert await reserve(budgets, "first", "99")
    async with Redis.from_url(redis_url, decode_responses=True, max_connections=400) as wide:
        crowd = Budgets(wide, policy(), Clock())
        granted = await asyncio.gather(*(reserve(crowd, f"op{number}", "1") for number in range(300)))
    assert sum(granted) == 1
    assert (await budgets.overview("U0ALICE", "C0GPU", "2026-11")).of_user.left == 0
    await balanced(redis)


async def test_a_cent_over_is_refused_in_words_and_leaves_no_trace(redis: Redis, budgets: Budgets) -> None:
    assert await reserve(budgets, "op1", "60")
    before = await redis.hgetall(LEDGER)
    with pytest.raises(Refused) as caught:
        await budgets.reserve("op2", "U0ALICE", "C0GPU", Decimal("40.01"), since=MID, until=MID + HOUR)
    assert str(caught.value).startswith("Your budget of $100.00 for 2026-11 has $40.00 left; this needs $40.01 of it.")
    assert await redis.hgetall(LEDGER) == before
    assert await reserve(budgets, "op3", "40")
    assert await reserve(budgets, "op4", "0"), "what costs nothing needs no budget"
    with pytest.raises(Refused, match="This channel's budget"):
        await budgets.reserve("op5", "U0BOB", "C0GPU", Decimal("60"), since=MID, until=MID + HOUR)
    with pytest.raises(Refused, match="The overall budget"):
        await budgets.reserve("op6", "U0CAROL", "C0ML", Decimal("110"), since=MID, until=MID + HOUR)


async def test_a_repeated_step_reserves_once(redis: Redis, budgets: Budgets) -> None:
    strangers = [Budgets(redis, policy(), Clock()) for _ in range(20)]
    assert all(await asyncio.gather(*(reserve(one, "op1", "60") for one in strangers)))
    assert (await balanced(redis))["2026-11:reserved:total"] == 60 * MICRO


async def test_asking_whether_it_fits_sets_nothing_aside(redis: Redis, budgets: Budgets) -> None:
    await budgets.reserve("op1", "U0ALICE", "C0GPU", {"demo": Decimal(100)}, since=MID, until=MID + HOUR, dry=True)
    assert not await redis.keys("*")
    with pytest.raises(Refused, match="Your budget"):
        await budgets.reserve("op1", "U0ALICE", "C0GPU", {"demo": Decimal(101)}, since=MID, until=MID + HOUR, dry=True)
    assert await reserve(budgets, "op1", {"demo": "100"})


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-0.01", "1e12"])
async def test_what_is_no_price_reserves_nothing(redis: Redis, budgets: Budgets, amount: str) -> None:
    with pytest.raises(Refused) as caught:
        await budgets.reserve("op1", "U0ALICE", "C0GPU", Decimal(amount), since=MID, until=MID + HOUR)
    assert caught.value.code == "approvals.price_unknown"
    assert not await redis.exists(LEDGER)


async def test_without_a_figure_there_is_no_bound_but_a_book(redis: Redis) -> None:
    free = Budgets(redis, policy(""), Clock())
    assert await reserve(free, "op1", "1000000")
    overview = await free.overview("U0ALICE", "C0GPU", "2026-11")
    assert (overview.total.limit, overview.total.left, overview.total.reserved) == (None, None, Decimal(1000000))


async def test_what_runs_already_is_written_down_whatever_the_budgets_say(redis: Redis, budgets: Budgets) -> None:
    await budgets.reserve("found", "U0ALICE", "C0GPU", {"demo": Decimal(500)}, since=MID, until=MID + HOUR, forced=True)
    assert (await budgets.overview("U0ALICE", "C0GPU", "2026-11")).total.left == 0
    assert not await reserve(budgets, "op2", "0.01")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(("reserve", "extend", "scale", "scaled", "back", "settle", "release", "gone")),
        st.integers(0, 4),
        MONEY,
        st.floats(0, 50 * 24),
    ),
    max_size=30,
)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_whatever_happens_in_whatever_order_the_books_balance(redis_url: str, steps: list[tuple[str, int, Decimal, float]]) -> None:
    async def story() -> None:
        redis = Redis.from_url(redis_url, decode_responses=True)
        try:
            await redis.flushall()
            budgets = Budgets(redis, policy(), Clock())
            for number, (what, which, amount, hours) in enumerate(steps):
                op, part, until = f"op{which}", f"demo{which}", MID + hours * HOUR
                match what:
                    case "reserve":
                        await reserve(budgets, op, {part: str(amount), f"{part}/gpu": str(amount)}, hours, PEOPLE[which % 3], PLACES[which % 2])
                    case "extend":
                        await reserve(budgets, f"extension{number}", {part: str(amount)}, hours, account=op)
                    case "scale":
                        with contextlib.suppress(Refused):
                            await budgets.top_up(f"scale{number % 3}", part, amount)
                    case "scaled":
                        await budgets.reprice(f"scale{number % 3}", part, amount)
                    case "back":
                        await budgets.give_back(f"scale{number % 3}", part)
                    case "settle":
                        await budgets.settle(op, amount, part=part, until=until)
                    case "release":
                        await budgets.release(op)
                    case "gone":
                        await budgets.gone(part, until)
            ledger = await balanced(redis)
            for state in ("spent", "reserved"):
                for month in {name[:7] for name in ledger}:
                    total = ledger.get(f"{month}:{state}:total", 0)
                    assert total == sum(value for name, value in ledger.items() if name.startswith(f"{month}:{state}:user:"))
                    assert total == sum(value for name, value in ledger.items() if name.startswith(f"{month}:{state}:channel:"))
        finally:
            await redis.aclose()

    asyncio.run(story())
