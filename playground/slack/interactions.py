"""What a person does with the app in Slack's client: commands, buttons and selects, modals, shortcuts.

Slash commands and interactions are never delivered twice; where the app does not answer within three seconds, only the person learns of it.
"""

from __future__ import annotations

import re
from typing import Any

from playground.slack import blocks as blockkit
from playground.slack import posting
from playground.slack.delivery import Ack, Delivery
from playground.slack.errors import ApiError, Refused
from playground.slack.inputs import problems_of_entries
from playground.slack.model import APP_ID, TEAM, Channel, Json, Message
from playground.slack.responses import Responses
from playground.slack.triggers import Triggers
from playground.slack.views import VALUE_KEYS, View, Views, entry, selected
from playground.slack.workspace import Workspace

NOTICES = {
    "operation_timeout": '{what} failed with the error "operation_timeout"',
    "dispatch_failed": '{what} failed with the error "dispatch_failed"',
    "invalid_command_response": '{what} failed with the error "invalid_command_response"',
}
MENTION = re.compile(r"<?([@#])([a-z0-9_-]+)>?")


class Interactions:
    """Builds each payload as Slack does, delivers it, and acts on the answer as Slack's client does."""

    def __init__(self, workspace: Workspace, delivery: Delivery, views: Views, triggers: Triggers, responses: Responses) -> None:
        self.workspace, self.delivery, self.views, self.triggers, self.responses = workspace, delivery, views, triggers, responses

    # --- slash commands -------------------------------------------------------------------------

    async def command(self, user: str, channel_id: str, command: str, text: str) -> tuple[Ack, Message | None]:
        """Type a slash command; gives the ack and what it showed. Raises Refused where the client would not offer it."""
        declared = self.workspace.app.commands.get(command)
        channel = self.member_channel(user, channel_id)
        if declared is None or "commands" not in self.workspace.token_scopes:
            self.workspace.notice(user, channel_id, f"{command} is not a valid command.")
            raise Refused("unknown_command")
        payload = {
            "token": self.workspace.verification_token, "team_id": TEAM, "team_domain": self.workspace.team["domain"], "channel_id": channel.id,
            "channel_name": _name(channel), "user_id": user, "user_name": self.workspace.users[user].name, "command": command,
            "text": self._escaped(text) if declared.escape else text, "api_app_id": APP_ID, "is_enterprise_install": "false",
            "response_url": self.responses.issue(channel.id, user), "trigger_id": self.triggers.issue(user),
        }  # fmt: skip
        ack = await self.delivery.deliver("slash_commands", payload, detail=command, answerable=True)
        shown = None
        if ack.error is None and ack.body not in (None, "", {}):
            try:
                body = ack.body if isinstance(ack.body, dict) else {"text": str(ack.body)}
                shown = self.responses.show(body, channel.id, user)
            except ApiError:
                ack.error = "invalid_command_response"
        if ack.error is not None:
            self.workspace.notice(user, channel.id, NOTICES[ack.error].format(what=command))
        return ack, shown

    def _escaped(self, text: str) -> str:
        """Mentions as ids, for commands with ``should_escape``."""

        def replaced(match: re.Match[str]) -> str:
            sign, name = match.groups()
            if sign == "@":
                user = next((user for user in self.workspace.users.values() if user.name == name), None)
                return f"<@{user.id}|{name}>" if user else match.group()
            channel = self.workspace.channel_named(name)
            return f"<#{channel.id}|{name}>" if channel else match.group()

        return MENTION.sub(replaced, text)

    # --- buttons and selects ----------------------------------------------------------------------

    async def act_on_message(self, user: str, channel_id: str, ts: str, action_id: str, value: Any, block_id: str | None) -> Ack:
        """Use an element of a message. Raises Refused("no_such_action") where the person sees no such element."""
        channel = self.member_channel(user, channel_id)
        message = self.workspace.messages[channel.id].get(ts)
        if message is None or not self.workspace.visible(user, message):
            raise Refused("no_such_action")
        block, element = _find(message.blocks, action_id, block_id, value)
        state = message.state.setdefault(user, {})
        action = self._action(block, element, value, state)
        container = {"type": "message", "message_ts": ts, "channel_id": channel.id, "is_ephemeral": message.ephemeral_to is not None}
        if message.is_reply:
            container["thread_ts"] = message.thread_ts
        payload = self._envelope("block_actions", user) | {
            "container": container, "channel": {"id": channel.id, "name": _name(channel)}, "actions": [action], "state": {"values": state},
            "trigger_id": self.triggers.issue(user), "response_url": self.responses.issue(channel.id, user, ts),
        }  # fmt: skip
        if message.ephemeral_to is None:
            payload["message"] = posting.as_json(self.workspace, message, with_metadata=True)
        return await self._interact(user, "block_actions", payload, channel.id)

    async def act_on_view(self, user: str, view_id: str, action_id: str, value: Any, block_id: str | None) -> Ack:
        """Use an element of an open modal or of App Home. Raises Refused."""
        view = self._view(user, view_id)
        block, element = _find(view.body["blocks"], action_id, block_id, value)
        action = self._action(block, element, value, view.state)
        payload = self._envelope("block_actions", user) | {
            "container": {"type": "view", "view_id": view.id}, "view": view.as_json(), "actions": [action],
            "trigger_id": self.triggers.issue(user, view.id if view.type == "modal" else None),
        }  # fmt: skip
        return await self._interact(user, "block_actions", payload)

    def _action(self, block: Json, element: Json, value: Any, state: dict[str, dict[str, Json]]) -> Json:
        kind = element["type"]
        action: Json = {"action_id": element["action_id"], "block_id": block["block_id"], "type": kind, "action_ts": self.workspace.timestamps.next()}
        if kind in ("button", "workflow_button", "icon_button"):
            return action | {key: element[key] for key in ("text", "value", "style") if key in element}
        if kind == "feedback_buttons":
            return action | {"value": value}
        try:
            chosen = selected(element, value)
        except LookupError:
            raise Refused("no_such_option") from None
        filled = entry(element, chosen)
        if kind != "overflow":
            state.setdefault(block["block_id"], {})[element["action_id"]] = filled
        return action | {VALUE_KEYS.get(kind, "value"): filled[VALUE_KEYS.get(kind, "value")]}

    # --- modals -------------------------------------------------------------------------------------

    async def submit(self, user: str, view_id: str, values: Json) -> Json:
        """Press a modal's submit button. Raises Refused; gives {"response_action", "errors"} (errors of the client's own checks too)."""
        view = self._view(user, view_id)
        if view is not self.views.stacks.get(user, [view])[-1] or "submit" not in view.body:
            raise Refused("not_submittable")
        _fill(view, values)
        errors = problems_of_entries(view)
        if errors:
            return {"response_action": "errors", "errors": errors, "error": None}
        payload = self._envelope("view_submission", user) | {
            "view": view.as_json(), "trigger_id": self.triggers.issue(user, view.id), "response_urls": [],
        }  # fmt: skip
        ack = await self.delivery.deliver("interactive", payload, detail="view_submission", answerable=True)
        if ack.error is not None:
            self.workspace.stream.publish({"type": "notice", "text": "We had some trouble connecting. Try again?"}, user)
            return {"response_action": None, "errors": None, "error": ack.error}
        return self._respond(view, ack.body)

    def _respond(self, view: View, body: Any) -> Json:
        action = body.get("response_action") if isinstance(body, dict) else None
        try:
            if action == "errors":
                known = {block.get("block_id") for block in view.body["blocks"] if block["type"] == "input"}
                if not body.get("errors") or set(body["errors"]) - known:
                    raise ApiError("invalid_response_action")
                return {"response_action": action, "errors": body["errors"], "error": None}
            if action in ("update", "push"):
                replaces = view if action == "update" else None
                checked = self.views.checked(body.get("view"), ("modal",), f"POST response_action.{action}", replaces=replaces)
                if action == "update":
                    self.views.replace(view, checked)
                else:
                    self.views.push(view.user, checked, fresh=False)
            elif action in (None, "clear"):
                self.views.pop(view, clear=action == "clear")
            else:
                raise ApiError("invalid_response_action")
        except ApiError as error:
            self.workspace.stream.publish({"type": "notice", "text": "We had some trouble connecting. Try again?"}, view.user)
            return {"response_action": action, "errors": None, "error": error.code, "messages": error.messages}
        return {"response_action": action, "errors": None, "error": None}

    async def close(self, user: str, view_id: str) -> None:
        """Close a modal with its cross or close button. Raises Refused."""
        view = self._view(user, view_id)
        if view.type != "modal":
            raise Refused("not_closable")
        clear = bool(view.body.get("clear_on_close"))
        self.views.pop(view, clear=clear)
        if view.body.get("notify_on_close"):
            payload = self._envelope("view_closed", user) | {"view": view.as_json(), "is_cleared": clear}
            await self._interact(user, "view_closed", payload)

    # --- shortcuts ------------------------------------------------------------------------------------

    async def shortcut(self, user: str, channel_id: str, ts: str, callback_id: str) -> Ack:
        """Use a message shortcut. Raises Refused."""
        channel = self.member_channel(user, channel_id)
        message = self.workspace.messages[channel.id].get(ts)
        known = any(item["callback_id"] == callback_id and item["type"] == "message" for item in self.workspace.app.shortcuts)
        if not known or message is None or not self.workspace.visible(user, message) or message.ephemeral_to is not None:
            raise Refused("no_such_shortcut")
        payload = self._envelope("message_action", user) | {
            "callback_id": callback_id, "trigger_id": self.triggers.issue(user), "response_url": self.responses.issue(channel.id, user, ts),
            "channel": {"id": channel.id, "name": _name(channel)}, "message_ts": ts, "message": posting.as_json(self.workspace, message),
            "action_ts": self.workspace.timestamps.next(),
        }  # fmt: skip
        return await self._interact(user, "message_action", payload, channel.id)

    # --- shared ---------------------------------------------------------------------------------------

    def member_channel(self, user: str, channel_id: str) -> Channel:
        """The channel, if the person is in it. Raises Refused unknown_user, channel_not_found or not_in_channel."""
        if user not in self.workspace.users:
            raise Refused("unknown_user")
        channel = self.workspace.channels.get(channel_id)
        if channel is None:
            raise Refused("channel_not_found")
        if user not in channel.members:
            raise Refused("not_in_channel")
        return channel

    def _view(self, user: str, view_id: str) -> View:
        view = self.views.find(view_id)
        if view is None or view.user != user:
            raise Refused("no_such_view")
        return view

    def _envelope(self, kind: str, user: str) -> Json:
        """What all interactions begin with. A modal of somebody from another workspace is submitted in that one's name (Slack Connect)."""
        person = self.workspace.users[user]
        abroad = kind == "view_submission" and person.team != TEAM
        return {
            "type": kind, "token": self.workspace.verification_token, "api_app_id": APP_ID, "enterprise": None, "is_enterprise_install": False,
            "team": {"id": person.team, "domain": "partner"} if abroad else {"id": TEAM, "domain": self.workspace.team["domain"]},
            "user": {"id": user, "username": person.name, "name": person.name, "team_id": person.team},
        }  # fmt: skip

    async def _interact(self, user: str, kind: str, payload: Json, channel: str | None = None) -> Ack:
        if not self.workspace.app.interactive:
            raise Refused("interactivity_not_enabled")
        ack = await self.delivery.deliver("interactive", payload, detail=kind)
        if ack.error is not None:
            text = "This app responded with an error." if ack.error == "dispatch_failed" else "This app took too long to respond."
            self.workspace.stream.publish({"type": "notice", "text": f"{text} ({ack.error})"}, user)
        return ack


def _name(channel: Channel) -> str:
    return {"im": "directmessage", "group": "privategroup"}.get(channel.kind, channel.name)


def _find(blocks: list[Json], action_id: str, block_id: str | None, value: Any) -> tuple[Json, Json]:
    """The element meant; where several share the id, the button with that value. Raises Refused("no_such_action")."""
    found = [
        (block, element)
        for block, element in blockkit.elements(blocks)
        if element["action_id"] == action_id and block_id in (None, block.get("block_id"))
    ]
    exact = [pair for pair in found if value is not None and pair[1].get("value") == value]
    for pair in exact or found:
        return pair
    raise Refused("no_such_action")


def _fill(view: View, values: Json) -> None:
    """Enter `values`: {block_id: {action_id: value}} or {action_id: value}. Raises Refused for inputs that are not there."""
    elements = list(blockkit.elements(view.body["blocks"]))
    for key, given in values.items():
        mine = [(block, element) for block, element in elements if block["block_id"] == key]
        pairs = given.items() if mine and isinstance(given, dict) else [(key, given)]
        for action_id, value in pairs:
            target = next(((b, e) for b, e in (mine or elements) if e["action_id"] == action_id), None)
            if target is None:
                raise Refused("no_such_input")
            block, element = target
            try:
                view.state.setdefault(block["block_id"], {})[action_id] = entry(element, selected(element, value))
            except LookupError:
                raise Refused("no_such_option") from None
