"""Modals and App Home: triggers, hashes, stacks, and the checks of Slack's own client."""

from __future__ import annotations

import json
import time

import pytest

from .local import Json, Local, wait_until
from .receiver import Receiver, Reply

MORE: Json = {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "More"}, "action_id": "more"}]}


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def modal(*blocks: Json, **more: object) -> Json:
    return {"type": "modal", "title": plain("M"), "submit": plain("Go"), "blocks": [MORE, *blocks], **more}


def field(block_id: str, element: Json, **more: object) -> Json:
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": {"action_id": "v", **element}, **more}


HOME: Json = {"type": "home", "blocks": [MORE]}
NAME = field("name", {"type": "plain_text_input", "min_length": 2, "max_length": 12})
COUNT = field("count", {"type": "number_input", "is_decimal_allowed": False, "min_value": "1", "max_value": "8"}, optional=True)
SIZE = field("size", {"type": "static_select", "options": [{"text": {"type": "plain_text", "text": "T4"}, "value": "t4"}]}, optional=True)


async def opened(local: Local, app: Receiver, view: Json) -> Json:
    found: Json = (await local.client.views_open(trigger_id=await app.trigger(local), view=view))["view"]
    return found


async def test_a_trigger_works_once(local: Local, app: Receiver) -> None:
    trigger = await app.trigger(local)
    await local.client.views_open(trigger_id=trigger, view=modal())
    assert await local.refusal(local.client.views_open(trigger_id=trigger, view=modal())) == "exchanged_trigger_id"


async def test_a_trigger_is_too_old_after_three_seconds(local: Local, app: Receiver) -> None:
    trigger, until = await app.trigger(local), time.monotonic() + 3.05

    async def later() -> bool:
        return time.monotonic() > until

    await wait_until(later)
    assert await local.refusal(local.client.views_open(trigger_id=trigger, view=modal())) == "expired_trigger_id"


async def test_a_stale_hash_is_a_conflict(local: Local, app: Receiver) -> None:
    first = await opened(local, app, modal())
    second = (await local.client.views_update(view_id=first["id"], hash=first["hash"], view=modal(NAME)))["view"]
    assert await local.refusal(local.client.views_update(view_id=first["id"], hash=first["hash"], view=modal())) == "hash_conflict"
    assert second["hash"] != first["hash"]
    home = (await local.client.views_publish(user_id="U0ALICE", view=HOME))["view"]
    await local.client.views_publish(user_id="U0ALICE", view=HOME, hash=home["hash"])
    assert await local.refusal(local.client.views_publish(user_id="U0ALICE", view=HOME, hash=home["hash"])) == "hash_conflict"


LIMITS = {"title": 24, "submit": 24, "close": 24, "callback_id": 255, "external_id": 255, "private_metadata": 3000}


@pytest.mark.parametrize(("key", "limit"), LIMITS.items())
async def test_texts_of_a_view_have_their_limits(local: Local, app: Receiver, key: str, limit: int) -> None:
    def view(length: int) -> Json:
        return modal(**{key: plain("x" * length) if limit == 24 else "x" * length})

    too_long = local.client.views_open(trigger_id=await app.trigger(local), view=view(limit + 1))
    assert await local.refusal(too_long) == "invalid_arguments"
    assert (await local.client.views_open(trigger_id=await app.trigger(local), view=view(limit)))["ok"]


async def test_three_modals_are_the_most(local: Local, app: Receiver) -> None:
    view = await opened(local, app, modal())
    for _ in range(2):
        pressed = await app.press(local, view["id"])
        view = (await local.client.views_push(trigger_id=pressed["trigger_id"], view=modal()))["view"]
    pressed = await app.press(local, view["id"])
    assert await local.refusal(local.client.views_push(trigger_id=pressed["trigger_id"], view=modal())) == "push_limit_reached"
    stack = (await local.get("views", user="U0ALICE"))["views"]
    assert [v["previous_view_id"] for v in stack] == [None, stack[0]["id"], stack[1]["id"]]


async def test_what_was_entered_survives_an_update_of_the_view(local: Local, app: Receiver) -> None:
    view = await opened(local, app, modal(NAME, field("size", {**SIZE["element"]}, dispatch_action=True)))
    await local.post("actions", user="U0ALICE", view_id=view["id"], action_id="v", block_id="size", value="t4")
    assert app.delivered[-1].payload["view"]["state"]["values"]["size"]["v"]["selected_option"]["value"] == "t4"
    updated = (await local.client.views_update(view_id=view["id"], view=modal(NAME, SIZE)))["view"]
    assert updated["state"]["values"]["size"]["v"]["selected_option"]["value"] == "t4"


async def test_the_client_checks_inputs_before_the_app_sees_them(local: Local, app: Receiver) -> None:
    view = await opened(local, app, modal(NAME, COUNT))
    before = len(app.delivered)
    answer = await local.post("views/submit", user="U0ALICE", view_id=view["id"], values={"name": {"v": "x"}, "count": {"v": "9"}})
    assert answer["errors"] == {"name": "Must be at least 2 characters.", "count": "Must be at most 8."}
    assert len(app.delivered) == before


async def test_errors_for_inputs_that_are_not_there_are_no_answer(local: Local, app: Receiver) -> None:
    view = await opened(local, app, modal(NAME))
    app.reply = lambda _: Reply(body='{"response_action": "errors", "errors": {"nobody": "x"}}', content_type="application/json")
    answer = await local.post("views/submit", user="U0ALICE", view_id=view["id"], values={"name": {"v": "demo"}})
    assert (answer["ok"], answer["error"]) == (False, "invalid_response_action")


async def test_an_answer_can_update_push_and_clear(local: Local, app: Receiver) -> None:
    view = await opened(local, app, modal())
    for action, left in (("update", 1), ("push", 2), ("clear", 0)):
        body = {"response_action": action} | ({} if action == "clear" else {"view": modal()})
        app.reply = lambda _, body=body: Reply(body=json.dumps(body), content_type="application/json")  # type: ignore[misc]
        top = (await local.get("views", user="U0ALICE"))["views"][-1]
        assert (await local.post("views/submit", user="U0ALICE", view_id=top["id"], values={}))["response_action"] == action
        assert len((await local.get("views", user="U0ALICE"))["views"]) == left
    assert view["id"]


async def test_a_modal_that_the_app_does_not_answer_stays_open(local: Local, app: Receiver) -> None:
    view = await opened(local, app, modal())
    app.reply = lambda _: Reply(status=500)
    answer = await local.post("views/submit", user="U0ALICE", view_id=view["id"], values={})
    assert answer["error"] == "dispatch_failed"
    assert [v["id"] for v in (await local.get("views", user="U0ALICE"))["views"]] == [view["id"]]


async def test_nobody_submits_the_modal_of_another(local: Local, app: Receiver) -> None:
    view = await opened(local, app, modal())
    assert (await local.post("views/submit", user="U0BOB", view_id=view["id"], values={}))["error"] == "no_such_view"


async def test_a_view_with_inputs_needs_a_submit_button(local: Local, app: Receiver) -> None:
    view = {key: value for key, value in modal(NAME).items() if key != "submit"}
    assert await local.refusal(local.client.views_open(trigger_id=await app.trigger(local), view=view)) == "invalid_arguments"


async def test_an_external_id_is_taken_once(local: Local, app: Receiver) -> None:
    await opened(local, app, modal(external_id="one"))
    await local.client.views_update(external_id="one", view=modal(external_id="one"))
    home = HOME | {"external_id": "one"}
    assert await local.refusal(local.client.views_publish(user_id="U0ALICE", view=home)) == "duplicate_external_id"
