"""One account of the budgets, read: what its parts have cost so far.

Pure. `account` is the hash as Redis keeps it; amounts are whole micro-dollars by month, prices micro-dollars an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from bot.approvals.spending import cost, split


def parts(account: Mapping[str, str]) -> list[str]:
    """The parts of an account."""
    return [name.partition(":")[2] for name in account if name.startswith("since:")]


def part_named(account: Mapping[str, str], resource: str) -> str | None:
    """The part that is this resource; names are the same in any case."""
    return next((one for one in parts(account) if one.lower() == resource.lower()), None)


def ran(account: Mapping[str, str], part: str, until: float) -> dict[str, int]:
    """What a part has cost by `until`, in the months in which it ran: each time at the price that it had then."""
    since = float(account.get(f"since:{part}", until))
    found = Counter(split(cost(Decimal(account.get(f"hourly:{part}", "0")), since, until), since, until))
    found.update(_noted(account, "a", part))
    # Accounts of an older version have one sum for all months.
    found.update(split(int(account.get(f"accrued:{part}", 0)), float(account.get(f"from:{part}", since)), since))
    return {month: amount for month, amount in found.items() if amount}


def _noted(account: Mapping[str, str], head: str, part: str) -> dict[str, int]:
    """Amounts by month from the fields ``head:2026-11:part``."""
    start = f"{head}:"
    found = {}
    for name, value in account.items():
        month, _, rest = name.removeprefix(start).partition(":")
        if name.startswith(start) and rest == part:
            found[month] = int(value)
    return found
