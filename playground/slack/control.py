"""The control API of the local Slack: what the page's people and the tests do, and what they see."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from playground.slack.delivery import Ack, Delivery
from playground.slack.errors import Refused
from playground.slack.events import Events
from playground.slack.interactions import Interactions
from playground.slack.methods_files import new_file
from playground.slack.model import BOT_ID, BOT_USER, Json, Message
from playground.slack.socket import Sockets
from playground.slack.workspace import Workspace

MARKUP = re.compile(r"(<[@#!][^<>]+>)")
ADDRESS = re.compile(r"https?://[^\s<>|]+")


class Control:
    """One handler per route; a :class:`Refused` becomes ``{"ok": false, "error": …}``."""

    def __init__(self, workspace: Workspace, interactions: Interactions, events: Events, delivery: Delivery, sockets: Sockets) -> None:
        self._workspace, self._interactions, self._events, self._delivery, self._sockets = workspace, interactions, events, delivery, sockets

    def add_routes(self, app: web.Application) -> None:
        """All ``/_control`` routes that belong to Slack."""
        posts: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "commands": self.command, "actions": self.act, "views/submit": self.submit, "views/close": self.close, "home": self.open_home,
            "mentions": self.mention, "messages": self.post, "shortcuts": self.shortcut, "delivery": self.deliver_by, "invite": self.invite,
            "kick": self.kick, "archive": self.archive, "sockets": self.disturb, "scopes": self.grant, "direct": self.direct,
            "workspace": self.configure, "manifest": self.declare, "people": self.person,
        }  # fmt: skip
        for name, handler in posts.items():
            app.router.add_post(f"/_control/{name}", _json(handler))
        for name, reader in {"views": self.views, "home": self.home, "messages": self.messages, "workspace": self.describe}.items():
            app.router.add_get(f"/_control/{name}", _query(reader))
        app.router.add_get("/_control/stream", self._workspace.stream.serve)

    async def command(self, body: Json) -> Json:
        """Type a slash command."""
        command = body.get("command", "/gpu")
        ack, shown = await self._interactions.command(body["user"], body["channel"], command, body.get("text", ""))
        raw = ack.body if isinstance(ack.body, dict) else {}
        told: Json = {
            "status": ack.status, "text": shown.text if shown else None, "blocks": shown.blocks if shown else [], "ts": shown.ts if shown else None,
            "response_type": raw.get("response_type", "ephemeral") if shown else None, "ms": round(ack.ms, 2),
        }  # fmt: skip
        return {"ok": ack.error is None, "ack": told, "error": ack.error}

    async def act(self, body: Json) -> Json:
        """Press a button, choose from a select."""
        value, block_id = body.get("value"), body.get("block_id")
        if "view_id" in body:
            return _outcome(await self._interactions.act_on_view(body["user"], body["view_id"], body["action_id"], value, block_id))
        act = self._interactions.act_on_message
        return _outcome(await act(body["user"], body["channel"], body["ts"], body["action_id"], value, block_id))

    async def submit(self, body: Json) -> Json:
        """Submit a modal."""
        answer = await self._interactions.submit(body["user"], body["view_id"], body.get("values", {}))
        return {"ok": answer["error"] is None and answer["response_action"] != "errors", **answer}

    async def close(self, body: Json) -> Json:
        """Close a modal."""
        await self._interactions.close(body["user"], body["view_id"])
        return {"ok": True}

    async def shortcut(self, body: Json) -> Json:
        """Use a message shortcut."""
        return _outcome(await self._interactions.shortcut(body["user"], body["channel"], body["ts"], body["callback_id"]))

    async def mention(self, body: Json) -> Json:
        """Post ``<@bot> text`` as a person."""
        return await self.post({**body, "text": f"<@{BOT_USER}> {body.get('text', '')}".strip()})

    async def post(self, body: Json) -> Json:
        """Post as a person, with files if given ({name, content} or {name, base64})."""
        channel = self._interactions.member_channel(body["user"], body["channel"])
        thread_ts = body.get("thread_ts") or None
        if thread_ts is not None:
            parent = self._workspace.message(channel.id, thread_ts)
            if parent is None or parent.is_reply:
                raise Refused("thread_not_found")
        message = Message(channel.id, self._workspace.timestamps.next(), body["user"], typed(body.get("text", "")), thread_ts=thread_ts)
        for item in body.get("files") or []:
            content = base64.b64decode(item["base64"]) if "base64" in item else str(item.get("content", "")).encode()
            file = new_file(self._workspace, item["name"], len(content), body["user"])
            file.content, file.completed, file.ready, file.shares = content, True, True, [(channel.id, message.ts)]
            message.files.append(file)
        if not message.text.strip() and not message.files:
            raise Refused("no_text")
        self._workspace.add(message)
        return {"ok": True, "ts": message.ts}

    async def open_home(self, body: Json) -> Json:
        """Open App Home."""
        if body["user"] not in self._workspace.users:
            raise Refused("unknown_user")
        return {"ok": self._workspace.app.home_tab, "delivered": self._events.home_opened(body["user"], tab=body.get("tab", "home"))}

    async def deliver_by(self, body: Json) -> Json:
        """Choose Socket Mode or HTTP; an HTTP URL is asked for the challenge."""
        if body.get("mode") not in ("socket", "http") or (body["mode"] == "http" and not body.get("url")):
            raise Refused("mode must be socket, or http with a url")
        self._delivery.mode, self._delivery.url = body["mode"], body.get("url", "")
        verified = await self._delivery.verify_url() if body["mode"] == "http" else None
        return {"ok": True, "verified": verified, "delivery": self._delivery.as_json()}

    async def invite(self, body: Json) -> Json:
        """Bring the bot (or ``user``) into a channel."""
        channel = self._workspace.channels.get(body["channel"])
        user = body.get("user", BOT_USER)
        if channel is None or user not in self._workspace.users or channel.kind == "im":
            raise Refused("channel_not_found")
        if user not in channel.members:
            channel.members.append(user)
            self._events.joined(channel.id, user)
        return {"ok": True}

    async def person(self, body: Json) -> Json:
        """Have users.info say of a person what it says: ``stranger`` and ``guest``. A foreign member of a shared channel need be no stranger."""
        user = self._workspace.users.get(body["user"])
        if user is None:
            raise Refused("unknown_user")
        user.stranger, user.guest = bool(body.get("stranger", user.stranger)), bool(body.get("guest", user.guest))
        return {"ok": True}

    async def kick(self, body: Json) -> Json:
        """Remove the bot (or ``user``) from a channel."""
        channel = self._workspace.channels.get(body["channel"])
        if channel is None or channel.kind == "im":
            raise Refused("channel_not_found")
        channel.members[:] = [member for member in channel.members if member != body.get("user", BOT_USER)]
        return {"ok": True}

    async def archive(self, body: Json) -> Json:
        """Archive a channel, or bring it back ({"archived": false})."""
        channel = self._workspace.channels.get(body["channel"])
        if channel is None or channel.kind == "im":
            raise Refused("channel_not_found")
        channel.archived = bool(body.get("archived", True))
        return {"ok": True}

    async def configure(self, body: Json) -> Json:
        """Change the workspace's settings: {"edit_seconds": for how long messages may be edited, or null}."""
        self._workspace.edit_seconds = None if body["edit_seconds"] is None else float(body["edit_seconds"])
        return {"ok": True}

    async def direct(self, body: Json) -> Json:
        """Open the direct conversation of a person with the bot (or with ``other``)."""
        if not {body["user"], body.get("other", BOT_USER)} <= set(self._workspace.users):
            raise Refused("unknown_user")
        return {"ok": True, "channel": self._workspace.direct(body["user"], body.get("other", BOT_USER)).id}

    async def disturb(self, body: Json) -> Json:
        """Disturb every open socket at once: effect disconnect {reason}, close, reset, silent."""
        return {"ok": True, "sockets": await self._sockets.disturb(body["effect"], body)}

    async def grant(self, body: Json) -> Json:
        """Change the token's scopes: {"remove": […], "add": […]}, as a reinstallation with another manifest would."""
        self._workspace.token_scopes |= set(body.get("add", []))
        self._workspace.token_scopes -= set(body.get("remove", []))
        return {"ok": True, "scopes": sorted(self._workspace.token_scopes)}

    async def declare(self, body: Json) -> Json:
        """Edit the app's manifest in its settings: {"manifest": {…}}; the page at api.slack.com/apps does not install it again."""
        self._workspace.declare(body["manifest"])
        return {"ok": True}

    async def views(self, query: dict[str, str]) -> Json:
        """The person's stack of modals, lowest first."""
        return {"views": [view.as_json() for view in self._interactions.views.stacks.get(query.get("user", ""), [])]}

    async def home(self, query: dict[str, str]) -> Json:
        """The person's App Home."""
        view = self._interactions.views.homes.get(query.get("user", ""))
        return {"view": view.as_json() if view else None}

    async def describe(self, _: dict[str, str]) -> Json:
        """Who and what is there."""
        workspace, app = self._workspace, self._workspace.app
        return {
            "team": workspace.team,
            "bot": {"user_id": BOT_USER, "bot_id": BOT_ID, "name": app.bot_name},
            "users": [user.as_json() for user in workspace.users.values()],
            "channels": [
                {"id": c.id, "name": c.name, "kind": c.kind, "is_private": c.kind != "channel", "members": c.members, "bot_in": BOT_USER in c.members}
                for c in workspace.channels.values()
            ],
            "usergroups": [group.as_json(users=True) for group in workspace.usergroups.values()],
            "commands": [{"command": c.command, "description": c.description, "usage_hint": c.usage_hint} for c in app.commands.values()],
            "shortcuts": app.shortcuts, "home_tab": app.home_tab, "delivery": self._delivery.as_json(), "scopes": sorted(workspace.token_scopes),
        }  # fmt: skip

    async def messages(self, query: dict[str, str]) -> Json:
        """A channel as everybody (or, with ``user``, that person) sees it: parents with replies, oldest first."""
        channel = self._workspace.channels.get(query.get("channel", ""))
        if channel is None:
            raise Refused("channel_not_found")
        user = query.get("user")
        rows = [m for m in self._workspace.messages[channel.id].values() if m.ephemeral_to is None or m.ephemeral_to == user]
        rows.sort(key=lambda message: message.ts)
        by_parent: dict[str, list[Message]] = {}
        for message in rows:
            if message.is_reply:
                by_parent.setdefault(message.thread_ts or "", []).append(message)
        return {"messages": [self._shown(message, by_parent.get(message.ts, [])) for message in rows if not message.is_reply]}

    def _shown(self, message: Message, replies: list[Message]) -> Json:
        shown: Json = {
            "ts": message.ts, "text": message.text, "blocks": message.blocks, "metadata": message.metadata, "edits": message.edits,
            "edited": message.edited is not None, "ephemeral_to": message.ephemeral_to, "deleted": message.deleted, "notice": message.notice,
            "thread_ts": message.thread_ts, "broadcast": message.broadcast, "attachments": message.attachments,
            "username": message.username,
            "files": [file.as_control() for file in message.files], "reactions": message.reactions,
            "status": self._workspace.status(message.channel, message.ts),
            "replies": [self._shown(reply, []) for reply in replies],
        }  # fmt: skip
        return shown | ({"bot": message.user} if message.from_bot or message.notice else {"user": message.user})


def typed(text: str) -> str:
    """What a person typed as apps get it: & < > as entities, web addresses in angle brackets; mentions stay mentions."""
    return "".join(part if MARKUP.fullmatch(part) else ADDRESS.sub(r"<\g<0>>", html.escape(part, quote=False)) for part in MARKUP.split(text))


def _outcome(ack: Ack) -> Json:
    return {"ok": ack.error is None, "error": ack.error, "ms": round(ack.ms, 2)}


def _json(handler: Callable[[Json], Awaitable[Json]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            body: Any = json.loads(await request.text() or "{}")
            return web.json_response(await handler(body))
        except Refused as error:
            return web.json_response({"ok": False, "error": str(error)})
        except KeyError as error:
            return web.json_response({"ok": False, "error": f"missing {error}"}, status=400)
        except ValueError as error:
            return web.json_response({"ok": False, "error": f"not understood: {error}"}, status=400)

    return answer


def _query(reader: Callable[[dict[str, str]], Awaitable[Json]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            return web.json_response(await reader(dict(request.query)))
        except Refused as error:
            return web.json_response({"ok": False, "error": str(error)}, status=404)

    return answer
