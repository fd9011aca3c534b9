"""Who is who: what authorisation needs from Slack, fetched by the worker and kept in Redis for a while.

A person whose profile cannot be read is unknown, and unknown people are refused (fail closed). Guests are
``is_restricted`` / ``is_ultra_restricted``; somebody of another workspace (Slack Connect) is ``is_stranger`` or is not of the bot's own team.
Which that is Slack tells by the bot's token, never a payload: one from a shared channel may name the other workspace.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from redis.asyncio import Redis
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import Temporary
from bot.slack.asking import Asking
from bot.slack.client import UNKNOWN_OUTCOME, error_name, retry_after
from bot.store import text

PROFILE_SECONDS: Final = 900
GROUP_SECONDS: Final = 300
NAMES: Final = "{qm}:names"
NOBODY_OF_OURS: Final = frozenset({"user_not_found", "user_not_visible"})
"""Slack: users.info, of somebody whom the bot may not see: as good as somebody of another workspace, and no reason to ask for ever."""


@dataclass(frozen=True)
class Profile:
    """What Slack says of a user; `groups` are the ids of those user groups that were asked for."""

    id: str
    team: str
    name: str
    guest: bool
    external: bool
    bot: bool
    groups: tuple[str, ...] = ()
    zone: str = ""


class People:
    """Reads through Redis; `known` never calls Slack, `fetch` does where it must."""

    def __init__(self, redis: Redis, client: AsyncWebClient, asking: Asking) -> None:
        self._redis, self._client, self._asking = redis, client, asking
        self._own = ""

    async def known(self, user: str) -> Profile | None:
        """The profile, if the worker has seen this person lately."""
        raw = await self._redis.get(f"{{qm}}:person:{user}")
        if raw is None:
            return None
        row = json.loads(raw)
        return Profile(**{**row, "groups": tuple(row["groups"])})

    async def fetch(self, user: str, groups: Iterable[str]) -> Profile:
        """The profile, with membership in `groups`. Raises Temporary where Slack does not answer."""
        found = await self.known(user)
        if found is not None:
            return found
        try:
            with self._asking.one("the profile"):
                own = await self._team()
                info = (await self._client.users_info(user=user))["user"]
                members = [group for group in groups if user in await self._members(group)]
        except SlackApiError as error:
            if error_name(error) in NOBODY_OF_OURS:
                return await self._kept(Profile(user, "", user, guest=False, external=True, bot=False))
            raise Temporary("slack.unreadable", retry_after=retry_after(error), what="the profile", error=error_name(error)) from error
        except UNKNOWN_OUTCOME as error:
            raise Temporary("slack.unreadable", what="the profile", error="no answer") from error
        profile = Profile(
            id=user,
            team=str(info.get("team_id") or ""),
            name=str((info.get("profile") or {}).get("display_name") or info.get("real_name") or info.get("name") or user),
            guest=bool(info.get("is_restricted") or info.get("is_ultra_restricted")),
            external=bool(info.get("is_stranger")) or info.get("team_id") != own,
            bot=bool(info.get("is_bot")),
            groups=tuple(sorted(members)),
            zone=str(info.get("tz") or ""),
        )
        await self._redis.hset(NAMES, user, profile.name)
        return await self._kept(profile)

    async def _team(self) -> str:
        """The workspace of the bot's token, asked for once."""
        if not self._own:
            self._own = str((await self._client.auth_test())["team_id"])
        return self._own

    async def _kept(self, profile: Profile) -> Profile:
        await self._redis.set(f"{{qm}}:person:{profile.id}", json.dumps(asdict(profile)), ex=PROFILE_SECONDS)
        return profile

    async def _members(self, group: str) -> list[str]:
        key = f"{{qm}}:group:{group}"
        raw = await self._redis.get(key)
        if raw is None:
            users = (await self._client.usergroups_users_list(usergroup=group))["users"]
            raw = json.dumps(users)
            await self._redis.set(key, raw, ex=GROUP_SECONDS)
        members: list[str] = json.loads(raw)
        return members


async def names_of(redis: Redis, users: Sequence[str]) -> dict[str, str]:
    """What the people are called whom the bot has met, by id: for where a mention would ping them for nothing."""
    if not users:
        return {}
    found = await redis.hmget(NAMES, list(users))
    return {user: text(name) for user, name in zip(users, found, strict=True) if name}
