"""Why a pod does not run yet, or ended badly: Kubernetes' terms in words for people who do not speak them."""

from __future__ import annotations

import re
from typing import Final

_GPU_SHORT = re.compile(r"(?<!\d)(\d{1,9}) Insufficient (nvidia\.com/\S+?)[,.;]?(?:\s|$)")
_TAINT = re.compile(r"(?<!\d)(\d{1,9}) node\(s\) had untolerated taint(?:\(s\))? ?\{?([^}:]{0,400})(?::([^}]{0,400}))?\}?")

# Parts of the scheduler's message, most telling first.
_PARTS: Final = (
    (re.compile(r"didn't match Pod's node affinity/selector"), "no node carries the labels the pod asks for (wrong pool?)"),
    (re.compile(r"Insufficient cpu"), "not enough CPU on any node that would do"),
    (re.compile(r"Insufficient memory"), "not enough memory on any node that would do"),
    (re.compile(r"Insufficient ephemeral-storage"), "not enough disk on any node that would do"),
    (re.compile(r"Too many pods"), "a node has as many pods as it may have"),
    (re.compile(r"were unschedulable"), "a node is cordoned"),
    (re.compile(r"unbound immediate PersistentVolumeClaims|persistentvolumeclaim \S+ not found"), "a volume claim is not bound"),
    (re.compile(r"no nodes available to schedule pods"), "the cluster has no nodes"),
)

_TAINT_WORDS: Final = {
    "node.kubernetes.io/not-ready": "a node is not Ready",
    "node.kubernetes.io/unreachable": "a node does not answer",
    "node.kubernetes.io/disk-pressure": "a node is short of disk",
    "node.kubernetes.io/memory-pressure": "a node is short of memory",
    "node.cloudprovider.kubernetes.io/uninitialized": "a node is still booting",
    "CriticalAddonsOnly": "",
}

_REASONS: Final = {
    "ContainerCreating": "the container is being made",
    "PodInitializing": "its init containers run first",
    "ErrImagePull": "the image cannot be pulled",
    "ImagePullBackOff": "the image cannot be pulled",
    "InvalidImageName": "the image's name is not valid",
    "ErrImageNeverPull": "the image is not on the node and may not be pulled",
    "CreateContainerConfigError": "a Secret or ConfigMap that it refers to is missing",
    "CreateContainerError": "the container cannot be made",
    "RunContainerError": "the container cannot be started",
    "StartError": "the container cannot be started",
    "ContainerCannotRun": "the container cannot be started",
    "CrashLoopBackOff": "the container ends with an error again and again",
    "OOMKilled": "it used more memory than it may and was killed",
    "Error": "the program ended with an error",
    "DeadlineExceeded": "it ran into its time limit and was stopped",
    "BackoffLimitExceeded": "it failed as often as it may be retried",
    "FailedIndexes": "some of its pods failed",
    "PodFailurePolicy": "its own failure policy ended it",
    "Evicted": "the node was short of something and evicted it",
    "Preempting": "something more important needed its place",
    "Preemption": "something more important needed its place",
    "TerminationByKubelet": "the node evicted it",
    "DeletionByTaintManager": "its node was lost or drained",
    "DeletionByPodGC": "its node is gone",
    "EvictionByEvictionAPI": "it was evicted, as when a node is drained or upgraded",
    "NodeLost": "its node does not answer any more",
    "NodeShutdown": "its node was shut down",
    "Terminated": "its node was shut down",
    "Shutdown": "its node was shut down",
    "UnexpectedAdmissionError": "the node refused it: the GPU that it was promised could not be handed out",
    "OutOfnvidia.com/gpu": "the node had no GPU left when the pod arrived",
    "OutOfcpu": "the node had no CPU left when the pod arrived",
    "OutOfmemory": "the node had no memory left when the pod arrived",
    "NodeAffinity": "the node no longer carries the labels that it asked for",
    "FailedMount": "a volume that it refers to cannot be mounted",
    "FailedAttachVolume": "a disk that it refers to cannot be attached",
    "FailedCreatePodSandBox": "the node cannot set it up",
    "SchedulingGated": "something holds it back on purpose",
}


def plain_reason(reason: str) -> str:
    """A container's, pod's or Job's reason in plain words (the reason itself where it has none here)."""
    if reason in _REASONS:
        return _REASONS[reason]
    if reason.startswith("OutOf"):
        return f"the node had no {reason.removeprefix('OutOf')} left when the pod arrived"
    return reason


def plain_pending(message: str) -> str:
    """The scheduler's message in plain words, e.g. "0/3 nodes are available: 1 node(s) had untolerated taint {sku: gpu}, 2 Insufficient
    nvidia.com/gpu." Empty for an empty message; the message itself where nothing in it is known."""
    text = message.partition(" preemption:")[0]
    found: list[str] = []
    for count, resource in _GPU_SHORT.findall(text):
        unit = "GPU" if resource.rstrip(".,") == "nvidia.com/gpu" else resource.rstrip(".,")
        found.append(f"no free {unit} on {_nodes(count)}")
    for count, key, value in _TAINT.findall(text):
        name = key.strip()
        known = _TAINT_WORDS.get(name)
        if known is None:
            taint = f"{name}={value.strip()}" if value.strip() else name
            found.append(f"{_nodes(count)} kept for others by taint `{taint}`")
        elif known:
            found.append(known)
    found += [words for pattern, words in _PARTS if pattern.search(text)]
    return "; ".join(found) or message


def _nodes(count: str) -> str:
    return "1 node" if count == "1" else f"{count} nodes"


def image_cause(detail: str) -> str:
    """Why an image cannot be pulled, from the container runtime's message."""
    low = detail.lower()
    if "unauthorized" in low or "authentication required" in low or "denied" in low:
        return "the registry asks for a login, or refuses it"
    if "not found" in low or "manifest unknown" in low:
        return "the registry has no such image or tag"
    if "no such host" in low or "timeout" in low or "connection refused" in low:
        return "the registry cannot be reached"
    if "no space left" in low:
        return "the node's disk is full"
    return detail[:200]
