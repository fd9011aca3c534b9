"""The Azure tags by which the bot knows its own, and from which leases are rebuilt when the journal is lost.

Azure: tag names have at most 512 characters without ``<>%&\\?/``, values at most 256, a resource at most 50 tags. Tag names are
case-insensitive, so they are compared in lower case.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

OPERATION: Final = "quartermaster-operation"
OWNER: Final = "quartermaster-owner"
TEAM: Final = "quartermaster-team"
CHANNEL: Final = "quartermaster-channel"
THREAD: Final = "quartermaster-thread"
EXPIRES: Final = "quartermaster-expires"
PRICE: Final = "quartermaster-usd-per-hour"
STOPPED: Final = "quartermaster-stopped"
"""On a node pool that was stopped by itself: it stays stopped when its cluster is started."""
PROFILE: Final = "quartermaster-gpu-profile"
"""On a GPU node pool: what was asked for, ``driver-only`` or ``driver-only MIG1g``; what Azure reads back is held against it."""
PREFIX: Final = "quartermaster-"

MAX_VALUE: Final = 256


def value(tags: Mapping[str, str] | None, name: str) -> str:
    """The value of the tag `name`, however Azure spells it, or an empty string."""
    return next((text for key, text in (tags or {}).items() if key.lower() == name.lower()), "")


def hourly(tags: Mapping[str, str] | None) -> Decimal | None:
    """US dollars an hour as they were approved; None where the tag is missing or is no amount."""
    try:
        amount = Decimal(value(tags, PRICE))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def ours(tags: Mapping[str, str] | None) -> bool:
    """Whether the bot made (or adopted) what carries these tags."""
    return bool(value(tags, OPERATION))


def same_operation(existing: Mapping[str, str] | None, wanted: Mapping[str, str] | None) -> bool:
    """Whether both were written by one and the same operation: a repeated creation then finds its own work."""
    return ours(wanted) and value(existing, OPERATION) == value(wanted, OPERATION)


def merged(existing: Mapping[str, str] | None, changes: Mapping[str, str | None]) -> dict[str, str]:
    """`existing` with `changes` laid over it (None removes); other people's tags stay as they are."""
    changed = {name.lower() for name in changes}
    kept = {name: text for name, text in (existing or {}).items() if name.lower() not in changed}
    return kept | {name: text[:MAX_VALUE] for name, text in changes.items() if text is not None}
