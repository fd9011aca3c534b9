"""As much of Kubernetes' protobuf as `kubectl create` and `kubectl auth can-i` send (Kubernetes: generated.proto, runtime.Unknown).

kubectl does not fall back to JSON for these. Known: namespaces, jobs, config maps, secrets, service accounts, evictions and reviews, with the fields
that the command line can set; anything else is refused with 415 rather than half read.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from playground.kubernetes.objects import Json
from playground.kubernetes.statuses import bad_request, unsupported_media

MAGIC = b"k8s\x00"
# Message → field number → (name, type); "[X]" repeats, "{}" is a map of strings, "{b}" of bytes; "-" is
# passed over, "0" has to be empty.
_MESSAGES: dict[str, dict[int, tuple[str, str]]] = {
    "ObjectMeta": {
        1: ("name", "s"), 2: ("generateName", "s"), 3: ("namespace", "s"), 4: ("selfLink", "s"), 5: ("uid", "s"), 6: ("resourceVersion", "s"),
        7: ("generation", "i"), 8: ("creationTimestamp", "-"), 11: ("labels", "{}"), 12: ("annotations", "{}"),
    },
    "Namespace": {1: ("metadata", "ObjectMeta"), 2: ("spec", "-"), 3: ("status", "-")},
    "ConfigMap": {1: ("metadata", "ObjectMeta"), 2: ("data", "{}"), 3: ("binaryData", "{b}"), 4: ("immutable", "b")},
    "Secret": {1: ("metadata", "ObjectMeta"), 2: ("data", "{b}"), 3: ("type", "s"), 4: ("stringData", "{}"), 5: ("immutable", "b")},
    "ServiceAccount": {1: ("metadata", "ObjectMeta")},
    "Job": {1: ("metadata", "ObjectMeta"), 2: ("spec", "JobSpec"), 3: ("status", "-")},
    "JobSpec": {
        1: ("parallelism", "i"), 2: ("completions", "i"), 3: ("activeDeadlineSeconds", "i"), 6: ("template", "PodTemplateSpec"),
        7: ("backoffLimit", "i"), 8: ("ttlSecondsAfterFinished", "i"), 9: ("completionMode", "s"), 10: ("suspend", "b"),
    },
    "PodTemplateSpec": {1: ("metadata", "ObjectMeta"), 2: ("spec", "PodSpec")},
    "PodSpec": {
        2: ("containers", "[Container]"), 3: ("restartPolicy", "s"), 4: ("terminationGracePeriodSeconds", "i"), 5: ("activeDeadlineSeconds", "i"),
        6: ("dnsPolicy", "s"), 7: ("nodeSelector", "{}"), 8: ("serviceAccountName", "s"), 9: ("serviceAccount", "s"), 10: ("nodeName", "s"),
        11: ("hostNetwork", "b"), 12: ("hostPID", "b"), 13: ("hostIPC", "b"), 16: ("hostname", "s"), 17: ("subdomain", "s"),
        19: ("schedulerName", "s"), 24: ("priorityClassName", "s"),
    },
    "Container": {
        1: ("name", "s"), 2: ("image", "s"), 3: ("command", "[s]"), 4: ("args", "[s]"), 5: ("workingDir", "s"), 8: ("resources", "0"),
        13: ("terminationMessagePath", "s"), 14: ("imagePullPolicy", "s"), 16: ("stdin", "b"), 17: ("stdinOnce", "b"), 18: ("tty", "b"),
        20: ("terminationMessagePolicy", "s"),
    },
    "SelfSubjectAccessReview": {1: ("metadata", "ObjectMeta"), 2: ("spec", "AccessSpec"), 3: ("status", "-")},
    "AccessSpec": {1: ("resourceAttributes", "ResourceAttributes"), 2: ("nonResourceAttributes", "NonResourceAttributes")},
    "ResourceAttributes": {
        1: ("namespace", "s"), 2: ("verb", "s"), 3: ("group", "s"), 4: ("version", "s"), 5: ("resource", "s"), 6: ("subresource", "s"),
        7: ("name", "s"),
    },
    "NonResourceAttributes": {1: ("path", "s"), 2: ("verb", "s")},
    "Eviction": {1: ("metadata", "ObjectMeta"), 2: ("deleteOptions", "DeleteOptions")},
    "DeleteOptions": {1: ("gracePeriodSeconds", "i"), 3: ("orphanDependents", "b"), 4: ("propagationPolicy", "s"), 5: ("dryRun", "[s]")},
    "SelfSubjectReview": {1: ("metadata", "ObjectMeta"), 2: ("status", "-")},
}  # fmt: skip
_JSON_ONLY = ("application/json", "application/yaml")


def decode(raw: bytes) -> Json:
    """The object in a protobuf body. Raises ApiError 415 for kinds and fields that are not known here, 400 for malformed bytes."""
    if not raw.startswith(MAGIC):
        raise bad_request("provided data does not appear to be a protobuf message, expected prefix")
    try:
        envelope = dict(_fields(raw[len(MAGIC) :]))
        names = dict(_fields(_bytes(envelope[1])))
        api_version, kind = _bytes(names.get(1, b"")).decode(), _bytes(names.get(2, b"")).decode()
        if kind not in _MESSAGES:
            raise unsupported_media(_JSON_ONLY)
        return {"apiVersion": api_version, "kind": kind, **_message(kind, _bytes(envelope[2]))}
    except (IndexError, KeyError, ValueError) as error:
        raise bad_request(f"unable to decode protobuf: {error}") from error


def _message(kind: str, raw: bytes) -> Json:
    result: Json = {}
    for number, value in _fields(raw):
        if number not in _MESSAGES[kind]:
            raise unsupported_media(_JSON_ONLY)
        name, form = _MESSAGES[kind][number]
        if form.startswith("["):
            result.setdefault(name, []).append(_one(form[1:-1], value))
        elif form.startswith("{"):
            entry = dict(_fields(_bytes(value)))
            text = _bytes(entry.get(2, b""))
            held = base64.b64encode(text).decode() if form == "{b}" else text.decode()
            result.setdefault(name, {})[_bytes(entry.get(1, b"")).decode()] = held
        elif form == "0" and value:
            raise unsupported_media(_JSON_ONLY)
        elif form not in "-0":
            one = _one(form, value)
            # Go writes empty strings and zero counts of plain fields as well; they mean "not set".
            if one not in ("", {}):
                result[name] = one
    return result


def _one(form: str, value: int | bytes) -> Any:
    if form == "i":
        return value
    if form == "b":
        return bool(value)
    return _bytes(value).decode() if form == "s" else _message(form, _bytes(value))


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number where bytes were expected")
    return value


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, value) of a message; values are varints or bytes."""
    position = 0
    while position < len(raw):
        tag, position = _varint(raw, position)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, position = _varint(raw, position)
            yield number, value
        elif wire == 2:
            size, position = _varint(raw, position)
            if position + size > len(raw):
                raise ValueError("truncated")
            yield number, raw[position : position + size]
            position += size
        elif wire in (1, 5):
            position += 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7
