"""Amounts as Kubernetes writes them: `500m`, `16Gi`, `1e3`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from kubernetes.utils.quantity import parse_quantity

from bot.errors import Refused

_FORM: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3}|[numkKMGTPE]|[KMGTPE]i)?")


def amount(text: object) -> Decimal:
    """The value of a quantity in base units (cores, bytes, devices).

    Raises ValueError for anything else, so that a misspelt amount is never read as zero (Kubernetes: resource.Quantity).
    """
    spelt = str(text)
    if not _FORM.fullmatch(spelt):
        raise ValueError(f"not a quantity: {spelt[:40]!r}")
    parsed: Decimal = parse_quantity(spelt)  # type: ignore[no-untyped-call]
    return parsed


def devices(text: object) -> int:
    """A whole number of devices; extended resources are counted in units only (0 for an absent amount)."""
    return 0 if text is None else int(amount(text))


def checked_amount(kind: str, text: str) -> str:
    """`text` itself, if a person may ask for that much cpu or memory. Raises :class:`bot.errors.Refused` (``cluster.amount``)."""
    try:
        value = amount(text)
    except ValueError as error:
        raise Refused("cluster.amount", kind=kind, value=text[:40]) from error
    if value <= 0 or not value.is_finite() or "n" in text or "u" in text:
        raise Refused("cluster.amount", kind=kind, value=text[:40])
    return text
