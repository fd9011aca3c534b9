"""When digests are posted: once for each slot.

A slot's id is made of the channel and the *local* wall time, so that neither several clocks nor the repeated hour in autumn
post it twice. Imports no cloud library: the `clock` process stays small.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from redis.asyncio import Redis

from bot.operations.record import identity
from bot.store import texts

KEY: Final = "{qm}:digests"
LATE_SECONDS: Final = 300.0
OLDEST_SECONDS: Final = 86400.0


@dataclass(frozen=True)
class Schedule:
    """When a channel's digest is posted. `days` as cron names them (``mon,tue``), `at` HH:MM in `zone` (IANA); `shown` for people."""

    channel: str
    team: str
    user: str
    days: str
    at: str
    zone: str
    shown: str
    since: float

    def trigger(self) -> CronTrigger:
        """The times, for APScheduler."""
        hour, minute = self.at.split(":")
        return CronTrigger(day_of_week=self.days, hour=int(hour), minute=int(minute), timezone=ZoneInfo(self.zone))

    def upcoming(self, now: float) -> float | None:
        """The first time after `now`, in epoch seconds."""
        zone = ZoneInfo(self.zone)
        fire = self.trigger().get_next_fire_time(None, datetime.fromtimestamp(now, zone) + timedelta(microseconds=1))
        return fire.timestamp() if fire else None

    def newest(self, now: float) -> float | None:
        """The last time that has come since the schedule was set, at most a day back; None where there is none."""
        at, found = max(self.since, now - OLDEST_SECONDS), None
        while (fire := self.upcoming(at)) is not None and fire <= now:
            found = at = fire
        return found

    def slot(self, fire: float) -> str:
        """The id of the digest of that time: one for each local wall time."""
        local = datetime.fromtimestamp(fire, ZoneInfo(self.zone)).strftime("%Y-%m-%dT%H:%M")
        return identity("digest", self.channel, local, self.zone)


async def schedules(redis: Redis) -> list[Schedule]:
    """All that are set."""
    return [Schedule(**json.loads(row)) for _, row in sorted(texts(await redis.hgetall(KEY)).items())]
