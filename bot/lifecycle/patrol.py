"""The round that one of the workers makes every minute: idle pools, orphans. One LIST of the subscription serves both, or one made anyway."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.approvals.rules import Policy
from bot.azure import tags
from bot.azure.clusters import ClusterState
from bot.errors import QuartermasterError
from bot.lifecycle import idling, orphans
from bot.lifecycle.idling import QUIET
from bot.operations.journal import Journal
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.store import text

log = logging.getLogger(__name__)
AT_ONCE: Final = 200


class Using:
    """Who uses a cluster or answers for one, of all operations that have not ended.

    A plan is made once, so an operation that has one (or whose kind is about no cluster) is read once and remembered by the little that a round
    looks at: ten thousand that wait cost one list of ids each round.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, Operation | None] = {}

    async def now(self) -> list[Operation]:
        """The leases, and what works on a cluster, without the rest of their records."""
        ids = {text(one) for one in await self._journal.redis.smembers(Journal.key("active"))}
        self._known = {op_id: op for op_id, op in self._known.items() if op_id in ids}
        fresh, unread = [], sorted(ids - self._known.keys())
        for at in range(0, len(unread), AT_ONCE):
            for op in await self._journal.load_all(unread[at : at + AT_ONCE]):
                slim = used(op)
                if settled(op):
                    self._known[op.id] = slim
                elif slim is not None:
                    fresh.append(slim)
        return [*fresh, *(op for op in self._known.values() if op is not None)]


def settled(op: Operation) -> bool:
    """Whether what it is about can change no more."""
    return op.kind in QUIET or op.plan is not None


def used(op: Operation) -> Operation | None:
    """The operation as far as a round looks at it; None where it is about no cluster."""
    if op.kind == "lease":
        return replace(op, request={}, decisions=(), plan=None, memo={name: op.memo[name] for name in ("cluster", "pool") if name in op.memo})
    target = (op.plan or {}).get("target")
    cluster = str((target or op.values).get("cluster") or "")
    if op.kind in QUIET or not cluster:
        return None
    about = {"cluster": cluster}
    return replace(op, request={"values": about}, decisions=(), plan={"target": about} if target else None, memo={})


class Patrol:
    """Repeating a round changes nothing: what it begins is named after what it saw."""

    def __init__(self, do: Services, policy: Policy) -> None:
        self._do, self._policy = do, policy
        self._using = Using(do.journal)

    async def round(self) -> None:
        """Look, count, report. Nothing while the journal is being rebuilt: everything would look like an orphan."""
        if not await self._do.redis.exists(Journal.key("epoch")):
            return
        try:
            found = [one for one in await self._listed() if tags.ours(one.tags) or any(tags.ours(pool.tags) for pool in one.pools)]
        except QuartermasterError as error:
            log.info("the subscription could not be listed", extra={"cause": repr(error.__cause__ or error)})
            return
        active = await self._using.now()
        await orphans.sweep(self._do, self._policy, found, active)
        await idling.look(self._do, self._policy.idle, found, active)

    async def _listed(self) -> Sequence[ClusterState]:
        seen = self._do.observer.snapshot()
        if seen.at is not None and time.monotonic() - seen.at < self._do.settings.engine.observe:
            return list(seen.clusters.values())
        return await self._do.listing.clusters()
