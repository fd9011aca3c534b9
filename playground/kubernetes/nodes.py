"""Nodes of node pools: what AKS writes on them, and how they boot, fall silent and go."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from playground.backend import Pool
from playground.kubernetes.gpumodels import model_of
from playground.kubernetes.nodeobject import condition, new_node, pool_labels, pool_taints
from playground.kubernetes.objects import Json, name_of
from playground.kubernetes.resources import NODES

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster

# Simulated seconds: until the machine registers, until it is Ready, and from cordon to gone.
REGISTER_SECONDS, READY_SECONDS, DRAIN_SECONDS = 40.0, 25.0, 10.0
GRACE_SECONDS = 300.0
_NOT_READY = "node.kubernetes.io/unreachable"


class Nodes:
    """Keeps a cluster's nodes as its pools want them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.pools: dict[str, Pool] = {}
        self._pool_of: dict[str, str] = {}
        self._next: dict[str, int] = {}
        self._leaving: set[str] = set()
        self._harmed: dict[str, set[str]] = {}
        self._digits = str(int(hashlib.sha256(cluster.id.encode()).hexdigest(), 16) % 90_000_000 + 10_000_000)
        cluster.loop.register("node.register", self._register)
        cluster.loop.register("node.ready", self._ready)
        cluster.loop.register("node.leave", self._leave)
        cluster.loop.register("node.evict", self._evict_all)

    def pool_of(self, node: str) -> Pool | None:
        """The pool that a node belongs to; None for nodes that came some other way."""
        return self.pools.get(self._pool_of.get(node, ""))

    def set_pool(self, pool: Pool) -> None:
        """Add or remove nodes until `pool.count` remain; bring labels and taints of those kept up to date."""
        before = self.pools.get(pool.name)
        self.pools[pool.name] = pool
        mine = self._staying(pool.name)
        for name in mine[pool.count :]:
            self._dismiss(name)
        for name in mine[: pool.count]:
            if before is not None and before != pool:
                self._refresh(name, before, pool)
        for order in range(pool.count - len(mine)):
            index = self._next.get(pool.name, 0)
            self._next[pool.name] = index + 1
            name = f"aks-{pool.name}-{self._digits}-vmss{_base36(index)}"
            self._pool_of[name] = pool.name
            self._cluster.loop.later(REGISTER_SECONDS + min(order, 20), "node.register", name)

    def delete_pool(self, pool_name: str) -> None:
        """Let all nodes of the pool go."""
        if pool_name in self.pools:
            # The pool's facts stay known until its last node is gone.
            self.pools[pool_name] = replace(self.pools[pool_name], count=0)
        for name in self._staying(pool_name):
            self._dismiss(name)

    def names(self, pool_name: str) -> list[str]:
        """The pool's nodes that stay, oldest first; those that still boot are among them."""
        return self._staying(pool_name)

    def pool_ready(self, pool_name: str) -> bool:
        """Whether exactly the wanted nodes are there, all Ready."""
        pool = self.pools.get(pool_name)
        names = [name for name, owner in self._pool_of.items() if owner == pool_name]
        wanted = pool.count if pool is not None else 0
        return len(names) == wanted and all(self.is_ready(name) for name in names)

    def is_ready(self, name: str) -> bool:
        """Whether the node is registered and its kubelet reports."""
        node = self._cluster.store.get(NODES, "", name)
        return node is not None and any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"]["conditions"])

    def evict(self, name: str) -> None:
        """Azure takes a Spot machine back: the node and its pods are gone at once, and no other comes."""
        self._leave(name)

    def all_leave(self) -> None:
        """The cluster stops: nodes go at once, pools forget how many they wanted."""
        for name in list(self._pool_of):
            self._leave(name)

    def fall_silent(self, name: str) -> None:
        """The kubelet stops reporting: Ready becomes Unknown, taints follow (Kubernetes: node lifecycle controller)."""
        if not self.is_ready(name):
            return

        def edit(node: Json) -> None:
            now = self._cluster.clock.iso()
            for one in node["status"]["conditions"]:
                if one["type"] in ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure"):
                    one |= {"status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
                    one["lastTransitionTime"] = now
            taints = node["spec"].setdefault("taints", [])
            taints += [{"key": _NOT_READY, "effect": "NoSchedule", "timeAdded": now}, {"key": _NOT_READY, "effect": "NoExecute", "timeAdded": now}]

        changed = self._cluster.store.change(NODES, ("", name), edit)
        if changed is not None:
            text = f"Node {name} status is now: NodeNotReady"
            self._cluster.events.record(changed, "Normal", "NodeNotReady", text, "node-controller")
            self._cluster.loop.later(GRACE_SECONDS, "node.evict", name)

    def recover(self, name: str) -> None:
        """The kubelet reports again."""
        if not self.is_ready(name) and self._cluster.store.get(NODES, "", name) is not None:
            self._ready(name)

    def report_harm(self, name: str, kind: str, message: str) -> None:
        """A monitor on the node (AKS: node problem detector, DCGM) reports that condition `kind` is True, which means harm."""

        def edit(node: Json) -> None:
            kept = [one for one in node["status"]["conditions"] if one["type"] != kind]
            node["status"]["conditions"] = [*kept, condition(kind, "True", kind, message, self._cluster.clock.iso())]

        self._cluster.store.change(NODES, ("", name), edit)
        self._harmed.setdefault(name, set()).add(kind)

    def well(self, name: str) -> None:
        """All that :meth:`report_harm` reported has passed."""
        kinds = self._harmed.pop(name, set())

        def edit(node: Json) -> None:
            for one in node["status"]["conditions"]:
                if one["type"] in kinds:
                    one |= {"status": "False", "reason": f"No{one['type']}", "message": "", "lastTransitionTime": self._cluster.clock.iso()}

        self._cluster.store.change(NODES, ("", name), edit)

    def _staying(self, pool_name: str) -> list[str]:
        return [name for name, owner in self._pool_of.items() if owner == pool_name and name not in self._leaving]

    def _register(self, name: str) -> None:
        pool = self.pool_of(name)
        if pool is None or name in self._leaving or self._cluster.store.get(NODES, "", name) is not None:
            return
        node = self._cluster.store.create(NODES, new_node(self._cluster, name, pool))
        text = f"Node {name} event: Registered Node {name} in Controller"
        self._cluster.events.record(node, "Normal", "RegisteredNode", text, "node-controller")
        if self._cluster.faults.take("kubernetes", f"{self._cluster.id}/{name}", "node_stuck") is None:
            self._cluster.loop.later(READY_SECONDS + (10 if model_of(pool) else 0), "node.ready", name)

    def _ready(self, name: str) -> None:
        if name in self._leaving:
            return

        def edit(node: Json) -> None:
            now = self._cluster.clock.iso()
            kept = [one for one in node["status"]["conditions"] if one["type"] not in ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")]
            node["status"]["conditions"] = [
                *kept,
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available", now),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure", now),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available", now),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", now),
            ]
            taints = node["spec"].get("taints") or []
            node["spec"]["taints"] = [one for one in taints if one["key"] not in (_NOT_READY, "node.kubernetes.io/not-ready")]
            if not node["spec"]["taints"]:
                del node["spec"]["taints"]

        changed = self._cluster.store.change(NODES, ("", name), edit)
        if changed is not None:
            text = f"Node {name} status is now: NodeReady"
            self._cluster.events.record(changed, "Normal", "NodeReady", text, "kubelet", name)
            self._cluster.gpus.look(name)
            self._cluster.kubelet.report(name)

    def _dismiss(self, name: str) -> None:
        """Cordon, and after a while gone."""
        self._leaving.add(name)
        if self._cluster.store.get(NODES, "", name) is None:
            self._forget(name)
            return

        def edit(node: Json) -> None:
            node["spec"]["unschedulable"] = True
            taints = node["spec"].setdefault("taints", [])
            taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})

        self._cluster.store.change(NODES, ("", name), edit)
        self._cluster.loop.later(DRAIN_SECONDS, "node.leave", name)

    def _leave(self, name: str) -> None:
        node = self._cluster.store.get(NODES, "", name)
        if node is not None:
            self._cluster.kubelet.node_gone(name)
            text = f"Node {name} event: Removing Node {name} from Controller"
            self._cluster.events.record(node, "Normal", "RemovingNode", text, "node-controller")
            self._cluster.store.remove(NODES, ("", name))
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._leaving.discard(name)
        self._harmed.pop(name, None)
        self._pool_of.pop(name, None)

    def _evict_all(self, name: str) -> None:
        """Taint eviction: pods that do not tolerate a silent node for longer are deleted."""
        node = self._cluster.store.get(NODES, "", name)
        if node is not None and not self.is_ready(name):
            self._cluster.kubelet.taint_eviction(name)

    def _refresh(self, name: str, before: Pool, pool: Pool) -> None:
        def edit(node: Json) -> None:
            labels = node["metadata"]["labels"]
            for key in pool_labels(self._cluster, name_of(node), before):
                labels.pop(key, None)
            labels |= pool_labels(self._cluster, name_of(node), pool)
            old = pool_taints(before)
            taints = [one for one in node["spec"].get("taints") or [] if one not in old] + pool_taints(pool)
            node["spec"].pop("taints", None)
            if taints:
                node["spec"]["taints"] = taints

        self._cluster.store.change(NODES, ("", name), edit)


def _base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number:
        number, rest = divmod(number, 36)
        text = digits[rest] + text
    return text.rjust(6, "0")


def region_of(resource_group: str) -> str:
    """The region in a node resource group's name (``MC_group_cluster_region``), else eastus."""
    found = re.fullmatch(r"MC_.*_([a-z0-9]+)", resource_group)
    return found[1] if found else "eastus"
