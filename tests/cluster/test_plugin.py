"""The device plugin: its manifest, and its state node by node."""

from __future__ import annotations

import copy

import pytest

from bot.cluster.plugin import judge_plugin, objects
from tests.cluster.build import Json, container, node, pod

NAMESPACE, DAEMONSET = objects()
MANAGED = {"kubernetes.azure.com/dcgm-exporter": "enabled"}


def installed(desired: int = 1, ready: int = 1, generation: int = 1, observed: int = 1) -> Json:
    item = copy.deepcopy(DAEMONSET)
    item["metadata"]["generation"] = generation
    item["status"] = {
        "observedGeneration": observed,
        "desiredNumberScheduled": desired,
        "updatedNumberScheduled": ready,
        "numberReady": ready,
        "numberAvailable": ready,
    }
    return item


def running(on: str) -> Json:
    return pod(f"p-{on}", on=on, gpus=0, container=container("running"), conditions=[{"type": "Ready", "status": "True"}], job=None)


def test_the_manifest_is_pinned_and_gives_up_every_privilege() -> None:
    spec = DAEMONSET["spec"]["template"]["spec"]
    main = spec["containers"][0]
    assert main["image"] == "nvcr.io/nvidia/k8s-device-plugin:v0.19.3"
    assert main["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert {"name": "FAIL_ON_INIT_ERROR", "value": "false"} in main["env"]
    assert spec["priorityClassName"] == "system-node-critical"
    assert {item["key"] for item in spec["tolerations"]} == {"CriticalAddonsOnly", "sku", "nvidia.com/gpu", "kubernetes.azure.com/scalesetpriority"}
    assert NAMESPACE["metadata"]["name"] == DAEMONSET["metadata"]["namespace"] == "gpu-resources"


def test_mig_needs_a_strategy_and_the_one_capability_that_shows_slices() -> None:
    main = objects(op="op1", mig="mixed")[1]["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "MIG_STRATEGY", "value": "mixed"} in main["env"]
    # Kubernetes refuses SYS_ADMIN beside allowPrivilegeEscalation: false.
    assert main["securityContext"] == {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}


def test_absent_names_the_nodes_that_wait_for_it() -> None:
    state = judge_plugin(None, [], [node("a"), node("sys", pool="system", size="Standard_D4s_v5", gpus=None)], [], operator=False)
    assert (state.kind, [row.node for row in state.nodes]) == ("absent", ["a"])


def test_rolling_node_by_node_until_all_are_ready() -> None:
    nodes = [node("a"), node("b")]
    pulling = pod("p-b", on="b", gpus=0, phase="Pending", container=container("waiting", reason="ImagePullBackOff"), job=None)
    state = judge_plugin(installed(2, 1), [installed(2, 1)], nodes, [running("a"), pulling], operator=False)
    assert state.kind == "rolling"
    assert [(row.node, row.ready, row.reason) for row in state.nodes] == [("a", True, ""), ("b", False, "the image cannot be pulled")]
    done = judge_plugin(installed(2, 2), [installed(2, 2)], nodes, [running("a"), running("b")], operator=False)
    assert (done.kind, done.ready) == ("ready", 2)


def test_an_update_that_the_controller_has_not_seen_is_still_rolling() -> None:
    state = judge_plugin(installed(1, 1, generation=2), [], [node("a")], [running("a")], operator=False)
    assert state.kind == "rolling"


def test_a_taint_that_is_not_tolerated_is_named() -> None:
    state = judge_plugin(installed(0, 0), [], [node("a", taints=("team=x:NoSchedule",))], [], operator=False)
    assert (state.kind, state.nodes[0].reason) == ("rolling", "the plugin does not tolerate the taint `team=x:NoSchedule`")


def test_managed_nodes_are_left_alone() -> None:
    nodes = [node("a"), node("m", pool="managed", labels=MANAGED)]
    state = judge_plugin(installed(), [], nodes, [running("a")], operator=False)
    assert (state.kind, state.managed, [row.node for row in state.nodes]) == ("ready", ("m",), ["a"])


@pytest.mark.parametrize("name", ["nvidia-device-plugin-daemonset", "nvdp-nvidia-device-plugin", "other"])
def test_a_plugin_of_somebody_else_is_recognised_by_name_or_image(name: str) -> None:
    theirs = copy.deepcopy(DAEMONSET)
    theirs["metadata"] = {"name": name, "namespace": "kube-system", "labels": {}}
    state = judge_plugin(None, [theirs], [node("a")], [], operator=False)
    assert state.kind == "foreign"
    assert name in state.foreign


def test_the_gpu_operator_is_recognised() -> None:
    assert judge_plugin(None, [], [node("a")], [], operator=True).foreign == "the NVIDIA GPU Operator"


def test_one_made_by_hand_under_our_name_is_not_ours() -> None:
    theirs = copy.deepcopy(DAEMONSET)
    theirs["metadata"]["labels"] = {}
    assert judge_plugin(None, [theirs], [node("a")], [], operator=False).kind == "foreign"
