"""What the API server fills in before it stores an object (Kubernetes: defaulting, and the admission plugins that AKS runs)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from playground.kubernetes.objects import Json, new_uid

PRIORITIES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}


def pod_spec(spec: Json) -> None:
    """Defaults of a pod's spec, in place; also used for templates."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        _container(container)
    for volume in spec.get("volumes") or []:
        if isinstance(volume.get("hostPath"), dict):
            volume["hostPath"].setdefault("type", "")
        for kind in ("secret", "configMap"):
            if isinstance(volume.get(kind), dict):
                volume[kind].setdefault("defaultMode", 420)
        if set(volume) == {"name"}:
            volume["emptyDir"] = {}


def _container(container: Json) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    tag = str(container.get("image", "")).rpartition("/")[2]
    latest = (":" not in tag and "@" not in tag) or tag.endswith(":latest")
    container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
    resources = container.setdefault("resources", {})
    for kind in ("limits", "requests"):
        if resources.get(kind):
            resources[kind] = {name: str(amount) for name, amount in resources[kind].items()}
    limits = resources.get("limits") or {}
    if limits:
        resources["requests"] = {**limits, **(resources.get("requests") or {})}
    for port in container.get("ports") or []:
        port.setdefault("protocol", "TCP")


def pod(item: Json) -> None:
    """A pod on create: spec, service account, priority, standard tolerations (DefaultTolerationSeconds), empty status."""
    spec = item["spec"]
    pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("serviceAccountName", spec.get("serviceAccount") or "default")
    spec["serviceAccount"] = spec["serviceAccountName"]
    spec["priority"] = PRIORITIES.get(spec.get("priorityClassName", ""), spec.get("priority") or 0)
    tolerations: list[Json] = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        covered = any(one.get("key") in (key, None, "") and one.get("effect") in ("NoExecute", None, "") for one in tolerations)
        if not covered:
            tolerations.append({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})
    item["status"] = {"phase": "Pending", "qosClass": qos_class(spec)}


def qos_class(spec: Json) -> str:
    """BestEffort, Burstable or Guaranteed, by cpu and memory alone."""
    pairs: list[tuple[Any, Any]] = []
    for container in spec.get("containers") or []:
        resources = container.get("resources") or {}
        for name in ("cpu", "memory"):
            pairs.append(((resources.get("requests") or {}).get(name), (resources.get("limits") or {}).get(name)))
    if not any(request or limit for request, limit in pairs):
        return "BestEffort"
    return "Guaranteed" if all(limit and request == limit for request, limit in pairs) else "Burstable"


def job(item: Json) -> None:
    """A Job on create: counts, selector and the labels that tie pods to it (batch/v1 without manualSelector)."""
    spec = item["spec"]
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed")
    uid = item["metadata"].setdefault("uid", new_uid())
    template = spec["template"]
    if not spec["manualSelector"]:
        del spec["manualSelector"]
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
        meta = template.setdefault("metadata", {})
        name = item["metadata"].get("name", "")
        added = {"batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name, "controller-uid": uid, "job-name": name}
        meta["labels"] = {**(meta.get("labels") or {}), **added}
    template.setdefault("metadata", {}).setdefault("creationTimestamp", None)
    # A missing restart policy becomes Always here and is then refused by validation, as the real server does it.
    pod_spec(template.setdefault("spec", {}))
    item["status"] = {}


def daemon_set(item: Json) -> None:
    """A DaemonSet on create."""
    spec = item["spec"]
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    spec["template"].setdefault("metadata", {}).setdefault("creationTimestamp", None)
    pod_spec(spec["template"].setdefault("spec", {}))
    item["metadata"].setdefault("annotations", {}).setdefault("deprecated.daemonset.template.generation", "1")
    item["status"] = {"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0}


def namespace(item: Json) -> None:
    """A namespace on create."""
    item.setdefault("spec", {})["finalizers"] = ["kubernetes"]
    meta = item["metadata"]
    meta["labels"] = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta.get("name", "")}
    item["status"] = {"phase": "Active"}


def event(item: Json) -> None:
    """An event on create."""
    item.setdefault("reportingComponent", "")
    item.setdefault("reportingInstance", "")


def secret(item: Json) -> None:
    """A secret on create; what was given as text is kept as base64."""
    for key, text in (item.pop("stringData", None) or {}).items():
        item.setdefault("data", {})[key] = base64.b64encode(str(text).encode()).decode()
    item.setdefault("type", "Opaque")


def node(item: Json) -> None:
    """A node that somebody else registered: complete enough for clients to read."""
    item.setdefault("spec", {})
    item.setdefault("status", {})


ON_CREATE: dict[str, Callable[[Json], None]] = {
    "pods": pod,
    "jobs": job,
    "daemonsets": daemon_set,
    "namespaces": namespace,
    "events": event,
    "secrets": secret,
    "nodes": node,
}


def on_update(plural: str, item: Json) -> None:
    """Defaults that also apply when an object is replaced or patched (fields taken out come back)."""
    spec = item.get("spec")
    if plural == "pods" and isinstance(spec, dict):
        pod_spec(spec)
    elif plural in ("jobs", "daemonsets") and isinstance(spec, dict) and isinstance(spec.get("template"), dict):
        pod_spec(spec["template"].setdefault("spec", {}))
        spec["template"].setdefault("metadata", {}).setdefault("creationTimestamp", None)
        if plural == "daemonsets":
            strategy = spec.setdefault("updateStrategy", {})
            if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
                rolling = strategy.setdefault("rollingUpdate", {})
                rolling.setdefault("maxUnavailable", 1)
                rolling.setdefault("maxSurge", 0)
