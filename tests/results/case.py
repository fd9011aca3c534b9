"""One log of a framework and what a careful engineer reports from it."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Case:
    """`final` None: nothing may be reported. Fields left at `...` are not checked."""

    name: str
    text: str
    metric: str | None
    split: str | None = None
    final: float | None = None
    best: float | None = None
    step: float | None = None
    unit: str | None = None
    failure: str | None = None
    cpu: bool | None = None
    device: str | None = None

    @property
    def log(self) -> str:
        return dedent(self.text).lstrip("\n")


def silent(name: str, text: str, failure: str | None = None, cpu: bool | None = None) -> Case:
    """A log from which no number may be reported."""
    return Case(name, text, None, failure=failure, cpu=cpu)
