"""What is refused in a pod's spec or template (Kubernetes: core validation; quantities: resource.Quantity)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from playground.kubernetes.objects import Json, quantity
from playground.kubernetes.statuses import Cause, bad_request

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_ENV = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_POLICIES = {"imagePullPolicy": ("Always", "IfNotPresent", "Never"), "restartPolicy": ("Always", "Never", "OnFailure")}
_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")


def check_template(template: Json, field: str) -> list[Cause]:
    """A pod template's spec."""
    return check_pod_spec(template.get("spec") or {}, f"{field}.spec")


def check_pod_spec(spec: Json, field: str) -> list[Cause]:
    """Every cause found; raises ApiError 400 for quantities that cannot be parsed, as decoding them fails."""
    causes = list(_pod(spec, field))
    volumes = {str(one.get("name")) for one in spec.get("volumes") or []}
    seen: set[str] = set()
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or []):
            at = f"{field}.{kind}[{index}]"
            causes += _container(container, at, volumes)
            name = str(container.get("name", ""))
            if name in seen:
                causes.append(Cause(f"{at}.name", "FieldValueDuplicate", f"Duplicate value: {json.dumps(name)}"))
            seen.add(name)
    for index, toleration in enumerate(spec.get("tolerations") or []):
        causes += _toleration(toleration, f"{field}.tolerations[{index}]")
    return causes


def _pod(spec: Json, field: str) -> Iterator[Cause]:
    if not spec.get("containers"):
        yield Cause(f"{field}.containers", "FieldValueRequired", "Required value")
    policy = spec.get("restartPolicy")
    if policy not in _POLICIES["restartPolicy"]:
        yield _unsupported(f"{field}.restartPolicy", policy, _POLICIES["restartPolicy"])
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2147483647:
        yield Cause(f"{field}.activeDeadlineSeconds", "FieldValueInvalid", f"Invalid value: {deadline}: must be between 1 and 2147483647, inclusive")


def _container(container: Json, at: str, volumes: set[str]) -> Iterator[Cause]:
    name = container.get("name")
    if not name:
        yield Cause(f"{at}.name", "FieldValueRequired", "Required value")
    elif not _LABEL.fullmatch(name) or len(name) > 63:
        text = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'"
        yield Cause(f"{at}.name", "FieldValueInvalid", f"Invalid value: {json.dumps(name)}: {text}")
    image = container.get("image")
    if not image:
        yield Cause(f"{at}.image", "FieldValueRequired", "Required value")
    elif image != image.strip():
        yield Cause(f"{at}.image", "FieldValueInvalid", f"Invalid value: {json.dumps(image)}: must not have leading or trailing whitespace")
    if container.get("imagePullPolicy") not in _POLICIES["imagePullPolicy"]:
        yield _unsupported(f"{at}.imagePullPolicy", container.get("imagePullPolicy"), _POLICIES["imagePullPolicy"])
    for index, env in enumerate(container.get("env") or []):
        if not env.get("name"):
            yield Cause(f"{at}.env[{index}].name", "FieldValueRequired", "Required value")
        elif not _ENV.fullmatch(env["name"]):
            text = (
                "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit"
            )
            yield Cause(f"{at}.env[{index}].name", "FieldValueInvalid", f"Invalid value: {json.dumps(env['name'])}: {text}")
    for index, mount in enumerate(container.get("volumeMounts") or []):
        if not mount.get("mountPath"):
            yield Cause(f"{at}.volumeMounts[{index}].mountPath", "FieldValueRequired", "Required value")
        if mount.get("name") not in volumes:
            yield Cause(f"{at}.volumeMounts[{index}].name", "FieldValueNotFound", f"Not found: {json.dumps(mount.get('name'))}")
    yield from _resources(container.get("resources") or {}, f"{at}.resources")


def _resources(resources: Json, at: str) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, text in [*limits.items(), *requests.items()]:
        try:
            value = quantity(text)
        except ValueError as error:
            raise bad_request(str(error)) from error
        if value < 0:
            yield Cause(f"{at}.limits[{name}]", "FieldValueInvalid", f"Invalid value: {json.dumps(text)}: must be greater than or equal to 0")
        if "/" in name and value != int(value):
            yield Cause(f"{at}.limits[{name}]", "FieldValueInvalid", f"Invalid value: {json.dumps(text)}: must be an integer")
        if "/" not in name and name not in ("cpu", "memory", "ephemeral-storage") and not name.startswith("hugepages-"):
            text = "must be a standard resource type or fully qualified"
            yield Cause(f"{at}.limits[{name}]", "FieldValueInvalid", f"Invalid value: {json.dumps(name)}: {text}")
    for name, request in requests.items():
        if name not in limits:
            if "/" in name:
                yield Cause(f"{at}.limits", "FieldValueRequired", "Required value: Limit must be set for non overcommitable resources")
        elif "/" in name and quantity(request) != quantity(limits[name]):
            text = f"must be equal to {name} limit of {limits[name]}"
            yield Cause(f"{at}.requests", "FieldValueInvalid", f"Invalid value: {json.dumps(str(request))}: {text}")
        elif quantity(request) > quantity(limits[name]):
            text = f"must be less than or equal to {name} limit of {limits[name]}"
            yield Cause(f"{at}.requests", "FieldValueInvalid", f"Invalid value: {json.dumps(str(request))}: {text}")


def _toleration(toleration: Json, at: str) -> Iterator[Cause]:
    operator = toleration.get("operator") or "Equal"
    if operator not in ("Equal", "Exists"):
        yield _unsupported(f"{at}.operator", operator, ("Equal", "Exists"))
    if operator == "Exists" and toleration.get("value"):
        text = "value must be empty when `operator` is 'Exists'"
        yield Cause(f"{at}.operator", "FieldValueInvalid", f"Invalid value: {json.dumps(toleration)}: {text}")
    if not toleration.get("key") and operator != "Exists":
        text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield Cause(f"{at}.operator", "FieldValueInvalid", f"Invalid value: {json.dumps(operator)}: {text}")
    effect = toleration.get("effect")
    if effect and effect not in _EFFECTS:
        yield _unsupported(f"{at}.effect", effect, _EFFECTS)
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield Cause(f"{at}.effect", "FieldValueInvalid", f"Invalid value: {json.dumps(effect)}: {text}")


def _unsupported(field: str, value: Any, allowed: tuple[str, ...]) -> Cause:
    listed = ", ".join(json.dumps(one) for one in allowed)
    return Cause(field, "FieldValueNotSupported", f"Unsupported value: {json.dumps(value)}: supported values: {listed}")
