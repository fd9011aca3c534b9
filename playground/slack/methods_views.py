"""views.*: modals and App Home."""

from __future__ import annotations

from typing import Any

from playground.slack.errors import ApiError
from playground.slack.model import Json
from playground.slack.triggers import Triggers
from playground.slack.views import Views
from playground.slack.webapi import Call, Methods


def payload(call: Call) -> Any:
    """The ``view`` argument, parsed. Raises ApiError invalid_arguments."""
    return call.structure("view", "invalid_arguments")


def subject(call: Call) -> str:
    """What faults are matched with."""
    return f"POST {call.method.name} /api/{call.method.name}"


def methods(views: Views, triggers: Triggers) -> Methods:
    """The rule group, bound to the open views and trigger ids."""
    group = Methods()

    def triggered(call: Call) -> tuple[str, str | None]:
        pointer = call.text("trigger_id") or call.text("interactivity_pointer")
        if not pointer:
            raise ApiError("invalid_arguments", "[ERROR] missing required field: trigger_id")
        return triggers.take(pointer)

    @group.add("views.open", "t4", "trigger_id interactivity_pointer", required="view")
    async def open_(call: Call) -> Json:
        body = views.checked(payload(call), ("modal",), subject(call))
        user, _ = triggered(call)
        return {"view": views.push(user, body, fresh=True).as_json()}

    @group.add("views.push", "t4", "trigger_id interactivity_pointer", required="view")
    async def push(call: Call) -> Json:
        body = views.checked(payload(call), ("modal",), subject(call))
        user, view = triggered(call)
        if view is None or views.find(view) is None:
            raise ApiError("not_found")
        return {"view": views.push(user, body, fresh=False).as_json()}

    @group.add("views.update", "t4", "view_id external_id hash", required="view")
    async def update(call: Call) -> Json:
        view = views.find(call.text("view_id"), call.text("external_id"))
        if view is None:
            raise ApiError("not_found")
        if call.given("hash") and call.text("hash") != view.hash:
            raise ApiError("hash_conflict")
        body = views.checked(payload(call), (view.type,), subject(call), replaces=view)
        return {"view": views.replace(view, body).as_json()}

    @group.add("views.publish", "t4", "hash interactivity_pointer", required="user_id view")
    async def publish(call: Call) -> Json:
        user = call.text("user_id")
        if not call.workspace.app.home_tab:
            raise ApiError("not_enabled")
        if user not in call.workspace.users:
            raise ApiError("invalid_arguments", "[ERROR] unknown user [json-pointer:/user_id]")
        current = views.homes.get(user)
        if call.given("hash") and current is not None and call.text("hash") != current.hash:
            raise ApiError("hash_conflict")
        body = views.checked(payload(call), ("home",), subject(call), replaces=current)
        return {"view": views.publish(user, body).as_json()}

    return group
