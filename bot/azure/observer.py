"""One observation for all who wait: LIST the clusters once per tick, and the pools of those clusters that somebody waits for.

A cluster carries a summary of its pools, so one LIST shows the whole subscription; the pools' own LIST adds the failure and the ETag. AKS
grants one LIST a second in the long run; the budget here is half a read a second, however many operations wait. What does not fit waits
for a later tick, the longest unseen first. An observation is a hint that wakes operations: each also looks for itself at a slow pace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from bot.azure import clusters, pools
from bot.azure.clusters import ClusterState
from bot.azure.connection import Connection
from bot.azure.operations import terminal
from bot.azure.pools import PoolState
from bot.errors import QuartermasterError, Temporary

READS_PER_SECOND: Final = 0.5
BURST: Final = 10.0


class TokenBucket:
    """Grants `rate` a second in the long run and `burst` at once. `now` gives monotonic seconds."""

    def __init__(self, rate: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._now = now
        self._level = burst
        self._at = now()

    def take(self, amount: float = 1.0) -> bool:
        """Take `amount` if it is there."""
        if self.level < amount:
            return False
        self._level -= amount
        return True

    def borrow(self) -> float:
        """Take one, be it there or not; seconds after which it will be."""
        self._level = self.level - 1.0
        return max(0.0, -self._level / self._rate)

    def paid_for_one(self) -> Callable[[object], None]:
        """A callback for a list of unknown length: its first page was taken for, each further one is owed, so the level may fall below zero."""
        paid = iter((True,))

        def page(_: object) -> None:
            self._level = self.level - (0.0 if next(paid, False) else 1.0)

        return page

    @property
    def level(self) -> float:
        """What could be taken now."""
        now = self._now()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        return self._level


@dataclass(frozen=True)
class Snapshot:
    """The newest observation. Clusters by key (see :func:`key`); pools by the key of their cluster, as their own LIST showed them; `at` and
    `pools_at` are monotonic seconds of the LISTs (`at` None: nothing was observed yet)."""

    clusters: Mapping[str, ClusterState] = field(default_factory=dict)
    pools: Mapping[str, Mapping[str, PoolState]] = field(default_factory=dict)
    at: float | None = None
    pools_at: Mapping[str, float] = field(default_factory=dict)

    def cluster(self, group: str, name: str) -> ClusterState | None:
        """The cluster as last seen."""
        return self.clusters.get(key(group, name))

    def pool(self, group: str, cluster: str, pool: str) -> PoolState | None:
        """The pool as last seen, from its own LIST or from its cluster's summary, whichever is newer."""
        name = key(group, cluster)
        listed = self.pools.get(name, {}).get(pool.lower())
        if listed is not None and self.at is not None and self.pools_at.get(name, 0.0) >= self.at:
            return listed
        owner = self.clusters.get(name)
        summary = next((item for item in owner.pools if item.name.lower() == pool.lower()), None) if owner else None
        return summary or listed

    def settled(self, group: str, name: str) -> bool:
        """Whether the cluster was seen to be gone, or nothing goes on in it and its pools."""
        found = self.cluster(group, name)
        states = [] if found is None else [found.provisioning_state, *(pool.provisioning_state for pool in found.pools)]
        return self.at is not None and all(terminal(state) for state in states)


def key(group: str, cluster: str, pool: str = "") -> str:
    """The name of a resource for those who wait: ``azure:<group>/<cluster>[/<pool>]``, in lower case, because ARM's ids are case-insensitive."""
    return "azure:" + "/".join(part for part in (group.lower(), cluster.lower(), pool.lower()) if part)


class Observer:
    """Observes one subscription; run :meth:`tick` periodically in one process at a time. Reads only."""

    def __init__(self, conn: Connection, *, bucket: TokenBucket | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._conn = conn
        self._now = now
        self._bucket = bucket or TokenBucket(READS_PER_SECOND, BURST, now)
        self._seen = Snapshot()
        self._quiet_until = float("-inf")

    def snapshot(self) -> Snapshot:
        """What was seen last; never blocks."""
        return self._seen

    async def tick(self, wanted: Iterable[tuple[str, str]]) -> set[str]:
        """Look, and return the keys of clusters and pools that changed, appeared or vanished since the last look.

        `wanted` are (group, cluster) that somebody waits for; with none, nothing is asked. A changed pool changes its cluster's key too, so that
        waiting for ``azure:<group>/<cluster>`` is enough. Spends nothing above the budget, and asks nothing for as long as Azure asked for quiet.
        Raises as :meth:`Connection.call` where nothing could be seen; what was seen before stays.
        """
        asked = {key(group, name): (group, name) for group, name in wanted}
        if not asked or self._now() < self._quiet_until or not self._bucket.take():
            return set()
        try:
            return await self._observe(asked)
        except Temporary as error:
            self._quiet_until = self._now() + (error.retry_after or 0.0)
            raise

    async def _observe(self, asked: Mapping[str, tuple[str, str]]) -> set[str]:
        first = self._bucket.paid_for_one()
        listed = {key(item.group, item.name): item for item in await clusters.list_all(self._conn, on_page=first)}
        changed = _changes(self._seen.clusters, listed) if self._seen.at is not None else set(asked)
        self._seen = Snapshot(
            MappingProxyType(listed),
            {name: found for name, found in self._seen.pools.items() if name in listed},
            self._now(),
            {name: at for name, at in self._seen.pools_at.items() if name in listed},
        )
        present = sorted((name for name in asked if name in listed), key=lambda name: self._seen.pools_at.get(name, -1.0))
        for name in present:
            if not self._bucket.take():
                break
            try:
                changed |= await self._look(name, *asked[name])
            except QuartermasterError as error:
                if not changed:
                    raise
                # what the first LIST told must not be lost with this one
                if isinstance(error, Temporary):
                    self._quiet_until = self._now() + (error.retry_after or 0.0)
                break
        return changed

    async def _look(self, name: str, group: str, cluster: str) -> set[str]:
        found = await pools.list_all(self._conn, group, cluster, on_page=self._bucket.paid_for_one())
        if found is None:
            return {name}
        now = {item.name.lower(): item for item in found}
        summary = {item.name.lower(): item for item in self._seen.clusters[name].pools} if name in self._seen.clusters else {}
        before = self._seen.pools.get(name)
        changed = {f"{name}/{pool}" for pool in (before or {}).keys() | now.keys() if before is not None and before.get(pool) != now.get(pool)}
        self._seen = Snapshot(
            self._seen.clusters, {**self._seen.pools, name: MappingProxyType(now)}, self._seen.at, {**self._seen.pools_at, name: self._now()}
        )
        # Seen for the first time it is news only where it differs from the summary that woke those who wait already.
        return changed | {name} if changed or (before is None and _states(summary) != _states(now)) else set()


def _states(found: Mapping[str, PoolState]) -> dict[str, tuple[str, str, int]]:
    return {name: (pool.provisioning_state, pool.power_state, pool.count) for name, pool in found.items()}


def _changes(before: Mapping[str, ClusterState], now: Mapping[str, ClusterState]) -> set[str]:
    changed: set[str] = set()
    for name in before.keys() | now.keys():
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        changed.add(name)
        earlier = {item.name.lower(): item for item in old.pools} if old else {}
        later = {item.name.lower(): item for item in new.pools} if new else {}
        changed |= {f"{name}/{pool}" for pool in earlier.keys() | later.keys() if earlier.get(pool) != later.get(pool)}
    return changed
