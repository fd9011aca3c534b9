"""The nouns of a workspace, and how the Web API writes them down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
TEAM = "T0PLAYGROUND"
BOT_USER, BOT_ID, APP_ID = "U0QM", "B0QM", "A0QM"
SLACKBOT = "USLACKBOT"


@dataclass
class User:
    """A person or the bot. `stranger`: of another workspace, seen through Slack Connect."""

    id: str
    name: str
    real_name: str
    team: str = TEAM
    guest: bool = False
    stranger: bool = False
    admin: bool = False
    bot: bool = False
    tz: str = "Europe/Berlin"

    def as_json(self) -> Json:
        """As users.info answers."""
        profile: Json = {"real_name": self.real_name, "display_name": self.name, "avatar_hash": "playground", "team": self.team}
        if self.bot:
            profile |= {"bot_id": BOT_ID, "api_app_id": APP_ID}
        return {
            "id": self.id, "team_id": self.team, "name": self.name, "deleted": False, "real_name": self.real_name, "tz": self.tz,
            "tz_label": self.tz, "tz_offset": 3600, "profile": profile, "is_admin": self.admin, "is_owner": False, "is_primary_owner": False,
            "is_restricted": self.guest, "is_ultra_restricted": False, "is_bot": self.bot, "is_app_user": False, "is_stranger": self.stranger,
            "updated": 1700000000,
        }  # fmt: skip


@dataclass
class Channel:
    """A conversation; `kind` is channel, group (private) or im."""

    id: str
    name: str
    kind: str
    members: list[str]
    created: int = 1700000000
    archived: bool = False

    def as_json(self, viewer: str, *, num_members: bool = False) -> Json:
        """As conversations.info answers to `viewer`."""
        if self.kind == "im":
            other = next((member for member in self.members if member != viewer), viewer)
            return {"id": self.id, "created": self.created, "is_im": True, "is_org_shared": False, "user": other, "is_archived": False}
        private = self.kind == "group"
        text = {"value": "", "creator": "", "last_set": 0}
        shown: Json = {
            "id": self.id, "name": self.name, "name_normalized": self.name, "created": self.created, "creator": "U0CAROL", "is_channel": not private,
            "is_group": private, "is_im": False, "is_mpim": False, "is_private": private, "is_archived": self.archived, "is_general": False,
            "is_shared": False, "is_ext_shared": False, "is_org_shared": False, "is_pending_ext_shared": False, "unlinked": 0,
            "is_member": viewer in self.members, "topic": text, "purpose": text, "previous_names": [],
            "context_team_id": TEAM, "updated": 1700000000000,
        }  # fmt: skip
        return shown | {"num_members": len(self.members)} if num_members else shown


@dataclass
class Usergroup:
    """A user group such as @platform-team."""

    id: str
    handle: str
    name: str
    users: list[str]

    def as_json(self, *, users: bool = False, count: bool = False) -> Json:
        """As usergroups.list answers."""
        shown: Json = {
            "id": self.id, "team_id": TEAM, "is_usergroup": True, "is_subteam": True, "name": self.name, "description": "", "handle": self.handle,
            "is_external": False, "date_create": 1700000000, "date_update": 1700000000, "date_delete": 0, "auto_type": None,
            "created_by": "U0CAROL", "updated_by": "U0CAROL", "deleted_by": None, "prefs": {"channels": [], "groups": []},
        }  # fmt: skip
        if users:
            shown["users"] = list(self.users)
        if count:
            shown["user_count"] = len(self.users)
        return shown


@dataclass
class File:
    """An uploaded file. `ready` turns true only some time after the upload was completed (Slack processes it first)."""

    id: str
    name: str
    title: str
    size: int
    user: str
    created: int
    url: str
    private_url: str
    alt_text: str = ""
    content: bytes | None = None
    completed: bool = False
    ready: bool = False
    shares: list[tuple[str, str]] = field(default_factory=list)

    def as_json(self) -> Json:
        """As files.info answers and as messages carry it."""
        suffix = self.name.rsplit(".", 1)[-1].lower() if "." in self.name else "text"
        mime = {"png": "image/png", "jpg": "image/jpeg", "svg": "image/svg+xml", "json": "application/json", "yaml": "text/yaml", "yml": "text/yaml"}
        return {
            "id": self.id, "created": self.created, "timestamp": self.created, "name": self.name, "title": self.title, "user": self.user,
            "mimetype": mime.get(suffix, "text/plain"), "filetype": suffix, "size": self.size, "mode": "hosted", "is_external": False,
            "is_public": True, "url_private": self.private_url, "url_private_download": f"{self.private_url}?download=1", "permalink": self.url,
            "alt_txt": self.alt_text,
            "channels": sorted({channel for channel, _ in self.shares if channel.startswith("C")}), "groups": [], "ims": [],
        }  # fmt: skip

    def as_control(self) -> Json:
        """As the control API lists it."""
        shown: Json = {"id": self.id, "name": self.name, "title": self.title, "size": self.size, "url": self.url}
        return shown | {"mimetype": self.as_json()["mimetype"], "alt_txt": self.alt_text}


@dataclass
class Message:
    """A message; `ephemeral_to` names the only person who sees it, `edits` counts changes, `edited` is Slack's visible mark."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    files: list[File] = field(default_factory=list)
    thread_ts: str | None = None
    broadcast: bool = False
    ephemeral_to: str | None = None
    from_bot: bool = False
    notice: bool = False
    edits: int = 0
    edited: Json | None = None
    deleted: bool = False
    username: str | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    state: dict[str, Json] = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        """Whether it lives in a thread under another message."""
        return self.thread_ts is not None and self.thread_ts != self.ts
