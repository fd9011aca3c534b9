"""Whether an approval still stands for the plan as it would be made now: pure.

Approvals are bound to a plan's digest. Time passes until somebody decides, so the plan is made anew right before the first write; what
moved within the policy's tolerance is let pass (the approved plan and its digest stay), anything else voids the approval.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from bot.approvals.decide import price_moved
from bot.approvals.rules import Policy
from bot.model import Plan, usd

MONEY: Final = frozenset({"hourly", "node_hourly", "system_hourly", "hourly_before", "money", "cost"})
"""Parts of a target that are prices: they are judged as the price of the whole, with the tolerance."""
PRICED: Final = frozenset({"prices", "parts"})
"""Parts that are prices by name: of those, only which names there are may not differ."""
OTHERS: Final = frozenset({"places", "asked_again", "before"})
"""Parts that may differ without anything being different from what was approved."""


def changed(policy: Policy, approved: Plan, now: Plan) -> tuple[str, ...]:
    """What is different now, in sentences; empty where the approval stands."""
    found = []
    before, after = Decimal(approved.hourly_max), Decimal(now.hourly_max)
    if before != after and price_moved(policy, before, after):
        moved = f" ({(after - before) / before:+.0%})" if before else ""
        tolerance = policy.approvals.price_tolerance
        found.append(f"the price went from {usd(before)}/h to {usd(after)}/h{moved}; up to {tolerance:f} % would have been let pass")
    for name, was, is_now in differing(approved.target, now.target):
        found.append(f"{name}: `{was}` became `{is_now}`")
    if now.approvals > approved.approvals:
        found.append(f"{now.approvals} approvals are needed now ({now.why})")
    if now.one_way != approved.one_way:
        found.append(f"what cannot be changed later: {', '.join(now.one_way) or 'nothing'}")
    return tuple(found)


def differing(was: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> list[tuple[str, str, str]]:
    """Each part of a plan's target that differs: its name, what was approved, what it would be."""
    found = []
    for name in sorted({*was, *now} - MONEY - OTHERS):
        old, new, full = was.get(name), now.get(name), f"{path}{name}".replace("_", " ")
        if name in PRICED:
            old, new = ", ".join(sorted(old or ())), ", ".join(sorted(new or ()))
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += differing(old, new, f"{full} ")
        elif old != new:
            found.append((full, _shown(old), _shown(new)))
    return found


def _shown(value: object) -> str:
    return "nothing" if value in (None, "", [], {}) else str(value)[:80].replace("`", "'")
