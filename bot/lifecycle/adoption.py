"""The journal is gone (Redis was wiped): everything that can be known again is rebuilt from Azure, Kubernetes and Slack.

The key ``{qm}:epoch`` stands as long as the journal does. Where it is missing, leases come back from Azure tags, half-made clusters and
pools and running jobs from tags and labels, and what was said already from the metadata of the messages in their threads - so nothing
is said twice. What stands nowhere else (requests that waited for a decision, digest times) is told to the admins, and its card is closed.

This is no task of docket's: docket's own keys are lost at the same moment. Every part may be repeated: ids are the former ones.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from redis.exceptions import RedisError

from bot import metrics
from bot.approvals.budgets import Budgets
from bot.approvals.limits import expiry_of
from bot.approvals.rules import Policy
from bot.azure import clusters, pools, tags
from bot.azure.clusters import ClusterState
from bot.azure.pools import PoolState
from bot.cluster import jobs, nodes
from bot.cluster.access import at
from bot.cluster.render import gpus_of
from bot.errors import QuartermasterError, Refused
from bot.lifecycle import lost, rebuilding
from bot.lifecycle.notices import Place
from bot.lifecycle.rebuilding import Known
from bot.operations import jobindex, leases
from bot.operations.answers import pool_prices
from bot.operations.journal import Journal, NewOperation
from bot.operations.leases import Held
from bot.operations.record import identity
from bot.operations.services import Services
from bot.plans.lifetimes import lifetime
from bot.plans.work import gpu_price
from bot.rounds import repeat
from bot.slack.recall import CARD, Posted, Recall
from bot.store import release, renew, text

log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 5.0
LOCK_SECONDS: Final = 30
EPOCH: Final = Journal.key("epoch")
LOCK: Final = Journal.key("adopting")
SINCE: Final = Journal.key("adopting", "since")
UNREAD: Final = Journal.key("unread")
"""Clusters whose API server did not answer when the journal was rebuilt: their jobs follow when it does."""


@dataclass
class Found:
    """What one round came to."""

    leases: list[str] = field(default_factory=list)
    going_on: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)


class Adoption:
    """One per worker process; a lock lets one of them rebuild."""

    def __init__(self, do: Services, recall: Recall, policy: Policy) -> None:
        self._do, self._recall, self._policy = do, recall, policy
        self._threads: dict[tuple[str, str], list[Posted] | None] = {}
        self._name = f"{os.uname().nodename}-{os.getpid()}"

    async def watch(self, stop: asyncio.Event) -> None:
        """Look after the epoch until `stop`."""
        await repeat("adopt", self._look, stop, after_error=AGAIN_SECONDS)

    async def _look(self) -> float:
        if not await self._do.redis.exists(EPOCH):
            await self._alone()
        elif await self._do.redis.scard(UNREAD):
            await self._catch_up()
            return AGAIN_SECONDS
        return LOOK_SECONDS

    async def _alone(self) -> None:
        if not await self._do.redis.set(LOCK, self._name, nx=True, ex=LOCK_SECONDS):
            return
        try:
            await self._rebuild()
        finally:
            self._threads.clear()
            await release(self._do.redis, LOCK, self._name)

    async def _rebuild(self) -> None:
        now = self._do.clock.now()
        since = repr(now)
        if not await self._do.redis.set(SINCE, since, nx=True):
            since = text(await self._do.redis.get(SINCE))
        found = Found()
        for one in await clusters.list_all(self._do.azure):
            if tags.ours(one.tags) or any(tags.ours(pool.tags) for pool in one.pools):
                await self._cluster(one, found)
        await lost.settle(self._do, self._recall, self._policy, found, identity("adoption", since))
        await self._do.redis.set(EPOCH, str(int(now * 1000)))
        await self._do.redis.delete(SINCE)
        log.info("journal begun", extra={"leases": found.leases, "going_on": found.going_on, "jobs": found.jobs, "unread": found.unread})

    async def _cluster(self, one: ClusterState, found: Found) -> None:
        await renew(self._do.redis, LOCK, self._name, LOCK_SECONDS)
        listed = [pool for pool in await pools.list_all(self._do.azure, one.group, one.name) or () if pool.mode != "System"]
        for about in rebuilding.leased(one, listed):
            found.places.append(Place(about.team, about.channel, about.thread, about.owner))
            await self._resource(one, listed, about, found)
        if one.power_state == "Stopped" or one.provisioning_state.lower() in ("creating", "deleting"):
            return
        if not await self._read(one, listed, found):
            await self._do.redis.sadd(UNREAD, f"{one.group}/{one.name}")
            found.unread.append(one.name)

    async def _resource(self, one: ClusterState, listed: Sequence[PoolState], about: Known, found: Found) -> None:
        """The lease of a cluster or a pool, or the operation that was making it and will begin its lease, or the one that was deleting it."""
        pool = next((each for each in listed if each.name == about.pool or (not about.pool and _same(each, about))), None)
        state = pool.provisioning_state if about.pool and pool is not None else one.provisioning_state
        if state.lower() == "deleting":
            await self._deletion(about)
            found.going_on.append(f"deleting {about.shown}")
            return
        expires = about.expires if about.expires is not None else self._do.clock.now() + expiry_of(self._policy, None)
        posted = await self._told(about.channel, about.thread)
        if rebuilding.creating(one, pool) or rebuilding.unproven(pool, about, posted):
            new = rebuilding.provisioning(one, pool, about, expires)
            if new is not None and await self._create(new, posted):
                await self._say_resumed(about, pool)
                found.going_on.append(f"making {about.shown}")
        found.over += await self._counted(one, pool if about.pool else None, about, expires)
        if await self._lease(about, expires, posted):
            found.leases.append(about.shown)

    async def _counted(self, one: ClusterState, pool: PoolState | None, about: Known, expires: float) -> list[str]:
        """What runs counts against its budgets again, from now to its expiry and even beyond them: what is to be said of that."""
        try:
            hourly = await lifetime(one, pool).allowed(self._do)
        except Refused as error:
            return [f"`{about.shown}` counts against no budget: {error.sentence}"]
        budgets, place = Budgets(self._do.redis, self._policy, self._do.clock), lost.place_of(about, self._policy)
        now = self._do.clock.now()
        over = await budgets.carry(about.operation, about.owner, place.channel, hourly, since=now, until=expires)
        return [f"`{about.shown}` (<@{about.owner}>): {over} It runs already, so it counts all the same."] if over else []

    async def _lease(self, about: Known, expires: float, posted: Sequence[Posted] | None) -> bool:
        """Begin it as it was; False where the journal knows it."""
        held = Held(about.group, about.cluster, about.pool)
        lease = leases.lease_name(held, about.operation)
        if await self._do.journal.load(lease) is not None:
            return False
        if about.expires is None:
            await self._stamp(about, expires, lease)
        await self._seed(lease, posted)
        await leases.start(self._do, held, expires, about.behalf(lost.place_of(about, self._policy)))
        if about.channel and about.thread and await self._do.journal.thread(about.channel, about.thread) is None:
            await self._do.journal.keep_thread(about.channel, about.thread, lease)
        return True

    async def _stamp(self, about: Known, expires: float, lease: str) -> None:
        """No readable expiry on Azure: it gets the policy's usual one, and its people (or the admins) are told."""
        values = {"cluster": about.cluster, "group": about.group, "pool": about.pool, "expires": expires, "lease": lease}
        place = lost.place_of(about, self._policy)
        new = NewOperation(
            id=identity("stamp", lease), kind="lease.stamp", request={"values": values}, team=about.team, channel=place.channel, user=about.owner,
            idempotency=f"stamp:{lease}", thread=place.thread, memo={"admitted": True},
        )  # fmt: skip
        await self._do.journal.create(new)
        await self._do.waking.wake(f"op:{new.id}")

    async def _deletion(self, about: Known) -> None:
        """A deletion that runs in Azure is seen to its end (with the resource group) and said in the resource's own thread."""
        kind = "pool.expire" if about.pool else "cluster.expire"
        values = {"cluster": about.cluster, **({"pool": about.pool} if about.pool else {})}
        new = NewOperation(
            id=identity("deletion", about.group, about.shown, about.operation), kind=kind, request={"values": values}, team=about.team,
            channel=about.channel, user=about.owner, idempotency=identity("deletion", about.group, about.shown, about.operation),
            thread=about.thread, memo={"admitted": True},
        )  # fmt: skip
        await self._do.journal.create(new)
        await self._do.waking.wake(f"op:{new.id}")

    async def _read(self, one: ClusterState, listed: Sequence[PoolState], found: Found) -> bool:
        """Its jobs; False where they could not be read. Whatever is odd about one cluster must not keep the others from being rebuilt."""
        try:
            await self._jobs(one, listed, found)
        except RedisError:
            raise
        except QuartermasterError as error:
            log.info("a cluster's jobs could not be read", extra={"cluster": one.name, "cause": repr(error.__cause__ or error)})
            return False
        except Exception:
            metrics.ROUNDS_FAILED.labels("adopt").inc()
            log.exception("a cluster's jobs could not be read", extra={"cluster": one.name})
            return False
        return True

    async def _jobs(self, one: ClusterState, listed: Sequence[PoolState], found: Found) -> None:
        access = await self._do.clusters.access(one.group, one.name)
        states = await jobs.list_jobs(access)
        if not states:
            return
        capacity = await nodes.capacity(access, pool_prices(listed))
        for state in states:
            await renew(self._do.redis, LOCK, self._name, LOCK_SECONDS)
            manifest = await access.find(at("/apis/batch/v1/namespaces", state.namespace, "jobs", state.name))
            if manifest is None:
                continue
            resource, gpus, pods = gpus_of(manifest)
            new = rebuilding.job(state, one, resource, gpus * pods, gpu_price(capacity, resource) * gpus * pods)
            if new is None:
                continue
            posted = await self._told(new.channel, new.thread)
            await jobindex.keep(self._do.redis, one.name, state.namespace, state.name, new.id)
            if await self._create(new, posted):
                found.places.append(Place(new.team, new.channel, new.thread, new.user))
                if not state.ended:
                    found.jobs.append(state.name)

    async def _catch_up(self) -> None:
        """Clusters that did not answer before."""
        for member in sorted(text(one) for one in await self._do.redis.smembers(UNREAD)):
            group, _, name = member.partition("/")
            state = await clusters.get(self._do.azure, group, name)
            if state is not None:
                listed = [pool for pool in await pools.list_all(self._do.azure, group, name) or () if pool.mode != "System"]
                if not await self._read(state, listed, Found()):
                    continue
            await self._do.redis.srem(UNREAD, member)
        self._threads.clear()

    async def _create(self, new: NewOperation, posted: Sequence[Posted] | None) -> bool:
        """Write a rebuilt record, with what it said already; False where the journal knows it."""
        if await self._do.journal.load(new.id) is not None:
            return False
        await self._seed(new.id, posted, card=new.thread)
        await self._do.journal.keep_thread(new.channel, new.thread, new.id)
        await self._do.journal.create(new)
        await self._do.waking.wake(f"op:{new.id}")
        return True

    async def _seed(self, op_id: str, posted: Sequence[Posted] | None, card: str = "") -> None:
        """Mark as sent what stands in the thread; the thread itself was opened by the operation's card (`card` is its ts)."""
        key = Journal.key("out", op_id)
        sent = {each.entry: each.ts for each in posted or () if each.operation == op_id}
        if card:
            sent.setdefault(CARD, card)
        for number, (entry, ts) in enumerate(sent.items(), 1):
            await self._do.redis.hsetnx(key, entry, json.dumps({"state": "sent", "seq": number, "at": 0, "ts": ts}))
        if sent:
            await self._do.redis.hsetnx(key, "seq", str(len(sent)))

    async def _told(self, channel: str, thread: str) -> list[Posted] | None:
        if not channel or not thread:
            return None
        if (channel, thread) not in self._threads:
            self._threads[channel, thread] = await self._recall.thread(channel, thread)
        return self._threads[channel, thread]

    async def _say_resumed(self, about: Known, pool: PoolState | None) -> None:
        """The thread learns what happened, and what of the request is not known any more."""
        words = f"🧠 My memory was lost while I was making `{about.shown}`. I found it again by its tags on Azure and go on."
        if pool is None:
            words += (
                f" If GPU nodes were to follow, I do not know which: `/gpu pool add {about.cluster}/gpu --size SIZE` makes them once it is ready."
            )
        await self._do.journal.tell(about.operation, f"{about.operation}/adopted/resumed", {"text": words})
        await self._do.waking.wake(f"out:{about.operation}")


def _same(pool: PoolState, about: Known) -> bool:
    return tags.value(pool.tags, tags.OPERATION) == about.operation
