"""The states that pods get into, as kubectl and the API show them."""

from __future__ import annotations

from kubernetes.client import V1Pod

from tests.playground.kubernetes.conftest import Json, Kube, wait_until


def state(pod: Json, kind: str = "state") -> Json:
    """{"waiting" | "running" | "terminated": …} of the first container."""
    return dict((pod["status"].get("containerStatuses") or [{}])[0].get(kind) or {})


def waiting(pod: Json) -> str:
    return str((state(pod).get("waiting") or {}).get("reason", ""))


def test_a_pod_passes_through_creating_running_and_succeeded_with_its_events(kube: Kube) -> None:
    kube.cpu_pool()
    version = kube.get("/api/v1/namespaces/default/pods")["metadata"]["resourceVersion"]
    kube.pod("x", image="tensorflow:2", env={"PLAYGROUND_SECONDS": "5"})
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Succeeded")
    phases: list[tuple[str, str]] = []
    for event in kube.watch("/api/v1/namespaces/default/pods", resourceVersion=version, timeoutSeconds=1):
        pod = event["object"]
        assert V1Pod.from_dict(pod) is not None
        step = (pod["status"]["phase"], next(iter(state(pod)), ""))
        if not phases or phases[-1] != step:
            phases.append(step)
    assert phases == [("Pending", ""), ("Pending", "waiting"), ("Running", "running"), ("Succeeded", "terminated")]
    messages = kube.reasons("x")
    assert list(messages) == ["Created", "Pulled", "Pulling", "Scheduled", "Started"] or set(messages) == {
        "Created", "Pulled", "Pulling", "Scheduled", "Started",
    }  # fmt: skip
    assert messages["Pulled"].startswith('Successfully pulled image "tensorflow:2" in ')


def test_an_image_is_pulled_once_per_node(kube: Kube) -> None:
    node = kube.cpu_pool()
    for name in ("a", "b"):
        kube.pod(name, image="tensorflow:2", env={"PLAYGROUND_SECONDS": "1"})
        kube.pod_when(name, lambda pod: pod["status"]["phase"] == "Succeeded")
    assert kube.reasons("b")["Pulled"] == 'Container image "tensorflow:2" already present on machine'
    assert "docker.io/library/tensorflow:2" in kube.get(f"/api/v1/nodes/{node}")["status"]["images"][0]["names"]


def test_a_missing_image_ends_in_image_pull_back_off_and_recovers(kube: Kube) -> None:
    kube.cpu_pool()
    kube.pod("never", image="example.com/team/does-not-exist:1")
    pod = kube.pod_when("never", lambda pod: waiting(pod) == "ImagePullBackOff")
    assert 'Back-off pulling image "example.com/team/does-not-exist:1"' in state(pod)["waiting"]["message"]
    assert pod["status"]["phase"] == "Pending"
    status, answer, _ = kube.call("GET", "/api/v1/namespaces/default/pods/never/log")
    assert status == 400
    assert answer["message"] == 'container "main" in pod "never" is waiting to start: trying and failing to pull image'
    kube.fault("flaky", "image_pull", times=1, message="toomanyrequests: You have reached your pull rate limit")
    kube.pod("flaky", image="flaky:1", env={"PLAYGROUND_SECONDS": "1"})
    kube.pod_when("flaky", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert {"Failed", "BackOff", "Pulled"} <= set(kube.reasons("flaky"))


def test_a_crashing_container_backs_off_and_keeps_its_previous_log(kube: Kube) -> None:
    kube.cpu_pool()
    env = {"PLAYGROUND_EXIT_CODE": "7", "PLAYGROUND_SECONDS": "1"}
    kube.pod("x", restartPolicy="Always", args=["boom"], env=env)
    pod = kube.pod_when("x", lambda pod: waiting(pod) == "CrashLoopBackOff")
    status = pod["status"]["containerStatuses"][0]
    assert (status["restartCount"], status["lastState"]["terminated"]["exitCode"], pod["status"]["phase"]) == (1, 7, "Running")
    assert "restarting failed container=main pod=x_default(" in status["state"]["waiting"]["message"]
    assert kube.log("x", previous="true") == "boom\n"
    assert kube.log("x") == "boom\n"


def test_out_of_memory_kills_are_named(kube: Kube) -> None:
    kube.cpu_pool()
    kube.pod("x", env={"PLAYGROUND_OOM": "1"})
    pod = kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Failed")
    assert (state(pod)["terminated"]["reason"], state(pod)["terminated"]["exitCode"]) == ("OOMKilled", 137)


def test_a_fault_strikes_at_the_line_that_it_names(kube: Kube) -> None:
    kube.cpu_pool()
    kube.fault("/x Accuracy at step 20", "oom")
    kube.pod("x", image="samples-tf-mnist-demo:gpu", args=["--max_steps", "500"])
    pod = kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Failed")
    assert state(pod)["terminated"]["reason"] == "OOMKilled"
    assert kube.log("x").splitlines()[-1].startswith("Accuracy at step 20: ")


def test_an_evicted_pod_says_why(kube: Kube) -> None:
    kube.cpu_pool()
    kube.fault("/x ", "evict")
    kube.pod("x")
    status = kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Failed")["status"]
    assert status["reason"] == "Evicted"
    assert status["message"].startswith("The node was low on resource: memory.")


def test_an_evicted_pod_is_not_restarted_and_gives_its_gpu_back(kube: Kube) -> None:
    node = kube.pool()
    kube.plugin()
    wait_until(lambda: kube.gpus(node)[1] == "1")
    kube.fault("/again-", "evict")
    kube.job("again", spec={"backoffLimit": 2}, restart="OnFailure", gpus=1, env={"PLAYGROUND_SECONDS": "20"})
    kube.job_when("again", "Complete")
    pods = sorted(kube.pods_of("again"), key=lambda pod: str(pod["status"]["phase"]))
    assert [(pod["status"]["phase"], pod["status"].get("reason")) for pod in pods] == [("Failed", "Evicted"), ("Succeeded", None)]
    assert pods[0]["status"]["containerStatuses"][0]["restartCount"] == 0


def test_all_containers_of_an_evicted_pod_are_stopped(kube: Kube) -> None:
    kube.cpu_pool()
    kube.fault("/x doomed", "evict")
    beside = {"name": "beside", "image": "busybox:1", "args": ["sleep", "infinity"]}
    kube.pod("x", restartPolicy="Always", containers=[beside, {"name": "main", "image": "busybox:1", "args": ["doomed"]}])
    kube.pod_when("x", lambda pod: all("terminated" in one["state"] for one in pod["status"].get("containerStatuses") or [{"state": {}}]))
    assert kube.get("/api/v1/namespaces/default/pods/x")["status"]["reason"] == "Evicted"


def test_a_container_that_cannot_be_started_says_why(kube: Kube) -> None:
    kube.cpu_pool()
    kube.fault("/x$", "start_error")
    kube.pod("x")
    ended = state(kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Failed"))["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("StartError", 128)
    assert ended["message"].endswith("nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown")
    assert kube.reasons("x")["Failed"] == f"Error: {ended['message']}"


def test_a_pod_that_finds_no_device_is_refused_on_admission(kube: Kube) -> None:
    node = kube.pool()
    kube.plugin()
    wait_until(lambda: kube.gpus(node)[1] == "1")
    kube.fault("/x$", "admission_error")
    kube.pod("x", gpus=1)
    status = kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Failed")["status"]
    assert status["reason"] == "UnexpectedAdmissionError"
    assert "Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. Requested: 1, Available: 0" in status["message"]


def test_a_missing_secret_keeps_a_container_from_being_configured(kube: Kube) -> None:
    kube.cpu_pool()
    body: Json = {"name": "main", "image": "busybox:1", "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}
    kube.pod("x", containers=[body])
    pod = kube.pod_when("x", lambda pod: waiting(pod) == "CreateContainerConfigError")
    assert state(pod)["waiting"]["message"] == 'secret "s" not found'
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "v"}}
    assert kube.create("/api/v1/namespaces/default/secrets", secret)["data"] == {"k": "dg=="}
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Succeeded")


def test_a_whole_secret_or_config_map_has_to_be_there_unless_it_is_optional(kube: Kube) -> None:
    kube.cpu_pool()
    sources = [{"configMapRef": {"name": "c"}, "prefix": "C_"}, {"secretRef": {"name": "s"}}, {"secretRef": {"name": "no", "optional": True}}]
    kube.pod("x", envFrom=sources)
    pod = kube.pod_when("x", lambda pod: waiting(pod) == "CreateContainerConfigError")
    assert state(pod)["waiting"]["message"] == 'configmap "c" not found'
    assert kube.reasons("x")["Failed"] == 'Error: configmap "c" not found'
    kube.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "c"}, "data": {"A": "1"}})
    kube.pod_when("x", lambda pod: (state(pod).get("waiting") or {}).get("message") == 'secret "s" not found')
    secret = {"metadata": {"name": "s"}, "stringData": {"PLAYGROUND_EXIT_CODE": "3"}}
    kube.create("/api/v1/namespaces/default/secrets", secret)
    pod = kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Failed")
    assert state(pod)["terminated"]["exitCode"] == 3


def test_a_pod_can_be_stuck_while_it_is_created(kube: Kube) -> None:
    kube.cpu_pool()
    kube.fault("/x$", "stuck_creating")
    kube.pod("x")
    wait_until(lambda: "FailedCreatePodSandBox" in kube.reasons("x"))
    assert waiting(kube.pod_when("x", waiting)) == "ContainerCreating"
    assert kube.call("GET", "/api/v1/namespaces/default/pods/x/log")[1]["message"].endswith("is waiting to start: ContainerCreating")


def test_init_containers_come_first(kube: Kube) -> None:
    kube.cpu_pool()
    first: Json = {"name": "first", "image": "busybox:1", "args": ["one"], "env": [{"name": "PLAYGROUND_SECONDS", "value": "1"}]}
    kube.pod("x", initContainers=[first], args=["two"], env={"PLAYGROUND_SECONDS": "1"})
    pod = kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert pod["status"]["initContainerStatuses"][0]["ready"] is True
    assert (kube.log("x", container="first"), kube.log("x", container="main")) == ("one\n", "two\n")


def test_a_deleted_pod_is_stopped_before_it_goes(kube: Kube) -> None:
    kube.cpu_pool()
    kube.pod("x", args=["sleep", "infinity"])
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Running")
    assert kube.delete("/api/v1/namespaces/default/pods/x")["metadata"]["deletionGracePeriodSeconds"] == 30
    wait_until(lambda: kube.call("GET", "/api/v1/namespaces/default/pods/x")[0] == 404)
    assert "Killing" in kube.reasons("x")
    kube.pod("y", args=["sleep", "infinity"])
    kube.pod_when("y", lambda pod: pod["status"]["phase"] == "Running")
    kube.delete("/api/v1/namespaces/default/pods/y", {"gracePeriodSeconds": 0})
    assert kube.call("GET", "/api/v1/namespaces/default/pods/y")[0] == 404


def test_a_pods_own_deadline_fails_it(kube: Kube) -> None:
    kube.cpu_pool()
    kube.pod("x", activeDeadlineSeconds=900, args=["sleep", "infinity"])
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Running")
    kube.server.do(lambda: kube.server.clock.advance(901))
    status = kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Failed")["status"]
    assert status["reason"] == "DeadlineExceeded"


def test_a_silent_node_is_tainted_and_its_pods_are_evicted_in_the_end(kube: Kube) -> None:
    node = kube.pool()
    kube.plugin()
    wait_until(lambda: kube.gpus(node)[1] == "1")
    kube.pod("x", gpus=1, args=["sleep", "infinity"])
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Running")
    kube.fault(node, "node_not_ready", times=-1)

    def ready() -> str:
        return str(next(one["status"] for one in kube.get(f"/api/v1/nodes/{node}")["status"]["conditions"] if one["type"] == "Ready"))

    wait_until(lambda: ready() == "Unknown")
    taints = [(one["key"], one["effect"]) for one in kube.get(f"/api/v1/nodes/{node}")["spec"]["taints"]]
    assert ("node.kubernetes.io/unreachable", "NoExecute") in taints
    status, answer, _ = kube.call("GET", "/api/v1/namespaces/default/pods/x/log")
    assert (status, "i/o timeout" in answer["message"]) == (500, True)
    kube.pod_when("x", lambda pod: pod["metadata"].get("deletionTimestamp"))
    kube.server.faults.clear()
    wait_until(lambda: ready() == "True")
    wait_until(lambda: kube.call("GET", "/api/v1/namespaces/default/pods/x")[0] == 404)
    assert [one["key"] for one in kube.get(f"/api/v1/nodes/{node}")["spec"]["taints"]] == ["sku"]
    assert kube.gpus(node) == ("1", "1")
