"""Errors as the API server says them: `Status` objects (Kubernetes API conventions; wording as apimachinery's errors package)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from playground.kubernetes.objects import Json
from playground.kubernetes.resources import Resource


class ApiError(Exception):
    """Ends a request with a `Status`; `code` is HTTP's."""

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.body: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason}
        if details:
            self.body["details"] = details
        self.body["code"] = code


@dataclass(frozen=True)
class Cause:
    """One finding of validation; `reason` is e.g. ``FieldValueInvalid``, `message` begins e.g. ``Invalid value: …``."""

    field: str
    reason: str
    message: str


def _details(resource: Resource | None, name: str = "") -> Json:
    details: Json = {"name": name} if name else {}
    if resource is not None:
        details |= ({"group": resource.group} if resource.group else {}) | {"kind": resource.plural}
    return details


def not_found(resource: Resource, name: str) -> ApiError:
    """404 for an object."""
    return ApiError(404, "NotFound", f'{resource.qualified} "{name}" not found', _details(resource, name))


def no_such_path() -> ApiError:
    """404 for a path or resource type that is not served."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: Resource, name: str) -> ApiError:
    """409 on create."""
    return ApiError(409, "AlreadyExists", f'{resource.qualified} "{name}" already exists', _details(resource, name))


def conflict(resource: Resource, name: str, why: str | None = None) -> ApiError:
    """409 on a stale resourceVersion (or `why`)."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    return ApiError(409, "Conflict", f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}', _details(resource, name))


def invalid(resource: Resource, name: str, causes: Sequence[Cause]) -> ApiError:
    """422 with its causes."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    text = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details = _details(None, name) | ({"group": resource.group} if resource.group else {}) | {"kind": resource.kind}
    details["causes"] = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    return ApiError(422, "Invalid", f'{resource.qualified_kind} "{name}" is invalid: {text}', details)


def forbidden(resource: Resource, name: str, why: str) -> ApiError:
    """403; `why` is the part after ``is forbidden:``."""
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}", _details(resource, name))


def unauthorized() -> ApiError:
    """401."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def expired(message: str) -> ApiError:
    """410; the reason is ``Expired``, not ``Gone``."""
    return ApiError(410, "Expired", message)


def too_large_version(wanted: int, current: int) -> ApiError:
    """504 for a resourceVersion from the future."""
    details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}], "retryAfterSeconds": 1}
    return ApiError(504, "Timeout", f"Timeout: Too large resource version: {wanted}, current: {current}", details)


def method_not_allowed() -> ApiError:
    """405."""
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def unsupported_media(accepted: Sequence[str]) -> ApiError:
    """415."""
    listed = ", ".join(accepted)
    return ApiError(415, "UnsupportedMediaType", f"the body of the request was in an unknown format - accepted media types include: {listed}")
