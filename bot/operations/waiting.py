"""Who waits on what: sets of operation ids by the thing that they wait on, so that one observation serves all.

A name is ``azure:<group>/<cluster>`` (seen by the subscription's LIST loop) or ``cluster:<group>/<cluster>`` (seen by that
cluster's watch), lower case. A stale entry costs one needless wake and is dropped then.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from importlib import resources
from typing import Final

from redis.asyncio import Redis

from bot.operations.journal import Journal
from bot.store import text

_SHARED: Final = (Journal.key("active"), Journal.key("watched"), Journal.key("seen"))


class Waiting:
    """The sets, in Redis."""

    def __init__(self, redis: Redis, journal: Journal) -> None:
        self._redis = redis
        self._journal = journal
        self._forget = redis.register_script(resources.files("bot.operations").joinpath("lua", "forget.lua").read_text())

    async def add(self, op_id: str, name: str) -> None:
        """Operation `op_id` waits on `name`."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.sadd(Journal.key("on", name), op_id)
            pipe.sadd(Journal.key("watched"), name)
            await pipe.execute()

    async def names(self, prefix: str) -> list[str]:
        """Everything with that prefix that somebody waits on. Forgets those that have ended, and what nobody waits on any more."""
        names = sorted(name for name in await self._members("watched") if name.startswith(prefix))
        if not names:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                await self._forget(keys=[Journal.key("on", name), *_SHARED], args=[name], client=pipe)
            left = await pipe.execute()
        return [name for name, waited in zip(names, left, strict=True) if waited]

    async def poke(self, name: str, only: str = "") -> list[str]:
        """Make those that wait on `name` due (only the operation `only`, if given); their ids. Forgets the ended ones."""
        ids = sorted(await self._members("on", name))
        poked = []
        for op_id in ids:
            if only and op_id != only:
                continue
            if await self._journal.poke(op_id, {}) in ("missing", "ended"):
                await self.drop(op_id, name)
            else:
                poked.append(op_id)
        return poked

    async def saw(self, names: Iterable[str]) -> None:
        """All of `names` have just been observed; what changed among them was poked."""
        items = [part for name in names for part in (name, repr(time.time()))]
        if items:
            await self._redis.hset(Journal.key("seen"), items=items)

    async def fresh(self, name: str, within: float) -> bool:
        """Whether `name` was observed in the last `within` seconds: then a change would have poked those that wait."""
        at = await self._redis.hget(Journal.key("seen"), name)
        return at is not None and time.time() - float(text(at)) < within

    async def _members(self, *key: str) -> set[str]:
        return {text(one) for one in await self._redis.smembers(Journal.key(*key))}

    async def drop(self, op_id: str, name: str) -> None:
        """Operation `op_id` waits on `name` no more."""
        await self._redis.srem(Journal.key("on", name), op_id)
