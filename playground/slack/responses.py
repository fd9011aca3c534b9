"""response_url: five answers in thirty minutes (of the playground's clock), even where the bot is not a member (Slack: handling user interaction)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from playground import chance
from playground.slack import posting
from playground.slack.errors import ApiError
from playground.slack.model import Json, Message
from playground.slack.workspace import Workspace

USES: Final = 5
SECONDS: Final = 30 * 60


@dataclass
class _Response:
    channel: str
    user: str
    until: float
    original: str | None
    left: int = USES


class Responses:
    """Issues and serves response URLs."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._issued: dict[str, _Response] = {}

    def issue(self, channel: str, user: str, original: str | None = None) -> str:
        """A URL for `user` in `channel`; `original` is the ts of the message acted upon."""
        number = chance.digits("response", 24)
        self._issued[number] = _Response(channel, user, self._workspace.clock.now() + SECONDS, original)
        return f"{self._workspace.public_url}/commands/response/{number}"

    async def serve(self, request: web.Request) -> web.Response:
        """``POST /commands/response/{id}``: JSON with text, blocks, response_type, replace_original, delete_original, thread_ts."""
        entry = self._issued.get(request.match_info["id"])
        if entry is None or self._workspace.clock.now() > entry.until:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if entry.left <= 0:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        try:
            body = json.loads(await request.text())
            if not isinstance(body, dict):
                raise ApiError("invalid_payload")
            self.show(body, entry.channel, entry.user, original=entry.original)
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
        except ApiError as error:
            return web.json_response({"ok": False, "error": error.code, "response_metadata": {"messages": error.messages}}, status=400)
        entry.left -= 1
        return web.Response(text="ok")

    def show(self, body: Json, channel_id: str, user: str, *, original: str | None = None) -> Message | None:
        """Show an ack's or a response's content; None where there is nothing to show. Raises ApiError on content that Slack refuses."""
        workspace = self._workspace
        channel = workspace.channels[channel_id]
        subject = workspace.messages[channel_id].get(original or "")
        if body.get("delete_original") and subject is not None:
            subject.deleted = True
            workspace.changed(subject, "deleted")
        found = posting.content(workspace, body, "POST response_url")
        if found.empty:
            if body.get("delete_original"):
                return None
            raise ApiError("no_text")
        if body.get("replace_original") and subject is not None:
            subject.text, subject.blocks, subject.edits = found.text or "", found.blocks or [], subject.edits + 1
            workspace.changed(subject, "changed")
            return subject
        public = body.get("response_type") == "in_channel"
        thread_ts = posting.thread_of(workspace, channel, str(body.get("thread_ts") or ""))
        return posting.said(workspace, channel_id, found, thread_ts, only_to=None if public else user)
