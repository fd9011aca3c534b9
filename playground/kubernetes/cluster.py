"""One simulated cluster: its store, its controllers, and who is told of which change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playground.clock import Clock
from playground.faults import Faults
from playground.kubernetes import defaults
from playground.kubernetes.daemonsets import DaemonSets, owner_key
from playground.kubernetes.deletion import Garbage, remove
from playground.kubernetes.events import Recorder
from playground.kubernetes.gpus import Gpus, is_plugin
from playground.kubernetes.jobs import Jobs
from playground.kubernetes.kubelet import Kubelet
from playground.kubernetes.loop import Loop
from playground.kubernetes.nodes import Nodes
from playground.kubernetes.objects import Json, key_of, name_of, namespace_of
from playground.kubernetes.resources import DAEMON_SETS, NAMESPACES, PODS, PRIORITY_CLASSES, SERVICE_ACCOUNTS
from playground.kubernetes.scheduler import Scheduler
from playground.kubernetes.store import Change, Store

if TYPE_CHECKING:
    from playground.kubernetes.watch import Feed

SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class Cluster:
    """Everything of one cluster; `version` is Kubernetes' ("1.34.2")."""

    def __init__(self, cluster_id: str, version: str, clock: Clock, faults: Faults, region: str = "eastus") -> None:
        self.id = cluster_id
        self.version = _full(version)
        self.region = region
        self.clock = clock
        self.faults = faults
        self.stopped = False
        self.open_feeds: set[Feed] = set()
        self.store = Store(clock)
        self.loop = Loop(clock)
        self.events = Recorder(self.store)
        self.gpus = Gpus(self)
        self.nodes = Nodes(self)
        self.kubelet = Kubelet(self)
        self.scheduler = Scheduler(self)
        self.daemon_sets = DaemonSets(self)
        self.jobs = Jobs(self)
        self.garbage = Garbage(self)
        self.store.listen(self._changed)
        self._furnish()

    def upgrade(self, version: str) -> None:
        """Another Kubernetes version; nodes take it when they are made anew."""
        self.version = _full(version)

    def stop(self) -> None:
        """The API server stops answering, watches end, nodes go; objects stay."""
        self.stopped = True
        self._end_feeds()
        self.nodes.all_leave()

    def start(self) -> None:
        """The API server answers again; as after any restart, older resourceVersions are gone."""
        self.stopped = False
        self.store.compact()

    async def close(self) -> None:
        """End watches, controllers and containers."""
        self.stopped = True
        self._end_feeds()
        await self.loop.close()
        await self.kubelet.close()

    def finish_pod(self, pod: Json) -> None:
        """The kubelet has stopped the pod: its object goes, unless finalizers hold it."""
        if not pod["metadata"].get("finalizers"):
            self.store.remove(PODS, key_of(pod))
            return

        def edit(item: Json) -> None:
            item["metadata"]["deletionGracePeriodSeconds"] = 0

        self.store.change(PODS, key_of(pod), edit)

    def taint_delete(self, pod: Json) -> None:
        """Delete a pod on behalf of the taint eviction controller."""
        text = f"Marking for deletion Pod {namespace_of(pod)}/{name_of(pod)}"
        self.events.record(pod, "Normal", "TaintManagerEviction", text, "taint-eviction-controller")
        remove(self, PODS, pod)

    def _end_feeds(self) -> None:
        for feed in list(self.open_feeds):
            feed.queue.put_nowait(None)

    def _changed(self, change: Change) -> None:
        """Tell the controllers what concerns them."""
        item, gone = change.item, change.kind == "DELETED"
        if gone:
            self.garbage.deleted(change.plural, item)
        if change.plural == "pods":
            self._pod_changed(change)
        elif change.plural == "nodes":
            if not gone or change.before is not None:
                self.scheduler.look()
            if change.before is None or gone or _shape(change.before) != _shape(item):
                self.daemon_sets.look_all()
            if change.before is not None and not gone and _ready(change.before) and not _ready(item):
                self.kubelet.silence(name_of(item))
        elif change.plural == "daemonsets" and not gone:
            self.daemon_sets.look(key_of(item))
        elif change.plural == "jobs" and not gone:
            self.jobs.look(key_of(item))
        elif change.plural == "namespaces" and change.kind == "ADDED":
            self._welcome(name_of(item))

    def _pod_changed(self, change: Change) -> None:
        pod, gone = change.item, change.kind == "DELETED"
        if gone:
            self.scheduler.forget(key_of(pod))
            self.kubelet.gone(pod)
        elif pod["spec"].get("nodeName"):
            self.kubelet.see(pod)
        else:
            self.scheduler.pending(pod)
        if gone or pod["status"].get("phase") in ("Succeeded", "Failed"):
            self.scheduler.look()
        if is_plugin(pod) and pod["spec"].get("nodeName") and gone:
            self.gpus.look(pod["spec"]["nodeName"])
        daemon = owner_key(pod)
        if daemon is not None:
            self.daemon_sets.look(daemon)
        for owner in pod["metadata"].get("ownerReferences") or ():
            if owner["kind"] == "Job":
                self.jobs.look((namespace_of(pod), owner["name"]))

    def _welcome(self, namespace: str) -> None:
        account: Json = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "default", "namespace": namespace}}
        if self.store.get(SERVICE_ACCOUNTS, namespace, "default") is None:
            self.store.create(SERVICE_ACCOUNTS, account)

    def _furnish(self) -> None:
        """What every AKS cluster has from the start."""
        for name in SYSTEM_NAMESPACES:
            item: Json = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}
            defaults.namespace(item)
            self.store.create(NAMESPACES, item)
        for name, value in defaults.PRIORITIES.items():
            meta = {"name": name}
            priority: Json = {"kind": "PriorityClass", "apiVersion": "scheduling.k8s.io/v1", "metadata": meta, "value": value}
            self.store.create(PRIORITY_CLASSES, priority | {"globalDefault": False, "preemptionPolicy": "PreemptLowerPriority"})
        self.store.create(DAEMON_SETS, _kube_proxy(self.version))


def _full(version: str) -> str:
    """With a patch level."""
    return version if version.count(".") > 1 else f"{version or '1.34'}.2"


def _kube_proxy(version: str) -> Json:
    spec: Json = {
        "priorityClassName": "system-node-critical",
        "hostNetwork": True,
        "tolerations": [{"operator": "Exists"}],
        "containers": [
            {
                "name": "kube-proxy",
                "image": f"mcr.microsoft.com/oss/kubernetes/kube-proxy:v{version}",
                "resources": {"requests": {"cpu": "100m"}},
            }
        ],
    }
    labels = {"component": "kube-proxy", "tier": "node"}
    item: Json = {
        "kind": "DaemonSet",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": "kube-proxy",
            "namespace": "kube-system",
            "generation": 1,
            "labels": {**labels, "addonmanager.kubernetes.io/mode": "Reconcile"},
        },
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }
    defaults.daemon_set(item)
    return item


def _shape(node: Json) -> tuple[object, ...]:
    """What decides which DaemonSets a node takes."""
    return node["metadata"].get("labels"), node["spec"].get("taints"), node["spec"].get("unschedulable")


def _ready(node: Json) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions") or [])
