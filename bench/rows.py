"""One line of the table: what was measured, the figure, and, where there is one, the goal and whether it was met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`met` None: there is no goal, or it could not be measured here."""

    what: str
    figure: str
    goal: str = ""
    met: bool | None = None


def share(values: Sequence[float], part: float) -> float:
    """A percentile of sorted values."""
    return values[min(len(values) - 1, int(len(values) * part))]


def table(rows: Iterable[Row]) -> list[str]:
    """As Markdown."""
    words = {True: "yes", False: "**no**", None: ""}
    lines = [f"| {row.what} | {row.figure} | {row.goal} | {words[row.met]} |" for row in rows]
    return ["| what | figure | goal | met |", "|---|---|---|---|", *lines]
