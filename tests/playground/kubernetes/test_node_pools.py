"""Nodes as AKS makes them, and how pools grow, shrink, stop and go."""

from __future__ import annotations

import re

from kubernetes.client import V1Node

from playground.backend import Pool
from tests.playground.kubernetes.conftest import Kube, wait_until


def nodes(kube: Kube, pool: str) -> dict[str, bool]:
    """Name → Ready."""
    items = kube.get("/api/v1/nodes", labelSelector=f"kubernetes.azure.com/agentpool={pool}")["items"]
    return {one["metadata"]["name"]: any(c["type"] == "Ready" and c["status"] == "True" for c in one["status"]["conditions"]) for one in items}


def test_nodes_boot_unready_first_and_look_like_those_of_aks(kube: Kube) -> None:
    pool = Pool("gpu", 1, "Standard_NC4as_T4_v3", gpu_count=1, gpu_model="T4", vcpus=4, memory_gib=28.0, spot=True,
                labels={"team": "ml"}, taints=["sku=gpu:NoSchedule", "kubernetes.azure.com/scalesetpriority=spot:NoSchedule"],
                zones=["2"], resource_group="MC_group_demo_westeurope")  # fmt: skip
    version = kube.get("/api/v1/nodes")["metadata"]["resourceVersion"]
    kube.server.do(lambda: kube.server.clusters.set_pool(kube.id, pool))
    assert not kube.server.do(lambda: kube.server.clusters.pool_ready(kube.id, "gpu"))
    wait_until(lambda: list(nodes(kube, "gpu").values()) == [True])
    first = next(kube.watch("/api/v1/nodes", resourceVersion=version, timeoutSeconds=2))["object"]
    assert first["status"]["conditions"][0]["reason"] == "KubeletNotReady"
    assert {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"} in first["spec"]["taints"]
    node = kube.get("/api/v1/nodes")["items"][0]
    assert V1Node.from_dict(node) is not None
    assert re.fullmatch(r"aks-gpu-\d{8}-vmss000000", node["metadata"]["name"])
    labels = node["metadata"]["labels"]
    assert {
        "agentpool": "gpu", "accelerator": "nvidia", "kubernetes.azure.com/accelerator": "nvidia", "team": "ml",
        "kubernetes.azure.com/scalesetpriority": "spot", "node.kubernetes.io/instance-type": "Standard_NC4as_T4_v3",
        "topology.kubernetes.io/region": "westeurope", "topology.kubernetes.io/zone": "westeurope-2", "kubernetes.azure.com/mode": "user",
    }.items() <= labels.items()  # fmt: skip
    assert [(one["key"], one.get("value"), one["effect"]) for one in node["spec"]["taints"]] == [
        ("sku", "gpu", "NoSchedule"), ("kubernetes.azure.com/scalesetpriority", "spot", "NoSchedule"),
    ]  # fmt: skip
    assert node["status"]["allocatable"]["cpu"] == "3860m"


def test_scaling_keeps_the_oldest_nodes_and_never_reuses_a_name(kube: Kube) -> None:
    kube.cpu_pool(3)
    before = sorted(nodes(kube, "system"))
    kube.cpu_pool(1)
    assert sorted(nodes(kube, "system")) == before[:1]
    kube.cpu_pool(2)
    assert sorted(nodes(kube, "system"))[1] not in before


def test_a_stopped_pool_has_no_nodes_and_a_deleted_one_takes_its_pods_along(kube: Kube) -> None:
    kube.cpu_pool(1)
    kube.pod("x", args=["sleep", "infinity"])
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Running")
    kube.server.do(lambda: kube.server.clusters.delete_pool(kube.id, "system"))
    wait_until(lambda: nodes(kube, "system") == {})
    assert kube.call("GET", "/api/v1/namespaces/default/pods/x")[0] == 404
    assert kube.cpu_pool(0) == ""
    assert kube.cpu_pool(1)


def test_labels_and_taints_of_kept_nodes_are_brought_up_to_date(kube: Kube) -> None:
    kube.pool(labels={"a": "1", "b": "1"})
    kube.pool(labels={"b": "2"}, taints=["other=x:NoExecute"])
    node = kube.get("/api/v1/nodes")["items"][0]
    assert ("a" in node["metadata"]["labels"], node["metadata"]["labels"]["b"]) == (False, "2")
    assert node["spec"]["taints"] == [{"key": "other", "value": "x", "effect": "NoExecute"}]


def test_a_stopped_cluster_keeps_its_objects_and_loses_its_nodes(kube: Kube) -> None:
    kube.cpu_pool(1)
    kube.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}})
    kube.server.do(lambda: kube.server.clusters.stop(kube.id))
    kube.server.do(lambda: kube.server.clusters.start(kube.id))
    assert nodes(kube, "system") == {}
    kube.cpu_pool(1)
    assert kube.get("/api/v1/namespaces/mine")["status"]["phase"] == "Active"


def test_a_node_can_fail_to_become_ready(kube: Kube) -> None:
    kube.fault("vmss000001", "node_stuck")
    pool = Pool("system", 2, "Standard_D4s_v5", mode="System", vcpus=4, memory_gib=16.0)
    kube.server.do(lambda: kube.server.clusters.set_pool(kube.id, pool))
    wait_until(lambda: sorted(nodes(kube, "system").values()) == [False, True])
    assert not kube.server.do(lambda: kube.server.clusters.pool_ready(kube.id, "system"))


def test_a_spot_machine_that_is_taken_back_is_gone_with_its_pods(kube: Kube) -> None:
    kube.cpu_pool(2)
    victim = sorted(nodes(kube, "system"))[1]
    kube.fault(victim, "spot_evicted")
    wait_until(lambda: len(nodes(kube, "system")) == 1)
    assert not kube.server.do(lambda: kube.server.clusters.pool_ready(kube.id, "system"))
    assert kube.get("/api/v1/pods", fieldSelector=f"spec.nodeName={victim}")["items"] == []


def test_a_pool_made_anew_while_the_old_one_still_goes_gets_its_own_nodes(kube: Kube) -> None:
    old = kube.cpu_pool(1)
    kube.server.do(lambda: kube.server.clusters.delete_pool(kube.id, "system"))
    new = kube.cpu_pool(1)
    assert new
    wait_until(lambda: list(nodes(kube, "system")) == [new])
    assert new != old
