"""What all ways of posting share: content is checked the same for chat methods, ack texts and response_url."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playground.slack import blocks as blockkit
from playground.slack.clocked import TS
from playground.slack.errors import ApiError
from playground.slack.model import APP_ID, BOT_ID, BOT_USER, SLACKBOT, TEAM, Channel, Json, Message
from playground.slack.workspace import Workspace

MAX_TEXT = 40_000
MAX_EDIT_TEXT = 4_000
MAX_MARKDOWN = 12_000
MAX_ATTACHMENTS = 100
MAX_METADATA_BYTES = 16_000  # Slack documents metadata_too_large without a number


@dataclass
class Content:
    """The checked content of a message; None means "not given"."""

    text: str | None = None
    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    metadata: Json | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not self.text and not self.blocks and not self.attachments


def refuses_type(workspace: Workspace, subject: str) -> Callable[[str], bool]:
    """A predicate: is this block type not rolled out yet (fault ``block_not_rolled_out`` {type})?"""

    def refused(kind: str) -> bool:
        return workspace.faults.take("slack", subject, "block_not_rolled_out", fits=lambda fault: fault.options["type"] == kind) is not None

    return refused


def checked_blocks(workspace: Workspace, raw: Any, surface: str, subject: str) -> list[str]:
    """What is wrong with `raw` (see :func:`playground.slack.blocks.problems`); `subject` is what faults are matched with."""

    def usable(slack_file: Json) -> bool:
        found = workspace.files.get(str(slack_file.get("id")))
        if found is None and slack_file.get("url"):
            found = next((file for file in workspace.files.values() if slack_file["url"] in (file.private_url, file.url)), None)
        return found is not None and found.ready

    return blockkit.problems(raw, surface, refused_types=refuses_type(workspace, subject), file_usable=usable)


def content(workspace: Workspace, args: Json, subject: str) -> Content:
    """Read text, markdown_text, blocks, attachments and metadata of `args` (values may be JSON as text).

    Raises ApiError: invalid_blocks_format, invalid_blocks, invalid_attachments, too_many_attachments, markdown_text_conflict,
    invalid_metadata_format, invalid_metadata_schema, metadata_too_large.
    """
    found = Content(text=args.get("text"))
    if found.text is not None and not isinstance(found.text, str):
        raise ApiError("invalid_arguments", "[ERROR] must be a string [json-pointer:/text]")
    raw = _parsed(args.get("blocks"), "invalid_blocks_format")
    if args.get("markdown_text"):
        if found.text or raw:
            raise ApiError("markdown_text_conflict")
        found.text = str(args["markdown_text"])[:MAX_MARKDOWN]
        raw = [{"type": "markdown", "text": found.text}]
    if raw is not None:
        if not isinstance(raw, list):
            raise ApiError("invalid_blocks_format")
        lines = checked_blocks(workspace, raw, "message", subject)
        if lines:
            raise ApiError("invalid_blocks", *lines)
        found.blocks = blockkit.completed(raw)
    attachments = _parsed(args.get("attachments"), "invalid_attachments")
    if isinstance(attachments, list):
        if len(attachments) > MAX_ATTACHMENTS:
            raise ApiError("too_many_attachments")
        found.attachments = attachments
    found.metadata = metadata(_parsed(args.get("metadata"), "invalid_metadata_format"))
    if found.text is not None and len(found.text) > MAX_TEXT:
        found.text = found.text[:MAX_TEXT]
        found.warnings.append("message_truncated")
    return found


def metadata(raw: Any) -> Json | None:
    """Checked message metadata ({} asks to remove it). Raises ApiError invalid_metadata_format/_schema, metadata_too_large."""
    if raw is None or raw == {}:
        return None if raw is None else {}
    if not isinstance(raw, dict):
        raise ApiError("invalid_metadata_format")
    if not isinstance(raw.get("event_type"), str) or not raw["event_type"] or not isinstance(raw.get("event_payload"), dict):
        raise ApiError("invalid_metadata_schema")
    if len(json.dumps(raw).encode()) > MAX_METADATA_BYTES:
        raise ApiError("metadata_too_large")
    return {"event_type": raw["event_type"], "event_payload": raw["event_payload"]}


def thread_of(workspace: Workspace, channel: Channel, thread_ts: str) -> str | None:
    """The parent that a new reply may go under ('' : none). Raises ApiError: a reply's ts, or one of nothing, is no parent."""
    if not thread_ts:
        return None
    parent = workspace.messages[channel.id].get(thread_ts) if TS.match(thread_ts) else None
    if parent is None or parent.is_reply or parent.ephemeral_to is not None:
        raise ApiError("cannot_reply_to_message")
    if parent.deleted and not workspace.replies(channel.id, thread_ts):
        raise ApiError("cannot_reply_to_message")
    return thread_ts


def _parsed(value: Any, error: str) -> Any:
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ApiError(error) from None


def said(workspace: Workspace, channel: str, found: Content, thread_ts: str | None = None, *, only_to: str | None = None, **more: Any) -> Message:
    """Put up a message of the bot; `only_to` makes it ephemeral."""
    message = Message(channel, workspace.timestamps.next(), BOT_USER, found.text or "", found.blocks or [], found.attachments or [], **more)
    message.metadata, message.thread_ts, message.ephemeral_to, message.from_bot = found.metadata or None, thread_ts, only_to, True
    return workspace.add(message)


def as_json(workspace: Workspace, message: Message, *, with_metadata: bool = False) -> Json:
    """A message as the Web API and the events show it."""
    shown: Json = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts, "team": TEAM}
    if message.from_bot:
        shown |= {"bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": bot_profile(workspace)}
    if message.user == SLACKBOT:
        shown["subtype"] = "bot_message"
    if message.username:
        shown["username"] = message.username
    if message.blocks:
        shown["blocks"] = message.blocks
    if message.attachments:
        shown["attachments"] = [{"id": number, "fallback": "", **item} for number, item in enumerate(message.attachments, 1)]
    if message.files:
        shown |= {"files": [file.as_json() for file in message.files], "upload": False}
    if message.edited:
        shown["edited"] = message.edited
    if message.metadata and with_metadata:
        shown["metadata"] = message.metadata
    if message.reactions:
        shown["reactions"] = [{"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()]
    return shown | _threading(workspace, message)


def _threading(workspace: Workspace, message: Message) -> Json:
    if message.is_reply:
        parent = workspace.messages[message.channel].get(message.thread_ts or "")
        shown: Json = {"thread_ts": message.thread_ts, "parent_user_id": parent.user if parent else None}
        return shown | {"subtype": "thread_broadcast"} if message.broadcast else shown
    replies = workspace.replies(message.channel, message.ts)
    if not replies:
        return {}
    authors = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts, "reply_count": len(replies), "reply_users": authors[:5], "reply_users_count": len(authors),
        "latest_reply": replies[-1].ts, "is_locked": False, "subscribed": BOT_USER in authors,
    }  # fmt: skip


def bot_profile(workspace: Workspace) -> Json:
    """The bot as messages name their sender."""
    icon = f"{workspace.public_url}/icon.png"
    return {
        "id": BOT_ID, "app_id": APP_ID, "user_id": BOT_USER, "name": workspace.app.bot_name, "deleted": False, "updated": 1700000000, "team_id": TEAM,
        "icons": {"image_36": icon, "image_48": icon, "image_72": icon},
    }  # fmt: skip
