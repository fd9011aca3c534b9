"""The kubelets of a cluster: which pods run where, their logs, and their ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from playground.kubernetes import images
from playground.kubernetes.logs import ContainerLog
from playground.kubernetes.objects import Json, deleting, key_of, uid_of
from playground.kubernetes.pods import STOP_SECONDS, PodRun
from playground.kubernetes.resources import NODES, PODS
from playground.kubernetes.store import Key

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster

TERMINAL = ("Succeeded", "Failed")
# The kubelet names at most so many images in a node's status.
_IMAGES = 50


class Kubelet:
    """All kubelets of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._runs: dict[str, PodRun] = {}
        self._logs: dict[str, dict[str, list[ContainerLog]]] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._closed = False
        self.images: dict[str, set[str]] = {}
        cluster.loop.register("pod.deadline", self._deadline)

    def see(self, pod: Json) -> None:
        """A pod has changed: it may have to start, or to go."""
        uid = uid_of(pod)
        if self._closed or not pod["spec"].get("nodeName"):
            return
        if deleting(pod):
            self._end(pod)
        elif uid not in self._runs and pod["status"].get("phase") not in TERMINAL and self._cluster.nodes.is_ready(pod["spec"]["nodeName"]):
            run = PodRun(self._cluster, pod)
            self._runs[uid] = run
            run.start()
            deadline = pod["spec"].get("activeDeadlineSeconds")
            if deadline is not None:
                self._cluster.loop.at(self._cluster.clock.now() + deadline, "pod.deadline", uid)

    def gone(self, pod: Json) -> None:
        """The pod's object is gone: so are its containers and logs."""
        uid = uid_of(pod)
        run = self._runs.pop(uid, None)
        for runs in self._logs.pop(uid, {}).values():
            for log in runs:
                log.end()
        if run is not None:
            self._spawn(run)
            self._cluster.gpus.look(run.node)

    def node_gone(self, node: str) -> None:
        """The machine is gone: its pods are deleted with it (Kubernetes: pod garbage collector)."""
        for pod in self._cluster.store.pods_on(node):
            self._cluster.store.remove(PODS, key_of(pod))
        self.images.pop(node, None)
        self._cluster.gpus.forget(node)

    def report(self, node: str) -> None:
        """The node is Ready (again): tell what happened meanwhile, start what was bound meanwhile."""
        for pod in self._cluster.store.pods_on(node):
            run = self._runs.get(uid_of(pod))
            if run is not None and not deleting(pod):
                run.publish()
            self.see(pod)

    def silence(self, node: str) -> None:
        """The node has stopped reporting: its pods are no longer ready (Kubernetes: node lifecycle controller)."""
        for pod in self._cluster.store.pods_on(node):

            def edit(copy: Json) -> None:
                for one in copy["status"].get("conditions") or []:
                    if one["type"] == "Ready" and one["status"] == "True":
                        one |= {"status": "False", "lastTransitionTime": self._cluster.clock.iso()}

            self._cluster.store.change(PODS, key_of(pod), edit)

    def taint_eviction(self, node: str) -> None:
        """Delete the node's pods, except those that tolerate its taint for ever."""
        for pod in self._cluster.store.pods_on(node):
            forever = any(
                one.get("key") in (None, "", "node.kubernetes.io/unreachable")
                and one.get("effect") in (None, "", "NoExecute")
                and one.get("tolerationSeconds") is None
                for one in pod["spec"].get("tolerations") or []
            )
            if not forever and not deleting(pod):
                self._cluster.taint_delete(pod)

    def new_log(self, uid: str, container: str, log: ContainerLog) -> None:
        """A container starts: keep its log and the one before."""
        runs = self._logs.setdefault(uid, {}).setdefault(container, [])
        runs.append(log)
        del runs[:-2]

    def logs_of(self, uid: str, container: str) -> list[ContainerLog]:
        """The logs of the container's last two runs, oldest first."""
        return self._logs.get(uid, {}).get(container, [])

    def halt(self, run: PodRun) -> None:
        """Stop the pod's containers; its object stays, and says how they ended."""
        self._spawn(run)

    def image_arrived(self, node: str, image: str) -> None:
        """Name the image in the node's status."""

        def edit(item: Json) -> None:
            listed = item["status"].setdefault("images", [])
            full = images.full_name(image)
            listed.insert(0, {"names": [f"{full.partition(':')[0]}@sha256:{images.digest(image)}", full], "sizeBytes": images.size_bytes(image)})
            del listed[_IMAGES:]

        self._cluster.store.change(NODES, ("", node), edit)

    async def close(self) -> None:
        """Stop every container and wait for it."""
        self._closed = True
        for run in list(self._runs.values()):
            self._spawn(run)
        self._runs.clear()
        for by_container in self._logs.values():
            for runs in by_container.values():
                for log in runs:
                    log.end()
        await asyncio.gather(*self._stopping, return_exceptions=True)

    def _deadline(self, uid: str) -> None:
        run = self._runs.get(uid)
        if run is None or run.phase() in TERMINAL:
            return
        run.fail("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
        self.halt(run)

    def _end(self, pod: Json) -> None:
        """Stop a pod that is being deleted; its object goes once that is done, which a silent node cannot confirm."""
        run = self._runs.get(uid_of(pod))
        if not self._cluster.nodes.is_ready(pod["spec"]["nodeName"]) or any(task.get_name() == uid_of(pod) for task in self._stopping):
            return
        if run is not None:
            for container in run.main:
                if container.running:
                    text = f"Stopping container {container.name}"
                    self._cluster.events.record(pod, "Normal", "Killing", text, "kubelet", run.node)
        self._spawn(run, pod)

    def _spawn(self, run: PodRun | None, pod: Json | None = None) -> None:
        uid = uid_of(pod) if pod is not None else ""
        task = asyncio.get_running_loop().create_task(self._stop(run, key_of(pod) if pod is not None else None, uid), name=uid)
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _stop(self, run: PodRun | None, key: Key | None, uid: str) -> None:
        if run is not None:
            await run.stop()
            if key is None:
                run.publish()
        if key is None:
            return
        await self._cluster.clock.work(STOP_SECONDS)
        there = self._cluster.store.get(PODS, *key)
        if there is not None and uid_of(there) == uid:
            self._cluster.finish_pod(there)
