"""One message of an outbox: as it stands in Redis, and as it is named in Slack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass
class Entry:
    """`state` is new, sending, sent, dropped or unknown; `at` is when it became that (ms, the server's clock)."""

    name: str
    state: str
    seq: int
    at: int
    ts: str
    payload: dict[str, Any]


def read(name: str, fields: Mapping[str, str]) -> Entry:
    """The entry `name` of an outbox hash."""
    state = json.loads(fields[name])
    payload = json.loads(fields.get(f"p:{name}", "{}"))
    return Entry(name, state["state"], int(state.get("seq", 0)), int(state.get("at", 0)), str(state.get("ts", "")), payload)


def named(blocks: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """The blocks with the message's name as the first one's id: a second witness, should metadata be lost."""
    return [{**blocks[0], "block_id": name[:255]}, *blocks[1:]] if blocks else []
