"""Idle and orphaned, decided from what was seen; and what a round has to read for that."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from redis.asyncio import Redis

from bot.azure import tags
from bot.azure.clusters import ClusterState
from bot.azure.pools import PoolState
from bot.clock import Clock
from bot.cluster.nodes import Capacity, Count, GpuNode, Holder, PendingPod
from bot.lifecycle.idling import Seen, counted, judged
from bot.lifecycle.orphans import orphaned, vanished
from bot.lifecycle.patrol import Using
from bot.lifecycle.rebuilding import known
from bot.operations.journal import Commit, Journal, NewOperation
from bot.operations.record import Operation
from bot.operations.waiting import Waiting

POOL = PoolState("", "g", "demo", "gpu", "Standard_NC4as_T4_v3", "User", "Succeeded", "Running", 1, tags={tags.OPERATION: "op2"})
NODE = GpuNode(
    name="n", pool="gpu", size="", model="T4", ready=True, schedulable=True, spot=False, managed=False, created=None, taints=(), problems=(),
    resources={"nvidia.com/gpu": Count(1, 1, 0, 1)}, holders=(), price=Decimal(1),
)  # fmt: skip
HOLDER = Holder("default", "p", None, None, None, "nvidia.com/gpu", 1, None)
WAITING = PendingPod(namespace="default", pod="p", job=None, owner=None, resource="nvidia.com/gpu", count=1, since=None, reason="")


def capacity(*nodes: GpuNode, pending: tuple[PendingPod, ...] = ()) -> Capacity:
    return Capacity(nodes=nodes, pending=pending, other_nodes=1, pools=())


@pytest.mark.parametrize(
    ("pool", "seen", "idle"),
    [
        (POOL, capacity(NODE), True),
        (POOL, capacity(replace(NODE, holders=(HOLDER,))), False),
        (POOL, capacity(NODE, pending=(WAITING,)), False),
        (POOL, capacity(replace(NODE, ready=False)), None),
        (POOL, capacity(), None),
        (replace(POOL, count=2), capacity(NODE), None),
        (replace(POOL, provisioning_state="Updating"), capacity(NODE), None),
        (replace(POOL, power_state="Stopped"), capacity(NODE), None),
        (replace(POOL, autoscaling=True, min_nodes=0, max_nodes=3), capacity(NODE), None),
        (replace(POOL, autoscaling=True, min_nodes=1, max_nodes=3), capacity(NODE), True),
    ],
)
def test_only_what_was_seen_unused_is_idle(pool: PoolState, seen: Capacity, idle: bool | None) -> None:
    assert judged(pool, seen) is idle


def test_the_count_goes_on_only_without_a_gap() -> None:
    first = counted(None, True, 1000.0, 10.0, 300.0)
    assert first == Seen(1000.0, 10.0)
    assert counted(first, True, 5000.0, 70.0, 300.0) == Seen(1000.0, 70.0)
    assert counted(first, True, 5000.0, 400.0, 300.0) == Seen(5000.0, 400.0)
    assert counted(first, False, 5000.0, 70.0, 300.0) is None
    assert counted(first, None, 5000.0, 70.0, 300.0) is None


def cluster(*pools: PoolState, state: str = "Succeeded") -> ClusterState:
    return ClusterState("", "g", "demo", "eastus", state, "Running", "1.35", tags={tags.OPERATION: "op1"}, pools=pools)


def operation(kind: str, **memo: object) -> Operation:
    return Operation(kind + str(memo), kind, "running", "", {}, "T", "C", "U", memo=memo)


LEASE = operation("lease", cluster="demo")
POOL_LEASE = operation("lease", cluster="demo", pool="gpu")


def names(found: list[ClusterState], active: list[Operation]) -> list[str]:
    return [one.shown for one in orphaned(found, active)]


def test_ours_without_a_lease_is_an_orphan() -> None:
    assert names([cluster(POOL)], []) == ["demo", "demo/gpu"]
    assert names([cluster(POOL)], [LEASE]) == ["demo/gpu"]
    assert names([cluster(POOL)], [LEASE, POOL_LEASE]) == []


def test_a_pool_that_was_made_with_its_cluster_needs_no_lease_of_its_own() -> None:
    assert names([cluster(replace(POOL, tags={tags.OPERATION: "op1"}))], [LEASE]) == []


def test_what_is_being_worked_on_or_deleted_is_no_orphan() -> None:
    making = replace(operation("cluster.create"), plan={"target": {"cluster": "Demo"}})
    assert names([cluster(POOL)], [making]) == []
    assert names([cluster(POOL, state="Deleting")], []) == []


def test_a_lease_of_what_is_gone_is_worth_a_word_unless_all_of_it_went() -> None:
    assert vanished([cluster(POOL)], [LEASE, POOL_LEASE]) == []
    assert vanished([cluster()], [LEASE, POOL_LEASE]) == [(POOL_LEASE, True)]
    assert vanished([], [LEASE, POOL_LEASE]) == [(LEASE, True), (POOL_LEASE, False)]


async def test_what_waits_with_a_plan_is_read_once_and_forgotten_when_it_ends(redis: Redis) -> None:
    journal = Journal(redis, Clock())
    plan = json.dumps({"target": {"cluster": "demo", "much": "more"}, "digest": "d"})
    lease = {"group": "g", "cluster": "demo", "pool": "gpu", "expires": 1.0}
    for name, kind, memo, fields in (
        ("planned", "cluster.create", {}, {"plan": plan}), ("planning", "pool.add", {}, {}), ("held", "lease", lease, {}), ("told", "reply", {}, {}),
    ):  # fmt: skip
        values = {"values": {"cluster": "other"}}
        await journal.create(NewOperation(name, kind, values, "T", "C", "U", name, thread="1.1", memo=memo, fields=fields))
    using = Using(journal)

    async def reads() -> int:
        return int((await redis.info("commandstats")).get("cmdstat_hgetall", {}).get("calls", 0))

    first, before = await using.now(), await reads()
    assert sorted(op.id for op in first) == ["held", "planned", "planning"]
    assert orphaned([cluster(POOL)], first) == []  # worked on
    assert [(op.id, op.thread) for op, _ in vanished([cluster()], [op for op in first if op.kind == "lease"])] == [("held", "1.1")]
    assert len(await using.now()) == 3
    assert await reads() - before == 1  # only the one that has no plan yet
    await redis.hset(journal.key("op", "planning"), "plan", plan)
    assert {op.plan["target"]["cluster"] for op in await using.now() if op.plan} == {"demo"}
    op = await journal.claim("planned")
    assert isinstance(op, Operation)
    await journal.commit(op, Commit({}, ended=True))
    assert sorted(op.id for op in await using.now()) == ["held", "planning"]


async def test_what_nobody_waits_on_any_more_is_not_observed(redis: Redis) -> None:
    journal = Journal(redis, Clock())
    waiting = Waiting(redis, journal)
    for name in ("one", "two"):
        await journal.create(NewOperation(name, "test", {}, "T", "C", "U", name))
    await waiting.add("one", "azure:g/a")
    await waiting.add("two", "azure:g/a")
    await waiting.add("two", "azure:g/b")
    await waiting.add("two", "cluster:g/b")
    await waiting.saw(["azure:g/a", "azure:g/b"])
    assert await waiting.names("azure:") == ["azure:g/a", "azure:g/b"]
    op = await journal.claim("two")
    assert isinstance(op, Operation)
    await journal.commit(op, Commit({}, ended=True))
    assert await waiting.names("azure:") == ["azure:g/a"]
    assert await waiting.poke("azure:g/a") == ["one"]
    assert not await waiting.fresh("azure:g/b", 60)
    assert await waiting.fresh("azure:g/a", 60)
    assert await waiting.names("cluster:") == []


async def test_who_begins_to_wait_while_the_last_one_is_forgotten_is_not_forgotten_too(redis: Redis, redis_url: str) -> None:
    journal = Journal(redis, Clock())
    await journal.create(NewOperation("here", "test", {}, "T", "C", "U", "here"))
    names = [f"azure:g/{number}" for number in range(20)]
    async with Redis.from_url(redis_url, decode_responses=True) as other:
        mine, theirs = Waiting(redis, journal), Waiting(other, Journal(other, Clock()))

        async def begin() -> None:
            for name in names:
                await theirs.add("here", name)

        for _ in range(30):
            for name in names:
                await mine.add("ended", name)
            await asyncio.gather(mine.names("azure:"), begin())
            assert await redis.smembers(Journal.key("watched")) == set(names)
            for name in names:
                await mine.drop("here", name)


def test_a_price_tag_that_somebody_made_nonsense_of_is_no_price() -> None:
    assert [known({tags.PRICE: text}, "g", "demo").price for text in ("0.526", "much", "-1", "NaN", "")] == ["0.526", "", "", "", ""]
