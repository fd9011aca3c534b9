"""The last link of the proof: what the probe pod's fate says. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.cluster.evidence import Evidence, Expectation, ProbeEvidence
from bot.cluster.hardware import model_of_size
from bot.cluster.smi import driver_fault, read_smi
from bot.cluster.waiting import plain_pending, plain_reason

# How long a pod may be in the making without a word, and how long it may say that something goes wrong, until that is final:
# what passes by itself (a registry that hiccups, a network that is still set up) passes sooner.
STUCK_SECONDS: Final = 240.0
TROUBLE_SECONDS: Final = 45.0
TROUBLE: Final = ("FailedCreatePodSandBox", "FailedMount", "FailedAttachVolume")
_PULL: Final = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_STUCK: Final = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun")
_EVICTED: Final = ("Evicted", "Preempting", "Preemption", "TerminationByKubelet", "EvictionByEvictionAPI")
_LOST: Final = ("NodeLost", "DeletionByTaintManager", "NodeShutdown", "Terminated", "Shutdown", "DeletionByPodGC")


@dataclass(frozen=True)
class Finding:
    """One thing that is missing: a key of the causes, what fills its blanks, and whether it may pass by itself."""

    cause: str
    blanks: Mapping[str, object] = field(default_factory=dict)
    waiting: bool = False


def judge_probe(evidence: Evidence, expected: Expectation) -> Iterator[Finding]:
    """Nothing if the probe ran on a node of the pool and named a driver and the promised model; else why not."""
    probe = evidence.probe
    if probe is None:
        yield Finding("probe_missing", {}, True)
        return
    about = {"node": probe.node or "?", "detail": probe.detail or plain_reason(probe.reason) or "no details"}
    match probe.phase:
        case "refused":
            yield Finding("probe_refused", about)
        case "pending":
            yield _pending(probe, evidence, about)
        case "running":
            yield Finding("probe_running", about, True)
        case "failed":
            yield _failed(probe, about)
        case "succeeded":
            yield from _succeeded(probe, evidence, expected, about)


def _pending(probe: ProbeEvidence, evidence: Evidence, about: dict[str, str]) -> Finding:
    age = (evidence.at - probe.made).total_seconds() if probe.made else float("inf")
    if probe.reason in _PULL:
        return Finding("probe_image", about, age < TROUBLE_SECONDS)
    fault = driver_fault(probe.detail)
    if fault:
        return Finding(fault[0], {**about, "detail": fault[1]})
    if probe.reason in _STUCK:
        return Finding("probe_stuck", about)
    if probe.node is None:
        if "Insufficient nvidia.com/" in probe.detail and evidence.gpus_in_use:
            return Finding("probe_no_room", about, True)
        return Finding("probe_waiting", {**about, "detail": plain_pending(probe.detail) or "not looked at yet"}, True)
    if probe.reason in TROUBLE:
        return Finding("probe_stuck", about, age < TROUBLE_SECONDS)
    if age > STUCK_SECONDS:
        return Finding("probe_stuck", {**about, "detail": about["detail"] if probe.detail or probe.reason else "no word from the node"})
    return Finding("probe_starting", about, True)


def _failed(probe: ProbeEvidence, about: dict[str, str]) -> Finding:
    if probe.reason == "UnexpectedAdmissionError" or probe.reason.startswith("OutOf"):
        return Finding("probe_admission", about)
    if probe.reason in _EVICTED:
        return Finding("probe_evicted", about)
    if probe.reason in _LOST:
        return Finding("probe_lost", about)
    fault = driver_fault(probe.text) or driver_fault(probe.detail)
    if fault:
        return Finding(fault[0], {**about, "detail": fault[1]})
    last = next((line.strip() for line in reversed(probe.text.splitlines()) if line.strip()), "")
    return Finding("probe_failed", {**about, "detail": (last or about["detail"])[:200]})


def _succeeded(probe: ProbeEvidence, evidence: Evidence, expected: Expectation, about: dict[str, str]) -> Iterator[Finding]:
    if probe.node not in {node.name for node in evidence.nodes}:
        yield Finding("probe_other_pool", about)
    fault = driver_fault(probe.text)
    if fault:
        yield Finding(fault[0], {**about, "detail": fault[1]})
        return
    seen = read_smi(probe.text)
    if not seen.driver or not seen.cuda or not seen.models:
        yield Finding("probe_unreadable", about)
        return
    promised = model_of_size(expected.size) if expected.size else None
    if promised and not any(_is_model(model, promised) for model in seen.models):
        yield Finding("probe_other_model", {"have": seen.models[0], "want": promised})


def _is_model(seen: str, promised: str) -> bool:
    """Whether nvidia-smi's name is that model: "NVIDIA A10-4Q" is an A10, "NVIDIA A100 80GB PCIe" is not."""
    spelt = promised.replace("RTXPRO", "RTX PRO ")
    return re.search(rf"(?<![A-Z0-9]){re.escape(spelt)}(?![0-9])", seen.upper()) is not None
