"""The Events API: what happened, told to the app, and told again until it answers: at once, after 1 and after 5 minutes (of the clock, sped up)."""

from __future__ import annotations

from typing import Final

from playground import chance
from playground.slack import posting
from playground.slack.delivery import Delivery
from playground.slack.model import APP_ID, BOT_USER, TEAM, Json, Message
from playground.slack.views import Views
from playground.slack.workspace import Workspace

RETRY_SECONDS: Final = (0.0, 60.0, 300.0)
NEEDED_SCOPE: Final = {
    "app_mention": "app_mentions:read", "message.channels": "channels:history", "message.groups": "groups:history", "message.im": "im:history",
    "member_joined_channel": "channels:read",
}  # fmt: skip
MESSAGE_EVENT: Final = {"channel": "message.channels", "group": "message.groups", "im": "message.im"}
CHANNEL_TYPE: Final = {"channel": "channel", "group": "group", "im": "im"}


class Events:
    """Sends the events that the manifest subscribes to and the token has the scope for."""

    def __init__(self, workspace: Workspace, delivery: Delivery, views: Views) -> None:
        self._workspace, self._delivery, self._views = workspace, delivery, views
        workspace.on_message.append(self._message)

    def emit(self, subscription: str, event: Json) -> bool:
        """Deliver `event` in the background; False if the app is not subscribed to it."""
        needed = NEEDED_SCOPE.get(subscription)
        if subscription not in self._workspace.app.events or (needed is not None and needed not in self._workspace.token_scopes):
            return False
        payload = {
            "token": self._workspace.verification_token, "team_id": TEAM, "api_app_id": APP_ID, "event": event, "type": "event_callback",
            "event_id": f"Ev{chance.digits('event', 10).upper()}", "event_time": int(self._workspace.clock.now()), "is_ext_shared_channel": False,
            "authorizations": [{"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True, "is_enterprise_install": False}],
            "event_context": f"4-{chance.digits('event context', 32)}",
        }  # fmt: skip
        self._workspace.tasks.start(self._persist(event["type"], payload))
        return True

    async def _persist(self, kind: str, payload: Json) -> None:
        clock = self._workspace.clock
        tried = clock.now()
        ack = await self._delivery.deliver("events_api", payload, detail=kind)
        for attempt, pause in enumerate(RETRY_SECONDS, 1):
            if ack.error is None or ack.no_retry:
                return
            await clock.until(tried + clock.scaled(pause))
            tried = clock.now()
            ack = await self._delivery.deliver("events_api", payload, detail=kind, retry=(attempt, ack.reason))

    def home_opened(self, user: str, *, tab: str = "home") -> bool:
        """A person opened the app's Home (or its Messages tab)."""
        channel = self._workspace.direct(user)
        event: Json = {
            "type": "app_home_opened", "user": user, "channel": channel.id, "tab": tab, "event_ts": self._workspace.timestamps.next(),
        }  # fmt: skip
        view = self._views.homes.get(user)
        return self.emit("app_home_opened", event | {"view": view.as_json()} if view is not None and tab == "home" else event)

    def joined(self, channel: str, user: str) -> bool:
        """Somebody joined a channel."""
        kind = "C" if self._workspace.channels[channel].kind == "channel" else "G"
        event = {"type": "member_joined_channel", "user": user, "channel": channel, "channel_type": kind, "team": TEAM}
        return self.emit("member_joined_channel", event | {"event_ts": self._workspace.timestamps.next()})

    def _message(self, message: Message, how: str) -> None:
        channel = self._workspace.channels[message.channel]
        if BOT_USER not in channel.members or message.notice or how == "reacted":
            return
        shown = posting.as_json(self._workspace, message)
        event = shown | {"channel": channel.id, "channel_type": CHANNEL_TYPE[channel.kind], "event_ts": message.ts}
        if how == "changed":
            event = {"type": "message", "subtype": "message_changed", "message": shown, "channel": channel.id, "hidden": True}
        elif how == "deleted":
            event = {"type": "message", "subtype": "message_deleted", "deleted_ts": message.ts, "channel": channel.id, "hidden": True}
        if how != "posted":
            now = self._workspace.timestamps.next()
            event |= {"ts": now, "event_ts": now, "channel_type": CHANNEL_TYPE[channel.kind]}
        elif message.files and not message.from_bot:
            event["subtype"] = "file_share"
        self.emit(MESSAGE_EVENT[channel.kind], event)
        if how == "posted" and f"<@{BOT_USER}>" in message.text and not message.from_bot and channel.kind != "im":
            keys = ("user", "text", "ts", "team", "blocks", "files", "thread_ts", "parent_user_id")
            mention = {"type": "app_mention"} | {key: shown[key] for key in keys if key in shown}
            self.emit("app_mention", mention | {"channel": channel.id, "event_ts": message.ts})
