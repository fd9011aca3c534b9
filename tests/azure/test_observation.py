"""One observation for all who wait, within the read budget."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from bot.azure import clusters, groups, operations, pools, tags
from bot.azure.clusters import ClusterSpec
from bot.azure.observer import Observer, TokenBucket, key
from bot.azure.poolspec import PoolSpec
from bot.errors import Temporary

OURS = {tags.OPERATION: "op1"}


class Hand:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def over(state: Any) -> bool:
    return state is not None and operations.terminal(state.provisioning_state)


async def demo(cloud: Any, until: Any, *names: str) -> None:
    await groups.ensure(cloud.conn, "rg", "eastus", OURS)
    for name in names:
        await clusters.put(cloud.conn, ClusterSpec("rg", name, "eastus", system_size="Standard_D2s_v5"), OURS)
    for name in names:
        await until(functools.partial(clusters.get, cloud.conn, "rg", name), over)


async def test_a_change_of_a_pool_wakes_those_who_wait_for_its_cluster_and_a_quiet_cloud_wakes_nobody(cloud: Any, until: Any) -> None:
    await demo(cloud, until, "demo")
    hand = Hand()
    observer = Observer(cloud.conn, now=hand)
    assert await observer.tick([("RG", "Demo")]) == {"azure:rg/demo"}
    hand.time += 60
    assert await observer.tick([("rg", "demo")]) == set()
    await pools.put(cloud.conn, PoolSpec("rg", "demo", "gpu", "Standard_NC4as_T4_v3"), OURS)
    hand.time += 60
    assert {"azure:rg/demo", "azure:rg/demo/gpu"} <= await observer.tick([("rg", "demo")])
    seen = observer.snapshot().pool("rg", "demo", "gpu")
    assert seen is not None
    assert tags.ours(seen.tags)
    await until(lambda: pools.get(cloud.conn, "rg", "demo", "gpu"), over)
    hand.time += 60
    assert "azure:rg/demo/gpu" in await observer.tick([("rg", "demo")])
    await clusters.delete(cloud.conn, "rg", "demo")
    await until(lambda: clusters.get(cloud.conn, "rg", "demo"), lambda state: state is None)
    hand.time += 60
    assert "azure:rg/demo" in await observer.tick([("rg", "demo")])
    assert observer.snapshot().cluster("rg", "demo") is None


async def test_nobody_waiting_means_nothing_asked(cloud: Any) -> None:
    assert await Observer(cloud.conn).tick([]) == set()
    assert cloud.conn.meter.reads == 0


async def test_the_budget_holds_however_many_clusters_are_waited_for_and_none_is_forgotten(cloud: Any, until: Any) -> None:
    names = [f"c{number}" for number in range(6)]
    await demo(cloud, until, *names)
    hand = Hand()
    observer = Observer(cloud.conn, bucket=TokenBucket(0.5, 4.0, hand), now=hand)
    before, started = cloud.conn.meter.reads, hand.time
    told: list[set[str]] = []
    for _ in range(40):
        hand.time += 5
        cloud.clock.advance(5)
        told.append(await observer.tick([("rg", name) for name in names]))
    assert told[0] == {key("rg", name) for name in names}
    assert not any(told[1:])  # pools that are listed for the first time are no news: each would cost its operation a read
    assert cloud.conn.meter.reads - before <= 0.5 * (hand.time - started) + 4
    assert set(observer.snapshot().pools_at) == {key("rg", name) for name in names}
    assert hand.time - min(observer.snapshot().pools_at.values()) < 60


async def test_further_pages_are_paid_for_too(cloud: Any, until: Any) -> None:
    await demo(cloud, until, "c0", "c1", "c2")
    cloud.state.page_size = 1
    hand = Hand()
    bucket = TokenBucket(0.5, 10.0, hand)
    await Observer(cloud.conn, bucket=bucket, now=hand).tick([("rg", "nowhere")])
    assert bucket.level == pytest.approx(7.0)


async def test_a_list_that_fails_leaves_what_was_seen(cloud: Any, until: Any) -> None:
    await demo(cloud, until, "demo")
    hand = Hand()
    observer = Observer(cloud.conn, now=hand)
    await observer.tick([("rg", "demo")])
    cloud.fault("throttled", "GET .*managedClusters", retry_after=90)
    hand.time += 60
    with pytest.raises(Temporary):
        await observer.tick([("rg", "demo")])
    assert observer.snapshot().cluster("rg", "demo") is not None
    reads = cloud.conn.meter.reads
    hand.time += 60
    await observer.tick([("rg", "demo")])
    assert cloud.conn.meter.reads == reads
    hand.time += 60
    await observer.tick([("rg", "demo")])
    assert cloud.conn.meter.reads > reads


async def test_what_the_first_list_told_is_not_lost_where_a_later_one_fails(cloud: Any, until: Any) -> None:
    await demo(cloud, until, "demo")
    hand = Hand()
    observer = Observer(cloud.conn, now=hand)
    await observer.tick([("rg", "demo")])
    await pools.put(cloud.conn, PoolSpec("rg", "demo", "gpu", "Standard_NC4as_T4_v3"), OURS)
    cloud.fault("throttled", "GET .*agentPools", retry_after=5)
    hand.time += 60
    assert "azure:rg/demo" in await observer.tick([("rg", "demo")])
