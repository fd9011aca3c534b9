"""Is this Block Kit? Judged by two validators that are not ours, and then by the rules that neither of them knows.

1. JSON Schema generated from ``@slack/types`` (blockkit.json, made anew by the judge): unknown types and keys, missing fields, wrong text types.
2. slack_sdk's models: most lengths.
3. :mod:`playground.slack.blocklimits`: the other limits of Slack's Block Kit reference, surfaces, sizes, unique ids.

Answers like Slack's own validator: a list of ``[ERROR] … [json-pointer:/blocks/0/…]`` lines, empty where all is well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft7Validator
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from playground import chance
from playground.slack import blocklimits

Json = dict[str, Any]
BOTH: Final = {"actions", "card", "context", "divider", "header", "image", "input", "rich_text", "section", "video"}
SURFACES: Final[dict[str, set[str]]] = {
    "message": BOTH
    | {"carousel", "container", "context_actions", "data_table", "data_visualization", "file", "markdown", "plan", "table", "task_card"},
    "home": BOTH | {"carousel", "container", "data_table", "data_visualization", "table"},
    "modal": BOTH | {"alert"},
}
MAX_BLOCKS: Final = {"message": 50, "home": 100, "modal": 100}
NESTED: Final = {"plan": "tasks", "container": "child_blocks", "carousel": "elements"}
OWN_RULES_ONLY: Final = {"data_visualization"}
UNKNOWN_TO_SDK: Final = OWN_RULES_ONLY | {"data_table"}
INTERACTIVE: Final = {
    "button", "checkboxes", "datepicker", "datetimepicker", "overflow", "radio_buttons", "timepicker", "static_select", "external_select",
    "users_select", "conversations_select", "channels_select", "multi_static_select", "multi_external_select", "multi_users_select",
    "multi_conversations_select", "multi_channels_select", "plain_text_input", "email_text_input", "url_text_input", "number_input",
    "rich_text_input", "file_input", "feedback_buttons", "icon_button", "workflow_button",
}  # fmt: skip


@cache
def schema() -> Json:
    """The generated JSON Schema."""
    loaded: Json = json.loads(Path(__file__).with_name("blockkit.json").read_text())
    return loaded


@cache
def _validator(definition: str) -> Draft7Validator:
    return Draft7Validator({"$ref": f"#/definitions/{definition}", "definitions": schema()["definitions"]})


@cache
def _definition_by_type() -> dict[str, str]:
    names = [entry["$ref"].rsplit("/", 1)[-1] for entry in schema()["definitions"]["KnownBlock"]["anyOf"]]
    found: dict[str, str] = {}
    for name in names:
        body = schema()["definitions"][name]
        body = body.get("anyOf", [body])[0]
        found[body["properties"]["type"]["const"]] = name
    return found


def against_schema(definition: str, value: Json, pointer: str) -> list[str]:
    """What the generated schema has against `value` (deepest causes first, at most three)."""
    lines = []
    for error in _validator(definition).iter_errors(value):
        deepest = error
        while deepest.context:
            deepest = max(deepest.context, key=lambda cause: (len(cause.absolute_path), "const" not in str(cause.validator)))
        path = "/".join(str(part) for part in deepest.absolute_path)
        lines.append(f"[ERROR] {deepest.message[:200]} [json-pointer:{pointer}{'/' + path if path else ''}]")
    return lines[:3]


def _against_sdk(block: Json, pointer: str) -> list[str]:
    try:
        parsed = Block.parse(block)
        if parsed is None:
            return [f"[ERROR] unsupported type: {block.get('type')} [json-pointer:{pointer}/type]"]
        parsed.to_dict()
    except (SlackObjectFormationError, TypeError, ValueError, AttributeError, KeyError) as error:
        return [f"[ERROR] {str(error)[:200]} [json-pointer:{pointer}]"]
    return []


def _judged(block: Json, pointer: str, *, inside: bool) -> list[str]:
    """One block of a known type by all three judges, then the blocks in it (`inside`: it is one of those)."""
    kind = block["type"]
    lines = [] if kind in OWN_RULES_ONLY else against_schema(_definition_by_type()[kind], block, pointer)
    if not lines and kind not in UNKNOWN_TO_SDK:
        lines = _against_sdk(block, pointer)
    lines = lines or blocklimits.of_block(block, pointer, inside=inside)
    key = NESTED.get(kind)
    if lines or key is None:
        return lines
    for index, child in enumerate(block.get(key, [])):
        where = f"{pointer}/{key}/{index}"
        wanted = {"tasks": "task_card", "elements": "card"}.get(key)
        if not isinstance(child, dict) or child.get("type") not in ([wanted] if wanted else _definition_by_type()):
            lines.append(f"[ERROR] unsupported type: {child.get('type') if isinstance(child, dict) else None} [json-pointer:{where}/type]")
        else:
            lines += _judged(child, where, inside=True)
    return lines


def problems(blocks: Any, surface: str, *, refused_types: Callable[[str], bool] = lambda _: False, file_usable: Callable[[Json], bool]) -> list[str]:
    """Everything wrong with `blocks` on that surface (message, modal, home).

    `refused_types` says which block types this workspace has not got yet; `file_usable` whether a ``slack_file`` may be shown.
    """
    if not isinstance(blocks, list):
        return ["[ERROR] must be an array [json-pointer:/blocks]"]
    lines: list[str] = []
    if len(blocks) > MAX_BLOCKS[surface]:
        lines.append(f"[ERROR] no more than {MAX_BLOCKS[surface]} items allowed [{len(blocks)}] [json-pointer:/blocks]")
    for index, block in enumerate(blocks):
        pointer = f"/blocks/{index}"
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(kind, str) or kind not in SURFACES[surface] or refused_types(kind):
            lines.append(f"[ERROR] unsupported type: {kind} [json-pointer:{pointer}/type]")
            continue
        lines += _judged(block, pointer, inside=False)
    if not lines:
        lines = blocklimits.of_all(blocks, surface)
    lines += [
        f"[ERROR] invalid slack file [json-pointer:{pointer}]"
        for pointer, item in blocklimits.walk(blocks, "/blocks")
        if isinstance(item.get("slack_file"), dict) and not file_usable(item["slack_file"])
    ]
    return lines


def elements(blocks: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Each (block, interactive element) that a person can use, nested blocks included."""
    for block in blocks:
        for _, item in blocklimits.walk(block):
            if item.get("type") in INTERACTIVE and "action_id" in item:
                yield _owner(block, item), item


def _owner(block: Json, element: Json) -> Json:
    """The innermost block around `element`: its block_id is the one that an interaction names."""
    owner = block
    for _, item in blocklimits.walk(block):
        if "block_id" in item and any(inner is element for _, inner in blocklimits.walk(item)):
            owner = item
    return owner


def completed(blocks: list[Json]) -> list[Json]:
    """A copy with what Slack fills in: block_id, action_id, ``emoji`` of plain text and ``verbatim`` of mrkdwn."""
    copied: list[Json] = json.loads(json.dumps(blocks))
    for block in copied:
        block.setdefault("block_id", _random_id())
        for child in [*block.get("child_blocks", []), *(block["elements"] if block["type"] == "carousel" else [])]:
            child.setdefault("block_id", _random_id())
        for _, item in blocklimits.walk(block):
            if item.get("type") == "plain_text" and isinstance(item.get("text"), str):
                item.setdefault("emoji", True)
            elif item.get("type") == "mrkdwn":
                item.setdefault("verbatim", False)
            elif item.get("type") in INTERACTIVE:
                item.setdefault("action_id", _random_id())
    return copied


def _random_id() -> str:
    return chance.digits("block", 8)
