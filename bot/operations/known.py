"""Which clusters there are, as the workers saw last: for `web`, which asks nobody but Redis."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from redis.asyncio import Redis

from bot.azure import tags
from bot.azure.clusters import ClusterState
from bot.operations.journal import Journal

KEY: Final = Journal.key("clusters")


async def saw(redis: Redis, listed: Iterable[ClusterState]) -> None:
    """Remember the names of those that the bot looks after and that could take a job; the others' are forgotten."""
    usable = [one for one in listed if tags.ours(one.tags) and one.power_state != "Stopped" and one.provisioning_state != "Deleting"]
    await redis.set(KEY, json.dumps(sorted({one.name for one in usable})))


async def names(redis: Redis) -> list[str]:
    """The names, sorted; none where nothing was seen yet."""
    return [str(name) for name in json.loads(await redis.get(KEY) or "[]")]
