"""The judge of a proof: the GPUs of a pool can be scheduled, or the cause why not.

"Succeeded" from ARM and "Ready" on a node do not mean a usable GPU. :func:`judge` walks down the chain - pool, nodes, health, plugin,
what the nodes offer, a probe that really ran - and stops at the first link that is missing; *ready* is what is left when none is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from bot.cluster.causes import words_for
from bot.cluster.evidence import Evidence, Expectation, NodeEvidence, PluginEvidence, Verdict
from bot.cluster.hardware import model_of_size
from bot.cluster.judging import TROUBLE, TROUBLE_SECONDS, Finding, judge_probe
from bot.cluster.objects import GPU
from bot.cluster.smi import driver_fault, read_smi
from bot.cluster.waiting import plain_reason

# A fresh node reports NotReady while its network comes up; later than this it is a fault (AKS nodes join within some minutes).
BOOT_SECONDS: Final = 600.0
# How long after the plugin's pod is ready the kubelet may take to show the GPUs.
ADVERTISE_SECONDS: Final = 45.0
# How long what may pass by itself is waited for since it was first seen. A node that Azure counts and that does not join within minutes
# never does (a Spot machine that was taken back does not come again without an autoscaler); nvidia-smi takes a second, or hangs.
PATIENCE: Final = {
    "nodes_missing": 180.0, "spot_evicted": 180.0, "plugin_evicted": 180.0, "plugin_refused": 180.0, "probe_waiting": 300.0, "probe_running": 120.0,
}  # fmt: skip
# How long the plugin's pod may take to appear and start before its delay is called a fault.
PLUGIN_SECONDS: Final = 180.0

_MANAGED: Final = {"UnhealthyNvidiaDevicePlugin": "managed_plugin", "UnhealthyNvidiaDCGMServices": "managed_dcgm"}
_PULL: Final = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CRASH: Final = ("CrashLoopBackOff", "Error", "OOMKilled", "RunContainerError", "StartError", "CreateContainerError", "CreateContainerConfigError")

Check = Callable[[Evidence, Expectation], Iterator[Finding]]


def judge(evidence: Evidence, expected: Expectation) -> Verdict:
    """The verdict; pure. Of several findings the first that will not pass by itself is named, else the first."""
    lines = tuple(_lines(evidence, expected))
    for check in (_pool, _nodes, _plugin, _offers, judge_probe):
        verdict = _first(list(check(evidence, expected)), expected, lines)
        if verdict is not None:
            return verdict
    # Nothing was found missing, and the probe's own words exist: judge_probe answers a finding otherwise.
    seen = read_smi(evidence.probe.text if evidence.probe else "")
    count = len(evidence.nodes)
    where = f"{count} {'node' if count == 1 else 'nodes'} of pool `{expected.pool}`"
    sentence = (
        f"{count * expected.per_node} `{expected.resource}` on {where} can be scheduled: {seen.models[0]}, driver {seen.driver}, CUDA {seen.cuda}."
    )
    return Verdict(True, None, sentence, "", lines, False, seen.driver, seen.cuda, seen.models[0])


def outlasted(verdict: Verdict, since: float, now: float, expected: Expectation) -> bool:
    """Whether what `verdict` waits for, seen first at `since`, has lasted too long to pass by itself; pure, times in seconds."""
    grows = expected.autoscaling and verdict.cause in ("nodes_missing", "spot_evicted")
    patience = BOOT_SECONDS if grows else PATIENCE.get(verdict.cause or "")
    return patience is not None and now - since >= patience


def judge_rollout(evidence: Evidence, expected: Expectation) -> Verdict | None:
    """What keeps the device plugin from running on the nodes; None where it runs on all of them. Pure."""
    silent = [item for item in _nodes(evidence, expected) if item.cause in ("node_booting", "node_not_ready")]
    return _first(silent or list(_plugin(evidence, expected)), expected, tuple(_lines(evidence, expected)))


def _first(findings: list[Finding], expected: Expectation, lines: tuple[str, ...]) -> Verdict | None:
    if not findings:
        return None
    worst = next((item for item in findings if not item.waiting), findings[0])
    blanks = {"cluster": expected.cluster, "pool": expected.pool, "detail": "no details", **worst.blanks}
    return Verdict(False, worst.cause, *words_for(worst.cause, blanks), lines, worst.waiting)


def _pool(_: Evidence, expected: Expectation) -> Iterator[Finding]:
    if expected.power_state != "Running":
        yield Finding("pool_stopped")
    if expected.pool_state != "Succeeded":
        waiting = expected.pool_state not in ("Failed", "Canceled", "Deleting")
        yield Finding("pool_not_succeeded", {"state": expected.pool_state}, waiting)
    if expected.profile_difference:
        yield Finding("profile_differs", {"difference": expected.profile_difference})


def _nodes(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    for node in evidence.nodes:
        yield from _node(node, expected, evidence.at)
    if len(evidence.nodes) < max(1, expected.nodes):
        cause = "spot_evicted" if expected.spot else "nodes_missing"
        yield Finding(cause, {"have": len(evidence.nodes), "want": expected.nodes}, True)


def _node(node: NodeEvidence, expected: Expectation, at: datetime) -> Iterator[Finding]:
    about: dict[str, object] = {"node": node.name}
    if not node.ready:
        # "Unknown" means that a kubelet which once reported has fallen silent: that is no booting.
        booting = node.ready_status != "Unknown" and _age(node.created, at) < BOOT_SECONDS
        yield Finding("node_booting" if booting else "node_not_ready", {**about, "detail": node.ready_detail or "no report"}, booting)
        return
    for kind, detail in node.bad.items():
        yield Finding(_MANAGED.get(kind, "node_unhealthy"), {**about, "condition": kind, "detail": detail or "no details"})
    if node.cordoned:
        yield Finding("node_cordoned", about)
    if expected.size and node.size not in ("-", expected.size):
        yield Finding("wrong_size", {**about, "have": node.size, "want": expected.size})


def _plugin(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    if expected.gpu_profile_driver == "None" and not expected.managed and not any(_amount(node, expected) for node in evidence.nodes):
        yield Finding("driver_none")
        return
    if expected.managed:
        # AKS runs the plugin outside the cluster's sight; its health stands in the node's conditions, its work in what the node offers.
        return
    if not evidence.plugin_installed and not evidence.plugins:
        yield Finding("plugin_missing")
        return
    for node in evidence.nodes:
        mine = [pod for pod in evidence.plugins if pod.node == node.name]
        if len([pod for pod in mine if pod.ready]) > 1:
            yield Finding("plugin_conflict", {"node": node.name})
        elif not mine:
            yield _absent_plugin(node, evidence)
        elif not any(pod.ready for pod in mine):
            yield _plugin_pod(mine[-1], evidence.at)


def _absent_plugin(node: NodeEvidence, evidence: Evidence) -> Finding:
    if not node.selected:
        return Finding("plugin_not_selecting", {"node": node.name})
    if node.untolerated:
        return Finding("plugin_not_tolerating", {"node": node.name, "taint": node.untolerated[0]})
    fresh = _age(node.created, evidence.at) < BOOT_SECONDS
    return Finding("plugin_starting" if fresh else "plugin_refused", {"node": node.name, "detail": "none has been made"}, True)


def _plugin_pod(pod: PluginEvidence, at: datetime) -> Finding:
    about: dict[str, object] = {"node": pod.node, "detail": pod.detail or plain_reason(pod.reason) or "no details", "restarts": pod.restarts}
    troubled = _age(pod.made, at) < TROUBLE_SECONDS
    if pod.reason in _PULL:
        return Finding("plugin_image", about, troubled)
    if pod.reason in _CRASH or pod.restarts > 0:
        fault = driver_fault(pod.text) or driver_fault(pod.detail)
        if fault:
            return Finding(fault[0], {**about, "detail": fault[1]}, troubled)
        last = next((line for line in reversed(pod.text.splitlines()) if line.strip()), "")
        return Finding("plugin_crashing", {**about, "detail": last or about["detail"]}, troubled)
    if pod.reason in TROUBLE:
        return Finding("plugin_stuck", about, troubled)
    if pod.reason in ("Evicted", "Preempting", "TerminationByKubelet", "NodeShutdown"):
        return Finding("plugin_evicted", about, True)
    if pod.reason:
        starting = pod.reason in ("ContainerCreating", "PodInitializing", "Pulling") and _age(pod.since, at) < PLUGIN_SECONDS
        return Finding("plugin_starting" if starting else "plugin_refused", about, starting)
    waiting = _age(pod.since, at) < PLUGIN_SECONDS
    return Finding("plugin_starting" if waiting else "plugin_refused", about, waiting)


def _offers(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    for node in evidence.nodes:
        finding = _offer(node, evidence, expected)
        if finding is not None:
            yield finding


def _offer(node: NodeEvidence, evidence: Evidence, expected: Expectation) -> Finding | None:
    have, capacity, want = _amount(node, expected), node.capacity.get(expected.resource, 0), expected.per_node
    if have == want > 0:
        return None
    about: dict[str, object] = {"node": node.name, "resource": expected.resource, "have": have, "want": want, "capacity": capacity}
    others = [name for name, count in node.allocatable.items() if count and name != expected.resource]
    if have == 0 and others:
        if expected.mig and others == [GPU]:
            return Finding("mig_not_applied", {**about, "mig": expected.mig, "have": f"{node.allocatable[GPU]} `{GPU}`"})
        return Finding("wrong_resource", {**about, "have": others[0], "want": expected.resource})
    if have == 0:
        fault = next((found for pod in evidence.plugins if pod.node == node.name and (found := driver_fault(pod.text))), None)
        if fault:
            return Finding(fault[0], {**about, "detail": fault[1]})
        ready = [pod.since for pod in evidence.plugins if pod.node == node.name and pod.ready]
        since = ready[0] if ready else node.created
        arriving = _age(since, evidence.at) < (BOOT_SECONDS if expected.managed else ADVERTISE_SECONDS)
        if arriving:
            return Finding("gpus_arriving", about, True)
        return Finding("not_allocatable" if capacity else "gpus_not_advertised", about)
    if expected.mig and have < want:
        return Finding("mig_not_applied", {**about, "mig": expected.mig, "have": f"{have} `{expected.resource}`"})
    return Finding("gpu_lost" if have < want else "too_many", about)


def _amount(node: NodeEvidence, expected: Expectation) -> int:
    return node.allocatable.get(expected.resource, 0)


def _age(since: datetime | None, at: datetime) -> float:
    """Seconds; an unknown beginning counts as long ago, so that nothing is excused by ignorance."""
    return (at - since).total_seconds() if since is not None else float("inf")


def _lines(evidence: Evidence, expected: Expectation) -> Iterator[str]:
    yield f"pool `{expected.pool}`: {expected.pool_state}, driver {expected.gpu_profile_driver}, GPU stack " + (
        "managed by AKS" if expected.managed else "not managed by AKS"
    )
    ready = sum(node.ready for node in evidence.nodes)
    yield f"nodes: {ready} of {expected.nodes} Ready"
    if not expected.managed:
        running = sum(pod.ready for pod in evidence.plugins)
        yield f"device plugin: runs on {running} of {len(evidence.nodes)} nodes" if evidence.plugin_installed else "device plugin: not installed"
    for node in evidence.nodes:
        amounts = ", ".join(f"{count} of {node.capacity.get(name, 0)} {name}" for name, count in sorted(node.allocatable.items())) or "no GPUs"
        yield f"`{node.name}`: {amounts} allocatable" + (f" ({expected.per_node} {expected.resource} expected)" if expected.per_node else "")
    if evidence.probe is not None and evidence.probe.text:
        seen = read_smi(evidence.probe.text)
        model = ", ".join(seen.models) or "no GPU"
        yield f"probe on `{evidence.probe.node}`: {model}, driver {seen.driver or 'unknown'}, CUDA {seen.cuda or 'unknown'}"
    promised = model_of_size(expected.size) if expected.size else None
    if promised:
        yield f"size {expected.size} promises {promised}"
