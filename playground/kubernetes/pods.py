"""One pod on a node: admission, init containers, containers, its status and its end (Kubernetes: pod lifecycle)."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from playground.kubernetes.containers import Container, Runner
from playground.kubernetes.gpus import Gpu, is_plugin
from playground.kubernetes.nodeobject import address_of
from playground.kubernetes.objects import Json, key_of, name_of, namespace_of, uid_of
from playground.kubernetes.resources import CONFIG_MAPS, PODS, SECRETS
from playground.kubernetes.scheduler import requests_of

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster

STOP_SECONDS = 1.0


class PodRun:
    """Runs the pod `item` on its node; `task` is set while it runs."""

    def __init__(self, cluster: Cluster, item: Json) -> None:
        self.cluster = cluster
        self.item = item
        self.node = str(item["spec"]["nodeName"])
        self.init = [Container(one, {"waiting": {"reason": "PodInitializing"}}) for one in item["spec"].get("initContainers") or []]
        waiting = "PodInitializing" if self.init else "ContainerCreating"
        self.main = [Container(one, {"waiting": {"reason": waiting}}) for one in item["spec"]["containers"]]
        self.task: asyncio.Task[None] | None = None
        self._started = cluster.clock.iso()
        self._verdict: tuple[str, str] | None = None
        self._gpus: list[Gpu] = []
        self._ready_since = self._started
        self._was_ready = False

    def start(self) -> None:
        """Begin."""
        self.task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Cut the containers off and wait until their processes are gone."""
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    @property
    def rejected(self) -> bool:
        """Whether the pod has failed whatever its containers do: none of them is started again."""
        return self._verdict is not None

    def evict(self) -> None:
        """The node ran short of memory: the pod fails as Evicted, and all its containers are stopped, whatever its restart policy."""
        text = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 61Mi. "
        self.fail("Evicted", text + "Container was using more than its request.")
        self.cluster.kubelet.halt(self)

    def fail(self, reason: str, message: str) -> None:
        """The pod fails whatever its containers do."""
        self._verdict = (reason, message)
        self.cluster.events.record(self.item, "Warning", reason, message, "kubelet", self.node)

    async def _run(self) -> None:
        try:
            if self._admit():
                self.publish()
                await self._prepare()
                await self._containers()
        finally:
            self.cluster.gpus.release(self.node, self.item)
        self.publish()

    def _admit(self) -> bool:
        """Devices are handed out on admission; where they are not there, the pod is refused for good."""
        wanted = sum(int(amount) for name, amount in requests_of(self.item["spec"]).items() if name.startswith("nvidia.com/"))
        where = f"{self.cluster.id}/{namespace_of(self.item)}/{name_of(self.item)}"
        fault = self.cluster.faults.take("kubernetes", where, "admission_error") if wanted else None
        devices = self.cluster.gpus.take(self.node, self.item, wanted) if wanted and fault is None else []
        if devices is None or fault is not None:
            available = 0 if fault is not None else max(0, self.cluster.gpus.free(self.node))
            text = "requested number of devices unavailable for nvidia.com/gpu"
            why = f"Allocate failed due to {text}. Requested: {wanted}, Available: {available}, which is unexpected"
            self.fail("UnexpectedAdmissionError", f"Pod was rejected: {why}")
            self.publish()
            return False
        self._gpus = devices
        return True

    async def _prepare(self) -> None:
        """Sandbox and volumes; a pod can be stuck here."""
        where = f"{self.cluster.id}/{namespace_of(self.item)}/{name_of(self.item)}"
        effects = ("stuck_creating", "plugin_blocked") if is_plugin(self.item) else ("stuck_creating",)
        if self.cluster.faults.take("kubernetes", where, *effects) is not None:
            text = (
                "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox: "
                'plugin type="azure-vnet" failed (add): failed to request IP address from CNS'
            )
            self.cluster.events.record(self.item, "Warning", "FailedCreatePodSandBox", text, "kubelet", self.node)
            await asyncio.Event().wait()
        while missing := self._missing_volume():
            self.cluster.events.record(self.item, "Warning", "FailedMount", missing, "kubelet", self.node)
            await self.cluster.clock.work(5)
        await self.cluster.clock.work(1)

    def _missing_volume(self) -> str:
        for volume in self.item["spec"].get("volumes") or []:
            for kind, resource, field in (("secret", SECRETS, "secretName"), ("configMap", CONFIG_MAPS, "name")):
                source = volume.get(kind)
                if source and not source.get("optional"):
                    name = str(source.get(field, ""))
                    if self.cluster.store.get(resource, namespace_of(self.item), name) is None:
                        return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {kind.lower()} "{name}" not found'
        return ""

    async def _containers(self) -> None:
        policy = self.item["spec"].get("restartPolicy", "Always")
        for container in self.init:
            await Runner(self, container, []).run("Never" if policy == "Never" else "OnFailure")
            if container.exit_code != 0:
                return
        if self.init:
            for container in self.main:
                container.state = {"waiting": {"reason": "ContainerCreating"}}
            self.publish()
        await asyncio.gather(*(Runner(self, container, self._gpus_of(container)).run(policy) for container in self.main))

    def _gpus_of(self, container: Container) -> list[Gpu]:
        """The devices of one container: each gets as many as it asked for, in order."""
        position = 0
        for other in self.main:
            limits = (other.spec.get("resources") or {}).get("limits") or {}
            count = sum(int(amount) for name, amount in limits.items() if name.startswith("nvidia.com/"))
            if other is container:
                return self._gpus[position : position + count]
            position += count
        return []

    def publish(self) -> None:
        """Write the pod's status, unless the node is cut off (then it is written when the node reports again)."""
        there = self.cluster.store.get(PODS, *key_of(self.item))
        if there is None or uid_of(there) != uid_of(self.item) or not self.cluster.nodes.is_ready(self.node):
            return
        status = self._status()
        if status["phase"] in ("Succeeded", "Failed"):
            # Whoever reads that it has ended may count on its devices.
            self.cluster.gpus.release(self.node, self.item)

        def edit(item: Json) -> None:
            kept = [one for one in item["status"].get("conditions") or [] if one["type"] == "PodScheduled"]
            item["status"] = {**status, "conditions": [*status["conditions"], *kept]}

        changed = self.cluster.store.change(PODS, key_of(self.item), edit)
        ready = changed is not None and all(one.running for one in self.main)
        if is_plugin(self.item) and ready != self._was_ready:
            (self.cluster.gpus.registered if ready else self.cluster.gpus.look)(self.node)
        self._was_ready = ready

    def phase(self) -> str:
        """The pod's phase by its containers (Kubernetes: getPhase)."""
        if self._verdict is not None:
            return "Failed"
        policy = self.item["spec"].get("restartPolicy", "Always")
        if any(one.exit_code not in (0, None) and policy == "Never" for one in self.init):
            return "Failed"
        if any(one.exit_code != 0 for one in self.init):
            return "Pending"
        ended = [one.exit_code for one in self.main]
        if all(code is not None for code in ended) and policy != "Always":
            failed = any(ended)
            if policy == "Never" or not failed:
                return "Failed" if failed else "Succeeded"
        if any("waiting" in one.state and not one.last for one in self.main):
            return "Pending"
        return "Running"

    def _status(self) -> Json:
        phase = self.phase()
        ready = phase == "Running" and all(one.running for one in self.main)
        if ready != self._was_ready:
            self._ready_since = self.cluster.clock.iso()
        initialized = all(one.exit_code == 0 for one in self.init)
        done = "PodCompleted" if phase == "Succeeded" else ""
        unready = done or ("PodFailed" if phase == "Failed" else "ContainersNotReady")
        names = " ".join(one.name for one in self.main if not one.running)
        message = f"containers with unready status: [{names}]"
        status: Json = {
            "phase": phase,
            "qosClass": self.item["status"].get("qosClass", "BestEffort"),
            "hostIP": address_of(self.node),
            "hostIPs": [{"ip": address_of(self.node)}],
            "startTime": self._started,
            "conditions": [
                self._condition("PodReadyToStartContainers", phase in ("Running", "Pending")),
                self._condition("Initialized", initialized, "ContainersNotInitialized"),
                self._condition("Ready", ready, unready, message),
                self._condition("ContainersReady", ready, unready, message),
            ],
            "containerStatuses": [one.status() for one in self.main],
        }
        if self.init:
            status["initContainerStatuses"] = [one.status(init=True) for one in self.init]
        if phase != "Pending":
            number = int(hashlib.sha256(uid_of(self.item).encode()).hexdigest()[:4], 16)
            status["podIP"] = f"10.244.{number // 250 % 250}.{number % 250 + 2}"
            status["podIPs"] = [{"ip": status["podIP"]}]
        if self._verdict is not None:
            status["reason"], status["message"] = self._verdict
            if self._verdict[0] == "UnexpectedAdmissionError":
                del status["containerStatuses"]
        return status

    def _condition(self, kind: str, holds: bool, reason: str = "", message: str = "") -> Json:
        condition: Json = {"type": kind, "status": "True" if holds else "False", "lastProbeTime": None, "lastTransitionTime": self._ready_since}
        if not holds and reason:
            condition |= {"reason": reason} | ({"message": message} if message else {})
        return condition
