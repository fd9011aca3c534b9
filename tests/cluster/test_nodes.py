"""Capacity: what is counted, what is not, and who holds what."""

from __future__ import annotations

import json
import time
from decimal import Decimal

from bot.cluster.nodes import tally
from tests.cluster.build import container, node, pod, unschedulable


def test_free_is_allocatable_less_what_live_pods_request() -> None:
    found = tally([node("a", gpus=4)], [pod("p1", gpus=1, on="a"), pod("p2", gpus=2, on="a")])
    assert (found.total.capacity, found.total.allocatable, found.total.requested, found.total.free) == (4, 4, 3, 1)
    assert found.largest_free_block == 1


def test_pods_that_ended_hold_nothing_but_pods_being_deleted_still_do() -> None:
    pods = [pod("done", gpus=1, on="a", phase="Succeeded"), pod("bad", gpus=1, on="a", phase="Failed"), pod("going", gpus=1, on="a", deleting=True)]
    assert tally([node("a", gpus=4)], pods).total.requested == 1


def test_init_containers_count_by_the_largest_and_sidecars_by_the_sum() -> None:
    item = pod("p", gpus=1, on="a")
    item["spec"]["initContainers"] = [
        {"name": "prepare", "resources": {"limits": {"nvidia.com/gpu": "3"}}},
        {"name": "side", "restartPolicy": "Always", "resources": {"limits": {"nvidia.com/gpu": "1"}}},
    ]
    assert tally([node("a", gpus=4)], [item]).total.requested == 3


def test_a_gpu_node_without_a_plugin_is_shown_with_nothing_to_give() -> None:
    found = tally([node("a", gpus=None), node("sys", pool="system", size="Standard_D4s_v5", gpus=None)], [])
    assert [item.name for item in found.nodes] == ["a"]
    assert found.other_nodes == 1
    assert found.largest_free_block == 0


def test_not_ready_and_cordoned_nodes_have_nothing_free() -> None:
    found = tally([node("a", ready="False", ready_message="cni not ready"), node("b", cordoned=True)], [])
    assert found.total.free == 0
    assert found.nodes[0].problems == ("not Ready: cni not ready",)
    assert "cordoned" in found.nodes[1].problems[0]


def test_capacity_without_allocatable_is_named_as_a_problem() -> None:
    found = tally([node("a", gpus=2, allocatable=1)], [])
    assert found.nodes[0].problems == ("1 of 2 nvidia.com/gpu not allocatable",)


def test_a_block_does_not_span_nodes_and_slices_are_not_whole_gpus() -> None:
    slices = node("m", pool="mig", size="Standard_NC24ads_A100_v4", gpus=7, resource="nvidia.com/mig-1g.10gb")
    found = tally([node("a", gpus=1), node("b", gpus=2), slices], [])
    assert found.largest_free_block == 2
    assert found.largest_free("nvidia.com/mig-1g.10gb") == 7


def test_holders_name_job_owner_and_since() -> None:
    labels = {"quartermaster-owner": "U0ALICE", "quartermaster-op": "op7"}
    holder = tally([node("a")], [pod("p", on="a", job="mnist", labels=labels)]).nodes[0].holders[0]
    assert (holder.job, holder.owner, holder.op, holder.count) == ("mnist", "U0ALICE", "op7", 1)
    assert holder.since is not None


def test_pending_pods_carry_the_schedulers_own_words_oldest_first() -> None:
    said = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    waiting = [
        pod("new", on=None, phase="Pending", conditions=unschedulable(said), age=5),
        pod("old", on=None, phase="Pending", conditions=unschedulable(said), age=50),
        pod("cpu", on=None, phase="Pending", gpus=0),
    ]
    found = tally([node("a")], waiting)
    assert [item.pod for item in found.pending] == ["old", "new"]
    assert found.pending[0].reason == said


def test_an_unknown_price_is_unknown_and_never_zero() -> None:
    nodes = [node("a"), node("s", pool="spot", labels={"kubernetes.azure.com/scalesetpriority": "spot"})]
    found = tally(nodes, [], {"Standard_NC4as_T4_v3": Decimal("0.526")})
    assert {pool.name: pool.price for pool in found.pools} == {"gpu": Decimal("0.526"), "spot": None}
    assert tally(nodes, [], {"spot": Decimal("0.1")}).pools[1].price == Decimal("0.1")


def test_models_come_from_discovery_or_else_from_the_size() -> None:
    nodes = [
        node("a", size="Standard_NC24ads_A100_v4"),
        node("b", size="Standard_NV36ads_A10_v5"),
        node("c", labels={"nvidia.com/gpu.product": "Tesla-T4"}),
        node("d", size="Standard_NC6s_v3"),
    ]
    assert [item.model for item in tally(nodes, []).nodes] == ["A100", "A10", "Tesla T4", "V100"]


def test_a_thousand_nodes_and_ten_thousand_pods_are_counted_in_a_moment() -> None:
    nodes = [node(f"n{number}", gpus=8) for number in range(1000)]
    pods = [
        pod(f"p{number}", gpus=number % 2, on=f"n{number % 1000}", container=container("running", startedAt="2026-11-20T08:00:00Z"))
        for number in range(10_000)
    ]
    raw = json.dumps(pods)
    begun = time.process_time()
    found = tally(nodes, json.loads(raw))
    assert time.process_time() - begun < 2.0
    assert found.total.requested == 5000
