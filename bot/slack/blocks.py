"""Block Kit in small: pure builders that keep Slack's limits, so that no message is refused for its length.

Limits as documented for Block Kit (section text 3,000; header 150; button text 75; context 10 elements; 50 blocks; and about
12,000 characters over all blocks of one message, which is not documented but enforced: slackapi/bolt-js#2509).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

Block = dict[str, Any]
TOTAL: Final = 10_000


@dataclass(frozen=True)
class Rendered:
    """A message ready to be posted: `text` is what notifications show; `plain` draws the same without new block types."""

    text: str
    blocks: list[Block]
    plain: list[Block]

    @cached_property
    def digest(self) -> str:
        """Eight characters that change when what is shown changes."""
        return hashlib.sha256(json.dumps([self.text, self.blocks], sort_keys=True).encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Button:
    """A button. `value` is an opaque id, never data; `confirm` asks back first."""

    text: str
    action: str
    value: str
    style: str = ""
    confirm: str = ""


def escaped(text: str) -> str:
    """Text that a person or a log wrote, safe inside mrkdwn (Slack: & < > are the control characters)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters; an ellipsis shows that something is missing."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def header(text: str) -> Block:
    """A heading in plain text."""
    return {"type": "header", "text": {"type": "plain_text", "text": cut(text, 150), "emoji": True}}


def section(text: str, accessory: Block | None = None) -> Block:
    """A paragraph of mrkdwn."""
    block: Block = {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, 3000)}}
    return {**block, "accessory": accessory} if accessory else block


def fields(pairs: Iterable[tuple[str, str]]) -> Block:
    """Label and value pairs in two columns, at most ten."""
    return {"type": "section", "fields": [{"type": "mrkdwn", "text": cut(f"*{label}*\n{value}", 2000)} for label, value in list(pairs)[:10]]}


def context(*texts: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(text, 2000)} for text in texts if text][:10]}


def button(item: Button) -> Block:
    """One button element."""
    element: Block = {
        "type": "button", "text": {"type": "plain_text", "text": cut(item.text, 75), "emoji": True}, "action_id": item.action, "value": item.value,
    }  # fmt: skip
    if item.style:
        element["style"] = item.style
    if item.confirm:
        element["confirm"] = {
            "title": {"type": "plain_text", "text": "Are you sure?"},
            "text": {"type": "plain_text", "text": cut(item.confirm, 300)},
            "confirm": {"type": "plain_text", "text": cut(item.text, 30)},
            "deny": {"type": "plain_text", "text": "Keep it"},
        }
    return element


def actions(buttons: Sequence[Button]) -> Block:
    """A row of buttons. Action ids are made unique within the row by a numeric suffix where they repeat."""
    seen: dict[str, int] = {}
    elements = []
    for item in buttons[:25]:
        element = button(item)
        count = seen.get(item.action, 0)
        seen[item.action] = count + 1
        element["action_id"] = f"{item.action}:{count}" if count else item.action
        elements.append(element)
    return {"type": "actions", "elements": elements}


def table(rows: Sequence[Sequence[str]], *, numeric: frozenset[int] = frozenset()) -> Block:
    """A native table; the first row is the heading. At most 100 rows of 20 columns."""
    cells = [[{"type": "raw_text", "text": cut(cell, 200) or " "} for cell in row[:20]] for row in rows[:100]]
    settings = [{"align": "right" if column in numeric else "left"} for column in range(len(cells[0]))]
    return {"type": "table", "rows": cells, "column_settings": settings}


def monospaced(rows: Sequence[Sequence[str]], *, numeric: frozenset[int] = frozenset()) -> str:
    """The same table as preformatted text, for where tables are not shown."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.rjust(width) if column in numeric else cell.ljust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    return "```" + cut("\n".join(line.rstrip() for line in lines), 2900) + "```"


def size(blocks: Sequence[Block]) -> int:
    """How many characters of text the blocks hold, as the undocumented limit seems to count them."""
    return len(json.dumps(list(blocks), ensure_ascii=False))
