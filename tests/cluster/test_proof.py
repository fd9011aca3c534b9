"""The proof: every cause is named, and nothing that lacks a link of the chain is ever called ready."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.cluster.causes import CAUSES
from bot.cluster.evidence import Evidence, Expectation, NodeEvidence, PluginEvidence, ProbeEvidence
from bot.cluster.probe import judge_probe_pod, manifest, probe_name
from bot.cluster.proof import evidence_of, judge
from bot.cluster.smi import driver_fault, read_smi
from tests.cluster.build import NOW, Json, container, event, node, pod, unschedulable

TABLE = """Fri Nov 20 09:00:00 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 580.159.04             Driver Version: 580.159.04     CUDA Version: 13.0     |
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
|=========================================+========================+======================|
|   0  {model:<26} Off |   00000001:00:00.0 Off |                    0 |
| N/A   38C    P8              9W /   70W |       0MiB /  15360MiB |      0%      Default |
+-----------------------------------------------------------------------------------------+
"""
SMI = TABLE.format(model="Tesla T4")
EXPECTED = Expectation(pool="gpu", nodes=1, per_node=1, size="Standard_NC4as_T4_v3")
PLUGIN = Path(__file__).parents[2] / "manifests" / "device-plugin.yaml"
DAEMONSET = next(item for item in yaml.safe_load_all(PLUGIN.read_text()) if item["kind"] == "DaemonSet")
PROBE = ProbeEvidence("succeeded", "aks-gpu-1", "Completed", "", SMI, NOW)
READY = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T08:30:00Z"}]


def plugin_pod(**fields: Any) -> Json:
    fields = {"gpus": 0, "conditions": READY, "container": container("running"), "job": None, "namespace": "gpu-resources", **fields}
    return pod("nvidia-abc", **fields)


def seen(
    nodes: list[Json] | None = None,
    plugins: list[Json] | None = None,
    probe: ProbeEvidence | None = PROBE,
    *,
    sets: list[Json] | None = None,
    **rest: Any,
) -> Evidence:
    return evidence_of(
        [node()] if nodes is None else nodes,
        [DAEMONSET] if sets is None else sets,
        [plugin_pod()] if plugins is None else plugins,
        at_time=NOW,
        probe=probe,
        **rest,
    )


def test_ready_names_model_driver_and_cuda_with_the_evidence() -> None:
    verdict = judge(seen(), EXPECTED)
    assert verdict.ready
    assert (verdict.cause, verdict.model, verdict.driver, verdict.cuda) == (None, "Tesla T4", "580.159.04", "13.0")
    assert verdict.sentence == "1 `nvidia.com/gpu` on 1 node of pool `gpu` can be scheduled: Tesla T4, driver 580.159.04, CUDA 13.0."
    assert any("1 of 1 nvidia.com/gpu allocatable" in line for line in verdict.evidence)


def probe(phase: str, reason: str = "", detail: str = "", text: str = "", on: str | None = "aks-gpu-1", made: float = 5) -> Evidence:
    return seen(probe=ProbeEvidence(phase, on, reason, detail, text, NOW - timedelta(seconds=made)))  # type: ignore[arg-type]


def bare(**fields: Any) -> Evidence:
    return seen([node(gpus=None, **fields)])


def blocked(age: float) -> Evidence:
    making = plugin_pod(phase="Pending", conditions=[], container=container("waiting", reason="ContainerCreating"), age=age)
    told = event("nvidia-abc", "FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = Unknown desc = no address left")
    return evidence_of([node()], [DAEMONSET], [making], [told], at_time=NOW)


def crashing(text: str) -> Evidence:
    evidence = seen(plugins=[plugin_pod(conditions=[], container=container("waiting", reason="CrashLoopBackOff", restarts=3))])
    return replace(evidence, plugins=tuple(replace(item, text=text) for item in evidence.plugins))


A100 = replace(EXPECTED, size="Standard_NC24ads_A100_v4")
MIG = replace(A100, mig="MIG1g", per_node=7)
CASES: list[tuple[str, Evidence, Expectation, bool]] = [
    ("pool_not_succeeded", seen(), replace(EXPECTED, pool_state="Failed"), False),
    ("pool_not_succeeded", seen(), replace(EXPECTED, pool_state="Updating"), True),
    ("pool_stopped", seen([]), replace(EXPECTED, power_state="Stopped"), False),
    ("profile_differs", seen(), replace(EXPECTED, profile_difference="driver is None, Install was asked"), False),
    ("nodes_missing", seen([]), EXPECTED, True),
    ("nodes_missing", seen(), replace(EXPECTED, nodes=2), True),
    ("spot_evicted", seen([]), replace(EXPECTED, spot=True), True),
    ("node_booting", bare(ready="False", ready_message="cni plugin not initialized", age=60), EXPECTED, True),
    ("node_not_ready", bare(ready="False", age=3600), EXPECTED, False),
    ("node_not_ready", seen([node(ready="Unknown", ready_message="Kubelet stopped posting node status.", age=60)]), EXPECTED, False),
    ("node_cordoned", seen([node(cordoned=True)]), EXPECTED, False),
    ("node_unhealthy", seen([node(conditions={"GPUMissing": "1 GPU is missing"})]), EXPECTED, False),
    ("node_unhealthy", seen([node(conditions={"DiskPressure": "kubelet has disk pressure"})]), EXPECTED, False),
    ("managed_plugin", seen([node(conditions={"UnhealthyNvidiaDevicePlugin": "exited"})]), replace(EXPECTED, managed=True), False),
    ("managed_dcgm", seen([node(conditions={"UnhealthyNvidiaDCGMServices": "down"})]), replace(EXPECTED, managed=True), False),
    ("wrong_size", seen(), A100, False),
    ("driver_none", bare(), replace(EXPECTED, gpu_profile_driver="None"), False),
    ("plugin_missing", seen([node(gpus=None)], [], sets=[]), EXPECTED, False),
    ("plugin_not_tolerating", seen([node(gpus=None, taints=("team=a:NoSchedule",))], []), EXPECTED, False),
    ("plugin_not_selecting", seen([node(gpus=None, labels={"accelerator": "", "kubernetes.azure.com/accelerator": ""})], []), EXPECTED, False),
    ("plugin_starting", seen([node(gpus=None, age=120)], []), EXPECTED, True),
    ("plugin_refused", seen([node(gpus=None)], []), EXPECTED, True),
    (
        "plugin_image",
        seen(plugins=[plugin_pod(phase="Pending", conditions=[], container=container("waiting", reason="ErrImagePull"))]),
        EXPECTED,
        False,
    ),
    (
        "plugin_crashing",
        seen(plugins=[plugin_pod(conditions=[], container=container("waiting", reason="CrashLoopBackOff", restarts=3))]),
        EXPECTED,
        False,
    ),
    ("plugin_evicted", seen(plugins=[plugin_pod(phase="Failed", conditions=[], container=None, reason="Evicted")]), EXPECTED, True),
    (
        "plugin_starting",
        seen(plugins=[plugin_pod(phase="Pending", conditions=[], container=container("waiting", reason="ContainerCreating"), age=20)]),
        EXPECTED,
        True,
    ),
    (
        "plugin_refused",
        seen(plugins=[plugin_pod(phase="Pending", conditions=[], container=container("waiting", reason="ContainerCreating"), age=600)]),
        EXPECTED,
        False,
    ),
    ("plugin_stuck", blocked(age=50), EXPECTED, False),
    ("plugin_stuck", blocked(age=10), EXPECTED, True),
    ("driver_mismatch", crashing("E main.go:1] failed to initialize NVML: Driver/library version mismatch"), EXPECTED, False),
    ("plugin_conflict", seen(plugins=[plugin_pod(), plugin_pod()]), EXPECTED, False),
    ("gpus_not_advertised", bare(), EXPECTED, False),
    (
        "gpus_arriving",
        seen([node(gpus=None)], [plugin_pod(conditions=[{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-20T08:59:50Z"}])]),
        EXPECTED,
        True,
    ),
    ("not_allocatable", seen([node(gpus=1, allocatable=0)]), EXPECTED, False),
    ("gpu_lost", seen([node(gpus=4, allocatable=3)]), replace(EXPECTED, per_node=4), False),
    ("too_many", seen([node(gpus=4)]), EXPECTED, False),
    ("wrong_resource", seen([node(size=A100.size, gpus=7, resource="nvidia.com/mig-1g.10gb")]), replace(A100, per_node=7), False),
    ("mig_not_applied", seen([node(size=A100.size, gpus=1)]), MIG, False),
    ("mig_not_applied", seen([node(size=A100.size, gpus=1)]), replace(MIG, resource="nvidia.com/mig-1g.10gb"), False),
    ("probe_missing", seen(probe=None), EXPECTED, True),
    ("probe_refused", probe("refused", detail="exceeded quota"), EXPECTED, False),
    ("probe_waiting", probe("pending", "Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.", on=None), EXPECTED, True),
    (
        "probe_no_room",
        seen(probe=ProbeEvidence("pending", None, "Unschedulable", "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."), gpus_in_use=1),
        EXPECTED,
        True,
    ),
    ("probe_starting", probe("pending", "ContainerCreating"), EXPECTED, True),
    ("probe_stuck", probe("pending", "ContainerCreating", made=900), EXPECTED, False),
    ("probe_stuck", probe("pending", "CreateContainerError", "no such device"), EXPECTED, False),
    ("probe_image", probe("pending", "ImagePullBackOff", "Back-off pulling image", made=50), EXPECTED, False),
    ("probe_image", probe("pending", "ErrImagePull", "toomanyrequests"), EXPECTED, True),
    ("probe_stuck", probe("pending", "FailedCreatePodSandBox", "failed to request IP address", made=50), EXPECTED, False),
    ("probe_stuck", probe("pending", "FailedCreatePodSandBox", "failed to request IP address"), EXPECTED, True),
    ("probe_running", probe("running"), EXPECTED, True),
    ("probe_admission", probe("failed", "UnexpectedAdmissionError", "Allocate failed due to no healthy devices present"), EXPECTED, False),
    ("probe_evicted", probe("failed", "Evicted", "low on resource"), EXPECTED, False),
    ("probe_lost", probe("failed", "NodeLost"), EXPECTED, False),
    ("driver_mismatch", probe("failed", "Error", "exit code 18", "Failed to initialize NVML: Driver/library version mismatch\n"), EXPECTED, False),
    (
        "driver_missing",
        probe("failed", "Error", "", "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n"),
        EXPECTED,
        False,
    ),
    ("cuda_too_new", probe("failed", "StartError", "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=13.5"), EXPECTED, False),
    ("runtime_broken", probe("failed", "StartError", "nvidia-container-cli: initialization error: ldcache"), EXPECTED, False),
    ("driver_missing", probe("failed", "StartError", 'exec: "nvidia-smi": executable file not found in $PATH'), EXPECTED, False),
    ("probe_no_gpu", probe("failed", "Error", "", "No devices were found\n"), EXPECTED, False),
    ("probe_no_gpu", probe("succeeded", text="No devices were found\n"), EXPECTED, False),
    ("probe_unreadable", probe("succeeded", text="hello\n"), EXPECTED, False),
    ("probe_unreadable", probe("succeeded", text=""), EXPECTED, False),
    ("probe_other_model", probe("succeeded", text=TABLE.format(model="NVIDIA A10")), EXPECTED, False),
    ("probe_other_pool", probe("succeeded", text=SMI, on="aks-other-1"), EXPECTED, False),
    ("probe_failed", probe("failed", "Error", "exit code 9", "something odd\n"), EXPECTED, False),
]


@pytest.mark.parametrize(("cause", "evidence", "expected", "waiting"), CASES, ids=[f"{number}-{case[0]}" for number, case in enumerate(CASES)])
def test_the_cause_is_named_and_never_called_ready(cause: str, evidence: Evidence, expected: Expectation, waiting: bool) -> None:
    verdict = judge(evidence, expected)
    assert (verdict.ready, verdict.cause, verdict.waiting) == (False, cause, waiting), verdict.sentence
    assert "{" not in verdict.sentence + verdict.next_step
    assert ".." not in verdict.sentence
    assert verdict.waiting or verdict.next_step.endswith((".", "`."))
    assert verdict.evidence


def test_what_kubernetes_says_is_cut_down_to_what_can_be_read_on_a_phone() -> None:
    verdict = judge(blocked(age=50), EXPECTED)
    assert verdict.sentence == "The device plugin's container on `aks-gpu-1` is not made: no address left."
    log = "E1120 09:00:00.123456       1 nvml.go:51] Failed to initialize NVML: Driver/library version mismatch."
    mismatch = judge(crashing(log), EXPECTED).sentence
    assert mismatch == "On `aks-gpu-1` the driver's parts are of different versions: Failed to initialize NVML: Driver/library version mismatch."
    long = judge(probe("failed", "Error", "exit code 9", "word " * 100), EXPECTED).sentence
    assert len(long) < 220
    assert long.endswith("….")


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("failed to initialize NVML: Driver/library version mismatch", "driver_mismatch"),
        ("If this is a GPU node, did you configure the NVIDIA Container Toolkit?", "driver_missing"),
        ("No devices found. Waiting indefinitely.", "gpus_not_advertised"),
    ],
)
def test_the_plugins_own_log_tells_why_a_node_offers_nothing(said: str, cause: str) -> None:
    evidence = bare()
    told = replace(evidence, plugins=tuple(replace(item, text=f"I main.go:1] start\nE x] {said}\n") for item in evidence.plugins))
    assert judge(told, EXPECTED).cause == cause


def test_every_cause_has_a_case() -> None:
    assert {case[0] for case in CASES} == set(CAUSES)


def test_one_bad_node_of_many_is_enough() -> None:
    nodes = [node(f"n{number}") for number in range(5)] + [node("n5", gpus=1, allocatable=0)]
    plugins = [plugin_pod(on=f"n{number}") for number in range(6)]
    verdict = judge(seen(nodes, plugins, replace(PROBE, node="n1")), replace(EXPECTED, nodes=6))
    assert (verdict.ready, verdict.cause) == (False, "not_allocatable")
    assert "`n5`" in verdict.sentence


def test_a_fault_is_named_before_what_is_merely_slow() -> None:
    nodes = [node("a", ready="False", age=10), node("b", cordoned=True)]
    assert judge(seen(nodes), replace(EXPECTED, nodes=2)).cause == "node_cordoned"


def test_an_a10_is_not_an_a100() -> None:
    smi = replace(PROBE, text=TABLE.format(model="NVIDIA A100 80GB PCIe"))
    a10 = replace(EXPECTED, size="Standard_NV36ads_A10_v5")
    assert judge(seen([node(size=a10.size)], probe=smi), a10).cause == "probe_other_model"
    assert judge(seen([node(size=A100.size)], probe=smi), A100).ready
    vgpu = replace(PROBE, text=TABLE.format(model="NVIDIA A10-24Q"))
    assert judge(seen([node(size=a10.size)], probe=vgpu), a10).ready


def test_managed_pools_need_no_plugin_of_ours() -> None:
    assert judge(seen(plugins=[], sets=[]), replace(EXPECTED, managed=True)).ready


@given(st.data())
def test_nothing_is_ready_while_any_link_is_missing(data: st.DataObject) -> None:
    sick = data.draw(st.sampled_from(["node", "amount", "plugin", "probe", "text", "count", "state"]))
    good = seen()
    node_fields = {
        "node": {"ready": False, "ready_status": data.draw(st.sampled_from(["False", "Unknown"]))},
        "amount": {"allocatable": {"nvidia.com/gpu": data.draw(st.sampled_from([0, 2, 8]))}},
    }.get(sick, {})
    nodes: tuple[NodeEvidence, ...] = tuple(replace(item, **node_fields) for item in good.nodes)  # type: ignore[arg-type]
    plugins: tuple[PluginEvidence, ...] = tuple(replace(item, ready=False) for item in good.plugins) if sick == "plugin" else good.plugins
    phase: Any = data.draw(st.sampled_from(["pending", "running", "failed", "refused"])) if sick == "probe" else "succeeded"
    text = data.draw(st.sampled_from(["", "Driver Version: 1.2", "CUDA Version: 1.2", "|   0  Tesla T4   Off |"])) if sick == "text" else SMI
    evidence = replace(good, nodes=nodes if sick != "count" else (), plugins=plugins, probe=replace(PROBE, phase=phase, text=text))
    expected = replace(EXPECTED, pool_state="Creating") if sick == "state" else EXPECTED
    assert not judge(evidence, expected).ready


def test_the_probe_asks_for_one_device_of_the_pool_and_has_one_name_per_operation() -> None:
    made = manifest(replace(EXPECTED, resource="nvidia.com/mig-1g.5gb"), "Op_7/x", owner="U0ALICE")
    assert made["metadata"]["name"] == probe_name("gpu", "Op_7/x") == "gpu-probe-gpu-op-7-x"
    assert made["metadata"]["labels"]["quartermaster-op"] == "Op_7/x"
    assert made["spec"]["nodeSelector"] == {"agentpool": "gpu"}
    limits = made["spec"]["containers"][0]["resources"]["limits"]
    assert limits["nvidia.com/mig-1g.5gb"] == 1
    assert "nvidia.com/gpu" not in limits


def test_the_probes_pod_becomes_evidence() -> None:
    over = pod("p", phase="Failed", container=container("terminated", exitCode=128, reason="StartError", message="nvidia-container-cli: x"))
    assert (judge_probe_pod(over, (), "").reason, judge_probe_pod(over, (), "").detail) == ("StartError", "nvidia-container-cli: x")
    waits = pod("p", on=None, phase="Pending", conditions=unschedulable("0/1 nodes are available"))
    assert judge_probe_pod(waits, (), "").phase == "pending"
    assert judge_probe_pod(waits, (), "").node is None
    done = pod("p", phase="Succeeded")
    assert judge_probe_pod(done, (), None).phase == "running"
    going = pod("p", deleting=True, container=container("running"))
    assert judge_probe_pod(going, (), "").phase == "failed"


@pytest.mark.parametrize(
    ("text", "models"),
    [
        (SMI, ("Tesla T4",)),
        ("GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-1)\n  MIG 1g.5gb      Device  0: (UUID: MIG-2)\n", ("NVIDIA A100-SXM4-40GB",)),
        (
            "|   0  NVIDIA H100 NVL                On  | 0001 |\n|   1  NVIDIA H100 NVL                On  | 0002 |",
            ("NVIDIA H100 NVL", "NVIDIA H100 NVL"),
        ),
        ("|   0  NVIDIA GeForce RTX ...  Off  | 0001 |", ("NVIDIA GeForce RTX ...",)),
        ("No devices were found", ()),
    ],
)
def test_models_are_read_from_what_nvidia_smi_prints(text: str, models: tuple[str, ...]) -> None:
    assert read_smi(text).models == models


def test_an_ordinary_log_has_no_driver_fault() -> None:
    assert driver_fault(SMI) is None
    assert driver_fault("Accuracy at step 490: 0.9533\nsaved model to gpu_device.cc") is None
