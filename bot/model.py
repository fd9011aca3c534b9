"""Types that several layers share and none owns: what a plan is, and money. Pure; no I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any


def exact(amount: Decimal) -> str:
    """An amount as plans and Azure tags carry it: to the micro-dollar, as budgets count, so that parts add up to their sum."""
    return f"{amount.quantize(Decimal('0.000001'), rounding=ROUND_HALF_UP).normalize():f}"


def usd(amount: Decimal | float | str) -> str:
    """An amount as people read it, and the only place that rounds one: ``$0.53``, or ``$0.0042`` where cents would hide it."""
    value = Decimal(str(amount))
    if value and abs(value) < Decimal("0.1"):
        return f"${value.quantize(Decimal('0.0001'), rounding=ROUND_HALF_UP):f}"
    return f"${value.quantize(Decimal('0.01'), rounding=ROUND_HALF_UP):,f}"


def usd_above(amount: Decimal, limit: Decimal) -> tuple[str, str]:
    """An amount and the `limit` that it is above, with as many decimals as it takes to look so: either may have been rounded to the other."""
    shown, at = usd(amount), usd(limit)
    if _read(shown) > _read(at):
        return shown, at
    return f"${exact(amount)}", at if _read(at) == limit else f"${exact(limit)}"


def _read(shown: str) -> Decimal:
    return Decimal(shown.removeprefix("$").replace(",", ""))


@dataclass(frozen=True)
class Change:
    """One resource that a plan touches. `action` is create, change, delete or run; `hourly` in USD ('' where it costs nothing)."""

    action: str
    what: str
    detail: str = ""
    hourly: str = ""


@dataclass(frozen=True)
class Finding:
    """Something that preflight saw. `severity`: ``block`` (cannot be done), ``warn`` or ``info``."""

    severity: str
    text: str


@dataclass(frozen=True)
class Plan:
    """What exactly is going to be done, and what it costs. Amounts are decimal strings in USD.

    `hourly_min` and `hourly_max` are at the fewest and the most nodes; `total_*` until expiry. `expires` is business time
    (None where nothing lives on). `target` holds the resolved names and numbers that the steps work with. An approval is
    bound to :attr:`digest`, which covers everything that the requester and the approver were shown.
    """

    title: str
    changes: tuple[Change, ...]
    hourly_min: str = "0"
    hourly_max: str = "0"
    total_min: str = "0"
    total_max: str = "0"
    hours: float = 0.0
    expires: float | None = None
    one_way: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    usually_seconds: float | None = None
    price_date: str = ""
    approvals: int = 0
    why: str = ""
    confirm: str = ""
    target: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Twelve characters that change when anything that was shown changes (not: how long it usually takes)."""
        shown = {name: value for name, value in self.as_json().items() if name not in ("usually_seconds", "digest")}
        return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def blocked(self) -> str:
        """Why it cannot be done, or ''."""
        return "\n".join(finding.text for finding in self.findings if finding.severity == "block")

    def as_json(self) -> dict[str, Any]:
        """As the journal keeps it (without the digest)."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Plan:
        """The inverse of :meth:`as_json`; unknown keys of newer versions are ignored."""
        known = {name: row[name] for name in cls.__dataclass_fields__ if name in row}
        known["changes"] = tuple(Change(**change) for change in known.get("changes", ()))
        known["findings"] = tuple(Finding(**finding) for finding in known.get("findings", ()))
        known["one_way"] = tuple(known.get("one_way", ()))
        return cls(**known)
