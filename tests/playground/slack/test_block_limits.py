"""Each limit of Block Kit: as much as Slack allows passes, one more is refused (Slack: Block Kit reference; slack_sdk, @slack/types, slackblocks)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from playground.slack import blocks

from .local import Json

ADDRESS = "https://example.org/"
SEGMENT: Json = {"label": "a", "value": 1}


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def address(length: int) -> str:
    return ADDRESS + "x" * (length - len(ADDRESS))


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain("x"), "action_id": "a"} | more


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def confirmed(**more: Any) -> Json:
    return actions(button(confirm={"title": plain("t"), "text": plain("x"), "confirm": plain("y"), "deny": plain("n")} | more))


def option(value: str = "v", text: str = "x", **more: Any) -> Json:
    return {"text": plain(text), "value": value} | more


def options(count: int) -> list[Json]:
    return [option(str(number)) for number in range(count)]


def select(kind: str = "static_select", **more: Any) -> Json:
    return actions({"type": kind, "action_id": "s"} | ({} if "option_groups" in more else {"options": [option()]}) | more)


def group(count: int = 1, label: str = "x") -> Json:
    return {"label": plain(label), "options": options(count)}


def field(**more: Any) -> Json:
    return {"type": "input", "label": plain("l"), "element": {"type": "plain_text_input", "action_id": "v"}} | more


def image(**more: Any) -> Json:
    return {"type": "image", "image_url": ADDRESS, "alt_text": "a"} | more


def card(**more: Any) -> Json:
    return {"type": "card", "title": mrkdwn("x")} | more


def chart(title: str = "x", segments: int = 1, label: str = "a") -> Json:
    parts = [SEGMENT | {"label": label if segments == 1 else str(number)} for number in range(segments)]
    return {"type": "data_visualization", "title": title, "chart": {"type": "pie", "segments": parts}}


def cells(count: int) -> list[Json]:
    return [{"type": "raw_text", "text": "x"}] * count


def tasks(count: int) -> list[Json]:
    return [{"type": "task_card", "task_id": str(number), "title": "t", "status": "pending"} for number in range(count)]


def icons(count: int) -> list[Json]:
    return [{"type": "icon_button", "icon": "trash", "text": plain("x"), "action_id": str(number)} for number in range(count)]


LIMITS: dict[str, tuple[int, Callable[[int], Json]]] = {
    "section text": (3000, lambda n: {"type": "section", "text": mrkdwn("x" * n)}),
    "section fields": (10, lambda n: {"type": "section", "fields": [mrkdwn("x")] * n}),
    "field text": (2000, lambda n: {"type": "section", "fields": [mrkdwn("x" * n)]}),
    "header": (150, lambda n: {"type": "header", "text": plain("x" * n)}),
    "context elements": (10, lambda n: {"type": "context", "elements": [mrkdwn("x")] * n}),
    "context actions": (5, lambda n: {"type": "context_actions", "elements": icons(n)}),
    "markdown": (12_000, lambda n: {"type": "markdown", "text": "x" * n}),
    "actions": (25, lambda n: actions(*(button(action_id=str(number)) for number in range(n)))),
    "button text": (75, lambda n: actions(button(text=plain("x" * n)))),
    "button value": (2000, lambda n: actions(button(value="x" * n))),
    "button url": (3000, lambda n: actions(button(url=address(n)))),
    "action_id": (255, lambda n: actions(button(action_id="x" * n))),
    "block_id": (255, lambda n: {"type": "divider", "block_id": "x" * n}),
    "confirm title": (100, lambda n: confirmed(title=plain("x" * n))),
    "confirm text": (300, lambda n: confirmed(text=plain("x" * n))),
    "confirm button": (30, lambda n: confirmed(confirm=plain("x" * n))),
    "deny button": (30, lambda n: confirmed(deny=plain("x" * n))),
    "option text": (75, lambda n: select(options=[option(text="x" * n)])),
    "option value": (150, lambda n: select(options=[option("x" * n)])),
    "option description": (75, lambda n: select("radio_buttons", options=[option(description=plain("x" * n))])),
    "placeholder": (150, lambda n: select(placeholder=plain("x" * n))),
    "select": (100, lambda n: select(options=options(n))),
    "option groups": (100, lambda n: select(option_groups=[group()] * n)),
    "group label": (75, lambda n: select(option_groups=[group(label="x" * n)])),
    "group options": (100, lambda n: select(option_groups=[group(n)])),
    "radio buttons": (10, lambda n: select("radio_buttons", options=options(n))),
    "checkboxes": (10, lambda n: select("checkboxes", options=options(n))),
    "overflow": (5, lambda n: select("overflow", options=options(n))),
    "image alt text": (2000, lambda n: image(alt_text="x" * n)),
    "image title": (2000, lambda n: image(title=plain("x" * n))),
    "image url": (3000, lambda n: image(image_url=address(n))),
    "table rows": (100, lambda n: {"type": "table", "rows": [cells(1)] * n}),
    "table columns": (20, lambda n: {"type": "table", "rows": [cells(n)]}),
    "card title": (150, lambda n: card(title=mrkdwn("x" * n))),
    "card subtitle": (150, lambda n: card(subtitle=mrkdwn("x" * n))),
    "card body": (200, lambda n: card(body=mrkdwn("x" * n))),
    "container title": (150, lambda n: {"type": "container", "title": plain("x" * n), "child_blocks": [{"type": "divider"}]}),
    "chart title": (50, lambda n: chart("x" * n)),
    "chart segments": (12, lambda n: chart(segments=n)),
    "chart label": (20, lambda n: chart(label="x" * n)),
    "plan": (50, lambda n: {"type": "plan", "title": "p", "tasks": tasks(n)}),
    "alert": (200, lambda n: {"type": "alert", "text": mrkdwn("x" * n), "level": "info"}),
    "input label": (2000, lambda n: field(label=plain("x" * n))),
    "input hint": (2000, lambda n: field(hint=plain("x" * n))),
    "input length": (3000, lambda n: field(element={"type": "plain_text_input", "action_id": "v", "max_length": n})),
}
IN_MODALS = {"alert", "input label", "input hint", "input length"}


@pytest.mark.parametrize("name", LIMITS)
def test_as_much_as_is_allowed_passes_and_one_more_is_refused(name: str) -> None:
    limit, make = LIMITS[name]

    def problems(amount: int) -> list[str]:
        return blocks.problems([make(amount)], "modal" if name in IN_MODALS else "message", file_usable=lambda _: False)

    assert problems(limit) == []
    assert problems(limit + 1)
