"""The probe: one short pod that asks for a GPU of the pool and runs nvidia-smi. Repeating any call here is safe."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Final

import yaml

from bot.cluster.access import Access, at
from bot.cluster.evidence import Expectation, ProbeEvidence
from bot.cluster.hardware import POOL_LABELS
from bot.cluster.jobstate import STUCK, judge_pod
from bot.cluster.logs import tail
from bot.cluster.objects import OP_LABEL, OWNER_LABEL, SPOT_TOLERATION, Json, condition, labels_of, meta, statuses, tolerates, when
from bot.errors import Failed, Temporary

MANIFEST: Final = Path(__file__).resolve().parents[2] / "manifests" / "probe.yaml"
NAMESPACE: Final = "default"
_LINES: Final = 200


def probe_name(pool: str, op: str) -> str:
    """The probe's deterministic name: one for each operation and pool."""
    return f"gpu-probe-{pool}-{re.sub(r'[^a-z0-9]+', '-', op.lower()).strip('-')[:30]}".strip("-")


async def start_probe(access: Access, expected: Expectation, op: str, *, owner: str = "", namespace: str = NAMESPACE) -> str:
    """Make the probe pod unless it is there; its name.

    Raises :class:`bot.errors.Refused` where a quota or a policy of the cluster forbids it, and what access raises.
    """
    pod = manifest(expected, op, owner=owner, namespace=namespace, on_aks=await _has_pool_labels(access))
    await access.create(at("/api/v1/namespaces", namespace, "pods"), pod, expect=(409,))
    return str(meta(pod)["name"])


async def probe_result(access: Access, pool: str, op: str, *, namespace: str = NAMESPACE) -> ProbeEvidence | None:
    """What became of the probe so far; None where it was not made."""
    name = probe_name(pool, op)
    pod = await access.find(at("/api/v1/namespaces", namespace, "pods", name))
    if pod is None:
        return None
    events: tuple[Json, ...] = ()
    if (pod.get("status") or {}).get("phase") == "Pending":
        events = await access.list(at("/api/v1/namespaces", namespace, "events"), {"fieldSelector": f"involvedObject.name={name}"})
    text: str | None = ""
    if (pod.get("status") or {}).get("phase") in ("Running", "Succeeded", "Failed"):
        text = await read_end(access, namespace, name, _LINES)
    return judge_probe_pod(pod, events, text)


async def remove_probe(access: Access, pool: str, op: str, *, namespace: str = NAMESPACE) -> bool:
    """Delete the probe pod; False where it was gone already."""
    return await access.delete(at("/api/v1/namespaces", namespace, "pods", probe_name(pool, op)), grace_seconds=0)


def manifest(expected: Expectation, op: str, *, owner: str = "", namespace: str = NAMESPACE, on_aks: bool = True, path: Path = MANIFEST) -> Json:
    """The probe pod as made: one device of the expected resource, on a node of the pool (anywhere, where nodes carry no pool label)."""
    pod: Json = yaml.safe_load(path.read_text("utf-8"))
    pod["metadata"].update(name=probe_name(expected.pool, op), namespace=namespace)
    pod["metadata"].setdefault("labels", {}).update({OP_LABEL: op, **({OWNER_LABEL: owner} if owner else {})})
    spec = pod["spec"]
    if on_aks:
        spec["nodeSelector"] = {POOL_LABELS[1]: expected.pool}
    if not tolerates(spec["tolerations"], SPOT_TOLERATION):
        spec["tolerations"].append(dict(SPOT_TOLERATION))
    limits = spec["containers"][0]["resources"]["limits"]
    limits.pop("nvidia.com/gpu", None)
    limits[expected.resource] = 1
    return pod


def judge_probe_pod(pod: Json, events: tuple[Json, ...], text: str | None) -> ProbeEvidence:
    """The evidence from plain objects; pure. `text` None: the log cannot be read at the moment, so a success is not proven yet."""
    state = judge_pod(pod, events)
    spec = pod.get("spec") or {}
    phase = (pod.get("status") or {}).get("phase")
    detail = state.detail
    if not detail and not spec.get("nodeName"):
        detail = str(condition(pod, "PodScheduled").get("message") or "")
    if phase == "Failed" and not detail:
        ends = [(item.get("state") or {}).get("terminated") or {} for item in statuses(pod)]
        detail = next((str(end["message"]) for end in ends if end.get("message")), "")
    made: datetime | None = when(meta(pod).get("creationTimestamp"))
    if text is None:
        unread = "its log cannot be read just now"
        if phase in ("Running", "Succeeded"):
            return ProbeEvidence("running", spec.get("nodeName"), "", unread, "", made)
        text = ""
    if phase == "Succeeded":
        return ProbeEvidence("succeeded", spec.get("nodeName"), "Completed", "", text, made)
    if phase == "Failed":
        return ProbeEvidence("failed", spec.get("nodeName"), state.reason, detail, text, made)
    if state.phase == "deleting" or state.reason == "NodeLost":
        return ProbeEvidence("failed", spec.get("nodeName"), state.reason or "Evicted", detail or "it is being deleted", text, made)
    if phase == "Running" and state.reason not in STUCK:
        return ProbeEvidence("running", spec.get("nodeName"), state.reason, detail, text, made)
    return ProbeEvidence("pending", spec.get("nodeName"), state.reason, detail, text, made)


async def read_end(access: Access, namespace: str, name: str, lines: int) -> str | None:
    """The last lines of a pod's log; empty where there are none (any more), None where its node does not hand them out just now."""
    try:
        return await tail(access, namespace, name, lines) or ""
    except Failed as error:
        # Deleted between the two reads, or its node took the log with it: then there is no proof in it either.
        if error.code in ("cluster.not_found", "cluster.bad_request"):
            return ""
        raise
    except Temporary as error:
        # The API server asks the node's kubelet for logs, and answers 500 while that is silent.
        if error.code == "cluster.unavailable":
            return None
        raise


async def _has_pool_labels(access: Access) -> bool:
    nodes = await access.list("/api/v1/nodes")
    return any(label in labels_of(node) for node in nodes for label in POOL_LABELS)
