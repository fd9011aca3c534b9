"""When a node's GPUs can be scheduled: only while a device plugin runs on it and a driver is there (NVIDIA: k8s-device-plugin).

Where the plugin goes away, allocatable falls to 0 and capacity keeps its number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.backend import Pool
from playground.kubernetes.gpumodels import GpuModel, mig_resource, mig_slices, model_of
from playground.kubernetes.objects import Json, key_of
from playground.kubernetes.resources import NODES

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster

REGISTER_SECONDS = 3.0
_PREFIX = "nvidia.com/"


@dataclass(frozen=True)
class Gpu:
    """A device handed to a container."""

    model: GpuModel
    index: int
    bus: str


def is_plugin(pod: Json) -> bool:
    """Whether the pod runs NVIDIA's device plugin."""
    return any("k8s-device-plugin" in str(one.get("image")) for one in pod["spec"].get("containers") or [])


def mig_strategy(pod: Json) -> str:
    """The plugin's MIG strategy, by environment or argument; none unless set."""
    for container in pod["spec"]["containers"]:
        for env in container.get("env") or []:
            if env.get("name") == "MIG_STRATEGY":
                return str(env.get("value", "none"))
        words = [str(word) for word in [*(container.get("command") or []), *(container.get("args") or [])]]
        for position, word in enumerate(words):
            if word.startswith("--mig-strategy="):
                return word.partition("=")[2]
            if word == "--mig-strategy" and position + 1 < len(words):
                return words[position + 1]
    return "none"


class Gpus:
    """Advertises GPUs on nodes, and hands devices to pods."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._missing: dict[str, int] = {}
        self._mismatch: set[str] = set()
        self._held: dict[str, dict[int, tuple[str, str]]] = {}
        cluster.loop.register("gpus", self._advertise)

    def look(self, node: str) -> None:
        """Something about the node's plugin or health may have changed."""
        self._cluster.loop.add("gpus", node)

    def registered(self, node: str) -> None:
        """A plugin pod has become ready; the kubelet learns of its devices a little later."""
        self._cluster.loop.later(REGISTER_SECONDS, "gpus", node)

    def lose(self, node: str, count: int | None) -> None:
        """`count` GPUs (None: all) drop off the bus."""
        pool = self._cluster.nodes.pool_of(node)
        self._missing[node] = count if count is not None else (pool.gpu_count if pool else 0)
        self.look(node)

    def mismatch(self, node: str) -> None:
        """The driver does not match: the plugin runs and never registers."""
        self._mismatch.add(node)
        self.look(node)

    def heal(self, node: str) -> None:
        """Driver and devices are well again."""
        self._missing.pop(node, None)
        self._mismatch.discard(node)
        self.look(node)

    def promise(self, node: str) -> tuple[str, int]:
        """(resource name, devices) that the plugin on the node would register; (…, 0) where it cannot find any."""
        pool = self._cluster.nodes.pool_of(node)
        if pool is None or model_of(pool) is None or not driver_works(pool) or node in self._mismatch:
            return "nvidia.com/gpu", 0
        whole = max(0, pool.gpu_count - self._missing.get(node, 0))
        if not mig_slices(pool):
            return "nvidia.com/gpu", whole
        strategy = "single" if pool.managed else self._strategy(node)
        if strategy == "mixed":
            return mig_resource(pool), whole * mig_slices(pool)
        return "nvidia.com/gpu", whole * (mig_slices(pool) if strategy == "single" else 1)

    def driver_seen(self, node: str) -> bool:
        """Whether the driver's library can be loaded on the node."""
        pool = self._cluster.nodes.pool_of(node)
        return pool is not None and model_of(pool) is not None and driver_works(pool) and node not in self._mismatch

    def mismatched(self, node: str) -> bool:
        """Whether the node's driver and its library are of different versions (a driver upgraded without a reboot)."""
        return node in self._mismatch

    def incomplete(self, node: str) -> bool:
        """Whether GPUs of the node are missing."""
        return bool(self._missing.get(node))

    def take(self, node: str, pod: Json, count: int) -> list[Gpu] | None:
        """Devices for a pod; None where fewer are free than it asks for."""
        pool = self._cluster.nodes.pool_of(node)
        model = model_of(pool) if pool is not None else None
        held = self._held.setdefault(node, {})
        total = self.allocatable(node)
        free = [index for index in range(total) if index not in held][:count]
        if model is None or len(free) < count:
            return None
        held.update(dict.fromkeys(free, key_of(pod)))
        per_gpu = max(1, mig_slices(pool) if pool is not None and total > pool.gpu_count else 1)
        return [Gpu(model, index, f"0001:{index // per_gpu:02d}:00.0") for index in free]

    def release(self, node: str, pod: Json) -> None:
        """The pod has ended."""
        held = self._held.get(node, {})
        for index in [index for index, key in held.items() if key == key_of(pod)]:
            del held[index]

    def free(self, node: str) -> int:
        """Devices that no running pod holds."""
        return self.allocatable(node) - len(self._held.get(node, {}))

    def allocatable(self, node: str) -> int:
        """All allocatable devices of NVIDIA's, whatever the resource is called."""
        item = self._cluster.store.get(NODES, "", node)
        return sum(int(count) for name, count in item["status"]["allocatable"].items() if name.startswith(_PREFIX)) if item else 0

    def forget(self, node: str) -> None:
        """The node is gone."""
        self._held.pop(node, None)
        self._missing.pop(node, None)
        self._mismatch.discard(node)

    def _strategy(self, node: str) -> str:
        return next((mig_strategy(pod) for pod in self._cluster.store.pods_on(node) if is_plugin(pod)), "none")

    def _advertise(self, node: str) -> None:
        item = self._cluster.store.get(NODES, "", node)
        pool = self._cluster.nodes.pool_of(node)
        if item is None or pool is None or model_of(pool) is None or not self._cluster.nodes.is_ready(node):
            return
        served = pool.managed or any(is_plugin(pod) and pod_ready(pod) for pod in self._cluster.store.pods_on(node))
        name, count = self.promise(node)
        whole = count if not self._missing.get(node) else max(count, int(item["status"]["capacity"].get(name, 0)))

        def edit(copy: Json) -> None:
            capacity, allocatable = copy["status"]["capacity"], copy["status"]["allocatable"]
            for other in [other for other in capacity if other.startswith(_PREFIX)]:
                allocatable[other] = "0"
            if served and (count or name in capacity):
                capacity[name], allocatable[name] = str(whole), str(count)

        self._cluster.store.change(NODES, ("", node), edit)


def pod_ready(pod: Json) -> bool:
    """Whether the pod's Ready condition holds and it is not going."""
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in pod.get("status", {}).get("conditions") or [])
    return ready and not pod["metadata"].get("deletionTimestamp")


def driver_works(pool: Pool) -> bool:
    """Whether somebody installed a driver; managed pools ignore "None"."""
    return pool.managed or pool.driver == "Install"
