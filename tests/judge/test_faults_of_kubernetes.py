"""Faults of the simulated cluster have the effect that is said of them: watches and logs that break, rights that go, pods and nodes that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from tests.judge.clients import DEMO, GPU_POOL, Arm, kubeconfig_of
from tests.judge.kube import ApiException, client, config, watch
from tests.judge.manifests import PLUGIN, job
from tests.playing import Playing, wait_until

CRASHES = [("oom", "OOMKilled", 137), ("crash", "Error", 1)]


@pytest.fixture(scope="module")
def kubeconfig(play: Playing, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kubeconfig_of(play, tmp_path_factory.mktemp("kube"))


@pytest.fixture
def api(kubeconfig: Path) -> Iterator[Any]:
    with config.new_client_from_config(str(kubeconfig)) as made:
        yield made


@pytest.fixture
def core(api: Any) -> Any:
    return client.CoreV1Api(api)


@pytest.fixture
def run(api: Any) -> Callable[..., None]:
    """Start a Job."""

    def start(name: str, **options: Any) -> None:
        client.BatchV1Api(api).create_namespaced_job("default", yaml.safe_load(job(name, **options)))

    return start


@pytest.fixture
def plugin(api: Any, core: Any) -> Iterator[str]:
    """The device plugin runs on the GPU node; that node's name. Gone again after the test."""
    name = gpu_node(core).metadata.name
    client.AppsV1Api(api).create_namespaced_daemon_set("kube-system", yaml.safe_load(PLUGIN))
    yield name
    client.AppsV1Api(api).delete_namespaced_daemon_set("nvidia-device-plugin-daemonset", "kube-system")
    wait_until(lambda: not core.list_namespaced_pod("kube-system", label_selector="name=nvidia-device-plugin-ds").items, 20, "no plugin")


def gpu_node(core: Any) -> Any:
    return core.list_node(label_selector="agentpool=gpu").items[0]


def gpus(core: Any) -> tuple[str | None, str | None]:
    """(capacity, allocatable) of the GPU node."""
    status = gpu_node(core).status
    return status.capacity.get("nvidia.com/gpu"), status.allocatable.get("nvidia.com/gpu")


def pod(core: Any, name: str, look: Callable[[Any], bool]) -> Any:
    """A pod of a Job of which `look` is true, once there is one."""

    def seen() -> Any:
        found = core.list_namespaced_pod("default", label_selector=f"app={name}").items
        return next((one for one in found if look(one)), None)

    return wait_until(seen, 20, f"the pod of {name}")


def reasons(core: Any, name: str) -> list[str]:
    """Why events were recorded of things called `name…`."""
    return [one.reason for one in core.list_event_for_all_namespaces().items if one.involved_object.name.startswith(name)]


def waiting(one: Any) -> str:
    states = one.status.container_statuses or []
    return states[0].state.waiting.reason if states and states[0].state.waiting else ""


def test_watch_drop_is_a_broken_connection(play: Playing, core: Any, run: Callable[..., None]) -> None:
    play.fault("kubernetes", "watch_drop", "/pods", events=1)
    run("drops")
    with pytest.raises(urllib3.exceptions.HTTPError):
        list(watch.Watch().stream(core.list_namespaced_pod, "default", timeout_seconds=20))


def test_watch_410_is_final_for_the_client_that_asks_again(play: Playing, core: Any) -> None:
    version = core.list_namespaced_pod("default").metadata.resource_version
    play.fault("kubernetes", "watch_410", "/pods")
    with pytest.raises(ApiException) as expired:
        list(watch.Watch().stream(core.list_namespaced_pod, "default", resource_version=version, timeout_seconds=20))
    assert (expired.value.status, expired.value.reason.startswith("Expired: too old resource version")) == (410, True)


def test_half_open_hangs_past_the_watch_s_own_timeout(play: Playing, core: Any) -> None:
    play.fault("kubernetes", "half_open", "/pods", seconds=30)
    with pytest.raises(urllib3.exceptions.HTTPError):
        list(watch.Watch().stream(core.list_namespaced_pod, "default", timeout_seconds=1, _request_timeout=(1, 2)))


def test_cut_log_ends_as_if_the_container_had(play: Playing, core: Any, run: Callable[..., None]) -> None:
    run("cut", steps=50)
    name = pod(core, "cut", lambda one: one.status.phase != "Pending").metadata.name
    play.fault("kubernetes", "cut_log", "/log", lines=3)
    assert len(list(watch.Watch().stream(core.read_namespaced_pod_log, name, "default"))) == 3
    assert len(list(watch.Watch().stream(core.read_namespaced_pod_log, name, "default"))) > 3


def test_forbidden_takes_rights_away_for_a_while(play: Playing, core: Any) -> None:
    play.fault("kubernetes", "forbidden", "/pods")
    with pytest.raises(ApiException) as refused:
        core.list_namespaced_pod("default")
    assert refused.value.status == 403
    core.list_namespaced_pod("default")
    play.fault("kubernetes", "forbidden", role="reader", times=-1)
    core.list_namespaced_pod("default")
    with pytest.raises(ApiException):
        core.create_namespaced_config_map("default", {"metadata": {"name": "x"}})


def test_image_pull_fails_and_backs_off_until_it_works(play: Playing, core: Any, run: Callable[..., None]) -> None:
    play.call("POST", "/clock", {"speed": 10})
    play.fault("kubernetes", "image_pull", "busybox", message="no such host")
    run("pulls", image="busybox")
    pod(core, "pulls", lambda one: waiting(one) in ("ErrImagePull", "ImagePullBackOff"))
    found = pod(core, "pulls", lambda one: waiting(one) == "ImagePullBackOff")
    assert "no such host" in found.status.container_statuses[0].state.waiting.message
    play.call("POST", "/clock", {"speed": 1000})
    pod(core, "pulls", lambda one: one.status.phase == "Succeeded")


@pytest.mark.parametrize(("effect", "reason", "code"), CRASHES)
def test_a_container_ends_at_the_line_that_is_named(play: Playing, core: Any, run: Callable[..., None], effect: str, reason: str, code: int) -> None:
    play.fault("kubernetes", effect, f"default/{effect}.* step 10:")
    run(effect, steps=100)
    ended = pod(core, effect, lambda one: one.status.phase == "Failed")
    state = ended.status.container_statuses[0].state.terminated
    assert (state.reason, state.exit_code) == (reason, code)
    assert "step 10:" in core.read_namespaced_pod_log(ended.metadata.name, "default").splitlines()[-1]


def test_evict_fails_the_pod_with_the_kubelets_words(play: Playing, core: Any, run: Callable[..., None]) -> None:
    play.fault("kubernetes", "evict", "default/evict")
    run("evict", steps=100)
    ended = pod(core, "evict", lambda one: one.status.phase == "Failed")
    assert (ended.status.reason, "low on resource" in ended.status.message) == ("Evicted", True)


def test_stuck_creating_never_starts_and_says_why(play: Playing, core: Any, run: Callable[..., None]) -> None:
    play.fault("kubernetes", "stuck_creating", "default/stuck")
    run("stuck")
    wait_until(lambda: "FailedCreatePodSandBox" in reasons(core, "stuck"), 20, "the event")
    assert waiting(pod(core, "stuck", lambda one: True)) == "ContainerCreating"


def test_admission_error_refuses_a_pod_that_wants_a_gpu(play: Playing, core: Any, run: Callable[..., None], plugin: str) -> None:
    wait_until(lambda: gpus(core) == ("1", "1"), 20, "a GPU")
    play.fault("kubernetes", "admission_error", "default/refused")
    run("refused", gpus=1)
    ended = pod(core, "refused", lambda one: one.status.phase == "Failed")
    assert (ended.status.reason, "Requested: 1, Available: 0" in ended.status.message) == ("UnexpectedAdmissionError", True)


def test_gpu_missing_leaves_capacity_and_takes_allocatable(play: Playing, core: Any, plugin: str) -> None:
    wait_until(lambda: gpus(core) == ("1", "1"), 20, "a GPU")
    play.fault("kubernetes", "gpu_missing", plugin, times=-1, count=1)
    wait_until(lambda: gpus(core) == ("1", "0"), 20, "the GPU is lost")
    play.call("DELETE", "/faults")
    wait_until(lambda: gpus(core) == ("1", "1"), 20, "the GPU is back")


def test_driver_mismatch_lets_the_plugin_run_and_never_advertises(play: Playing, api: Any, core: Any) -> None:
    play.call("POST", "/clock", {"speed": 100})  # the fault strikes at the node once it is there, before a plugin can start on it
    play.fault("kubernetes", "driver_mismatch", times=-1)
    arm = Arm(play)
    arm.made(f"{DEMO}/agentPools/driver", GPU_POOL)
    manifest = yaml.safe_load(PLUGIN.replace("agentpool: gpu", "agentpool: driver").replace("plugin-daemonset", "plugin-driver"))
    client.AppsV1Api(api).create_namespaced_daemon_set("kube-system", manifest)

    def logged() -> bool:
        found = core.list_namespaced_pod("kube-system", label_selector="name=nvidia-device-plugin-ds").items
        mine = [one for one in found if one.spec.node_name and "driver" in one.spec.node_name and one.status.phase == "Running"]
        if not mine:
            return False
        text = core.read_namespaced_pod_log(mine[0].metadata.name, "kube-system")
        return "Failed to initialize NVML: Driver/library version mismatch" in text and "No devices found" in text

    wait_until(logged, 20, "the plugin finds no device")
    node = core.list_node(label_selector="agentpool=driver").items[0]
    assert [one.status for one in node.status.conditions if one.type == "Ready"] == ["True"]
    assert node.status.allocatable.get("nvidia.com/gpu") in (None, "0")
    client.AppsV1Api(api).delete_namespaced_daemon_set("nvidia-device-plugin-driver", "kube-system")
    arm("DELETE", f"{DEMO}/agentPools/driver")


def test_node_condition_is_reported_while_it_lasts(play: Playing, core: Any) -> None:
    name = gpu_node(core).metadata.name

    def seen() -> tuple[str, str] | None:
        return next(((one.status, one.message) for one in core.read_node(name).status.conditions if one.type == "XIDErrors"), None)

    play.fault("kubernetes", "node_condition", name, times=-1, condition="XIDErrors", message="Xid 79: GPU has fallen off the bus")
    wait_until(lambda: seen() == ("True", "Xid 79: GPU has fallen off the bus"), 20, "the condition")
    play.call("DELETE", "/faults")
    wait_until(lambda: seen() == ("False", ""), 20, "the condition has passed")


def test_start_error_is_the_runtimes_refusal(play: Playing, core: Any, run: Callable[..., None]) -> None:
    play.fault("kubernetes", "start_error", "default/unstarted", message='exec: "nvidia-smi": executable file not found in $PATH')
    run("unstarted")
    ended = pod(core, "unstarted", lambda one: one.status.phase == "Failed").status.container_statuses[0].state.terminated
    assert (ended.reason, ended.exit_code, "nvidia-smi" in ended.message) == ("StartError", 128, True)


def test_gpu_unseen_leaves_a_container_without_its_gpu(play: Playing, core: Any, plugin: str) -> None:
    wait_until(lambda: gpus(core) == ("1", "1"), 20, "a GPU")
    play.fault("kubernetes", "gpu_unseen", "default/blind")
    smi = {"name": "main", "image": "nvidia/cuda:12.6.3-base", "command": ["nvidia-smi"], "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    spec = {"restartPolicy": "Never", "tolerations": [{"operator": "Exists"}], "containers": [smi]}
    for name, said in (("blind", "No devices were found"), ("sighted", "Driver Version")):
        core.create_namespaced_pod("default", {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec})
        pod(core, name, lambda one: one.status.phase in ("Failed", "Succeeded"))
        assert said in core.read_namespaced_pod_log(name, "default")


def test_plugin_blocked_keeps_the_daemonset_from_being_ready(play: Playing, api: Any, core: Any, plugin: str) -> None:
    wait_until(lambda: gpus(core) == ("1", "1"), 20, "a GPU")
    play.fault("kubernetes", "plugin_blocked", "nvidia-device-plugin", times=-1)
    apps = client.AppsV1Api(api)
    container = {"name": "nvidia-device-plugin-ctr", "image": "nvcr.io/nvidia/k8s-device-plugin:v0.19.4"}
    newer = {"spec": {"template": {"spec": {"containers": [container]}}}}
    apps.patch_namespaced_daemon_set("nvidia-device-plugin-daemonset", "kube-system", newer)
    wait_until(lambda: "FailedCreatePodSandBox" in reasons(core, "nvidia-device-plugin"), 20, "the event")
    wait_until(lambda: gpus(core) == ("1", "0"), 20, "no GPU without a plugin")
    assert not apps.read_namespaced_daemon_set("nvidia-device-plugin-daemonset", "kube-system").status.number_ready


def test_node_not_ready_falls_silent_and_recovers(play: Playing, core: Any) -> None:
    name = gpu_node(core).metadata.name

    def ready() -> str:
        return next(str(one.status) for one in core.read_node(name).status.conditions if one.type == "Ready")

    play.call("POST", "/clock", {"speed": 1})
    play.fault("kubernetes", "node_not_ready", name, times=-1)
    wait_until(lambda: ready() == "Unknown", 20, "the node is silent")
    taints = {(one.key, one.effect) for one in core.read_node(name).spec.taints}
    assert ("node.kubernetes.io/unreachable", "NoExecute") in taints
    play.call("DELETE", "/faults")
    wait_until(lambda: ready() == "True", 20, "the node is back")


def test_node_stuck_registers_and_never_becomes_ready(play: Playing, core: Any) -> None:
    play.fault("kubernetes", "node_stuck", "aks-stuck")
    arm = Arm(play)
    arm.made(f"{DEMO}/agentPools/stuck", GPU_POOL)
    node = wait_until(lambda: core.list_node(label_selector="agentpool=stuck").items, 20, "the node")[0]
    assert [one.status for one in node.status.conditions if one.type == "Ready"] == ["False"]
    arm("DELETE", f"{DEMO}/agentPools/stuck")


def test_spot_evicted_takes_the_node_at_once(play: Playing, core: Any) -> None:
    arm = Arm(play)
    spot = {"scaleSetPriority": "Spot", "scaleSetEvictionPolicy": "Delete", "spotMaxPrice": -1}
    arm.made(f"{DEMO}/agentPools/spot", {"properties": {**GPU_POOL["properties"], **spot}})
    assert len(core.list_node(label_selector="agentpool=spot").items) == 1
    play.fault("kubernetes", "spot_evicted", "aks-spot")
    wait_until(lambda: not core.list_node(label_selector="agentpool=spot").items, 20, "the node is gone")
    arm("DELETE", f"{DEMO}/agentPools/spot")


def test_faults_of_containers_are_counted_and_combine(play: Playing, core: Any, run: Callable[..., None]) -> None:
    play.fault("kubernetes", "crash", "default/twice.* step 10:")
    play.fault("kubernetes", "oom", "default/twice.* step 20:")
    run("twice", steps=100, retries=3)
    pod(core, "twice", lambda one: one.status.phase == "Succeeded")
    pods = core.list_namespaced_pod("default", label_selector="app=twice").items
    states = [one.status.container_statuses[0].state.terminated.reason for one in pods]
    assert sorted(states) == ["Completed", "Error", "OOMKilled"]
