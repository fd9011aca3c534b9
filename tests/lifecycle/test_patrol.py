"""Idle and orphaned, decided from what was seen: pure."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from bot.azure import tags
from bot.azure.clusters import ClusterState
from bot.azure.pools import PoolState
from bot.cluster.nodes import Capacity, Count, GpuNode, Holder, PendingPod
from bot.lifecycle.idling import Seen, counted, judged
from bot.lifecycle.orphans import orphaned, vanished
from bot.operations.record import Operation

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
