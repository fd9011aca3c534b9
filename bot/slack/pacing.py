"""Slack's limits, kept by all replicas together: token buckets in Redis.

Rates are a little below what Slack states (chat.postMessage about 1 per second and channel with some burst; tier 3
50 per minute, tier 4 100 per minute, per method and workspace), so that a steady state provokes no 429.
"""

from __future__ import annotations

from importlib import resources
from typing import Final

from redis.asyncio import Redis

TIERS: Final[dict[str, tuple[float, float]]] = {  # method: (burst, per second)
    "chat.postMessage": (3, 0.95),
    "chat.update": (10, 0.75),
    "chat.postEphemeral": (20, 1.5),
    "files.completeUploadExternal": (20, 1.5),
    "conversations.replies": (10, 0.75),
    "conversations.history": (10, 0.75),
    "views.publish": (20, 1.5),
    "users.info": (20, 1.5),
    "usergroups.users.list": (10, 0.3),
}
PER_CHANNEL: Final = frozenset({"chat.postMessage"})


class NotNow(Exception):
    """Sending goes on after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Pacing:
    """`take` answers how long to wait; nothing here sleeps. `granted` is how many times the usual limits Slack grants to this app."""

    def __init__(self, redis: Redis, granted: float = 1.0) -> None:
        self._granted = granted
        self._bucket = redis.register_script(resources.files("bot.slack").joinpath("lua", "pace.lua").read_text())

    async def take(self, method: str, channel: str = "") -> float:
        """A token for one call of `method`: 0.0 if it was taken, else seconds until there is one."""
        burst, rate = TIERS[method]
        args = [burst * self._granted, rate * self._granted, 0]
        return int(await self._bucket(keys=[self._key(method, channel)], args=args)) / 1000

    async def block(self, method: str, seconds: float, channel: str = "") -> None:
        """Slack said 429: nobody calls `method` for that long."""
        burst, rate = TIERS[method]
        await self._bucket(keys=[self._key(method, channel)], args=[burst, rate, int(seconds * 1000)])

    @staticmethod
    def _key(method: str, channel: str) -> str:
        return f"{{qm}}:pace:{method}:{channel}" if method in PER_CHANNEL else f"{{qm}}:pace:{method}"
