"""What the tests of budgets share: a policy with figures, requests at a given time, and a ledger that is held against its accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import strategies as st
from redis.asyncio import Redis

from bot.approvals.budgets import LEDGER, Budgets
from bot.approvals.policy import read
from bot.approvals.rules import Policy
from bot.approvals.spending import MICRO
from bot.errors import Refused
from bot.store import texts


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


MID = at("2026-11-10T12:00")
HOUR = 3600.0
MONEY = st.decimals(Decimal("0"), Decimal("60"), places=4)
PEOPLE, PLACES = ("U0ALICE", "U0BOB", "U0CAROL"), ("C0GPU", "C0ML")


def policy(budgets: str = "per_user = 100\nper_channel = 150\ntotal = 200\n[budgets.users]\nU0CAROL = 120") -> Policy:
    return read(f'[roles]\nadmin = ["U0CAROL"]\n[[tiers]]\nup_to_hourly = 10\napprovals = 0\n[budgets]\n{budgets}\n')


async def reserve(budgets: Budgets, op_id: str, amount: str | dict[str, str], hours: float = 10, user: str = "U0ALICE", channel: str = "C0GPU",
                  since: float = MID, account: str = "") -> bool:  # fmt: skip
    """Whether it was granted."""
    asked = Decimal(amount) if isinstance(amount, str) else {part: Decimal(one) for part, one in amount.items()}
    try:
        await budgets.reserve(op_id, user, channel, asked, since=since, until=since + hours * HOUR, account=account)
    except Refused as error:
        if error.code not in ("budgets.exceeded", "budgets.closed"):
            raise
        return False
    return True


async def balanced(redis: Redis) -> dict[str, int]:
    """The ledger, after checking it against the sum of all accounts."""
    expected: dict[str, int] = {}
    async for key in redis.scan_iter(f"{LEDGER}:op:*"):
        account = texts(await redis.hgetall(key))
        for name, value in account.items():
            if name.startswith("r:"):
                for scope in (f"user:{account['user']}", f"channel:{account['channel']}", "total"):
                    field = f"{name[2:9]}:reserved:{scope}"
                    expected[field] = expected.get(field, 0) + int(value)
    ledger = {name: int(value) for name, value in texts(await redis.hgetall(LEDGER)).items()}
    assert {name: value for name, value in ledger.items() if ":reserved:" in name and value} == {
        name: value for name, value in expected.items() if value
    }
    assert all(value >= 0 for value in ledger.values())
    return ledger


def limit_of(scope: str) -> int:
    return {"user:U0CAROL": 120, "total": 200}.get(scope, 100 if scope.startswith("user") else 150) * int(MICRO)
