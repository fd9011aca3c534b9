"""conversations.*: channels, members, history and threads."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TypeVar

from playground.slack import posting
from playground.slack.clocked import TS
from playground.slack.errors import ApiError
from playground.slack.model import BOT_USER, Channel, Json, Message
from playground.slack.webapi import READ_SCOPE, Call, Methods

METHODS = Methods()
T = TypeVar("T")
KINDS = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
HISTORY_ARGS = "cursor include_all_metadata inclusive latest limit oldest"


def page(call: Call, rows: Sequence[T], default: int, largest: int, *, error: str = "invalid_limit") -> tuple[list[T], str]:
    """One page of `rows` and the cursor of the next ('' on the last). Raises ApiError invalid_limit or invalid_cursor."""
    limit = call.number("limit", default, error=error)
    if not 1 <= limit <= largest:
        if error == "invalid_limit":
            raise ApiError(error)
        limit = min(max(1, limit), largest)
    start = 0
    if call.given("cursor"):
        try:
            start = int(base64.b64decode(call.text("cursor"), validate=True).decode().removeprefix("next:"))
        except ValueError:
            raise ApiError("invalid_cursor") from None
    after = start + limit
    return list(rows[start:after]), base64.b64encode(f"next:{after}".encode()).decode() if after < len(rows) else ""


def _info(call: Call) -> Channel:
    channel = call.channel()
    call.scope(f"{READ_SCOPE[channel.kind]}:read")
    return channel


@METHODS.add("conversations.info", "t3", "include_locale include_num_members", required="channel", json_body=False)
async def info(call: Call) -> Json:
    """One conversation; private ones only where the bot is in."""
    return {"channel": _info(call).as_json(BOT_USER, num_members=call.flag("include_num_members"))}


@METHODS.add("conversations.list", "t2", "cursor exclude_archived limit team_id types", json_body=False)
async def list_(call: Call) -> Json:
    """The conversations that the bot can see, by kind."""
    wanted = [kind.strip() for kind in call.text("types", "public_channel").split(",")]
    if any(kind not in KINDS for kind in wanted):
        raise ApiError("invalid_types")
    kinds = {KINDS[kind] for kind in wanted}
    for kind in kinds:
        call.scope(f"{READ_SCOPE.get(kind, kind)}:read")
    seen = [c for c in call.workspace.channels.values() if c.kind in kinds and (c.kind == "channel" or BOT_USER in c.members)]
    if call.flag("exclude_archived"):
        seen = [channel for channel in seen if not channel.archived]
    shown, cursor = page(call, seen, 100, 1000)
    return {"channels": [c.as_json(BOT_USER, num_members=True) for c in shown], "response_metadata": {"next_cursor": cursor}}


@METHODS.add("conversations.members", "t4", "cursor limit", required="channel", json_body=False)
async def members(call: Call) -> Json:
    """Who is in a conversation."""
    shown, cursor = page(call, _info(call).members, 100, 1000)
    return {"members": shown, "response_metadata": {"next_cursor": cursor}}


@METHODS.add("conversations.join", "t3", scope="channels:join", required="channel")
async def join(call: Call) -> Json:
    """Join a public channel."""
    channel = call.channel()
    if channel.kind != "channel":
        raise ApiError("method_not_supported_for_channel_type")
    if channel.archived:
        raise ApiError("is_archived")
    if BOT_USER in channel.members:
        call.warnings.append("already_in_channel")
    else:
        channel.members.append(BOT_USER)
    return {"channel": channel.as_json(BOT_USER)}


@METHODS.add("conversations.open", "t3", "channel return_im users prevent_creation", scope="im:write")
async def open_(call: Call) -> Json:
    """Open the direct conversation with one person (groups of several are not simulated)."""
    if call.given("channel"):
        channel = call.channel()
        if channel.kind != "im":
            raise ApiError("method_not_supported_for_channel_type")
    else:
        users = [user for user in call.text("users").replace(" ", "").split(",") if user]
        if not users:
            raise ApiError("users_list_not_supplied")
        if len(users) > 1:
            raise ApiError("too_many_users")
        if users[0] not in call.workspace.users:
            raise ApiError("user_not_found")
        if users[0] == BOT_USER:
            raise ApiError("invalid_user_combination")
        channel = call.workspace.direct(users[0])
    return {"channel": channel.as_json(BOT_USER) if call.flag("return_im") else {"id": channel.id}}


def _within(call: Call, messages: list[Message]) -> list[Message]:
    """Those between ``oldest`` and ``latest``. Raises ApiError invalid_ts_latest or invalid_ts_oldest."""
    bounds: dict[str, float] = {}
    for name, default in (("oldest", 0.0), ("latest", float("inf"))):
        try:
            bounds[name] = float(call.text(name) or default)
        except ValueError:
            raise ApiError(f"invalid_ts_{name}") from None
    oldest, latest = bounds["oldest"], bounds["latest"]
    if call.flag("inclusive"):
        return [message for message in messages if oldest <= float(message.ts) <= latest]
    return [message for message in messages if oldest < float(message.ts) < latest]


def _shown(call: Call, messages: list[Message]) -> list[Json]:
    every = call.flag("include_all_metadata")
    return [posting.as_json(call.workspace, message, with_metadata=every) for message in messages]


@METHODS.add("conversations.history", "t3", HISTORY_ARGS, required="channel")
async def history(call: Call) -> Json:
    """Parents and broadcast replies, newest first; 100 by default."""
    channel = call.readable("not_in_channel")
    rows = [message for message in call.workspace.listed(channel.id) if not message.is_reply or message.broadcast]
    shown, cursor = page(call, _within(call, rows)[::-1], 100, 999, error="invalid_arguments")
    answer: Json = {"messages": _shown(call, shown), "has_more": bool(cursor), "pin_count": 0, "channel_actions_ts": None, "channel_actions_count": 0}
    return answer | {"response_metadata": {"next_cursor": cursor}} if cursor else answer


@METHODS.add("conversations.replies", "t3", HISTORY_ARGS, required="channel ts", json_body=False)
async def replies(call: Call) -> Json:
    """A thread: its parent, then the replies, oldest first. `ts` must be the parent's; a reply's gives that reply alone."""
    channel, ts = call.readable(), call.text("ts")
    parent = call.workspace.message(channel.id, ts) if TS.match(ts) else None
    if parent is None or parent.ephemeral_to is not None:
        raise ApiError("thread_not_found")
    rows = _within(call, [] if parent.is_reply else call.workspace.replies(channel.id, ts))
    shown, cursor = page(call, rows, 1000, 1000, error="invalid_arguments")
    answer: Json = {"messages": _shown(call, [parent, *shown]), "has_more": bool(cursor)}
    return answer | {"response_metadata": {"next_cursor": cursor}} if cursor else answer
