"""Limits of Block Kit that neither @slack/types nor slack_sdk checks (Slack: Block Kit reference, and what is enforced besides).

The cumulative size over all blocks of one chat.postMessage is not documented: slackapi/bolt-js#2509 and #2867.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

Json = dict[str, Any]

TOTAL_CHARACTERS: Final = 13_000
MARKDOWN_CHARACTERS: Final = 12_000
DATA_TABLE_CHARACTERS: Final = 20_000
OPTION_LIMITS: Final = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10, "static_select": 100, "multi_static_select": 100}
NOT_SHOWN: Final = {"type", "block_id", "action_id", "value", "url", "image_url", "style", "task_id", "status", "align"}
PLACEHOLDER: Final = 150


def _error(message: str, pointer: str) -> str:
    return f"[ERROR] {message} [json-pointer:{pointer}]"


def walk(value: Any, pointer: str = "") -> Iterator[tuple[str, Json]]:
    """Every object inside `value` with its JSON pointer, outermost first."""
    if isinstance(value, dict):
        yield pointer, value
        for key, inner in value.items():
            yield from walk(inner, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{pointer}/{index}")


def characters(value: Any) -> int:
    """How many shown characters are in a block or a list of blocks."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(characters(inner) for key, inner in value.items() if key not in NOT_SHOWN)
    if isinstance(value, list):
        return sum(characters(inner) for inner in value)
    return 0


def of_block(block: Json, pointer: str, *, inside: bool = False) -> list[str]:
    """What one block of the right shape still breaks; `inside` another block it may be what it may not be alone."""
    lines = []
    rule = RULES.get(block["type"])
    if rule is not None and not (inside and block["type"] == "task_card"):
        lines += [_error(message, pointer) for message in rule(block)]
    for where, item in walk(block, pointer):
        lines += [_error(message, where) for message in _anywhere(item)]
    ids = [item["action_id"] for _, item in walk(block, pointer) if isinstance(item.get("action_id"), str)]
    lines += [_error(f"action_id {name} already exists in block", pointer) for name in {name for name in ids if ids.count(name) > 1}]
    return lines


def _anywhere(item: Json) -> Iterator[str]:
    """Rules of texts, options and elements, wherever they stand."""
    kind = item.get("type")
    text = item.get("text")
    if kind in ("plain_text", "mrkdwn", "raw_text") and isinstance(text, str) and not text:
        yield "must be more than 0 characters"
    for key, limit in (("action_id", 255), ("block_id", 255), ("url", 3000), ("image_url", 3000)):
        if isinstance(item.get(key), str) and not 0 < len(item[key]) <= limit:
            yield f"{key} must be 1 to {limit} characters"
    options = item.get("options")
    if isinstance(options, list) and kind in OPTION_LIMITS:
        if not 1 <= len(options) <= OPTION_LIMITS[kind]:
            yield f"options must be 1 to {OPTION_LIMITS[kind]} items"
        values = [option.get("value") for option in options]
        if len(set(values)) < len(values):
            yield "option values must be unique"
        for option in options:
            yield from _option(option)
    for group in item.get("option_groups") or []:
        yield from _group(group)
    if kind == "plain_text_input":
        yield from _text_input(item)
    placeholder = item.get("placeholder")
    if isinstance(placeholder, dict) and len(placeholder.get("text", "")) > PLACEHOLDER:
        yield f"placeholder must be less than {PLACEHOLDER + 1} characters"
    if kind in ("users_select", "static_select") and isinstance(item.get("options"), list) and item.get("option_groups"):
        yield "options and option_groups cannot both be given"


def _option(option: Json) -> Iterator[str]:
    if not 1 <= len(option.get("text", {}).get("text", "")) <= 75:
        yield "option text must be 1 to 75 characters"
    if not 1 <= len(option.get("value", "x")) <= 150:
        yield "option value must be 1 to 150 characters"
    if len(option.get("description", {}).get("text", "")) > 75:
        yield "option description must be at most 75 characters"


def _group(group: Json) -> Iterator[str]:
    if not 1 <= len(group.get("label", {}).get("text", "")) <= 75:
        yield "group label must be 1 to 75 characters"
    if not 1 <= len(group.get("options", [])) <= 100:
        yield "options must be 1 to 100 items"
    for option in group.get("options", []):
        yield from _option(option)


def _text_input(item: Json) -> Iterator[str]:
    low, high = item.get("min_length", 0), item.get("max_length", 3000)
    if not 0 <= low <= 3000 or not 1 <= high <= 3000 or low > high:
        yield "min_length and max_length must be at most 3000, the first no more than the second"


def _section(block: Json) -> Iterator[str]:
    for field in block.get("fields", []):
        if len(field["text"]) > 2000:
            yield "field text must be less than 2001 characters"


def _count(key: str, low: int, high: int) -> Callable[[Json], Iterator[str]]:
    def check(block: Json) -> Iterator[str]:
        if not low <= len(block.get(key, [])) <= high:
            yield f"{key} must be {low} to {high} items"

    return check


def _alert(block: Json) -> Iterator[str]:
    if len(block["text"]["text"]) > 200:
        yield "alert text must be less than 201 characters"


def _card(block: Json) -> Iterator[str]:
    if len(block.get("actions", [])) > 3:
        yield "a card has no more than 3 buttons"


def _table(block: Json) -> Iterator[str]:
    rows = block["rows"]
    if not 1 <= len(rows) <= 100:
        yield "rows must be 1 to 100 items"
    if any(not 1 <= len(row) <= 20 for row in rows):
        yield "a row has 1 to 20 cells"


def _data_table(block: Json) -> Iterator[str]:
    rows = block["rows"]
    if not 2 <= len(rows) <= 201:
        yield "rows must be a header and 1 to 200 rows"
    if any(not 1 <= len(row) <= 20 for row in rows) or len({len(row) for row in rows}) > 1:
        yield "rows must have the same 1 to 20 columns"
    if not 1 <= block.get("page_size", 5) <= 100:
        yield "page_size must be 1 to 100"
    if not block.get("caption"):
        yield "caption is required"
    if characters(block) > DATA_TABLE_CHARACTERS:
        yield f"content must be less than {DATA_TABLE_CHARACTERS + 1} characters"


def _task_card(block: Json) -> Iterator[str]:
    if block.get("status") == "pending":
        yield "status pending is only allowed inside a plan"


def _chart(block: Json) -> Iterator[str]:
    """data_visualization: title 50, 1-12 series or segments, 1-20 points, labels 20, every series has each category."""
    title, chart = block.get("title"), block.get("chart")
    if set(block) - {"type", "block_id", "title", "chart"}:
        yield f"unknown keys {sorted(set(block) - {'type', 'block_id', 'title', 'chart'})}"
    if not isinstance(title, str) or not 1 <= len(title) <= 50:
        yield "title must be 1 to 50 characters"
    if not isinstance(chart, dict) or chart.get("type") not in ("line", "bar", "area", "pie"):
        yield "chart type must be line, bar, area or pie"
    elif chart["type"] == "pie":
        segments = chart.get("segments")
        if not isinstance(segments, list) or not 1 <= len(segments) <= 12:
            yield "segments must be 1 to 12 items"
        elif any(not _point(segment) or segment["value"] <= 0 for segment in segments):
            yield "a segment has a label of 1 to 20 characters and a positive value"
    else:
        yield from _axes(chart)


def _axes(chart: Json) -> Iterator[str]:
    series, axis = chart.get("series"), chart.get("axis_config")
    categories = axis.get("categories") if isinstance(axis, dict) else None
    if not isinstance(series, list) or not 1 <= len(series) <= 12:
        yield "series must be 1 to 12 items"
        return
    if not isinstance(axis, dict) or not isinstance(categories, list) or not 1 <= len(categories) <= 20 or len(set(categories)) < len(categories):
        yield "axis_config.categories must be 1 to 20 different labels"
        return
    if any(not isinstance(name, str) or not 1 <= len(name) <= 20 for name in categories):
        yield "a category label must be 1 to 20 characters"
    if any(len(str(axis.get(key, ""))) > 50 for key in ("x_label", "y_label")):
        yield "an axis label must be less than 51 characters"
    for line in series:
        if not isinstance(line.get("name"), str) or not 1 <= len(line["name"]) <= 20:
            yield "a series name must be 1 to 20 characters"
        points = line.get("data")
        if not isinstance(points, list) or not all(_point(point) for point in points):
            yield "a point has a label of 1 to 20 characters and a finite number"
        elif sorted(point["label"] for point in points) != sorted(categories):
            yield "every series must contain one value for every category"


def _point(point: Any) -> bool:
    if not isinstance(point, dict) or not isinstance(point.get("label"), str) or not 1 <= len(point["label"]) <= 20:
        return False
    value = point.get("value")
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) != float("inf") and value == value


RULES: Final[dict[str, Callable[[Json], Iterator[str]]]] = {
    "section": _section,
    "context": _count("elements", 1, 10),
    "actions": _count("elements", 1, 25),
    "context_actions": _count("elements", 1, 5),
    "carousel": _count("elements", 1, 10),
    "plan": _count("tasks", 0, 50),
    "alert": _alert,
    "card": _card,
    "table": _table,
    "data_table": _data_table,
    "data_visualization": _chart,
    "task_card": _task_card,
}


def of_all(blocks: list[Json], surface: str) -> list[str]:
    """Rules over all blocks of one message or view."""
    lines = []
    flat = [item for _, item in walk(blocks, "/blocks") if "block_id" in item or "type" in item]
    ids = [item["block_id"] for item in flat if isinstance(item.get("block_id"), str)]
    lines += [_error(f"block_id {name} already exists", "/blocks") for name in sorted({name for name in ids if ids.count(name) > 1})]
    kinds = [item.get("type") for item in flat]
    if kinds.count("table") > 1:
        lines.append(_error("only one table allowed", "/blocks"))
    if kinds.count("data_visualization") > 2:
        lines.append(_error("no more than two data_visualization blocks allowed", "/blocks"))
    if sum(len(item.get("text", "")) for item in flat if item.get("type") == "markdown") > MARKDOWN_CHARACTERS:
        lines.append(_error(f"markdown blocks must be less than {MARKDOWN_CHARACTERS + 1} characters together", "/blocks"))
    return lines


def too_long(blocks: list[Json]) -> bool:
    """Whether one chat.postMessage would be refused with ``msg_blocks_too_long``; data tables have their own limit."""
    return sum(characters(block) for block in blocks if block.get("type") != "data_table") > TOTAL_CHARACTERS
