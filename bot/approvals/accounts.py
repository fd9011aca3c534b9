"""One account of the budgets, read: what its parts have cost so far, and what is missing for what they are going to cost.

Pure. `account` is the hash as Redis keeps it; amounts are whole micro-dollars by month, prices micro-dollars an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from bot.approvals.spending import cost, split

ROUNDING: Final = 100
"""Micro-dollars: what rounding may come to over the changes of an account, and no reason to refuse anything."""


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


def missing(account: Mapping[str, str], part: str, hourly: Decimal, at: float) -> dict[str, int]:
    """What has to be set aside so that `part` can cost `hourly` from `at` until its reservation ends; nothing where enough is left.

    What was saved while it had fewer nodes is left over for later ones, though only within its month: another one has a budget of its own.
    """
    until = float(account[f"until:{part}"])
    spent, others = ran(account, part, at), Counter[str]()
    for op_id in {name.split(":")[1] for name in account if name.startswith("own:")}:
        if f"did:{op_id}/price/{part}" not in account:  # a change on its way, which takes its share back if it comes to nothing
            others.update(_noted(account, f"own:{op_id}", part))
    found = {}
    for month, needed in split(cost(hourly, at, until), at, until).items():
        left = int(account.get(f"r:{month}:{part}", 0)) - spent.get(month, 0) - others[month]
        found[month] = max(0, needed - left)
    return {month: amount for month, amount in found.items() if amount} if sum(found.values()) > ROUNDING else {}


def _noted(account: Mapping[str, str], head: str, part: str) -> dict[str, int]:
    """Amounts by month from the fields ``head:2026-11:part``."""
    start = f"{head}:"
    found = {}
    for name, value in account.items():
        month, _, rest = name.removeprefix(start).partition(":")
        if name.startswith(start) and rest == part:
            found[month] = int(value)
    return found
