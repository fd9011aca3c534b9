"""Modals and App Home of each person: the stacks, and which view payloads Slack takes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from playground import chance
from playground.slack import blocks as blockkit
from playground.slack import posting
from playground.slack.errors import ApiError
from playground.slack.model import APP_ID, BOT_ID, TEAM, Json
from playground.slack.workspace import Workspace

MAX_BYTES: Final = 250_000
MAX_STACK: Final = 3
LENGTHS: Final = {"private_metadata": 3000, "callback_id": 255, "external_id": 255}


@dataclass
class View:
    """One view as it stands; `state` holds what the person entered: block_id → action_id → value."""

    id: str
    user: str
    type: str
    body: Json
    hash: str
    root: str
    previous: str | None = None
    state: dict[str, dict[str, Json]] = field(default_factory=dict)

    def as_json(self) -> Json:
        """As the Web API and interactions show it."""
        shown: Json = {
            "id": self.id, "team_id": TEAM, "type": self.type, "blocks": self.body["blocks"],
            "private_metadata": self.body.get("private_metadata", ""),
            "callback_id": self.body.get("callback_id", ""), "state": {"values": self.state}, "hash": self.hash,
            "clear_on_close": bool(self.body.get("clear_on_close", False)), "notify_on_close": bool(self.body.get("notify_on_close", False)),
            "root_view_id": self.root, "previous_view_id": self.previous, "app_id": APP_ID, "external_id": self.body.get("external_id", ""),
            "app_installed_team_id": TEAM, "bot_id": BOT_ID, "close": self.body.get("close"), "submit": self.body.get("submit"),
        }  # fmt: skip
        if self.type == "modal":
            return shown | {"title": self.body["title"]}
        return shown | {"title": {"type": "plain_text", "text": "View Title", "emoji": True}}


class Views:
    """All open modals (a stack of at most three per person) and one Home per person."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}

    def checked(self, raw: Any, types: tuple[str, ...], subject: str, *, replaces: View | None = None) -> Json:
        """A view payload that Slack takes, completed. Raises ApiError invalid_arguments, view_too_large, duplicate_external_id."""
        if not isinstance(raw, dict) or raw.get("type") not in types:
            raise ApiError("invalid_arguments", f"[ERROR] view type must be {' or '.join(types)} [json-pointer:/view/type]")
        if len(json.dumps(raw).encode()) > MAX_BYTES:
            raise ApiError("view_too_large")
        surface = raw["type"]
        definition = "ModalView" if surface == "modal" else "HomeView"
        lines = blockkit.against_schema(definition, {**raw, "blocks": []}, "/view")
        lines += [line.replace("json-pointer:/", "json-pointer:/view/") for line in self._blocks(raw, surface, subject)]
        for key, limit in LENGTHS.items():
            if len(raw.get(key) or "") > limit:
                lines.append(f"[ERROR] must be less than {limit + 1} characters [json-pointer:/view/{key}]")
        for key in ("title", "submit", "close"):
            text = raw.get(key)
            if isinstance(text, dict) and not 1 <= len(str(text.get("text", ""))) <= 24:
                lines.append(f"[ERROR] must be 1 to 24 characters [json-pointer:/view/{key}/text]")
        if surface == "modal" and "submit" not in raw and any(block.get("type") == "input" for block in raw.get("blocks") or []):
            lines.append("[ERROR] submit is required when there are input blocks [json-pointer:/view/submit]")
        if lines:
            raise ApiError("invalid_arguments", *lines)
        external = raw.get("external_id")
        if external and any(view.body.get("external_id") == external for view in self._all() if view is not replaces):
            raise ApiError("duplicate_external_id")
        return {**raw, "blocks": blockkit.completed(raw["blocks"])}

    def _blocks(self, raw: Json, surface: str, subject: str) -> list[str]:
        return posting.checked_blocks(self._workspace, raw.get("blocks"), surface, subject)

    def _all(self) -> list[View]:
        return [*(view for stack in self.stacks.values() for view in stack), *self.homes.values()]

    def find(self, view_id: str = "", external_id: str = "") -> View | None:
        """An open modal or a Home, by id or external_id."""
        return next((v for v in self._all() if (view_id and v.id == view_id) or (external_id and v.body.get("external_id") == external_id)), None)

    def push(self, user: str, body: Json, *, fresh: bool) -> View:
        """Show a modal: `fresh` starts a new stack. Raises ApiError push_limit_reached."""
        stack = [] if fresh else self.stacks.get(user, [])
        if len(stack) >= MAX_STACK:
            raise ApiError("push_limit_reached")
        number = self._workspace.number("V")
        view = View(number, user, body["type"], body, _hash(), stack[0].id if stack else number, stack[-1].id if stack else None)
        view.state = initial_state(body["blocks"])
        self.stacks[user] = [*stack, view]
        self.announce(view)
        return view

    def replace(self, view: View, body: Json) -> View:
        """New content for an open view; entries under the same block_id and action_id stay."""
        entered = view.state
        view.body, view.hash = body, _hash()
        view.state = {
            block_id: {action: entered.get(block_id, {}).get(action, value) for action, value in values.items()}
            for block_id, values in initial_state(body["blocks"]).items()
        }
        self.announce(view)
        return view

    def publish(self, user: str, body: Json) -> View:
        """Set the person's App Home."""
        view = self.homes.get(user)
        if view is None:
            number = self._workspace.number("V")
            view = self.homes[user] = View(number, user, "home", body, _hash(), number)
        else:
            view.body, view.hash = body, _hash()
        view.state = initial_state(body["blocks"])
        self.announce(view)
        return view

    def pop(self, view: View, *, clear: bool = False) -> None:
        """Close `view` and what lies above it, with `clear` the whole stack."""
        stack = self.stacks.get(view.user, [])
        self.stacks[view.user] = [] if clear or view not in stack else stack[: stack.index(view)]
        self.announce(view)

    def announce(self, view: View) -> None:
        """Tell the person's pages."""
        self._workspace.stream.publish({"type": "home" if view.type == "home" else "views"}, view.user)


def _hash() -> str:
    return f"{chance.number('view hash', 10**10):010d}.{chance.digits('view hash', 8)}"


def initial_state(blocks: list[Json]) -> dict[str, dict[str, Json]]:
    """What ``state.values`` holds before the person touched anything: initial values of inputs, null elsewhere."""
    state: dict[str, dict[str, Json]] = {}
    for block, element in blockkit.elements(blocks):
        if element["type"] in ("button", "overflow", "workflow_button", "feedback_buttons", "icon_button"):
            continue
        state.setdefault(block["block_id"], {})[element["action_id"]] = entry(element, _initial(element))
    return state


def _initial(element: Json) -> Any:
    for key, value in element.items():
        if key.startswith("initial_"):
            return value
    return None


VALUE_KEYS: Final = {
    "static_select": "selected_option", "external_select": "selected_option", "radio_buttons": "selected_option", "overflow": "selected_option",
    "users_select": "selected_user", "conversations_select": "selected_conversation", "channels_select": "selected_channel",
    "multi_static_select": "selected_options", "multi_external_select": "selected_options", "checkboxes": "selected_options",
    "multi_users_select": "selected_users", "multi_conversations_select": "selected_conversations", "multi_channels_select": "selected_channels",
    "datepicker": "selected_date", "timepicker": "selected_time", "datetimepicker": "selected_date_time", "rich_text_input": "rich_text_value",
    "file_input": "files",
}  # fmt: skip


def entry(element: Json, value: Any) -> Json:
    """The state of one element: ``{"type": …, "<its value's key>": value}``; lists where it takes several."""
    key = VALUE_KEYS.get(element["type"], "value")
    if value is None and key.endswith("s") and key != "files":
        value = []
    return {"type": element["type"], key: value}


def selected(element: Json, value: Any) -> Any:
    """What a person's choice becomes: option objects for option values, the value itself elsewhere. Raises LookupError."""
    key = VALUE_KEYS.get(element["type"], "value")
    if key not in ("selected_option", "selected_options") or value is None:
        return value
    options = [*element.get("options", []), *(option for group in element.get("option_groups", []) for option in group["options"])]
    by_value = {option.get("value"): option for option in options}
    if key == "selected_option":
        return by_value[value]
    return [by_value[item] for item in (value if isinstance(value, list) else [value])]
