"""Whether a job can start now, told before it is tried."""

from __future__ import annotations

import pytest

from bot.cluster.jobs import fits, places
from bot.cluster.nodes import tally
from tests.cluster.build import node, pod

TWO = tally([node("a", gpus=2), node("b", gpus=4)], [pod("p", gpus=3, on="b")])


@pytest.mark.parametrize(
    ("gpus", "pods", "why"),
    [
        (2, 1, None),
        (1, 3, None),
        (0, 1, None),
        (3, 1, "3 of 6 GPUs are free in the cluster, at most 2 on one node; 3 wanted."),
        (8, 1, "No node of the cluster has 8 GPUs: the largest has 4."),
        (2, 2, "Only 1 of 2 pods with 2 GPUs each fit now: 3 of 6 are free in the cluster."),
    ],
)
def test_free_gpus_on_one_node_decide(gpus: int, pods: int, why: str | None) -> None:
    assert fits(TWO, gpus, pods=pods) == why


def test_a_cluster_without_gpu_nodes_or_plugin_says_so() -> None:
    assert fits(tally([], []), 1) == "There is no GPU node in the cluster."
    assert "device plugin does not run" in str(fits(tally([node("a", gpus=None)], []), 1))


def test_the_other_resource_name_is_offered() -> None:
    slices = tally([node("m", gpus=7, resource="nvidia.com/mig-1g.5gb")], [])
    assert fits(slices, 1) == "No node of the cluster offers `nvidia.com/gpu`, but there is `nvidia.com/mig-1g.5gb`."
    assert fits(slices, 1, resource="nvidia.com/mig-1g.5gb") is None


def test_only_the_named_pool_counts() -> None:
    both = tally([node("a", pool="one", gpus=4), node("b", pool="two", gpus=1)], [])
    assert fits(both, 2, pool="two") == "No node of pool `two` has 2 GPUs: the largest has 1."


def test_how_many_pods_could_start_now() -> None:
    assert [places(TWO, gpus) for gpus in (1, 2, 3)] == [3, 1, 0]
    assert places(TWO, 1, pool="elsewhere") == 0
