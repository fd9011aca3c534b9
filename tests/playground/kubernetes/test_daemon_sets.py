"""DaemonSets: which nodes they take, and how they are rolled out."""

from __future__ import annotations

from tests.playground.kubernetes.conftest import Json, Kube, plugin_set, wait_until

PATH = "/apis/apps/v1/namespaces/kube-system/daemonsets/nvidia-device-plugin-daemonset"
SETS = "/apis/apps/v1/namespaces/kube-system/daemonsets"
PODS = "/api/v1/namespaces/kube-system/pods"


def pods(kube: Kube) -> list[Json]:
    return list(kube.get(PODS, labelSelector="name=nvidia-device-plugin-ds")["items"])


def counts(kube: Kube) -> tuple[int, int, int]:
    status = kube.get(PATH)["status"]
    return status["desiredNumberScheduled"], status["numberReady"], status.get("updatedNumberScheduled", 0)


def test_only_nodes_whose_labels_and_taints_fit_are_taken(kube: Kube) -> None:
    kube.cpu_pool()
    node = kube.pool()
    kube.pool(name="other", taints=["team=web:NoSchedule"])
    kube.plugin()
    assert counts(kube) == (1, 1, 1)
    pod = pods(kube)[0]
    assert pod["spec"]["nodeName"] == node
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "DaemonSet"
    keys = {one.get("key") for one in pod["spec"]["tolerations"]}
    assert {"node.kubernetes.io/not-ready", "node.kubernetes.io/unschedulable", "sku"} <= keys


def test_a_plugin_without_the_toleration_reaches_no_node(kube: Kube) -> None:
    kube.pool()
    body = plugin_set()
    body["spec"]["template"]["spec"]["tolerations"] = []
    kube.create(SETS, body)
    wait_until(lambda: kube.get(PATH)["status"].get("observedGeneration") == 1)
    assert counts(kube) == (0, 0, 0)


def test_new_nodes_get_a_pod_and_removed_ones_lose_it(kube: Kube) -> None:
    kube.pool()
    kube.plugin()
    kube.pool(count=3)
    wait_until(lambda: counts(kube) == (3, 3, 3))
    kube.pool(count=1)
    wait_until(lambda: counts(kube) == (1, 1, 1) and len(pods(kube)) == 1)


def test_an_update_is_rolled_out_node_by_node(kube: Kube) -> None:
    kube.pool(count=3)
    kube.plugin()
    version = kube.get(PODS)["metadata"]["resourceVersion"]
    kube.call("PATCH", PATH, plugin_set(image="nvcr.io/nvidia/k8s-device-plugin:v0.20.0"), kind="application/strategic-merge-patch+json")
    wait_until(lambda: kube.get(PATH)["status"]["observedGeneration"] == 2 and counts(kube) == (3, 3, 3))
    ready: dict[str, bool] = {one["metadata"]["name"]: False for one in pods(kube)}
    fewest = 3
    alive = 3
    for event in kube.watch(PODS, resourceVersion=version, labelSelector="name=nvidia-device-plugin-ds", timeoutSeconds=1):
        conditions = {one["type"]: one["status"] for one in event["object"]["status"].get("conditions", [])}
        going = event["type"] == "DELETED" or event["object"]["metadata"].get("deletionTimestamp")
        name = event["object"]["metadata"]["name"]
        was = ready.get(name, True)
        ready[name] = conditions.get("Ready") == "True" and not going
        alive += int(ready[name]) - int(was)
        fewest = min(fewest, alive)
    assert fewest == 2
    assert {one["spec"]["containers"][0]["image"][-7:] for one in pods(kube)} == {"v0.20.0"}


def test_rules_of_daemon_sets_are_enforced(kube: Kube) -> None:
    body = plugin_set()
    body["spec"]["template"]["metadata"]["labels"] = {"name": "other"}
    status, answer, _ = kube.call("POST", SETS, body)
    assert status == 422
    assert "`selector` does not match template `labels`" in answer["message"]
    kube.create(SETS, plugin_set())
    changed = plugin_set()
    changed["spec"]["selector"] = {"matchLabels": {"name": "nvidia-device-plugin-ds", "x": "y"}}
    changed["spec"]["template"]["metadata"]["labels"]["x"] = "y"
    status, answer = kube.apply(PATH, changed, force=True)
    assert status == 422
    assert "spec.selector: Invalid value" in answer["message"]


def test_a_missing_priority_class_is_told_in_an_event(kube: Kube) -> None:
    kube.pool()
    body = plugin_set()
    body["spec"]["template"]["spec"]["priorityClassName"] = "nope"
    kube.create(SETS, body)

    def told() -> str:
        events = kube.get("/api/v1/namespaces/kube-system/events", fieldSelector="reason=FailedCreate")["items"]
        return str(events[0]["message"]) if events else ""

    assert "no PriorityClass with name nope was found" in wait_until(told)
