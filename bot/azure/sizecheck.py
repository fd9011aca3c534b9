"""Whether a size can be had at all: needs no subscription and no cloud library, so it is told at once."""

from __future__ import annotations

from datetime import date

from bot.azure.findings import Finding, blocker
from bot.azure.sizes import CpuSize, Retired, Unknown, lookup


def size(text: str) -> list[Finding]:
    """Whether `text` is a GPU size that can be had at all: retired, without a GPU, unsupported and unknown ones each say what to type instead."""
    found = lookup(text)
    if isinstance(found, Retired):
        return [blocker("azure.size_retired", size=found.name, model=found.model, since=_day(found.since), replacement=found.replacement)]
    if isinstance(found, CpuSize):
        return [blocker("azure.size_cpu", size=found.name)]
    if isinstance(found, Unknown):
        if found.reason:
            return [blocker("azure.size_unsupported", size=found.name, reason=found.reason)]
        return [blocker("azure.size_unknown", size=found.name, nearest=" or ".join(f"`{name}`" for name in found.nearest))]
    return []


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
