"""Group, cluster, pool, credentials and deletion against the simulated Azure, over TLS, with the real client."""

from __future__ import annotations

from typing import Any

import pytest

from bot.azure import clusters, groups, operations, pools, tags
from bot.azure.clusters import ClusterSpec
from bot.azure.poolspec import PoolSpec
from bot.errors import Refused, Temporary

OURS = {tags.OPERATION: "op1", tags.OWNER: "U0ALICE", tags.EXPIRES: "2026-12-01T00:00:00Z"}
CLUSTER = ClusterSpec("demo-rg", "demo", "eastus", system_size="Standard_D2s_v5")
POOL = PoolSpec("demo-rg", "demo", "gpu", "Standard_NC4as_T4_v3", nodes=1)


async def made_cluster(cloud: Any, until: Any) -> clusters.ClusterState:
    await groups.ensure(cloud.conn, "demo-rg", "eastus", OURS)
    await clusters.put(cloud.conn, CLUSTER, OURS)
    state: clusters.ClusterState = await until(
        lambda: clusters.get(cloud.conn, "demo-rg", "demo"), lambda state: state is not None and operations.terminal(state.provisioning_state)
    )
    return state


async def test_group_cluster_and_pool_are_made_with_one_put_each_and_read_back(cloud: Any, until: Any) -> None:
    group = await groups.ensure(cloud.conn, "demo-rg", "eastus", OURS)
    assert (group.created, tags.ours(group.tags)) == (True, True)
    assert (await groups.ensure(cloud.conn, "demo-rg", "eastus", OURS)).created is False
    state = await made_cluster(cloud, until)
    assert (state.provisioning_state, state.power_state, state.group.lower(), state.name) == ("Succeeded", "Running", "demo-rg", "demo")
    assert [item.mode for item in state.pools] == ["System"]
    begun = await pools.put(cloud.conn, POOL, OURS)
    assert begun.token
    pool = await until(lambda: pools.get(cloud.conn, "demo-rg", "demo", "gpu"), lambda state: operations.terminal(state.provisioning_state))
    assert (pool.provisioning_state, pool.count, pool.driver, pool.managed, pool.mode) == ("Succeeded", 1, "Install", False, "User")
    assert pool.taints == ("sku=gpu:NoSchedule",)
    assert tags.value(pool.tags, tags.OWNER) == "U0ALICE"
    assert pool.etag
    assert len(cloud.requests("PUT", "managedClusters/demo?")) == 1
    assert len(cloud.requests("PUT", "agentPools/gpu?")) == 1
    assert len(cloud.requests("PUT", "resourcegroups/demo-rg?")) == 1
    assert await operations.failure_cause(cloud.conn, begun.token, "pool_put", group="demo-rg", cluster="demo", pool="gpu") is None


async def test_a_put_repeated_by_the_same_operation_is_harmless_and_another_operation_is_told_that_the_name_is_taken(cloud: Any, until: Any) -> None:
    await made_cluster(cloud, until)
    assert (await clusters.put(cloud.conn, CLUSTER, OURS)).repeated
    await pools.put(cloud.conn, POOL, OURS)
    assert (await pools.put(cloud.conn, POOL, OURS)).repeated
    with pytest.raises(Refused) as caught:
        await pools.put(cloud.conn, POOL, OURS | {tags.OPERATION: "op2"})
    assert caught.value.code == "azure.name_taken"
    assert "`gpu`" in caught.value.sentence


async def test_a_put_whose_answer_was_lost_is_found_again(cloud: Any, until: Any) -> None:
    await made_cluster(cloud, until)
    cloud.fault("reset_after", "PUT .*agentPools/gpu")
    with pytest.raises(Temporary):
        await pools.put(cloud.conn, POOL, OURS)
    assert (await pools.put(cloud.conn, POOL, OURS)).repeated
    assert (await pools.get(cloud.conn, "demo-rg", "demo", "gpu")) is not None
    assert [row["status"] for row in cloud.traffic.listed("azure") if row["method"] == "PUT" and "agentPools" in row["path"]].count(201) <= 1


async def test_scaling_reads_changes_and_puts_once_and_writes_nothing_when_it_is_so_already(cloud: Any, until: Any) -> None:
    await made_cluster(cloud, until)
    await pools.put(cloud.conn, POOL, OURS)

    async def settled() -> pools.PoolState:
        state: pools.PoolState = await until(
            lambda: pools.get(cloud.conn, "demo-rg", "demo", "gpu"), lambda state: operations.terminal(state.provisioning_state)
        )
        return state

    await settled()
    assert not (await pools.scale(cloud.conn, "demo-rg", "demo", "gpu", nodes=0)).repeated
    assert (await settled()).count == 0
    assert (await pools.scale(cloud.conn, "demo-rg", "demo", "gpu", nodes=0)).repeated
    await pools.scale(cloud.conn, "demo-rg", "demo", "gpu", min_nodes=0, max_nodes=2)
    state = await settled()
    assert (state.autoscaling, state.min_nodes, state.max_nodes) == (True, 0, 2)
    with pytest.raises(Refused, match="between 0 and 2"):
        await pools.scale(cloud.conn, "demo-rg", "demo", "gpu", nodes=1)
    await pools.update_tags(cloud.conn, "demo-rg", "demo", "gpu", {tags.EXPIRES: "2027-01-01T00:00:00Z", "mine": None})
    state = await settled()
    assert tags.value(state.tags, tags.EXPIRES).startswith("2027")
    assert tags.value(state.tags, tags.OWNER) == "U0ALICE"
    await pools.set_power(cloud.conn, "demo-rg", "demo", "gpu", "Stopped")
    assert (await settled()).power_state == "Stopped"
    await pools.set_power(cloud.conn, "demo-rg", "demo", "gpu", "Running")
    assert (await settled()).power_state == "Running"
    with pytest.raises(Refused, match="system pool"):
        await pools.set_power(cloud.conn, "demo-rg", "demo", "system", "Stopped")


async def test_deleting_what_is_gone_counts_as_done(cloud: Any, until: Any) -> None:
    await made_cluster(cloud, until)
    await pools.put(cloud.conn, POOL, OURS)
    await until(lambda: pools.get(cloud.conn, "demo-rg", "demo", "gpu"), lambda state: operations.terminal(state.provisioning_state))
    await pools.delete(cloud.conn, "demo-rg", "demo", "gpu")
    await until(lambda: pools.get(cloud.conn, "demo-rg", "demo", "gpu"), lambda state: state is None)
    await pools.delete(cloud.conn, "demo-rg", "demo", "gpu")
    await clusters.delete(cloud.conn, "demo-rg", "demo")
    await until(lambda: clusters.get(cloud.conn, "demo-rg", "demo"), lambda state: state is None)
    await clusters.delete(cloud.conn, "demo-rg", "demo")
    assert await pools.list_all(cloud.conn, "demo-rg", "demo") is None
    assert await clusters.list_all(cloud.conn) == []
    await groups.begin_delete(cloud.conn, "demo-rg", operation="op1")
    await until(lambda: groups.get(cloud.conn, "demo-rg"), lambda state: state is None)
    assert (await groups.begin_delete(cloud.conn, "demo-rg", operation="op1")).repeated


async def test_a_group_of_somebody_else_is_used_but_never_deleted(cloud: Any, until: Any) -> None:
    await groups.ensure(cloud.conn, "theirs", "eastus", {"team": "other"})
    found = await groups.ensure(cloud.conn, "theirs", "westus2", OURS)
    assert (found.created, found.region, dict(found.tags)) == (False, "eastus", {"team": "other"})
    with pytest.raises(Refused):
        await groups.begin_delete(cloud.conn, "theirs", operation="")
    assert cloud.requests("DELETE") == []


async def test_cluster_stop_start_tags_and_versions(cloud: Any, until: Any) -> None:
    await made_cluster(cloud, until)

    async def look() -> clusters.ClusterState | None:
        return await clusters.get(cloud.conn, "demo-rg", "demo")

    await clusters.update_tags(cloud.conn, "demo-rg", "demo", {"extra": "1"})
    state = await until(look, lambda state: operations.terminal(state.provisioning_state))
    assert tags.value(state.tags, "extra") == "1"
    assert tags.ours(state.tags)
    assert (await clusters.update_tags(cloud.conn, "demo-rg", "demo", {"extra": "1"})).repeated
    await clusters.stop(cloud.conn, "demo-rg", "demo")
    await until(look, lambda state: operations.terminal(state.provisioning_state) and state.power_state == "Stopped")
    await clusters.start(cloud.conn, "demo-rg", "demo")
    await until(look, lambda state: operations.terminal(state.provisioning_state) and state.power_state == "Running")
    versions = await clusters.kubernetes_versions(cloud.conn, "eastus")
    assert versions[0].version > versions[-1].version
    assert any(row.default for row in versions)


async def test_abort_of_a_running_and_of_a_finished_operation(cloud: Any, until: Any) -> None:
    await made_cluster(cloud, until)
    cloud.clock.speed = 20.0
    begun = await pools.put(cloud.conn, POOL, OURS)
    assert not (await pools.abort(cloud.conn, "demo-rg", "demo", "gpu")).repeated
    cloud.clock.speed = 2000.0
    state = await until(lambda: pools.get(cloud.conn, "demo-rg", "demo", "gpu"), lambda state: operations.terminal(state.provisioning_state))
    assert state.provisioning_state == "Canceled"
    assert "aborted" in state.error
    found = await operations.failure_cause(cloud.conn, begun.token, "pool_put", group="demo-rg", cluster="demo", pool="gpu")
    assert found is not None
    assert (found.code, found.kind) == ("Canceled", "canceled")
    assert (await pools.abort(cloud.conn, "demo-rg", "demo", "gpu")).repeated
