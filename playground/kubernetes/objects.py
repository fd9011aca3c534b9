"""What all API objects share: metadata, owners, quantities. Stored objects are never changed in place; writers copy first."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from playground import chance

Json = dict[str, Any]

# Kubernetes leaves vowels and look-alikes out of generated suffixes.
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
_QUANTITY = re.compile(r"([+-]?[0-9.]+)([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?")
_SCALE = {"n": "1e-9", "u": "1e-6", "m": "1e-3", "k": "1e3", "M": "1e6", "G": "1e9", "T": "1e12", "P": "1e15", "E": "1e18"}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def name_of(item: Json) -> str:
    """`metadata.name`."""
    return str(item["metadata"].get("name", ""))


def namespace_of(item: Json) -> str:
    """`metadata.namespace`; empty for objects of the whole cluster."""
    return str(item["metadata"].get("namespace") or "")


def uid_of(item: Json) -> str:
    """`metadata.uid`."""
    return str(item["metadata"]["uid"])


def labels_of(item: Json) -> dict[str, str]:
    """`metadata.labels`, empty where there are none."""
    return item["metadata"].get("labels") or {}


def key_of(item: Json) -> tuple[str, str]:
    """(namespace, name): the key within a resource."""
    return namespace_of(item), name_of(item)


def deleting(item: Json) -> bool:
    """Whether deletion has begun."""
    return bool(item["metadata"].get("deletionTimestamp"))


def new_uid() -> str:
    """A fresh uid."""
    return chance.uid("kubernetes")


def suffix(length: int = 5) -> str:
    """A generated name's random end."""
    return chance.word("kubernetes names", _SUFFIX, length)


def owner_reference(owner: Json, *, controller: bool = True) -> Json:
    """A reference to `owner` for a dependent's `metadata.ownerReferences`."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": controller,
        "blockOwnerDeletion": True,
    }


def controller_uid(item: Json) -> str | None:
    """The uid of the owner that is its controller."""
    for owner in item["metadata"].get("ownerReferences") or []:
        if owner.get("controller"):
            return str(owner["uid"])
    return None


def quantity(text: str | int | float) -> Decimal:
    """A resource quantity ("500m", "1Gi", 2) as a number; raises ValueError for what Kubernetes would not parse."""
    match = _QUANTITY.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f"quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$': {text!r}")
    number, unit = match.groups()
    try:
        value = Decimal(number)
    except InvalidOperation as error:
        raise ValueError(f"unable to parse quantity {text!r}") from error
    if not unit:
        return value
    if unit in _BINARY:
        return value * Decimal(1024) ** _BINARY[unit]
    return value * Decimal(_SCALE.get(unit, f"1{unit}"))


def stamp(seconds: float) -> str:
    """Epoch seconds as metav1.Time writes them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(seconds: float) -> str:
    """Epoch seconds as metav1.MicroTime writes them."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_of(text: str) -> float:
    """Epoch seconds of an RFC 3339 time (nanoseconds are cut); raises ValueError."""
    cut = re.sub(r"(\.\d{6})\d+", r"\1", text)
    moment = datetime.fromisoformat(cut)
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
