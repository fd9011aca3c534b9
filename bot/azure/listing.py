"""One LIST of the clusters for all who ask at the same time, within a budget: AKS grants one a second in the long run, whoever asks.

Nobody is answered with what was seen before he asked: who asks while a LIST is under way gets the one after it, together with all others.
"""

from __future__ import annotations

import asyncio
from typing import Final

from bot.azure import clusters
from bot.azure.clusters import ClusterState
from bot.azure.connection import Connection
from bot.azure.observer import TokenBucket
from bot.calls import OPERATION

LISTS_PER_SECOND: Final = 0.5
BURST: Final = 20.0
UNDER_WAY_SECONDS: Final = 1.0
"""How long the next LIST waits for the one before it: one answer that is lost must not cost all who ask after it."""

Listed = tuple[ClusterState, ...]


class Listing:
    """The clusters of one subscription, for one process."""

    def __init__(self, conn: Connection, *, bucket: TokenBucket | None = None) -> None:
        self._conn = conn
        self._bucket = bucket or TokenBucket(LISTS_PER_SECOND, BURST)
        self._last: asyncio.Task[Listed] | None = None
        self._next: asyncio.Task[Listed] | None = None

    async def clusters(self) -> Listed:
        """All clusters of the subscription, in a LIST that begins after this was called.

        Raises as :meth:`Connection.call`; each who asks is counted among those that wait for Azure, and waits no longer than for a LIST of his own.
        """
        return await self._conn.call(self._shared())

    async def _shared(self) -> Listed:
        if self._next is None:
            self._next = asyncio.create_task(self._list(self._last))
            self._next.add_done_callback(_seen)
        return await asyncio.shield(self._next)

    async def _list(self, before: asyncio.Task[Listed] | None) -> Listed:
        OPERATION.set("")  # it belongs to all who ask
        if before is not None:
            await asyncio.wait({before}, timeout=UNDER_WAY_SECONDS)
        await asyncio.sleep(self._bucket.borrow())
        self._last, self._next = self._next, None
        return tuple(await clusters.list_all(self._conn, on_page=self._bucket.paid_for_one()))


def _seen(task: asyncio.Task[Listed]) -> None:
    """An error that nobody waits for any more is no news: each who asked was told that Azure does not answer."""
    if not task.cancelled():
        task.exception()
