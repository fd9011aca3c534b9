"""Slack's published method specifications, and what is wrong with an answer by them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from .local import Json

FOLDER = next((place for up in Path(__file__).resolve().parents if (place := up / "shared" / "data" / "slack-methods").is_dir()), Path("absent"))
COMMON = {  # errors that every method may answer
    "access_denied", "account_inactive", "internal_error", "invalid_arg_name", "invalid_arguments", "invalid_array_arg", "invalid_auth",
    "invalid_charset", "invalid_form_data", "invalid_json", "json_not_object", "invalid_post_type", "method_deprecated", "missing_post_type",
    "missing_scope", "no_permission", "not_allowed_token_type", "not_authed", "ratelimited", "request_timeout", "service_unavailable",
    "token_expired", "token_revoked", "unknown_method",
}  # fmt: skip
NAMED: dict[str, Json] = {
    "ts": {"type": "string", "pattern": r"^\d{10,}\.\d{6}$"},
    "channel": {"type": "string", "pattern": "^[CDG][A-Z0-9]+$"},
    "user_id": {"type": "string", "pattern": "^U[A-Z0-9]+$"},
    "team_id": {"type": "string", "pattern": "^T[A-Z0-9]+$"},
    "bot_id": {"type": "string", "pattern": "^B[A-Z0-9]+$"},
    "app_id": {"type": "string", "pattern": "^A[A-Z0-9]+$"},
    "file_id": {"type": "string", "pattern": "^F[A-Z0-9]+$"},
    "message": {"type": "object", "required": ["type", "ts", "text"]},
    "conversation": {"type": "object", "required": ["id", "created", "is_im"]},
    "user": {"type": "object", "required": ["id", "name", "profile", "is_bot", "updated"]},
    "subteam": {"type": "object", "required": ["id", "team_id", "handle", "name"]},
    "modal": {"type": "object", "required": ["id", "type", "title", "blocks", "hash", "state", "callback_id", "private_metadata"]},
    "publishable-view": {"type": "object", "required": ["id", "type", "blocks", "hash", "state", "callback_id", "private_metadata"]},
}


@cache
def spec(name: str) -> Json:
    """The specification of one method. Raises OSError where none is published."""
    found: Json = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def named(schema: Any) -> Any:
    """The specification's schema with its references to named schemas filled in."""
    if isinstance(schema, list):
        return [named(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    filled = {key: named(value) for key, value in schema.items() if key != "schema"}
    return filled | NAMED.get(schema.get("schema", ""), {}) if isinstance(schema.get("schema"), str) else filled


@cache
def _validator(name: str) -> Draft7Validator:
    return Draft7Validator(named(spec(name)["output"]) or {})


def wrong(name: str, answer: Json) -> list[str]:
    """What the specification of method `name` has against `answer`: its shape, or an error that is not among the published ones."""
    if not answer["ok"]:
        return [] if answer["error"] in COMMON | set(spec(name).get("errors", [])) else [f"{name}: {answer['error']} is no published error"]
    return [f"{name}: {error.json_path}: {error.message}" for error in _validator(name).iter_errors(answer)]
