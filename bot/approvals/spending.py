"""Money over time: micro-dollars, calendar months, and what a budget looks like to people. Pure; times in epoch seconds.

One micro-dollar is a millionth of a US dollar: amounts are whole numbers of them, so nothing is lost to rounding when they are added
and taken away again. Months are UTC, as in the policy and on Azure's bill.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final

from bot.errors import Refused
from bot.model import usd

MICRO: Final = Decimal(1_000_000)
MOST: Final = Decimal(1_000_000_000)
"""Dollars; beyond that, numbers in Redis scripts would no longer be exact."""


def micros(amount: Decimal, *, rounding: str = ROUND_CEILING) -> int:
    """US dollars as micro-dollars. Raises Refused for what is no price: negative, not a number, absurdly large."""
    if not amount.is_finite() or amount < 0 or amount > MOST:
        raise Refused("approvals.price_unknown")
    return int((amount * MICRO).to_integral_value(rounding=rounding))


def limit_micros(limit: Decimal | None) -> str:
    """A budget's figure for a script: rounded down, '' where there is no bound."""
    return "" if limit is None else str(micros(min(limit, MOST), rounding=ROUND_FLOOR))


def dollars(amount: int) -> Decimal:
    """Micro-dollars as US dollars."""
    return Decimal(amount) / MICRO


def cost(hourly: Decimal, since: float, until: float) -> int:
    """What `hourly` micro-dollars an hour come to, in micro-dollars; 0 where `until` is not after `since`."""
    hours = Decimal(repr(max(0.0, until - since))) / 3600
    return int((hours * hourly).to_integral_value(rounding=ROUND_HALF_UP))


def month_of(at: float) -> str:
    """``2026-11``"""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m")


def spans(since: float, until: float) -> dict[str, float]:
    """The seconds of that time in each month it touches, in order; an empty time counts to the month of `since`."""
    if until <= since:
        return {month_of(since): 0.0}
    found: dict[str, float] = {}
    at = since
    while at < until:
        day = datetime.fromtimestamp(at, UTC)
        following = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC).timestamp()
        found[month_of(at)] = min(until, following) - at
        at = following
    return found


def split(amount: int, since: float, until: float) -> dict[str, int]:
    """`amount` spread over the months by time; the parts add up to exactly `amount`."""
    lengths = spans(since, until)
    whole = Decimal(repr(sum(lengths.values())))
    if not whole:
        return {next(iter(lengths)): amount}
    parts, given, passed = {}, 0, Decimal(0)
    for month, seconds in lengths.items():
        passed += Decimal(repr(seconds))
        upto = int((amount * min(passed, whole) / whole).to_integral_value(rounding=ROUND_HALF_UP))
        parts[month], given = upto - given, upto
    parts[month] += amount - given
    return parts


@dataclass(frozen=True)
class Scope:
    """One budget in one month, in US dollars. `limit` None: no bound. `reserved` is set aside for what still runs, `spent` what ran."""

    limit: Decimal | None
    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)

    @property
    def left(self) -> Decimal | None:
        """What may still be reserved (never below 0), or None without a bound."""
        return None if self.limit is None else max(Decimal(0), self.limit - self.spent - self.reserved)


@dataclass(frozen=True)
class Overview:
    """The three budgets that somebody's request in a channel counts against."""

    month: str
    user: str
    channel: str
    of_user: Scope
    of_channel: Scope
    total: Scope


def answer(overview: Overview) -> tuple[str, list[str]]:
    """A headline and one line of mrkdwn for each budget."""
    lefts = [scope.left for scope in (overview.of_user, overview.of_channel, overview.total) if scope.left is not None]
    headline = f"{usd(min(lefts))} left for you here in {overview.month}" if lefts else f"No budget limits you here in {overview.month}"
    named = ((f"<@{overview.user}>", overview.of_user), (f"<#{overview.channel}>", overview.of_channel), ("Everybody", overview.total))
    return headline, [_line(name, scope) for name, scope in named if name != "<#>"]


def _line(name: str, scope: Scope) -> str:
    used = f"{usd(scope.spent)} spent, {usd(scope.reserved)} reserved"
    if scope.limit is None or scope.left is None:
        return f"*{name}*: {used}; no bound"
    over = scope.spent + scope.reserved - scope.limit
    rest = f"*{usd(scope.left)}* left" if over <= 0 else f"*{usd(over)} over*"
    return f"*{name}*: {_bar(scope)} {rest} of {usd(scope.limit)} · {used}"


def _bar(scope: Scope) -> str:
    """Ten marks: full for spent, half for reserved."""
    if not scope.limit:
        return ""
    spent = min(10, int(scope.spent * 10 / scope.limit))
    used = min(10, int((scope.spent + scope.reserved) * 10 / scope.limit))
    return "`" + "█" * spent + "▒" * (used - spent) + "░" * (10 - used) + "`"
