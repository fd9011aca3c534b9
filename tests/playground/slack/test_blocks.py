"""Block Kit: what the two foreign validators and the rules beside them refuse, and what they must let pass."""

from __future__ import annotations

from typing import Any

import pytest

from playground.slack import blocks

from .local import Json, Local


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "x", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(number: int = 0, **more: Any) -> Json:
    return {"type": "button", "text": plain("Go"), "action_id": f"go{number}", **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def select(count: int) -> Json:
    return {"type": "static_select", "action_id": "s", "options": [{"text": plain("x"), "value": str(n)} for n in range(count)]}


def task(status: str = "pending") -> Json:
    return {"type": "task_card", "task_id": "t", "title": "Create the pool", "status": status}


def cell(text: str) -> Json:
    return {"type": "raw_text", "text": text}


def chart(points: int, name: str = "accuracy", title: str = "Accuracy") -> Json:
    labels = [str(n) for n in range(points)]
    data = [{"label": label, "value": 0.5} for label in labels]
    return {
        "type": "data_visualization",
        "title": title,
        "chart": {"type": "line", "series": [{"name": name, "data": data}], "axis_config": {"categories": labels, "x_label": "step"}},
    }


def data_table(rows: int, **more: Any) -> Json:
    return {"type": "data_table", "caption": "Nodes", "rows": [[cell("node")]] * rows, **more}


INPUT: Json = {"type": "input", "label": plain("Name"), "element": {"type": "plain_text_input", "action_id": "v"}}
ALERT: Json = {"type": "alert", "text": mrkdwn("careful"), "level": "warning"}
IMAGE: Json = {"type": "image", "image_url": "https://example.org/a.png", "alt_text": "a"}
CONFIRM: Json = {"title": plain("Sure?"), "text": plain("Really?"), "confirm": plain("Yes"), "deny": plain("No")}
PLAN: Json = {"type": "plan", "title": "Progress", "tasks": [task(), task("complete") | {"task_id": "u"}]}

GOOD: list[tuple[str, list[Json]]] = [
    ("message", [section("x" * 3000), {"type": "divider"}, {"type": "header", "text": plain("x" * 150)}, IMAGE]),
    ("message", [actions(*(button(n, value="x" * 2000, confirm=CONFIRM, style="danger") for n in range(25))), actions(select(100))]),
    ("message", [{"type": "context", "elements": [mrkdwn("x")] * 10}]),
    ("message", [PLAN, task("in_progress") | {"task_id": "v"}]),
    ("message", [{"type": "table", "rows": [[cell("x")] * 20] * 100, "column_settings": [{"align": "right"}]}]),
    ("message", [chart(20)]),
    ("message", [chart(1), chart(2)]),
    ("message", [data_table(201)]),
    ("message", [{"type": "markdown", "text": "# Hello"}]),
    ("message", [{"type": "container", "title": plain("x"), "child_blocks": [section(), actions(button())]}]),
    ("message", [{"type": "carousel", "elements": [{"type": "card", "title": mrkdwn("x")}] * 10}]),
    ("message", [{"type": "card", "title": mrkdwn("A100"), "actions": [button()]}]),
    ("message", [{"type": "section", "fields": [mrkdwn("x" * 2000)] * 10}]),
    ("modal", [INPUT, section(), ALERT]),
    ("home", [section(), chart(3), {"type": "table", "rows": [[cell("x")]]}]),
    ("home", [{"type": "divider"}] * 100),
]
BAD: dict[str, tuple[str, list[Json]]] = {
    "unknown type": ("message", [{"type": "banner"}]),
    "unknown key": ("message", [section(color="red")]),
    "empty section": ("message", [{"type": "section"}]),
    "empty text": ("message", [section("")]),
    "long section": ("message", [section("x" * 3001)]),
    "long field": ("message", [{"type": "section", "fields": [mrkdwn("x" * 2001)]}]),
    "eleven fields": ("message", [{"type": "section", "fields": [mrkdwn("x")] * 11}]),
    "long header": ("message", [{"type": "header", "text": plain("x" * 151)}]),
    "mrkdwn in a header": ("message", [{"type": "header", "text": mrkdwn("x")}]),
    "mrkdwn in a button": ("message", [actions(button() | {"text": mrkdwn("x")})]),
    "long button": ("message", [actions(button() | {"text": plain("x" * 76)})]),
    "long button value": ("message", [actions(button(value="x" * 2001))]),
    "long button url": ("message", [actions(button(url="https://example.org/" + "x" * 3000))]),
    "long action id": ("message", [actions(button() | {"action_id": "x" * 256})]),
    "style of its own": ("message", [actions(button(style="warning"))]),
    "26 buttons": ("message", [actions(*(button(n) for n in range(26)))]),
    "same action id twice in a block": ("message", [actions(button(1), button(1))]),
    "same block id twice": ("message", [section(block_id="a"), section(block_id="a")]),
    "eleven in a context": ("message", [{"type": "context", "elements": [mrkdwn("x")] * 11}]),
    "101 options": ("message", [actions(select(101))]),
    "same option twice": ("message", [actions(select(1) | {"options": [{"text": plain("x"), "value": "1"}] * 2})]),
    "six in an overflow": ("message", [actions(select(6) | {"type": "overflow"})]),
    "eleven radio buttons": ("message", [actions(select(11) | {"type": "radio_buttons"})]),
    "long confirm title": ("message", [actions(button(confirm=CONFIRM | {"title": plain("x" * 101)}))]),
    "no alt text": ("message", [{"type": "image", "image_url": "https://example.org/a.png"}]),
    "51 blocks": ("message", [{"type": "divider"}] * 51),
    "101 blocks at home": ("home", [{"type": "divider"}] * 101),
    "completed is no status": ("message", [PLAN | {"tasks": [task("completed")]}]),
    "51 tasks": ("message", [PLAN | {"tasks": [task() | {"task_id": str(n)} for n in range(51)]}]),
    "a plan of something else": ("message", [PLAN | {"tasks": [section()]}]),
    "a bad card in a carousel": ("message", [{"type": "carousel", "elements": [{"type": "card", "title": mrkdwn("x" * 151)}]}]),
    "a bad section in a container": ("message", [{"type": "container", "title": plain("x"), "child_blocks": [section("x" * 3001)]}]),
    "a pending task alone": ("message", [task()]),
    "101 rows": ("message", [{"type": "table", "rows": [[cell("x")]] * 101}]),
    "21 columns": ("message", [{"type": "table", "rows": [[cell("x")] * 21]}]),
    "two tables": ("message", [{"type": "table", "rows": [[cell("x")]]}] * 2),
    "an empty cell": ("message", [{"type": "table", "rows": [[cell("")]]}]),
    "raw number without text": ("message", [data_table(2) | {"rows": [[cell("a")], [{"type": "raw_number", "value": 1}]]}]),
    "202 data rows": ("message", [data_table(202)]),
    "data table without caption": ("message", [data_table(2, caption="")]),
    "page of 101": ("message", [data_table(2, page_size=101)]),
    "21 points": ("message", [chart(21)]),
    "long chart title": ("message", [chart(2, title="x" * 51)]),
    "long series name": ("message", [chart(2, name="x" * 21)]),
    "three charts": ("message", [chart(2)] * 3),
    "12,001 characters of markdown": ("message", [{"type": "markdown", "text": "x" * 6001}] * 2),
    "alert in a message": ("message", [ALERT]),
    "long alert": ("modal", [ALERT | {"text": mrkdwn("x" * 201)}]),
    "table in a modal": ("modal", [{"type": "table", "rows": [[cell("x")]]}]),
    "plan at home": ("home", [PLAN]),
    "markdown in a modal": ("modal", [{"type": "markdown", "text": "x"}]),
    "card without anything": ("message", [{"type": "card"}]),
    "card with four buttons": ("message", [{"type": "card", "actions": [button(n) for n in range(4)]}]),
    "carousel of eleven": ("message", [{"type": "carousel", "elements": [{"type": "card", "title": mrkdwn("x")}] * 11}]),
    "container of eleven": ("message", [{"type": "container", "title": plain("x"), "child_blocks": [section()] * 11}]),
    "a file that is not there": ("message", [{"type": "image", "slack_file": {"id": "F0NONE"}, "alt_text": "a"}]),
}


@pytest.mark.parametrize(("surface", "good"), GOOD)
def test_what_slack_takes_passes(surface: str, good: list[Json]) -> None:
    assert blocks.problems(good, surface, file_usable=lambda _: False) == []


@pytest.mark.parametrize("name", BAD)
def test_what_slack_refuses_is_refused(name: str) -> None:
    surface, bad = BAD[name]
    assert blocks.problems(bad, surface, file_usable=lambda _: False)


CARD: Json = {"type": "card", "title": mrkdwn("x")}
ICON: Json = {"type": "icon_button", "icon": "trash", "text": plain("x"), "action_id": "i"}
RICH: Json = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}]}
PLACES: list[tuple[set[str], list[Json]]] = [  # which block may stand where
    ({"message", "modal", "home"}, [section(), actions(button()), {"type": "divider"}, {"type": "header", "text": plain("x")}, IMAGE, RICH, CARD]),
    ({"message", "modal", "home"}, [{"type": "context", "elements": [mrkdwn("x")]}, INPUT]),
    ({"message", "home"}, [{"type": "table", "rows": [[cell("x")]]}, data_table(2), chart(2), {"type": "carousel", "elements": [CARD]}]),
    ({"message", "home"}, [{"type": "container", "title": plain("x"), "child_blocks": [section()]}]),
    ({"message"}, [{"type": "markdown", "text": "x"}, PLAN, task("in_progress"), {"type": "context_actions", "elements": [ICON]}]),
    ({"modal"}, [ALERT]),
]


@pytest.mark.parametrize(("places", "block"), [pytest.param(places, block, id=block["type"]) for places, listed in PLACES for block in listed])
def test_each_block_has_its_surfaces(places: set[str], block: Json) -> None:
    taken = {surface for surface in ("message", "modal", "home") if not blocks.problems([block], surface, file_usable=lambda _: False)}
    assert taken == places


def test_every_block_type_is_placed() -> None:
    listed = {block["type"] for _, row in PLACES for block in row}
    assert set().union(*blocks.SURFACES.values()) - listed == {"file", "video"}


def test_what_slack_fills_in_is_filled_in_and_still_valid() -> None:
    filled = blocks.completed([section(), actions({"type": "button", "text": plain("Go")}), INPUT])
    assert all(block["block_id"] for block in filled)
    assert filled[1]["elements"][0]["action_id"]
    assert filled[1]["elements"][0]["text"]["emoji"] is True
    assert blocks.problems(filled, "message", file_usable=lambda _: False) == []


async def test_a_block_not_rolled_out_yet_is_refused_and_the_rest_is_not(local: Local) -> None:
    local.fault("block_not_rolled_out", times=-1, type="plan")
    local.fault("block_not_rolled_out", times=-1, type="data_visualization")
    assert await local.refusal(local.client.chat_postMessage(channel="C0GPU", text="x", blocks=[PLAN])) == "invalid_blocks"
    assert await local.refusal(local.client.chat_postMessage(channel="C0GPU", text="x", blocks=[chart(2)])) == "invalid_blocks"
    assert (await local.client.chat_postMessage(channel="C0GPU", text="x", blocks=[section()]))["ok"]


async def test_a_refusal_says_where(local: Local) -> None:
    body = {"channel": "C0GPU", "text": "x", "blocks": [section(), section("")]}
    headers = {"Authorization": f"Bearer {local.workspace.bot_token}"}
    async with local.session.post(f"{local.url}/api/chat.postMessage", json=body, headers=headers) as response:
        answer = await response.json()
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == ["[ERROR] must be more than 0 characters [json-pointer:/blocks/1/text]"]


async def test_blocks_that_are_legal_alone_may_be_too_long_together(local: Local) -> None:
    four = [section("x" * 3000)] * 4
    assert (await local.client.chat_postMessage(channel="C0GPU", text="x", blocks=four))["ok"]
    assert await local.refusal(local.client.chat_postMessage(channel="C0GPU", text="x", blocks=[*four, section("x" * 2000)])) == "msg_blocks_too_long"
