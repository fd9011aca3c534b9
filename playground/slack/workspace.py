"""The state of one workspace: people, channels, messages, files. No HTTP here, and no rule of any API method."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator

from playground import chance
from playground.clock import Clock
from playground.faults import Faults
from playground.slack import manifest
from playground.slack.clocked import Timestamps
from playground.slack.model import BOT_USER, SLACKBOT, TEAM, Channel, File, Json, Message, User, Usergroup
from playground.slack.stream import Stream
from playground.slack.tasks import Tasks

PEOPLE = [
    User("U0ALICE", "alice", "Alice Martin"),
    User("U0BOB", "bob", "Bob Okafor"),
    User("U0CAROL", "carol", "Carol Weiss", admin=True),
    User("U0GINA", "gina", "Gina Rossi", guest=True),
    User("U0XAVI", "xavi", "Xavi Puig", team="T0PARTNER", stranger=True),
]


TOKEN_SECONDS = 12 * 3600


class Workspace:
    """One workspace with one installed app.

    `token_scopes` are what the bot's token was granted; `token_until` is when it expires, for apps with token rotation.
    `declared` is the app's manifest, which `config_token` can read until `config_until`. `edit_seconds` is for
    how long messages may be edited (None, as in a new workspace: at any time). Times are in epoch seconds of the playground's clock.
    """

    def __init__(self, clock: Clock, faults: Faults, public_url: str, declared: Json | None) -> None:
        self.clock, self.faults, self.public_url = clock, faults, public_url
        self.declare(manifest.DEFAULT if declared is None else declared)
        self.token_scopes = set(self.app.scopes)
        self.bot_token = f"xoxb-playground-{secrets.token_hex(12)}"
        self.token_until = clock.now() + TOKEN_SECONDS if self.app.rotates_tokens else None
        self.config_token = f"xoxe.xoxp-1-playground-{secrets.token_hex(12)}"
        self.config_until = clock.now() + TOKEN_SECONDS
        self.edit_seconds: float | None = None
        self.app_token = f"xapp-1-A0QM-{secrets.token_hex(12)}"
        self.signing_secret = secrets.token_hex(16)
        self.verification_token = secrets.token_hex(12)
        self.stream = Stream()
        self.tasks = Tasks()
        self.timestamps = Timestamps(clock)
        people = [*PEOPLE, User(BOT_USER, self.app.bot_name, self.app.name, bot=True)]
        self.users = {user.id: User(**vars(user)) for user in people}
        self.channels = {channel.id: channel for channel in _channels()}
        self.usergroups = {"S0PLATFORM": Usergroup("S0PLATFORM", "platform-team", "Platform team", ["U0BOB", "U0CAROL"])}
        self.messages: dict[str, dict[str, Message]] = {channel: {} for channel in self.channels}
        self._threads: dict[tuple[str, str], list[Message]] = {}
        self.files: dict[str, File] = {}
        self.statuses: dict[tuple[str, str], tuple[str, float]] = {}
        self.on_message: list[Callable[[Message, str], None]] = []
        self._numbers = itertools.count(1)

    def declare(self, declared: Json) -> None:
        """Give the app that manifest. What the token may do changes with the next installation only."""
        self.declared, self.app = declared, manifest.read(declared)

    @property
    def team(self) -> Json:
        """The workspace itself."""
        icon = {"image_default": True}
        return {"id": TEAM, "name": "Playground", "domain": "playground", "email_domain": "", "icon": icon, "url": f"{self.public_url}/"}

    def number(self, prefix: str) -> str:
        """A fresh id such as ``F0000000A``."""
        return f"{prefix}0{next(self._numbers):06X}{chance.digits('number', 2).upper()}"

    def channel_named(self, name: str) -> Channel | None:
        """The channel called `name` (with or without #)."""
        return next((channel for channel in self.channels.values() if channel.name and channel.name == name.removeprefix("#")), None)

    def direct(self, user: str, other: str = BOT_USER) -> Channel:
        """The direct conversation of two people; opened if there is none yet."""
        for channel in self.channels.values():
            if channel.kind == "im" and set(channel.members) == {user, other}:
                return channel
        suffix = user.removeprefix("U0") if other == BOT_USER else f"{user.removeprefix('U0')}{other.removeprefix('U0')}"
        channel = Channel(f"D0{suffix}", "", "im", [user, other])
        self.channels[channel.id] = channel
        self.messages[channel.id] = {}
        return channel

    def message(self, channel: str, ts: str) -> Message | None:
        """A message that has not been deleted, ephemerals included."""
        found = self.messages.get(channel, {}).get(ts)
        return found if found is not None and not found.deleted else None

    def listed(self, channel: str) -> Iterator[Message]:
        """What everybody in the channel can see, oldest first; deleted ones and ephemerals left out."""
        for message in self.messages.get(channel, {}).values():
            if not message.deleted and message.ephemeral_to is None:
                yield message

    def replies(self, channel: str, parent: str) -> list[Message]:
        """The replies under `parent`, oldest first."""
        return [message for message in self._threads.get((channel, parent), []) if not message.deleted and message.ephemeral_to is None]

    def visible(self, user: str, message: Message) -> bool:
        """Whether `user` sees that message."""
        return user in self.channels[message.channel].members and message.ephemeral_to in (None, user) and not message.deleted

    def add(self, message: Message) -> Message:
        """Put a message up and tell whoever listens."""
        self.messages[message.channel][message.ts] = message
        if message.thread_ts is not None and message.is_reply:
            self._threads.setdefault((message.channel, message.thread_ts), []).append(message)
        if message.thread_ts is not None and message.from_bot:
            self.statuses.pop((message.channel, message.thread_ts), None)
        self.changed(message, "posted")
        return message

    def changed(self, message: Message, how: str) -> None:
        """Tell the pages and the events; `how` is posted, changed, or deleted."""
        self.stream.publish({"type": "messages", "channel": message.channel})
        if message.ephemeral_to is None:
            for listener in self.on_message:
                listener(message, how)

    def notice(self, user: str, channel: str, text: str, thread_ts: str | None = None) -> None:
        """What the person's own client shows on a failure: visible to nobody else, unknown to the API."""
        self.add(Message(channel, self.timestamps.next(), SLACKBOT, text, ephemeral_to=user, notice=True, thread_ts=thread_ts))
        self.stream.publish({"type": "notice", "text": text}, user)

    def status(self, channel: str, thread_ts: str) -> str:
        """The thread's status line ("is working on it…"), '' once it has run out."""
        text, until = self.statuses.get((channel, thread_ts), ("", 0.0))
        return text if until > self.clock.now() else ""


def _channels() -> list[Channel]:
    everyone = ["U0ALICE", "U0BOB", "U0CAROL"]
    return [
        Channel("C0GPU", "gpu", "channel", [BOT_USER, *everyone, "U0GINA"]),
        Channel("C0ML", "ml", "channel", [BOT_USER, "U0ALICE", "U0BOB"]),
        Channel("C0RANDOM", "random", "channel", ["U0ALICE", "U0BOB"]),
        Channel("G0OPS", "ops", "group", ["U0BOB", "U0CAROL", BOT_USER]),
    ]
