"""What a preflight finds: one remark each, in the words of the table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from bot.errors import Refused

Severity = Literal["blocker", "warning", "info"]
_ORDER: Final[dict[str, int]] = {"blocker": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Finding:
    """A remark on a plan. `blocker`: the plan cannot go ahead; `code` is a row of the words, `detail` fills its blanks."""

    severity: Severity
    code: str
    detail: Mapping[str, object] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What is so."""
        return self.refusal().sentence

    @property
    def next_step(self) -> str:
        """What to do about it, or an empty string."""
        return self.refusal().next_step

    def refusal(self) -> Refused:
        """The same as an error, for where the first blocker ends the request."""
        return Refused(self.code, **self.detail)


def blocker(code: str, **detail: object) -> Finding:
    """A finding that stops the plan."""
    return Finding("blocker", code, detail)


def warning(code: str, **detail: object) -> Finding:
    """A finding that people should see before they approve."""
    return Finding("warning", code, detail)


def info(code: str, **detail: object) -> Finding:
    """A finding that reassures."""
    return Finding("info", code, detail)


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Worst first, otherwise as found; each only once."""
    unique = {(item.code, repr(sorted(item.detail.items()))): item for item in findings}
    return sorted(unique.values(), key=lambda item: _ORDER[item.severity])
