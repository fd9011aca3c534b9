"""NVIDIA's device plugin: install it, watch it arrive node by node, remove it, and see when somebody else's is there.

The manifest is manifests/device-plugin.yaml; what differs per cluster (MIG) is set here. On pools whose GPU stack AKS manages
the plugin is AKS's own business: the manifest's node affinity keeps ours away, and :func:`install` refuses where nothing else is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from bot.cluster.access import Access, at
from bot.cluster.hardware import MANAGED_LABEL, pool_of, wants_gpus
from bot.cluster.objects import OP_LABEL, OURS, Json, is_ready, is_true, labels_of, meta, name_of, owner_name, statuses, taint_text, tolerates
from bot.cluster.replies import Json as Body
from bot.cluster.waiting import plain_reason
from bot.errors import Refused

MANIFEST: Final = Path(__file__).resolve().parents[2] / "manifests" / "device-plugin.yaml"
NAMESPACE: Final = "gpu-resources"
OPERATOR: Final = "the NVIDIA GPU Operator"
NAME: Final = "nvidia-device-plugin-daemonset"
_PATH: Final = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets"
_PODS: Final = f"/api/v1/namespaces/{NAMESPACE}/pods"

Kind = Literal["absent", "rolling", "ready", "foreign"]
Mig = Literal["single", "mixed"]


@dataclass(frozen=True)
class PluginNode:
    """The plugin on one GPU node; `reason` in plain words while it is not ready."""

    node: str
    pool: str
    ready: bool
    reason: str = ""


@dataclass(frozen=True)
class PluginState:
    """One look at the plugin. "ready": its pods run on every node meant for them (perhaps none yet), all of the newest version.

    `updated`: no pod of an older version is left. `newest` is the image that :func:`install` would put there. `foreign` names what was found
    that is not ours; `managed` are nodes whose stack AKS runs; `nodes` all other GPU nodes; `mig` the MIG strategy that our DaemonSet was
    installed with.
    """

    kind: Kind
    nodes: tuple[PluginNode, ...] = ()
    image: str = ""
    foreign: str = ""
    managed: tuple[str, ...] = ()
    mig: Mig | None = None
    updated: bool = False
    newest: str = ""

    @property
    def outdated(self) -> bool:
        """Whether ours is there with another image than :func:`install` would put there."""
        return bool(self.image and self.newest) and self.image != self.newest

    @property
    def ready(self) -> int:
        """Nodes on which it runs."""
        return sum(node.ready for node in self.nodes)


async def install(access: Access, *, op: str | None = None, mig: Mig | None = None, manifest: Path = MANIFEST) -> PluginState:
    """Apply namespace and DaemonSet (server-side, field manager "quartermaster"); safe to repeat, and also the way to upgrade.

    `mig` for pools with a GPU instance profile: "single" keeps `nvidia.com/gpu`, "mixed" names the slices, None keeps what is set. Raises
    :class:`bot.errors.Refused`: ``cluster.plugin_managed`` or ``cluster.plugin_foreign``; ``cluster.forbidden`` names the missing role.
    """
    before = await state(access)
    if before.kind == "foreign":
        raise Refused("cluster.plugin_foreign", cluster=access.cluster, found=before.foreign)
    if before.managed and not before.nodes:
        raise Refused("cluster.plugin_managed", cluster=access.cluster)
    # One DaemonSet serves all pools of the cluster: installing it for a pool without slices must not take them from another.
    namespace, daemonset = objects(manifest, op=op, mig=mig or before.mig)
    await access.apply(at("/api/v1/namespaces", name_of(namespace)), namespace)
    await access.apply(at(_PATH, name_of(daemonset)), daemonset)
    return await state(access)


async def state(access: Access) -> PluginState:
    """What is there now; four or five reads."""

    def read() -> tuple[Json | None, list[Json], list[Json], list[Json], bool]:
        sets = [item for page in access.pages_now("/apis/apps/v1/daemonsets") for item in page.get("items") or ()]
        nodes = [item for page in access.pages_now("/api/v1/nodes") for item in page.get("items") or ()]
        ours = next((item for item in sets if _is_ours(item)), None)
        pods: list[Json] = []
        if ours is not None:
            query = {"labelSelector": "name=nvidia-device-plugin-ds"}
            pods = [item for page in access.pages_now(_PODS, query) for item in page.get("items") or ()]
        operator = access.find_now("/apis/nvidia.com/v1/clusterpolicies") or {}
        return ours, sets, nodes, pods, bool(operator.get("items"))

    ours, sets, nodes, pods, operator = await access.run(read)
    newest = str(objects()[1]["spec"]["template"]["spec"]["containers"][0]["image"])
    return replace(judge_plugin(ours, sets, nodes, pods, operator=operator), newest=newest)


async def remove(access: Access) -> bool:
    """Delete our DaemonSet and its pods; False where it was gone already. The namespace stays: others may live in it.

    GPUs stay in the nodes' capacity, but allocatable falls to 0, so new GPU pods wait; running ones go on.
    """
    there = await access.find(at(_PATH, NAME))
    if there is None:
        return False
    if not _is_ours(there):
        raise Refused("cluster.plugin_foreign", cluster=access.cluster, found=_describe(there))
    return await access.delete(at(_PATH, NAME))


def objects(manifest: Path = MANIFEST, *, op: str | None = None, mig: Mig | None = None) -> tuple[Body, Body]:
    """The namespace and the DaemonSet as applied. Pure but for reading the file."""
    documents = [item for item in yaml.safe_load_all(manifest.read_text("utf-8")) if item]
    namespace = next(item for item in documents if item["kind"] == "Namespace")
    daemonset = next(item for item in documents if item["kind"] == "DaemonSet")
    if op is not None:
        daemonset["metadata"].setdefault("labels", {})[OP_LABEL] = op
    if mig is not None:
        container: dict[str, Any] = daemonset["spec"]["template"]["spec"]["containers"][0]
        container["env"] += [{"name": "MIG_STRATEGY", "value": mig}, {"name": "NVIDIA_MIG_MONITOR_DEVICES", "value": "all"}]
        # Slices are seen only with this capability, and Kubernetes refuses it beside "no privilege escalation" (NVIDIA's chart does the same).
        container["securityContext"] = {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}
    return namespace, daemonset


def judge_plugin(ours: Json | None, sets: Iterable[Json], nodes: Iterable[Json], pods: Sequence[Json], *, operator: bool) -> PluginState:
    """The state from plain objects; pure. `operator`: the GPU Operator's own objects exist."""
    gpu_nodes = [node for node in nodes if wants_gpus(node)]
    managed = tuple(sorted(name_of(node) for node in gpu_nodes if is_managed(node)))
    own_nodes = [node for node in gpu_nodes if not is_managed(node)]
    other = next((item for item in sets if is_device_plugin(item) and not _is_ours(item) and not _is_aks_own(item)), None)
    if operator or other is not None:
        found = OPERATOR if operator or other is None else _describe(other)
        return PluginState("foreign", foreign=found, managed=managed)
    if ours is None:
        waiting = tuple(PluginNode(name_of(node), pool_of(node), False, "not installed") for node in _by_name(own_nodes))
        return PluginState("absent", waiting, managed=managed)
    template = ours["spec"]["template"]
    by_node = {str((pod.get("spec") or {}).get("nodeName")): pod for pod in pods if not meta(pod).get("deletionTimestamp")}
    rows = tuple(_row(node, by_node.get(name_of(node)), template) for node in _by_name(own_nodes))
    image = str(template["spec"]["containers"][0].get("image"))
    done = _rolled_out(ours) and all(row.ready for row in rows)
    return PluginState("ready" if done else "rolling", rows, image=image, managed=managed, mig=_mig_of(template), updated=_updated(ours))


def described(state: PluginState, cluster: str) -> str:
    """The state in one line, and what can be done about it."""
    said = {
        "absent": f"Not installed: `/gpu plugin install {cluster}`.",
        "rolling": f"Runs on {state.ready} of {len(state.nodes)} nodes.",
        "ready": f"Runs on {state.ready} of {len(state.nodes)} nodes.",
        "foreign": f"`{cluster}` already has {state.foreign}: I leave it alone.",
    }[state.kind]
    if state.kind == "absent" and state.managed and not state.nodes:
        return f"AKS installs and runs it on all {len(state.managed)} GPU nodes."
    if state.outdated:
        said += f" An upgrade is there, {_version(state.image)} → {_version(state.newest)}: `/gpu plugin upgrade {cluster}`."
    elif state.image:
        said += f" Version {_version(state.image)}, the newest that I know."
    return said + (f" AKS runs its own on {len(state.managed)} more." if state.managed else "")


def _version(image: str) -> str:
    return image.rpartition(":")[2]


def is_managed(node: Json) -> bool:
    """Whether AKS runs the GPU stack of this node (AKS: managed GPU pools carry the DCGM exporter's label)."""
    return labels_of(node).get(MANAGED_LABEL) == "enabled"


def is_device_plugin(daemonset: Json) -> bool:
    """Whether a DaemonSet runs NVIDIA's device plugin or the Operator's parts, by image and name."""
    containers = ((daemonset.get("spec") or {}).get("template") or {}).get("spec", {}).get("containers") or ()
    images = [str(item.get("image") or "") for item in containers]
    names = (name_of(daemonset), *images)
    return any(mark in name for name in names for mark in ("k8s-device-plugin", "nvidia-device-plugin", "gpu-operator"))


def selects(pod_spec: Json, node: Json) -> bool:
    """Whether a DaemonSet's node selector and required node affinity admit a node (In, NotIn, Exists, DoesNotExist)."""
    labels = labels_of(node)
    if any(labels.get(key) != value for key, value in (pod_spec.get("nodeSelector") or {}).items()):
        return False
    affinity = ((pod_spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = affinity.get("nodeSelectorTerms")
    return not terms or any(all(_matches(item, labels) for item in term.get("matchExpressions") or ()) for term in terms)


def untolerated(pod_spec: Json, node: Json) -> list[str]:
    """The taints that keep a DaemonSet's pod off a node, as text; those that Kubernetes lets every DaemonSet tolerate do not count."""
    tolerations = pod_spec.get("tolerations") or ()
    found = []
    for taint in (node.get("spec") or {}).get("taints") or ():
        if taint.get("effect") == "PreferNoSchedule" or str(taint.get("key")).startswith("node.kubernetes.io/"):
            continue
        if not tolerates(tolerations, taint):
            found.append(taint_text(taint))
    return found


def _row(node: Json, pod: Json | None, template: Json) -> PluginNode:
    name, pool, spec = name_of(node), pool_of(node), template.get("spec") or {}
    if not is_true(node, "Ready"):
        return PluginNode(name, pool, False, "the node is not Ready")
    if pod is not None:
        return PluginNode(name, pool, is_ready(pod), "" if is_ready(pod) else pod_problem(pod))
    taints = untolerated(spec, node)
    if not selects(spec, node):
        return PluginNode(name, pool, False, "the node lacks the label `accelerator=nvidia`")
    if taints:
        return PluginNode(name, pool, False, f"the plugin does not tolerate the taint `{taints[0]}`")
    return PluginNode(name, pool, False, "no pod yet")


def pod_problem(pod: Json) -> str:
    """Why a plugin pod is not ready, in plain words."""
    status = pod.get("status") or {}
    if status.get("reason"):
        return plain_reason(str(status["reason"]))
    for item in statuses(pod):
        reason = ((item.get("state") or {}).get("waiting") or {}).get("reason")
        if reason:
            return plain_reason(str(reason))
    return "starting" if status.get("phase") in ("Pending", "Running") else f"the pod is {status.get('phase')}"


def _mig_of(template: Json) -> Mig | None:
    for entry in template["spec"]["containers"][0].get("env") or ():
        if entry.get("name") == "MIG_STRATEGY":
            return {"single": "single", "mixed": "mixed"}.get(str(entry.get("value")))  # type: ignore[return-value]
    return None


def _updated(daemonset: Json) -> bool:
    status = daemonset.get("status") or {}
    seen = int(status.get("observedGeneration") or 0) >= int(meta(daemonset).get("generation") or 0)
    return seen and int(status.get("updatedNumberScheduled") or 0) >= int(status.get("desiredNumberScheduled") or 0)


def _rolled_out(daemonset: Json) -> bool:
    status = daemonset.get("status") or {}
    return _updated(daemonset) and int(status.get("numberReady") or 0) >= int(status.get("desiredNumberScheduled") or 0)


def _is_ours(daemonset: Json) -> bool:
    ours = all(labels_of(daemonset).get(key) == value for key, value in OURS.items())
    return ours and name_of(daemonset) == NAME and meta(daemonset).get("namespace") == NAMESPACE


def _is_aks_own(daemonset: Json) -> bool:
    """What AKS runs on its managed pools; it keeps to those by itself."""
    return labels_of(daemonset).get("kubernetes.azure.com/managedby") == "aks"


def _describe(daemonset: Json) -> str:
    """Whose it is: the Operator's DaemonSets belong to its ClusterPolicy and carry its label (NVIDIA: GPU Operator)."""
    if owner_name(daemonset, "ClusterPolicy") or labels_of(daemonset).get("app.kubernetes.io/managed-by") == "gpu-operator":
        return OPERATOR
    return f"a device plugin of somebody else (DaemonSet `{name_of(daemonset)}` in namespace `{meta(daemonset).get('namespace')}`)"


def _by_name(nodes: Iterable[Json]) -> list[Json]:
    return sorted(nodes, key=name_of)


def _matches(expression: Json, labels: Json) -> bool:
    key, values = str(expression.get("key")), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
