"""chat.*: posting, editing, deleting (Slack: chat.postMessage and its neighbours; reactions.add; thread status)."""

from __future__ import annotations

import re

from playground import chance
from playground.slack import blocklimits, posting
from playground.slack.clocked import TS
from playground.slack.errors import ApiError
from playground.slack.model import BOT_USER, Channel, Json, Message
from playground.slack.webapi import Call, Methods

METHODS = Methods()
POST_ARGS = (
    "as_user attachments blocks icon_emoji icon_url link_names markdown_text metadata mrkdwn parse reply_broadcast text thread_ts "
    "unfurl_links unfurl_media username current_draft_last_updated_ts"
)
EMOJI = re.compile(r"^[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?$")
STATUS_SECONDS = 120
MAX_SCHEDULE_SECONDS = 120 * 86400


def postable(call: Call, *, names: bool = True) -> Channel:
    """The conversation that the bot may post to. Raises ApiError channel_not_found, not_in_channel, is_archived, messages_tab_disabled."""
    channel = call.channel(names=names)
    if BOT_USER not in channel.members and not (channel.kind == "channel" and "chat:write.public" in call.workspace.token_scopes):
        raise ApiError("not_in_channel")
    if channel.archived:
        raise ApiError("is_archived")
    if channel.kind == "im" and not call.workspace.app.messages_tab:
        raise ApiError("messages_tab_disabled")
    return channel


def content(call: Call) -> posting.Content:
    """The checked content of the call; adds its warnings. Raises ApiError no_text and those of :func:`posting.content`."""
    found = posting.content(call.workspace, call.args, f"POST {call.method.name} /api/{call.method.name}")
    call.warnings += found.warnings
    if found.empty:
        raise ApiError("no_text")
    return found


def own_message(call: Call, forbidden: str) -> Message:
    """The bot's own message named by ``channel`` and ``ts``. Raises ApiError message_not_found or `forbidden`."""
    channel = call.channel()
    if BOT_USER not in channel.members and "chat:write.public" not in call.workspace.token_scopes:
        raise ApiError("channel_not_found")
    message = call.workspace.message(channel.id, call.text("ts"))
    if message is None or message.ephemeral_to is not None:
        raise ApiError("message_not_found")
    if message.user != BOT_USER:
        raise ApiError(forbidden)
    return message


@METHODS.add("chat.postMessage", "post", POST_ARGS, scope="chat:write", required="channel")
async def post_message(call: Call) -> Json:
    """Post; about one message per second and channel."""
    workspace = call.workspace
    channel = postable(call)
    found = content(call)
    if found.blocks and blocklimits.too_long(found.blocks):
        raise ApiError("msg_blocks_too_long")
    thread_ts = posting.thread_of(workspace, channel, call.text("thread_ts"))
    call.limits.channel(channel.id)
    broadcast = thread_ts is not None and call.flag("reply_broadcast")
    message = posting.said(workspace, channel.id, found, thread_ts, broadcast=broadcast, username=call.text("username") or None)
    return {"channel": channel.id, "ts": message.ts, "message": posting.as_json(workspace, message, with_metadata=True)}


@METHODS.add(
    "chat.update", "t3", "as_user attachments unfurled_attachments blocks markdown_text metadata link_names parse text reply_broadcast file_ids",
    scope="chat:write", required="channel ts",
)  # fmt: skip
async def update(call: Call) -> Json:
    """Edit an own message: text alone drops the blocks, blocks leave no "edited" mark, metadata stays unless given."""
    message = own_message(call, "cant_update_message")
    if call.workspace.channels[message.channel].archived:
        raise ApiError("is_inactive")
    window = call.workspace.edit_seconds
    if window is not None and call.workspace.clock.now() > float(message.ts) + window:
        raise ApiError("edit_window_closed")
    if len(call.text("text")) > posting.MAX_EDIT_TEXT:
        raise ApiError("msg_too_long")
    found = content(call)
    if found.blocks and blocklimits.too_long(found.blocks):
        raise ApiError("msg_too_long")
    kinds = {block["type"] for block in message.blocks}
    if "rich_text" in kinds and found.blocks and "rich_text" not in {block["type"] for block in found.blocks}:
        raise ApiError("block_mismatch")
    if found.text is not None:
        message.text = found.text
    if found.text is not None or found.blocks is not None:
        message.blocks = found.blocks or []
    if found.attachments is not None:
        message.attachments = found.attachments
    if found.metadata is not None:
        message.metadata = found.metadata or None
    if call.flag("reply_broadcast") and message.is_reply:
        message.broadcast = True
    message.edits += 1
    if not found.blocks:
        message.edited = {"user": BOT_USER, "ts": call.workspace.timestamps.next()}
    call.workspace.changed(message, "changed")
    shown = posting.as_json(call.workspace, message, with_metadata=True)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shown}


@METHODS.add("chat.delete", "t3", "as_user", scope="chat:write", required="channel ts")
async def delete(call: Call) -> Json:
    """Delete an own message."""
    message = own_message(call, "cant_delete_message")
    message.deleted = True
    call.workspace.changed(message, "deleted")
    return {"channel": message.channel, "ts": message.ts}


@METHODS.add(
    "chat.postEphemeral", "t4", "as_user attachments blocks icon_emoji icon_url link_names markdown_text metadata parse text thread_ts username",
    scope="chat:write", required="channel user",
)  # fmt: skip
async def post_ephemeral(call: Call) -> Json:
    """Post for one person only; it can never be edited by its ts."""
    workspace = call.workspace
    channel = postable(call)
    user = call.text("user")
    if user not in channel.members:
        raise ApiError("user_not_in_channel")
    if len(call.text("text")) > posting.MAX_TEXT:
        raise ApiError("msg_too_long")
    found = content(call)
    thread_ts = posting.thread_of(workspace, channel, call.text("thread_ts"))
    return {"message_ts": posting.said(workspace, channel.id, found, thread_ts, only_to=user).ts}


@METHODS.add("chat.getPermalink", "special", required="channel message_ts", json_body=False)
async def permalink(call: Call) -> Json:
    """A link to a message."""
    channel = call.channel()
    message = call.workspace.message(channel.id, call.text("message_ts"))
    if message is None:
        raise ApiError("message_not_found")
    link = f"{call.workspace.public_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": f"{link}?thread_ts={message.thread_ts}&cid={channel.id}" if message.is_reply else link}


@METHODS.add(
    "chat.scheduleMessage", "t3",
    "as_user attachments blocks link_names markdown_text parse reply_broadcast text thread_ts unfurl_links unfurl_media metadata",
    scope="chat:write", required="channel post_at",
)  # fmt: skip
async def schedule(call: Call) -> Json:
    """Post later, at most 120 days ahead, by the playground's clock."""
    workspace = call.workspace
    channel = postable(call)
    post_at = call.number("post_at", 0, error="invalid_time")
    if post_at <= workspace.clock.now():
        raise ApiError("time_in_past")
    if post_at > workspace.clock.now() + MAX_SCHEDULE_SECONDS:
        raise ApiError("time_too_far")
    found = content(call)
    thread_ts = posting.thread_of(workspace, channel, call.text("thread_ts"))

    async def later() -> None:
        await workspace.clock.until(post_at)
        posting.said(workspace, channel.id, found, thread_ts)

    workspace.tasks.start(later())
    shown = {"text": found.text or "", "type": "delayed_message", "user": BOT_USER, "bot_id": "B0QM", "blocks": found.blocks or []}
    return {"channel": channel.id, "post_at": post_at, "scheduled_message_id": f"Q{chance.digits('scheduled message', 10).upper()}", "message": shown}


@METHODS.add("reactions.add", "t3", scope="reactions:write", required="channel name timestamp")
async def add_reaction(call: Call) -> Json:
    """Add an emoji to a message."""
    channel = call.channel()
    name, ts = call.text("name").strip(":"), call.text("timestamp")
    if not TS.match(ts):
        raise ApiError("bad_timestamp")
    if not EMOJI.match(name):
        raise ApiError("invalid_name")
    message = call.workspace.message(channel.id, ts)
    if message is None or message.ephemeral_to is not None:
        raise ApiError("message_not_found")
    if BOT_USER not in channel.members:
        raise ApiError("no_access")
    users = message.reactions.setdefault(name, [])
    if BOT_USER in users:
        raise ApiError("already_reacted")
    users.append(BOT_USER)
    call.workspace.changed(message, "reacted")
    return {}


@METHODS.add(
    "assistant.threads.setStatus", "special", "loading_messages icon_emoji icon_url username",
    scope="chat:write", required="channel_id thread_ts status",
)  # fmt: skip
async def set_status(call: Call) -> Json:
    """The thread's status line; it clears after two minutes or on the app's next message there."""
    channel = call.channel("channel_id")
    if BOT_USER not in channel.members:
        raise ApiError("channel_not_found")
    thread_ts = call.text("thread_ts")
    parent = call.workspace.message(channel.id, thread_ts)
    if parent is None or parent.is_reply:
        raise ApiError("invalid_thread_ts")
    call.workspace.statuses[(channel.id, thread_ts)] = (call.text("status"), call.workspace.clock.now() + STATUS_SECONDS)
    call.workspace.stream.publish({"type": "messages", "channel": channel.id})
    return {}
