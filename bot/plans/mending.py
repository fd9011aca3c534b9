"""Buttons that ask for the same once more, but as it can be had: another version, without the zone, the size that replaced a retired one.

What a button stands for is a command, kept in the record and given in the name of whoever presses it: planned, priced and approved as if
it were typed. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from bot.azure import sizecheck
from bot.azure.findings import Finding
from bot.azure.sizes import Retired, Unknown, lookup
from bot.commands import Request, amended, parse
from bot.operations import present
from bot.operations.record import Operation
from bot.operations.steps import End, Kind

PREFIX: Final = "mend:"
"""How hints begin that name the change themselves: ``mend:zone=2;size=Standard_NC8as_T4_v3``; no value leaves the option out."""
NO_SPOT: Final = "mend:spot=;eviction=;max-price="
MOST: Final = 2
LEAVE_OUT: Final = {"zone": "Ask without the zone", "kubernetes-version": "Ask for the default version", "spot": "Ask without Spot"}
BY_HINT: Final = {"other_version": "mend:kubernetes-version=", "other_zone": "mend:zone="}
"""What Azure's own refusals leave: it does not say which version or zone would do."""


def hints(found: Iterable[Finding], *, newest: bool) -> list[str]:
    """What could be offered for what stops a plan. `newest`: the newest version that is supported may be asked for, as for a new cluster."""
    listed: list[str] = []
    for one in found:
        if one.severity == "blocker":
            listed += _hints(one, newest)
    return list(dict.fromkeys(listed))


def _hints(one: Finding, newest: bool) -> list[str]:
    match one.code:
        case "azure.kubernetes_version":
            offered = [version for version in str(one.detail["supported"]).split(", ") if version != "none"]
            best = max(offered, key=lambda version: [int(part) for part in version.split(".") if part.isdigit()], default="")
            return [f"mend:kubernetes-version={best if newest else ''}"]
        case "azure.kubernetes_newer":
            return ["mend:kubernetes-version="]
        case "azure.restricted_zone":
            first = str(one.detail["offered"]).partition(",")[0]
            return ["mend:zone=", *([f"mend:zone={first}"] if first != "none" else [])]
        case "azure.no_spot":
            return [NO_SPOT]
        case "azure.size_not_offered" | "azure.restricted":
            return ["other_size"]
        case "azure.no_room":
            return ["other_size", "quota"]
        case "azure.feature_needed":
            return ["register"]
    return []


def elsewhere(places: Iterable[Mapping[str, Any]], target: Mapping[str, Any]) -> list[str]:
    """The hint for the first of the policy's places (held against the subscription already) with another size or in another region."""
    for place in places:
        changes = {"size": place["pool"]["size"], "zone": ",".join(place["pool"]["zones"])} if place.get("pool") else {}
        if place["region"] != target["region"]:
            changes["region"] = place["region"]
        if "region" in changes or changes.get("size") != target["pool"]["size"]:
            return [PREFIX + ";".join(f"{name}={value}" for name, value in changes.items())]
    return []


def offered(text: str, buttons: Iterable[str], target: Mapping[str, Any]) -> list[tuple[str, Request]]:
    """Labels, and the commands that `text` becomes; only what changes something, and only what is a command."""
    wanted = [BY_HINT.get(one, one) for one in buttons]
    wanted += elsewhere(target.get("places", ()), target) if "other_size" in wanted else []
    before = parse(text)
    found: dict[str, Request] = {}
    for changes in (_changes(one) for one in wanted if one.startswith(PREFIX)):
        request = amended(text, changes)
        if request is not None and isinstance(before, Request) and (request.kind, request.values) != (before.kind, before.values):
            found.setdefault(_label(changes), request)
    return list(found.items())[:MOST]


def _changes(hint: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.partition("=") for part in hint.removeprefix(PREFIX).split(";"))}


def _label(changes: Mapping[str, str]) -> str:
    given = {name: value for name, value in changes.items() if value}
    if not given:
        return LEAVE_OUT[next(iter(changes))]
    what = given.get("size", "").removeprefix("Standard_") or (f"Kubernetes {given['kubernetes-version']}" if "kubernetes-version" in given else "")
    where = ", ".join(part for part in (given.get("region", ""), f"zone {given['zone']}" if "zone" in given else "") if part)
    return "Ask for " + " in ".join(part for part in (what, where) if part)


def ending(op: Operation, kind: Kind, outcome: End) -> End:
    """As :func:`bot.operations.present.ending`, and the buttons that mend the request."""
    over = present.ending(op, kind, outcome)
    if kind.name not in present.CREATIONS or not over.error:
        return over
    found = offered(op.text, over.error.get("buttons", ()), (op.plan or {}).get("target", {}))
    names = {f"mend{number}": mend for number, mend in enumerate(found)}
    if not names:
        return over
    mends = {"suggested": {name: request.text for name, (_, request) in names.items()}, "mends": {name: label for name, (label, _) in names.items()}}
    return replace(over, memo={**over.memo, **mends})


def instead(text: str, answer: str) -> tuple[str, Request] | None:
    """Where `answer` refuses a size that is retired or misspelt: the label of a button, and the command with the size to use instead."""
    request = parse(text)
    size = lookup(str(request.values.get("size", ""))) if isinstance(request, Request) else None
    better = size.replacement if isinstance(size, Retired) else size.nearest[0] if isinstance(size, Unknown) and size.nearest else ""
    if size is None or not better or answer not in [str(found.refusal()) for found in sizecheck.size(size.name)]:
        return None
    mended = amended(text, {"size": better})
    return (_label({"size": better}), mended) if mended else None
