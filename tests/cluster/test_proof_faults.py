"""Each cause is brought about on a simulated cluster and named over HTTP, in plain words with what to do, within a minute of its first signal."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.cluster import plugin, proof
from bot.cluster.evidence import Expectation, Verdict
from bot.cluster.nodes import capacity
from bot.cluster.plugin import Mig
from bot.cluster.probe import probe_name
from tests.cluster.conftest import ID, Rig, wait_until

Json = dict[str, Any]
Fault = tuple[str, str, Json]
A100: Json = {"vm_size": "Standard_NC24ads_A100_v4", "gpu_model": "A100", "mig_profile": "MIG1g", "vcpus": 24, "memory_gib": 220.0}
SLICES: Json = {"size": "Standard_NC24ads_A100_v4", "per_node": 7, "mig": "MIG1g"}
FOUR: Json = {"vm_size": "Standard_NC64as_T4_v3", "gpu_count": 4, "vcpus": 64}
PROBE, PLUGIN, NODE = "default/gpu-probe", "nvidia-device-plugin", "aks-gpu"
QUOTA = {
    "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403,
    "message": 'pods "gpu-probe-gpu-op" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, used: 2, limited: 2',
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """How a cause is brought about: a pool (other than one T4), faults from the start, faults once all was well, an edit of the node,
    or the probe's status as its kubelet reports it.

    `install` False: no plugin is installed. `passes`: it may pass by itself, so it is named while it is waited for. `words` and `step` are what
    has to be read.
    """

    cause: str
    words: str
    step: str = ""
    pool: Json = field(default_factory=dict)
    first: tuple[Fault, ...] = ()
    later: tuple[Fault, ...] = ()
    node: Json | None = None
    probe: Json | None = None
    install: bool = True
    mig: Mig | None = None
    expected: Json = field(default_factory=dict)
    passes: bool = False


def always(match: str, effect: str, **options: Any) -> Fault:
    return match, effect, {"times": -1, **options}


def starts_with(message: str) -> tuple[Fault, ...]:
    return ((PROBE, "start_error", {"message": message}),)


OTHER_LABELS = {"labels": {"accelerator": "amd", "kubernetes.azure.com/accelerator": "amd"}}
SHUT_DOWN = {"phase": "Failed", "reason": "Terminated", "message": "Pod was terminated in response to imminent node shutdown."}
GONE: tuple[Fault, ...] = (("aks-gpu", "spot_evicted", {}),)
CASES = [
    Case("plugin_missing", "is not installed", "`/gpu plugin install demo`", install=False),
    Case("plugin_not_tolerating", "taint `team=vision:NoSchedule`", "without that taint", pool={"taints": ["team=vision:NoSchedule"]}),
    Case("plugin_not_selecting", "labels do not match", "`kubectl label node aks-gpu", pool=OTHER_LABELS),
    Case("plugin_image", "image cannot be pulled on `aks-gpu", "nvcr.io", first=(always("k8s-device-plugin", "image_pull", message="i/o timeout"),)),
    Case("plugin_crashing", "Loading configuration", "`/gpu plugin install demo`", first=(always(f"{PLUGIN}.*Loading configuration", "crash"),)),
    Case("plugin_stuck", "failed to request IP address", "scale the pool", first=(always(PLUGIN, "plugin_blocked"),)),
    Case("plugin_evicted", "low on resource: memory", "`/gpu nodes demo`", first=(always(f"{PLUGIN}.*Loading configuration", "evict"),), passes=True),
    Case("driver_mismatch", "Driver/library version mismatch", "scale the pool", first=(always(NODE, "driver_mismatch"),)),
    Case("driver_none", "driver `None`", "GPU Operator", pool={"driver": "None"}, expected={"gpu_profile_driver": "None"}),
    Case("driver_missing", "did you configure the NVIDIA Container Toolkit", "scale the pool", pool={"driver": "None"}),
    Case("driver_missing", "nvml error: driver not loaded", "scale the pool", first=((PROBE, "start_error", {}),)),
    Case("driver_missing", '"nvidia-smi": executable file not found', first=starts_with('exec: "nvidia-smi": executable file not found in $PATH')),
    Case("cuda_too_new", "cuda>=13.5", "older CUDA", first=starts_with("nvidia-container-cli: requirement error: unsatisfied condition: cuda>=13.5")),
    Case("runtime_broken", "unresolvable CDI devices", "scale the pool", first=starts_with("failed to inject CDI devices: unresolvable CDI devices")),
    Case("not_allocatable", "has 1 `nvidia.com/gpu`, but none is allocatable", "restart its pod", later=(always(NODE, "gpu_missing"),)),
    Case("gpus_not_advertised", "does not offer `nvidia.com/gpu`", "replace the node", first=(always(NODE, "gpu_missing"),)),
    Case("gpu_lost", "3 of 4 `nvidia.com/gpu`", "scale the pool", pool=FOUR, later=(always(NODE, "gpu_missing", count=1),),
         expected={"per_node": 4, "size": FOUR["vm_size"]}),
    Case("mig_not_applied", "MIG profile MIG1g is not applied", "scale the pool", pool=A100, expected=SLICES),
    Case("wrong_resource", "nvidia.com/mig-1g.10gb`, not `nvidia.com/gpu`", "`/gpu plugin install demo`", pool=A100, mig="mixed", expected=SLICES),
    Case("wrong_size", "is a Standard_NC4as_T4_v3, not a Standard_NC8as_T4_v3", "pool show", expected={"size": "Standard_NC8as_T4_v3"}),
    Case("node_not_ready", "Kubelet stopped posting node status.", "scale the pool", later=(always(NODE, "node_not_ready"),)),
    Case("node_unhealthy", "XIDErrors: Xid 79", "scale the pool",
         later=(always(NODE, "node_condition", condition="XIDErrors", message="Xid 79: fallen off the bus"),)),
    Case("node_cordoned", "is cordoned", "`kubectl uncordon aks-gpu", node={"spec": {"unschedulable": True}}),
    Case("nodes_missing", "Only 0 of 1 nodes", "Scale the pool down and up", later=GONE, passes=True),
    Case("spot_evicted", "Only 0 of 1 Spot nodes", "not Spot", pool={"spot": True}, later=GONE, expected={"spot": True}, passes=True),
    Case("managed_dcgm", "DCGM", "ticket", pool={"managed": True}, install=False, expected={"managed": True},
         later=(always(NODE, "node_condition", condition="UnhealthyNvidiaDCGMServices", message="nv-hostengine is down"),)),
    Case("managed_plugin", "AKS' own device plugin", "ticket", pool={"managed": True}, install=False, expected={"managed": True},
         later=(always(NODE, "node_condition", condition="UnhealthyNvidiaDevicePlugin", message="exited"),)),
    Case("probe_admission", "refused the probe: Allocate failed", "restart", first=(always(PROBE, "admission_error"),)),
    Case("probe_image", "manifest unknown", "nvcr.io", first=(always("nvidia/cuda", "image_pull", message="manifest unknown"),)),
    Case("probe_stuck", "failed to request IP address", "scale the pool", first=(always(PROBE, "stuck_creating"),)),
    Case("probe_evicted", "low on resource: memory", "`/gpu nodes demo`", first=((PROBE, "evict", {}),)),
    Case("probe_no_gpu", "saw no GPU: No devices were found", "scale the pool", first=((PROBE, "gpu_unseen", {}),)),
    Case("probe_lost", "was lost while the probe ran on it", "replace the node", first=(always(PROBE, "stuck_creating"),), probe=SHUT_DOWN),
    Case("probe_failed", "exit code 1|NVIDIA-SMI", "fails again", first=((f"{PROBE}.*Driver Version", "crash", {}),)),
    Case("probe_refused", "exceeded quota: gpus", "owner", first=(always("POST .*/pods$", "status", status=403, body=QUOTA),)),
    Case("probe_other_model", "saw NVIDIA A10, the size promises T4", "pool show", pool={"gpu_model": "A10"}),
]  # fmt: skip


def test_there_are_more_than_enough_of_them() -> None:
    assert len({case.cause for case in CASES}) >= 25


@pytest.mark.parametrize("case", CASES, ids=[f"{number}-{case.cause}" for number, case in enumerate(CASES)])
async def test_the_cause_is_named_within_a_minute_and_never_called_ready(rig: Rig, case: Case) -> None:
    rig.simulated()
    wanted = replace(Expectation("gpu", nodes=1, per_node=1, size="Standard_NC4as_T4_v3", cluster="demo"), **case.expected)
    await _brought_about(rig, case, wanted)

    async def look() -> Verdict:
        verdict = await proof.prove(rig.access, wanted, "op", now=datetime.now(UTC) + timedelta(seconds=59))
        assert not verdict.ready, verdict
        return verdict

    verdict = await wait_until(look, lambda verdict: verdict.cause == case.cause and verdict.waiting == case.passes)
    assert any(words in verdict.sentence for words in case.words.split("|")), verdict.sentence
    assert case.step in verdict.next_step, verdict.next_step
    assert len(verdict.sentence) < 300


async def _brought_about(rig: Rig, case: Case, wanted: Expectation) -> None:
    for match, effect, options in case.first:
        rig.fault(match, effect, **options)
    rig.pool(**case.pool)
    await wait_until(lambda: capacity(rig.access), lambda seen: bool(seen.nodes) and all(node.ready for node in seen.nodes))
    await wait_until(lambda: _struck(rig, case), bool)
    if case.install:
        await plugin.install(rig.access, mig=case.mig)
    if case.node is not None:
        await _edited(rig, f"/api/v1/nodes/{(await capacity(rig.access)).nodes[0].name}", case.node)
    if case.probe is not None:
        await wait_until(lambda: proof.prove(rig.access, wanted, "op"), lambda verdict: verdict.cause in ("probe_starting", "probe_stuck"))
        await _edited(rig, f"/api/v1/namespaces/default/pods/{probe_name('gpu', 'op')}/status", {"status": case.probe})
    if case.later:
        await wait_until(lambda: proof.prove(rig.access, wanted, "before"), lambda verdict: verdict.ready)
        for match, effect, options in case.later:
            rig.fault(match, effect, **options)
        # What befalls nodes does so within a quarter of a second.
        await wait_until(lambda: proof.prove(rig.access, wanted, "before"), lambda verdict: not verdict.ready)


async def _edited(rig: Rig, path: str, change: Json) -> None:
    await rig.access.run(lambda: rig.access.call_now("PATCH", path, body=change, content_type="application/merge-patch+json"))


async def _struck(rig: Rig, case: Case) -> bool:
    """Whether what befalls nodes from the start has befallen them."""
    clusters, _ = rig.simulated()
    gpus = clusters.by_id[ID].gpus
    lasting = {effect for _, effect, _ in case.first} & {"driver_mismatch", "gpu_missing"}
    seen = await capacity(rig.access)
    return not lasting or all(gpus.mismatched(node.name) or gpus.incomplete(node.name) for node in seen.nodes)
