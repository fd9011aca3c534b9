"""Label and field selectors (Kubernetes: labels.Parse, fields.ParseSelector)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playground.kubernetes.objects import Json, labels_of
from playground.kubernetes.resources import Resource
from playground.kubernetes.statuses import bad_request

Match = Callable[[Json], bool]

_REQUIREMENT = re.compile(
    r"\s*(?:(?P<absent>!)\s*)?(?P<key>[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?)\s*"
    r"(?:(?P<op>==|!=|=|>|<)\s*(?P<value>[-A-Za-z0-9_.]*)|\s(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?\s*(?:,|$)"
)
_FIELDS = {
    "pods": ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork", "status.phase",
             "status.podIP", "status.nominatedNodeName"),
    "events": ("involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
               "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"),
    "nodes": ("spec.unschedulable",),
    "namespaces": ("status.phase",),
    "secrets": ("type",),
    "jobs": ("status.successful",),
}  # fmt: skip


def label_matcher(text: str) -> Match:
    """A predicate on objects; raises ApiError 400 for a selector that does not parse."""
    requirements: list[Callable[[dict[str, str]], bool]] = []
    position = 0
    while position < len(text):
        found = _REQUIREMENT.match(text, position)
        if found is None or (found["absent"] and (found["op"] or found["set"])):
            raise bad_request(f"unable to parse requirement: found '{text[position:]}', expected: identifier")
        requirements.append(_requirement(found))
        position = found.end()
    return lambda item: all(holds(labels_of(item)) for holds in requirements)


def _requirement(found: re.Match[str]) -> Callable[[dict[str, str]], bool]:
    key, operator, value = found["key"], found["op"], found["value"]
    if found["absent"]:
        return lambda labels: key not in labels
    if found["set"]:
        values = {part.strip() for part in found["values"].split(",")}
        if found["set"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if operator in ("=", "=="):
        return lambda labels: labels.get(key) == value
    if operator == "!=":
        return lambda labels: labels.get(key) != value
    if operator in (">", "<"):
        return lambda labels: _compares(labels.get(key), operator, value)
    return lambda labels: key in labels


def _compares(label: str | None, operator: str, bound: str) -> bool:
    if label is None or not re.fullmatch(r"-?\d+", label) or not re.fullmatch(r"-?\d+", bound):
        return False
    return int(label) > int(bound) if operator == ">" else int(label) < int(bound)


def field_matcher(resource: Resource, text: str) -> Match:
    """A predicate on objects; raises ApiError 400 for fields that the resource cannot be selected by."""
    known = ("metadata.name", "metadata.namespace", *_FIELDS.get(resource.plural, ()))
    terms: list[tuple[str, bool, str]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = re.fullmatch(r"([^=!]+?)(==|!=|=)(.*)", part)
        if found is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        if found[1] not in known:
            raise bad_request(
                f'Unable to find "{resource.group}/{resource.version}, Resource={resource.plural}" that match label selector "", '
                f'field selector "{text}": field label not supported: {found[1]}'
            )
        terms.append((found[1], found[2] != "!=", found[3]))
    return lambda item: all((_field(item, path) == value) == wanted for path, wanted, value in terms)


def _field(item: Json, path: str) -> str:
    if path == "source" and item.get("kind") == "Event":
        return str((item.get("source") or {}).get("component", "") or item.get("reportingComponent", ""))
    if path == "status.successful":
        return str(item.get("status", {}).get("succeeded", 0))
    value: Any = item
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "false" if path in ("spec.unschedulable", "spec.hostNetwork") else ""
    return str(value)


def selects(selector: Json | None, labels: dict[str, str]) -> bool:
    """Whether a LabelSelector object (`matchLabels`, `matchExpressions`) selects these labels; an empty one selects all."""
    selector = selector or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(expression_holds(one, labels) for one in selector.get("matchExpressions") or ())


def expression_holds(expression: Json, values: dict[str, str]) -> bool:
    """One `matchExpressions` or node selector term (In, NotIn, Exists, DoesNotExist, Gt, Lt)."""
    present, wanted = values.get(expression["key"]), expression.get("values") or []
    operator = expression["operator"]
    if operator == "In":
        return present in wanted
    if operator == "NotIn":
        return present not in wanted
    if operator == "Exists":
        return present is not None
    if operator == "DoesNotExist":
        return present is None
    return _compares(present, ">" if operator == "Gt" else "<", str(wanted[0]) if wanted else "")
