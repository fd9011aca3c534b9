"""What the API server refuses with 422 (wording as Kubernetes' validation packages)."""

from __future__ import annotations

import json
import re
from typing import Any

from playground.kubernetes.objects import Json, name_of
from playground.kubernetes.podrules import check_pod_spec, check_template
from playground.kubernetes.resources import Resource
from playground.kubernetes.selectors import selects
from playground.kubernetes.statuses import Cause, invalid

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")
LABEL = re.compile(_LABEL)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
    "character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_KEY = re.compile(rf"({SUBDOMAIN.pattern}/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_IMMUTABLE = "field is immutable"


def required(field: str, more: str = "") -> Cause:
    """A field that is missing."""
    return Cause(field, "FieldValueRequired", "Required value" + (f": {more}" if more else ""))


def wrong(field: str, value: Any, more: str) -> Cause:
    """A value that is not allowed; `value` is quoted as Go does."""
    return Cause(field, "FieldValueInvalid", f"Invalid value: {json.dumps(value)}: {more}")


def check(resource: Resource, item: Json, before: Json | None = None) -> None:
    """Raise ApiError 422 with every cause found; `before` is the stored object on updates."""
    causes = [*_metadata(resource, item)]
    spec = item.get("spec") or {}
    if resource.plural == "pods" and before is None:
        causes += check_pod_spec(spec, "spec")
    elif resource.plural == "jobs":
        causes += _job(spec) if before is None else _job_update(spec, before["spec"])
    elif resource.plural == "daemonsets":
        causes += _daemon_set(spec, before)
    if resource.plural == "pods" and before is not None:
        causes += _pod_update(spec, before["spec"])
    if causes:
        raise invalid(resource, name_of(item), causes)


def _metadata(resource: Resource, item: Json) -> list[Cause]:
    meta, causes = item["metadata"], []
    name = str(meta.get("name", ""))
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    if resource.plural == "namespaces":
        if len(name) > 63:
            causes.append(wrong("metadata.name", name, "must be no more than 63 bytes"))
        if not LABEL.fullmatch(name):
            causes.append(wrong("metadata.name", name, _LABEL_TEXT))
    else:
        if len(name) > 253:
            causes.append(wrong("metadata.name", name, "must be no more than 253 characters"))
        if not SUBDOMAIN.fullmatch(name):
            causes.append(wrong("metadata.name", name, _SUBDOMAIN_TEXT))
    return causes + check_labels(meta.get("labels"), "metadata.labels")


def check_labels(labels: Any, field: str) -> list[Cause]:
    """Keys and values of labels."""
    causes = []
    for key, value in (labels or {}).items():
        if not _KEY.fullmatch(key) or len(key.rpartition("/")[2]) > 63:
            causes.append(wrong(field, key, "name part must consist of alphanumeric characters, '-', '_' or '.'"))
        if len(value) > 63:
            causes.append(wrong(field, value, "must be no more than 63 bytes"))
        if not _VALUE.fullmatch(value):
            causes.append(wrong(field, value, _VALUE_TEXT))
    return causes


def _job(spec: Json) -> list[Cause]:
    causes = []
    for field in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"):
        value = spec.get(field)
        if value is not None and value < 0:
            causes.append(wrong(f"spec.{field}", value, "must be greater than or equal to 0"))
    if spec.get("completionMode") not in ("NonIndexed", "Indexed"):
        supported = 'supported values: "Indexed", "NonIndexed"'
        causes.append(
            Cause("spec.completionMode", "FieldValueNotSupported", f"Unsupported value: {json.dumps(spec.get('completionMode'))}: {supported}")
        )
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        causes.append(required("spec.completions", "when completion mode is Indexed"))
    template = spec["template"]
    causes += check_template(template, "spec.template")
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy not in ("OnFailure", "Never"):
        causes.append(required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'))
    return causes


def _job_update(spec: Json, before: Json) -> list[Cause]:
    causes = []
    if spec.get("template") != before.get("template"):
        # A suspended job's scheduling directives may change; everything else in the template may not.
        causes.append(wrong("spec.template", spec.get("template"), _IMMUTABLE))
    for field in ("selector", "completionMode"):
        if spec.get(field) != before.get(field):
            causes.append(wrong(f"spec.{field}", spec.get(field), _IMMUTABLE))
    elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    if spec.get("completions") != before.get("completions") and not elastic:
        causes.append(wrong("spec.completions", spec.get("completions"), _IMMUTABLE))
    return causes


def _daemon_set(spec: Json, before: Json | None) -> list[Cause]:
    causes = []
    selector, template = spec.get("selector"), spec["template"]
    if not selector:
        causes.append(required("spec.selector"))
    labels = (template.get("metadata") or {}).get("labels") or {}
    if selector and not selects(selector, labels):
        causes.append(wrong("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))
    if before is not None and selector != before["spec"].get("selector"):
        causes.append(wrong("spec.selector", selector, _IMMUTABLE))
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy != "Always":
        text = f'Unsupported value: {json.dumps(policy)}: supported values: "Always"'
        causes.append(Cause("spec.template.spec.restartPolicy", "FieldValueNotSupported", text))
    return causes + check_template(template, "spec.template")


def _pod_update(spec: Json, before: Json) -> list[Cause]:
    """Only images, activeDeadlineSeconds, added tolerations and the grace period may change."""

    def rest(of: Json) -> Json:
        kept = {key: value for key, value in of.items() if key not in ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")}
        for field in ("containers", "initContainers"):
            if field in kept:
                kept[field] = [{key: value for key, value in one.items() if key != "image"} for one in kept[field] or []]
        return kept

    added_only = all(one in (spec.get("tolerations") or []) for one in before.get("tolerations") or [])
    if rest(spec) == rest(before) and added_only:
        return []
    text = (
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
    )
    return [Cause("spec", "FieldValueForbidden", text)]
