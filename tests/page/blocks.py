"""Messages and views that use every kind of block which the bot posts."""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]
ANY = re.compile(".*")


def plain(text: str) -> Json:
    """Plain text."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    """Slack's own markup."""
    return {"type": "mrkdwn", "text": text}


def cell(value: str | int) -> Json:
    """A cell of a table."""
    return {"type": "raw_text", "text": value} if isinstance(value, str) else {"type": "raw_number", "value": value, "text": str(value)}


def rows(*lines: tuple[str | int, ...]) -> list[list[Json]]:
    """The rows of a table, the header first."""
    return [[cell(value) for value in line] for line in lines]


def option(text: str) -> Json:
    """An option whose value is its text."""
    return {"text": plain(text), "value": text}


CONFIRM = {
    "title": plain("Deny this request?"),
    "text": mrkdwn("*Nothing* has been made yet."),
    "confirm": plain("Yes, deny"),
    "deny": plain("Keep it"),
}
CARD: list[Json] = [
    {"type": "header", "text": plain("Cluster demo :package:")},
    {"type": "section", "text": mrkdwn("*Waiting for approval* of <@U0BOB>, type `/gpu help pool`")},
    {"type": "section", "fields": [mrkdwn("*Price*\n$0.72/h"), mrkdwn("*Until*\ntomorrow")]},
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "approve", "text": plain("Approve"), "style": "primary", "value": "7"},
            {"type": "button", "action_id": "deny", "text": plain("Deny"), "style": "danger", "value": "7", "confirm": CONFIRM},
            {"type": "static_select", "action_id": "size", "placeholder": plain("Size"), "options": [option("T4"), option("A100")]},
            {"type": "overflow", "action_id": "more", "options": [option("Show the plan"), option("Cancel")]},
        ],
    },
    {"type": "context", "elements": [mrkdwn("asked by <@U0ALICE>")]},
]
KINDS: dict[str, list[Json]] = {
    "Creating the cluster": [
        {
            "type": "plan",
            "title": "Creating the cluster",
            "tasks": [
                {"type": "task_card", "task_id": "1", "title": "Resource group", "status": "complete"},
                {"type": "task_card", "task_id": "2", "title": "GPU pool", "status": "in_progress"},
            ],
        }
    ],
    "aks-gpu-vmss000000": [{"type": "table", "rows": rows(("Node", "Free"), ("aks-gpu-vmss000000", 1))}],
    "Jobs of the day": [
        {"type": "data_table", "caption": "Jobs of the day", "page_size": 2, "rows": rows(("Job", "Steps"), ("a", 3), ("b", 20), ("c", 1))},
    ],
    "Accuracy by step": [
        {
            "type": "data_visualization",
            "title": "Accuracy by step",
            "chart": {
                "type": "line",
                "series": [{"name": "test", "data": [{"label": "0", "value": 0.1}, {"label": "10", "value": 0.9}]}],
                "axis_config": {"categories": ["0", "10"]},
            },
        }
    ],
    "Standard markdown": [{"type": "markdown", "text": "## Standard markdown\n\n| a | b |\n|---|---|\n| 1 | 2 |"}],
}
MODAL: Json = {
    "type": "modal",
    "callback_id": "pool",
    "title": plain("Add a GPU pool"),
    "submit": plain("Plan it"),
    "close": plain("Cancel"),
    "blocks": [
        {"type": "input", "block_id": "name", "label": plain("Pool"), "element": {"type": "plain_text_input", "action_id": "v"}},
        {
            "type": "input",
            "block_id": "size",
            "label": plain("Size"),
            "element": {"type": "static_select", "action_id": "v", "options": [option("T4")]},
        },
        {
            "type": "input",
            "block_id": "nodes",
            "label": plain("Nodes"),
            "element": {"type": "number_input", "action_id": "v", "is_decimal_allowed": False, "initial_value": "1"},
        },
    ],
}
HOME: list[Json] = [{"type": "section", "text": mrkdwn("*1* GPU is free")}]
