"""What a step may use: the cloud, the clusters, the journal - handed down, never imported as a global."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from bot.azure import credentials, tags
from bot.azure.clusters import ClusterState
from bot.azure.connection import BeforeWrite, Connection
from bot.azure.listing import Listing
from bot.azure.observer import Observer
from bot.azure.prices import PriceList
from bot.azure.skus import SkuCatalogue
from bot.calls import Crowd
from bot.clock import Clock
from bot.cluster.access import WAITING_OPERATIONS, Access
from bot.cluster.templates import Template
from bot.errors import Refused
from bot.operations import known
from bot.operations.journal import Journal
from bot.operations.waiting import Waiting
from bot.operations.waking import Waking
from bot.settings import Settings


class Clusters:
    """Open connections to API servers, one per cluster; credentials live in memory only and are fetched anew after a 401."""

    def __init__(self, azure: Connection, before_write: BeforeWrite | None = None) -> None:
        self._azure = azure
        self._before_write = before_write
        self._crowd = Crowd(2 * WAITING_OPERATIONS, WAITING_OPERATIONS)
        self._open: dict[tuple[str, str], Access] = {}
        self._opening: dict[tuple[str, str], asyncio.Lock] = {}

    async def access(self, group: str, name: str) -> Access:
        """The connection to that cluster."""
        key = (group.lower(), name.lower())
        async with self._opening.setdefault(key, asyncio.Lock()):
            if key not in self._open:
                found = await credentials.credentials(self._azure, group, name)
                self._open[key] = Access.from_kubeconfig(
                    found.kubeconfig, token_provider=found.token, cluster=name, before_write=self._before_write, crowd=self._crowd
                )
            return self._open[key]

    def forget(self, group: str, name: str) -> None:
        """Close and forget, so that the next use fetches credentials anew."""
        access = self._open.pop((group.lower(), name.lower()), None)
        if access is not None:
            access.close()

    def forget_named(self, cluster: str, *, older_than: float = 0.0) -> None:
        """The same, where only the cluster's name is known; only a connection that is older than that many seconds."""
        for group, name in [key for key in self._open if key[1] == cluster.lower()]:
            if time.monotonic() - self._open[group, name].since >= older_than:
                self.forget(group, name)

    def close(self) -> None:
        """Close all."""
        for group, name in list(self._open):
            self.forget(group, name)


@dataclass
class Services:
    """Everything that steps share within one worker."""

    settings: Settings
    clock: Clock
    redis: Redis
    journal: Journal
    waiting: Waiting
    waking: Waking
    azure: Connection
    prices: PriceList
    skus: SkuCatalogue
    observer: Observer
    listing: Listing
    clusters: Clusters
    templates: Mapping[str, Template]
    publish_home: Callable[[str, dict[str, Any]], Awaitable[None]]
    warn_before: tuple[int, ...] = (3600, 900)

    async def ours(self) -> list[ClusterState]:
        """The clusters that the bot made or adopted, by name, as they are now."""
        listed = await self.listing.clusters()
        await known.saw(self.redis, listed)
        return sorted((cluster for cluster in listed if tags.ours(cluster.tags)), key=lambda cluster: cluster.name)

    async def cluster(self, name: str) -> ClusterState:
        """The cluster of ours that has that name: see :func:`one_of`."""
        return one_of(await self.ours(), name)

    async def reach(self, one: ClusterState) -> Access:
        """The connection to the API server of a cluster that was listed just now; see :func:`not_stopped`."""
        not_stopped(one)
        return await self.clusters.access(one.group, one.name)

    async def reach_named(self, name: str) -> Access:
        """The same, of the cluster of ours that has that name as it is now."""
        return await self.reach(await self.cluster(name))


def not_stopped(one: ClusterState) -> None:
    """Raises Refused (``azure.cluster_stopped``) where nobody would answer: whoever asks would wait until somebody starts it."""
    if one.power_state == "Stopped":
        raise Refused("azure.cluster_stopped", cluster=one.name)


def one_of(found: Sequence[ClusterState], name: str) -> ClusterState:
    """The cluster of that name; with '' the only one there is. Raises Refused, naming those that exist."""
    if not name and len(found) == 1:
        return found[0]
    named = [cluster for cluster in found if cluster.name.lower() == name.lower()]
    if named:  # after a move to another region the half-made one of the same name is still being deleted for a while
        return min(named, key=lambda cluster: cluster.provisioning_state == "Deleting")
    there = ", ".join(f"`{cluster.name}`" for cluster in found) or "none yet - `/gpu cluster create NAME` makes one"
    raise Refused("operations.cluster_unknown" if name else "operations.cluster_unnamed", name=name, known=there)
