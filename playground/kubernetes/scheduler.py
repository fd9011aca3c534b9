"""Binds pods to nodes, or says why not in the scheduler's words (Kubernetes: kube-scheduler's default plugins).

A node fails at the first filter that refuses it; the filters run in the order TaintToleration, NodeAffinity, NodeResourcesFit.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from playground.kubernetes.objects import Json, deleting, key_of, labels_of, name_of, quantity
from playground.kubernetes.resources import NODES, PODS
from playground.kubernetes.selectors import expression_holds
from playground.kubernetes.store import Key

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster

Amounts = dict[str, Decimal]
TERMINAL = ("Succeeded", "Failed")
PASS_SECONDS = 0.05


@dataclass
class _Room:
    """What a node has and what its pods ask for, during one pass."""

    node: Json
    total: Amounts
    used: Amounts = field(default_factory=dict)
    pods: int = 0


class Scheduler:
    """One pass tries every pending pod; a pass is due whenever a pod or node changed."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._pending: dict[Key, None] = {}
        self._todo: dict[Key, None] = {}
        cluster.loop.register("schedule", self._pass)

    def look(self) -> None:
        """Room or pods may have changed."""
        if self._pending:
            self._todo |= self._pending
            self._cluster.loop.add("schedule", None)

    def pending(self, pod: Json) -> None:
        """A pod without a node has appeared or changed."""
        self._pending[key_of(pod)] = self._todo[key_of(pod)] = None
        self._cluster.loop.add("schedule", None)

    def forget(self, key: Key) -> None:
        """The pod is gone."""
        self._pending.pop(key, None)

    def _pass(self, _: None) -> None:
        store = self._cluster.store
        rooms = {name_of(node): self._room(node) for node in sorted(store.all(NODES), key=name_of)}
        waiting = [(key, store.get(PODS, *key)) for key in self._todo]
        waiting.sort(key=lambda entry: -(entry[1]["spec"].get("priority") or 0) if entry[1] else 0)
        until = time.monotonic() + PASS_SECONDS
        for key, pod in waiting:
            if time.monotonic() > until:
                # Others get their turn in between; the rest is tried in the next pass.
                self._cluster.loop.add("schedule", None)
                return
            self._todo.pop(key, None)
            if pod is None or pod["spec"].get("nodeName") or deleting(pod) or pod["status"].get("phase") in TERMINAL or self._place(pod, rooms):
                self._pending.pop(key, None)

    def _room(self, node: Json) -> _Room:
        room = _Room(node, {name: quantity(text) for name, text in node["status"].get("allocatable", {}).items()})
        for pod in self._cluster.store.pods_on(name_of(node)):
            if pod["status"].get("phase") not in TERMINAL:
                self._occupy(room, requests_of(pod["spec"]))
        return room

    @staticmethod
    def _occupy(room: _Room, requests: Amounts) -> None:
        room.pods += 1
        for name, amount in requests.items():
            room.used[name] = room.used.get(name, Decimal(0)) + amount

    def _place(self, pod: Json, rooms: dict[str, _Room]) -> bool:
        requests = requests_of(pod["spec"])
        fits: list[_Room] = []
        reasons: Counter[str] = Counter()
        only = pinned_to(pod["spec"])
        considered = list(rooms.values()) if only is None else [room for name, room in rooms.items() if name == only]
        hopeless = len(rooms) - len(considered)
        if hopeless:
            reasons["node(s) didn't satisfy plugin(s) [NodeAffinity]"] = hopeless
        for room in considered:
            why, final = refusal(pod, requests, room.node, room.total, room.used, room.pods)
            if not why:
                fits.append(room)
            reasons.update(why)
            hopeless += bool(why) and final
        if fits:
            # LeastAllocated by cpu; GPU nodes are left to those who ask for GPUs.
            best = min(fits, key=lambda room: self._score(room, requests))
            self._occupy(best, requests)
            self._bind(pod, name_of(best.node))
            return True
        self._failed(pod, len(rooms), reasons, hopeless)
        return False

    @staticmethod
    def _score(room: _Room, requests: Amounts) -> tuple[bool, Decimal, str]:
        wants_gpu = any("/" in name for name in requests)
        has_gpu = any(name.startswith("nvidia.com/") and amount > 0 for name, amount in room.total.items())
        cpu = room.total.get("cpu") or Decimal(1)
        return (has_gpu != wants_gpu, room.used.get("cpu", Decimal(0)) / cpu, name_of(room.node))

    def _bind(self, pod: Json, node: str) -> None:
        now = self._cluster.clock.iso()

        def edit(copy: Json) -> None:
            copy["spec"]["nodeName"] = node
            done = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
            copy["status"]["conditions"] = [done]

        bound = self._cluster.store.change(PODS, key_of(pod), edit)
        if bound is not None:
            where = "/".join(key_of(pod))
            self._cluster.events.record(bound, "Normal", "Scheduled", f"Successfully assigned {where} to {node}", "default-scheduler")

    def _failed(self, pod: Json, nodes: int, reasons: Counter[str], hopeless: int) -> None:
        message = failure(nodes, reasons, hopeless)
        now = self._cluster.clock.iso()
        if next((one.get("message") for one in pod["status"].get("conditions") or []), None) == message:
            return

        def edit(copy: Json) -> None:
            why: Json = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
            copy["status"]["conditions"] = [why | {"lastProbeTime": None, "lastTransitionTime": now}]

        changed = self._cluster.store.change(PODS, key_of(pod), edit)
        if changed is not None:
            self._cluster.events.record(changed, "Warning", "FailedScheduling", message, "default-scheduler")


def failure(nodes: int, reasons: Counter[str], hopeless: int) -> str:
    """The FailedScheduling message."""
    if not nodes:
        return "no nodes available to schedule pods"
    listed = ", ".join(sorted(f"{count} {why}" for why, count in reasons.items()))
    head = f"0/{nodes} nodes are available"
    helpful = nodes - hopeless
    preemption = [f"{helpful} No preemption victims found for incoming pod"] if helpful else []
    preemption += [f"{hopeless} Preemption is not helpful for scheduling"] if hopeless else []
    return f"{head}: {listed}. preemption: {head}: {', '.join(sorted(preemption))}."


def refusal(pod: Json, requests: Amounts, node: Json, total: Amounts, used: Amounts, pods: int) -> tuple[list[str], bool]:
    """(reasons, whether removing pods could not help); no reasons where the node takes the pod."""
    tolerations = pod["spec"].get("tolerations") or []
    unschedulable = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    if node["spec"].get("unschedulable") and not any(tolerates(one, unschedulable) for one in tolerations):
        return ["node(s) were unschedulable"], True
    for taint in node["spec"].get("taints") or []:
        if taint["effect"] in ("NoSchedule", "NoExecute") and not any(tolerates(one, taint) for one in tolerations):
            value = taint.get("value", "")
            return [f"node(s) had untolerated taint {{{taint['key']}: {value}}}"], True
    if not in_affinity(pod["spec"], node):
        return ["node(s) didn't match Pod's node affinity/selector"], True
    why, final = [], False
    if pods + 1 > total.get("pods", Decimal(110)):
        why.append("Too many pods")
    for name, wanted in requests.items():
        has = total.get(name, Decimal(0))
        if wanted and wanted > has - used.get(name, Decimal(0)):
            why.append(f"Insufficient {name}")
            final = final or wanted > has
    return why, final


def pinned_to(spec: Json) -> str | None:
    """The one node that the pod's affinity names, as for DaemonSet pods; None for all others."""
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = affinity.get("nodeSelectorTerms") or []
    fields = (terms[0].get("matchFields") or []) if len(terms) == 1 else []
    for one in fields:
        if one["key"] == "metadata.name" and one["operator"] == "In" and len(one.get("values") or []) == 1:
            return str(one["values"][0])
    return None


def tolerates(toleration: Json, taint: Json) -> bool:
    """Whether one toleration covers one taint."""
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if (toleration.get("operator") or "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def in_affinity(spec: Json, node: Json) -> bool:
    """nodeSelector, and the required node affinity: terms are alternatives, what is in one term holds together."""
    labels = labels_of(node)
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if not affinity:
        return True
    fields = {"metadata.name": name_of(node)}
    for term in affinity.get("nodeSelectorTerms") or []:
        expressions, by_field = term.get("matchExpressions") or [], term.get("matchFields") or []
        if not expressions and not by_field:
            continue
        if all(expression_holds(one, labels) for one in expressions) and all(expression_holds(one, fields) for one in by_field):
            return True
    return False


def requests_of(spec: Json) -> Amounts:
    """What a pod asks for: the sum of its containers, or its largest init container where that is more."""
    total: Amounts = {}
    for container in spec.get("containers") or []:
        for name, text in ((container.get("resources") or {}).get("requests") or {}).items():
            total[name] = total.get(name, Decimal(0)) + quantity(text)
    for container in spec.get("initContainers") or []:
        for name, text in ((container.get("resources") or {}).get("requests") or {}).items():
            total[name] = max(total.get(name, Decimal(0)), quantity(text))
    return total
