"""What Slack's client checks itself before it sends a modal: required inputs, lengths, numbers, addresses."""

from __future__ import annotations

import re
from typing import Any

from playground.slack.model import Json
from playground.slack.views import VALUE_KEYS, View

REQUIRED = "Please complete this required field."


def problems_of_entries(view: View) -> dict[str, str]:
    """block_id → what is wrong with what was entered there; empty where the modal may be sent."""
    found = {}
    for block in view.body["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        value = view.state.get(block["block_id"], {}).get(element["action_id"], {}).get(VALUE_KEYS.get(element["type"], "value"))
        problem = _problem(element, value, optional=bool(block.get("optional")))
        if problem:
            found[block["block_id"]] = problem
    return found


def _problem(element: Json, value: Any, *, optional: bool) -> str:
    if value in (None, "", []):
        return "" if optional else REQUIRED
    if element["type"] == "plain_text_input":
        if len(str(value)) < element.get("min_length", 0):
            return f"Must be at least {element['min_length']} characters."
        if len(str(value)) > element.get("max_length", 3000):
            return f"Must be at most {element.get('max_length', 3000)} characters."
    if element["type"] == "email_text_input" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", str(value)):
        return "Please enter a valid email address."
    if element["type"] == "url_text_input" and not re.match(r"https?://\S+$", str(value)):
        return "Please enter a valid URL."
    if element["type"] == "number_input":
        return _number_problem(element, str(value))
    return ""


def _number_problem(element: Json, value: str) -> str:
    pattern = r"-?\d+(\.\d+)?" if element.get("is_decimal_allowed") else r"-?\d+"
    if not re.fullmatch(pattern, value):
        return "Please enter a number."
    if "min_value" in element and float(value) < float(element["min_value"]):
        return f"Must be at least {element['min_value']}."
    if "max_value" in element and float(value) > float(element["max_value"]):
        return f"Must be at most {element['max_value']}."
    return ""
