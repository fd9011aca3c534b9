"""The DaemonSet controller: one pod on each node that matches, replaced node by node when the template changes."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import TYPE_CHECKING, Any

from playground.kubernetes import defaults
from playground.kubernetes.deletion import remove
from playground.kubernetes.gpus import pod_ready
from playground.kubernetes.objects import Json, controller_uid, deleting, key_of, labels_of, name_of, namespace_of, owner_reference, suffix, uid_of
from playground.kubernetes.resources import DAEMON_SETS, NODES, PODS, PRIORITY_CLASSES
from playground.kubernetes.scheduler import in_affinity, tolerates
from playground.kubernetes.store import Key

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster

_HASH = "controller-revision-hash"
# Failed pods are replaced at once, then after 1 s, 2 s, … (Kubernetes: daemon_controller, failedPodsBackoff).
_BACKOFF_SECONDS, _BACKOFF_MOST = 1.0, 900.0
# Kubernetes adds these to every DaemonSet pod.
_ADDED = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/disk-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/pid-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"},
]


class DaemonSets:
    """Reconciles DaemonSets of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._failed: dict[tuple[str, str], tuple[float, float]] = {}
        cluster.loop.register("daemonset", self._reconcile)

    def look(self, key: Key) -> None:
        """The DaemonSet, or one of its pods, has changed."""
        self._cluster.loop.add("daemonset", key)

    def look_all(self) -> None:
        """A node has changed."""
        for item in self._cluster.store.all(DAEMON_SETS):
            self.look(key_of(item))

    def _reconcile(self, key: Key) -> None:
        store = self._cluster.store
        wanted = store.get(DAEMON_SETS, *key)
        if wanted is None or deleting(wanted):
            return
        nodes = {name_of(node): node for node in store.all(NODES)}
        by_node: dict[str, list[Json]] = {}
        for _, pod in store.dependents(uid_of(wanted)):
            by_node.setdefault(_target(pod), []).append(pod)
        eligible = {name for name, node in nodes.items() if self._belongs(wanted, node)}
        revision = revision_of(wanted)
        for name, pods in by_node.items():
            self._tidy(wanted, name in eligible, pods)
        for name in sorted(eligible):
            if not by_node.get(name):
                self._start(wanted, name, revision)
        self._roll(wanted, eligible, by_node, revision)
        self._report(wanted, eligible, revision)

    @staticmethod
    def _belongs(wanted: Json, node: Json) -> bool:
        spec = wanted["spec"]["template"]["spec"]
        tolerations = [*(spec.get("tolerations") or []), *_ADDED]
        if spec.get("hostNetwork"):
            tolerations.append({"key": "node.kubernetes.io/network-unavailable", "operator": "Exists", "effect": "NoSchedule"})
        # A node that boots is not ready yet: its pods are created and wait, so this taint is no reason to leave it out.
        tolerations.append({"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"})
        tolerations.append({"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoSchedule"})
        taints = [one for one in node["spec"].get("taints") or [] if one["effect"] in ("NoSchedule", "NoExecute")]
        return in_affinity(spec, node) and all(any(tolerates(one, taint) for one in tolerations) for taint in taints)

    def _tidy(self, wanted: Json, eligible: bool, pods: list[Json]) -> None:
        """Pods that do not belong, failed, or are one too many."""
        alive = [pod for pod in pods if not deleting(pod)]
        for pod in alive:
            if not eligible:
                remove(self._cluster, PODS, pod)
            elif pod["status"].get("phase") in ("Failed", "Succeeded") and not self._backs_off(wanted, _target(pod)):
                text = f"Found failed daemon pod {'/'.join(key_of(pod))} on node {_target(pod)}, will try to kill it"
                self._cluster.events.record(wanted, "Warning", "FailedDaemonPod", text, "daemonset-controller")
                remove(self._cluster, PODS, pod)

    def _backs_off(self, wanted: Json, node: str) -> bool:
        """Whether the node's last failure is too fresh for another pod (then it is looked at again); else the next one waits longer."""
        clock, key = self._cluster.clock, (uid_of(wanted), node)
        since, seconds = self._failed.get(key, (0.0, 0.0))
        left = since + clock.scaled(seconds) - clock.now()
        if left > 0:
            self._cluster.loop.later(seconds, "daemonset", key_of(wanted))
            return True
        fresh = clock.now() - since > clock.scaled(2 * _BACKOFF_MOST)
        self._failed[key] = (clock.now(), _BACKOFF_SECONDS if fresh else min(2 * seconds, _BACKOFF_MOST))
        return False

    def _start(self, wanted: Json, node: str, revision: str) -> None:
        template = copy.deepcopy(wanted["spec"]["template"])
        meta = template["metadata"]
        labels = {**(meta.get("labels") or {}), _HASH: revision, "pod-template-generation": str(wanted["metadata"]["generation"])}
        spec = template["spec"]
        spec["tolerations"] = [*(spec.get("tolerations") or []), *_ADDED]
        _pin(spec, node)
        pod: Json = {
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {
                "name": f"{name_of(wanted)}-{suffix()}",
                "generateName": f"{name_of(wanted)}-",
                "namespace": namespace_of(wanted),
                "labels": labels,
                "ownerReferences": [owner_reference(wanted)],
            },
            "spec": spec,
        }
        if meta.get("annotations"):
            pod["metadata"]["annotations"] = meta["annotations"]
        defaults.pod(pod)
        priority = self._cluster.store.get(PRIORITY_CLASSES, "", spec.get("priorityClassName", ""))
        if spec.get("priorityClassName") and priority is None:
            text = f'Error creating: pods "{name_of(wanted)}-" is forbidden: no PriorityClass with name {spec["priorityClassName"]} was found'
            self._cluster.events.record(wanted, "Warning", "FailedCreate", text, "daemonset-controller")
            return
        self._cluster.store.create(PODS, pod)
        self._cluster.events.record(wanted, "Normal", "SuccessfulCreate", f"Created pod: {name_of(pod)}", "daemonset-controller")

    def _roll(self, wanted: Json, eligible: set[str], by_node: dict[str, list[Json]], revision: str) -> None:
        """Delete old pods as far as maxUnavailable allows; unavailable old ones first, as they cost nothing."""
        strategy = wanted["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return
        current = [pod for name in eligible for pod in by_node.get(name, []) if not deleting(pod)]
        old = [pod for pod in current if labels_of(pod).get(_HASH) != revision]
        if not old:
            return
        allowed = _share((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1), len(eligible))
        unavailable = len(eligible) - sum(pod_ready(pod) for pod in current)
        for pod in sorted(old, key=pod_ready):
            if pod_ready(pod):
                if unavailable >= allowed:
                    break
                unavailable += 1
            remove(self._cluster, PODS, pod)
            self._cluster.events.record(wanted, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}", "daemonset-controller")

    def _report(self, wanted: Json, eligible: set[str], revision: str) -> None:
        pods = [pod for _, pod in self._cluster.store.dependents(uid_of(wanted)) if not deleting(pod)]
        placed = [pod for pod in pods if _target(pod) in eligible]
        ready = sum(pod_ready(pod) for pod in placed)
        status: Json = {
            "currentNumberScheduled": len({_target(pod) for pod in placed}),
            "numberMisscheduled": len(pods) - len(placed),
            "desiredNumberScheduled": len(eligible),
            "numberReady": ready,
            "observedGeneration": wanted["metadata"]["generation"],
        }
        optional = {
            "updatedNumberScheduled": sum(labels_of(pod).get(_HASH) == revision for pod in placed),
            "numberAvailable": ready,
            "numberUnavailable": len(eligible) - ready,
        }
        status |= {name: count for name, count in optional.items() if count}

        def edit(item: Json) -> None:
            item["status"] = status

        self._cluster.store.change(DAEMON_SETS, key_of(wanted), edit)


def revision_of(wanted: Json) -> str:
    """A short hash of the pod template."""
    return hashlib.sha256(json.dumps(wanted["spec"]["template"], sort_keys=True).encode()).hexdigest()[:10]


def _target(pod: Json) -> str:
    """The node that a daemon pod is for, bound or not yet."""
    node = pod["spec"].get("nodeName")
    if node:
        return str(node)
    required = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return str(required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])


def _pin(spec: Json, node: str) -> None:
    """Tie the pod to its node by affinity, as the controller does; the scheduler binds it."""
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [{"matchFields": [field]}]}


def _share(value: Any, total: int) -> int:
    """A count or a percentage, at least 1."""
    if isinstance(value, str) and value.endswith("%"):
        return max(1, -(-total * int(value[:-1]) // 100))
    return max(1, int(value))


def owner_key(pod: Json) -> Key | None:
    """The DaemonSet that controls the pod."""
    for owner in pod["metadata"].get("ownerReferences") or []:
        if owner.get("controller") and owner["kind"] == "DaemonSet" and owner["uid"] == controller_uid(pod):
            return namespace_of(pod), str(owner["name"])
    return None
