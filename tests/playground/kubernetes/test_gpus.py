"""GPUs can be scheduled only while a device plugin runs on the node and a driver is there."""

from __future__ import annotations

import re

import pytest

from tests.playground.kubernetes.conftest import SAMPLE, Kube, wait_until

PLUGIN_PATH = "/apis/apps/v1/namespaces/kube-system/daemonsets/nvidia-device-plugin-daemonset"


def test_gpus_appear_with_the_plugin_and_fall_to_zero_without_it(kube: Kube) -> None:
    node = kube.pool()
    assert kube.gpus(node) == (None, None)
    kube.plugin()
    wait_until(lambda: kube.gpus(node) == ("1", "1"))
    kube.delete(PLUGIN_PATH)
    wait_until(lambda: kube.gpus(node) == ("1", "0"))


def test_a_waiting_job_starts_by_itself_once_the_plugin_runs_and_really_trains(kube: Kube) -> None:
    kube.cpu_pool()
    kube.pool()
    kube.job("mnist", image=SAMPLE, args=["--max_steps", "200"], gpus=1, restart="OnFailure")
    waiting = wait_until(lambda: kube.pods_of("mnist"))[0]["metadata"]["name"]
    why = wait_until(lambda: kube.reasons(waiting).get("FailedScheduling"))
    half = "0/2 nodes are available"
    assert why == f"{half}: 2 Insufficient nvidia.com/gpu. preemption: {half}: 2 Preemption is not helpful for scheduling."
    kube.plugin()
    kube.job_when("mnist", "Complete")
    log = kube.log(waiting)
    assert "Found device 0 with properties: \nname: Tesla T4 major: 7 minor: 5 memoryClockRate(GHz): 1.59\npciBusID: " in log
    accuracies = {int(step): float(value) for step, value in re.findall(r"^Accuracy at step (\d+): (0\.\d{1,4})$", log, re.M)}
    assert list(accuracies) == list(range(0, 200, 10))
    assert accuracies[0] < 0.4 < 0.85 < accuracies[190]
    assert re.findall(r"^Adding run metadata for (\d+)$", log, re.M) == ["99", "199"]


def test_without_a_gpu_the_sample_trains_on_the_cpu_and_names_no_device(kube: Kube) -> None:
    kube.cpu_pool()
    kube.job("mnist", image=SAMPLE, args=["--max_steps", "20"])
    kube.job_when("mnist", "Complete")
    log = kube.log(kube.pods_of("mnist")[0]["metadata"]["name"])
    assert "Accuracy at step 10: 0." in log
    assert "Found device" not in log


def test_another_seed_gives_another_accuracy_and_the_same_seed_the_same(kube: Kube) -> None:
    kube.cpu_pool()
    logs = []
    for name, seed in (("first", "1"), ("second", "1"), ("third", "2")):
        kube.job(name, image=SAMPLE, args=["--max_steps=40", f"--seed={seed}"])
        kube.job_when(name, "Complete")
        logs.append(re.findall("Accuracy.*", kube.log(kube.pods_of(name)[0]["metadata"]["name"])))
    assert logs[0] == logs[1] != logs[2]


@pytest.mark.parametrize(
    ("strategy", "resource", "count"), [("single", "nvidia.com/gpu", "7"), ("mixed", "nvidia.com/mig-1g.10gb", "7"), ("none", "nvidia.com/gpu", "1")]
)
def test_mig_slices_carry_the_count_and_name_of_the_strategy(kube: Kube, strategy: str, resource: str, count: str) -> None:
    node = kube.pool(vm_size="Standard_NC24ads_A100_v4", gpu_model="A100", vcpus=24, memory_gib=220.0, mig_profile="MIG1g")
    kube.plugin(MIG_STRATEGY=strategy)
    wait_until(lambda: kube.gpus(node, resource) == (count, count))


def test_forty_gigabyte_gpus_split_into_five_gigabyte_slices(kube: Kube) -> None:
    node = kube.pool(vm_size="Standard_ND96asr_v4", gpu_model="A100", gpu_count=8, vcpus=96, memory_gib=900.0, mig_profile="MIG1g")
    kube.plugin(MIG_STRATEGY="mixed")
    wait_until(lambda: kube.gpus(node, "nvidia.com/mig-1g.5gb") == ("56", "56"))


def test_a_managed_pool_brings_its_own_plugin(kube: Kube) -> None:
    node = kube.pool(managed=True, driver="None")
    wait_until(lambda: kube.gpus(node) == ("1", "1"))
    item = kube.get(f"/api/v1/nodes/{node}")
    assert item["metadata"]["labels"]["kubernetes.azure.com/dcgm-exporter"] == "enabled"
    conditions = {one["type"]: one["status"] for one in item["status"]["conditions"]}
    assert conditions["UnhealthyNvidiaDevicePlugin"] == "False"


@pytest.mark.parametrize("cause", ["driver none", "driver mismatch", "plugin blocked", "AMD"])
def test_gpus_are_never_advertised(kube: Kube, cause: str) -> None:
    if cause == "plugin blocked":
        kube.fault("nvidia-device-plugin", "plugin_blocked", times=-1)
    node = kube.pool(driver="None" if cause == "driver none" else "Install", **({"gpu_model": "MI300X"} if cause == "AMD" else {}))
    if cause == "AMD":
        assert "accelerator" not in kube.get(f"/api/v1/nodes/{node}")["metadata"]["labels"]
        return
    if cause == "driver mismatch":
        kube.fault(node, "driver_mismatch", times=-1)
        wait_until(lambda: kube.server.do(lambda: not kube.server.clusters.by_id[kube.id].gpus.driver_seen(node)))
    if cause == "plugin blocked":
        from tests.playground.kubernetes.conftest import plugin_set

        kube.create("/apis/apps/v1/namespaces/kube-system/daemonsets", plugin_set())
        reasons = wait_until(lambda: _reasons(kube))
        assert "FailedCreatePodSandBox" in reasons
    else:
        kube.plugin()
        plugin = _plugin_pod(kube)
        log = wait_until(lambda: kube.get(f"/api/v1/namespaces/kube-system/pods/{plugin}/log"))
        wait_until(lambda: "No devices found" in kube.get(f"/api/v1/namespaces/kube-system/pods/{plugin}/log"), 5)
        assert log
    assert kube.gpus(node)[1] in (None, "0")


def _reasons(kube: Kube) -> set[str]:
    found = {one["reason"] for one in kube.get("/api/v1/namespaces/kube-system/events")["items"]}
    return found if "FailedCreatePodSandBox" in found else set()


def _plugin_pod(kube: Kube) -> str:
    return str(kube.get("/api/v1/namespaces/kube-system/pods", labelSelector="name=nvidia-device-plugin-ds")["items"][0]["metadata"]["name"])


def test_a_lost_gpu_leaves_capacity_and_takes_allocatable(kube: Kube) -> None:
    node = kube.pool(vm_size="Standard_NC64as_T4_v3", gpu_count=4, vcpus=64, memory_gib=440.0)
    kube.plugin()
    wait_until(lambda: kube.gpus(node) == ("4", "4"))
    kube.fault(node, "gpu_missing", times=-1, count=1)
    wait_until(lambda: kube.gpus(node) == ("4", "3"))
    kube.server.faults.clear()
    wait_until(lambda: kube.gpus(node) == ("4", "4"))


def test_gpus_are_counted_and_the_second_pod_waits_for_the_first(kube: Kube) -> None:
    node = kube.pool()
    kube.plugin()
    wait_until(lambda: kube.gpus(node)[1] == "1")
    kube.pod("first", gpus=1, args=["sleep", "infinity"])
    kube.pod_when("first", lambda pod: pod["status"]["phase"] == "Running")
    kube.pod("second", gpus=1)
    assert "Insufficient nvidia.com/gpu" in wait_until(lambda: kube.reasons("second").get("FailedScheduling", ""))
    kube.delete("/api/v1/namespaces/default/pods/first")
    kube.pod_when("second", lambda pod: pod["status"]["phase"] == "Succeeded")


def test_a_pod_that_waited_for_a_gpu_is_never_refused_the_one_that_just_became_free(kube: Kube) -> None:
    node = kube.pool()
    kube.plugin()
    wait_until(lambda: kube.gpus(node)[1] == "1")
    kube.job("turns", spec={"completions": 12, "parallelism": 12, "backoffLimit": 0}, gpus=1, image="nvidia/cuda:12.6.3-base", args=["nvidia-smi"])
    ended = wait_until(lambda: kube.get("/apis/batch/v1/namespaces/default/jobs/turns")["status"].get("conditions"))
    assert ended[-1]["type"] == "Complete", [(one["metadata"]["name"], one["status"].get("reason")) for one in kube.pods_of("turns")]


@pytest.mark.parametrize("model", [("T4", "Standard_NC4as_T4_v3", "Tesla T4"), ("H100", "Standard_NC40ads_H100_v5", "NVIDIA H100 NVL")])
def test_nvidia_smi_shows_the_gpu_that_was_handed_out(kube: Kube, model: tuple[str, str, str]) -> None:
    kube.pool(gpu_model=model[0], vm_size=model[1])
    kube.plugin()
    kube.pod("smi", image="nvcr.io/nvidia/cuda:13.0.1-base-ubuntu22.04", command=["nvidia-smi"], gpus=1)
    kube.pod_when("smi", lambda pod: pod["status"]["phase"] == "Succeeded")
    log = kube.log("smi")
    assert model[2] in log
    assert re.search(r"Driver Version: 580\.159\.04\s+CUDA Version: 13\.0", log)
    kube.pod("query", image="cuda", command=["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"], gpus=1)
    kube.pod_when("query", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert kube.log("query") == f"{model[2]}, 580.159.04\n"


def test_gpu_programs_fail_where_no_gpu_was_handed_out(kube: Kube) -> None:
    kube.cpu_pool()
    kube.pod("smi", image="cuda", command=["nvidia-smi"])
    kube.pod("add", image="nvcr.io/nvidia/k8s/cuda-sample:vectoradd-cuda12.5.0")
    for name in ("smi", "add"):
        kube.pod_when(name, lambda pod: pod["status"]["phase"] == "Failed")
    assert "no CUDA-capable device" in kube.log("add")
