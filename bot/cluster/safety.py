"""What a job from outside may ask for: what is listed here and no more, so that a field which Kubernetes learns tomorrow is refused today."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from bot.cluster.objects import Json, is_gpu
from bot.cluster.safecontainers import container, profiles, quoted, resources, unlisted

MOST_GRACE: Final = 300

_TOP: Final = ("apiVersion", "kind", "metadata", "spec", "status")
_METADATA: Final = ("name", "generateName", "namespace", "labels", "annotations", "creationTimestamp")
_JOB: Final = (
    "parallelism", "completions", "completionMode", "backoffLimit", "backoffLimitPerIndex", "maxFailedIndexes", "activeDeadlineSeconds",
    "ttlSecondsAfterFinished", "podFailurePolicy", "podReplacementPolicy", "successPolicy", "suspend", "template",
)  # fmt: skip
_POD: Final = (
    "containers", "initContainers", "restartPolicy", "terminationGracePeriodSeconds", "activeDeadlineSeconds", "nodeSelector", "affinity",
    "tolerations", "topologySpreadConstraints", "volumes", "securityContext", "imagePullSecrets", "serviceAccountName", "serviceAccount",
    "schedulerName", "enableServiceLinks", "dnsPolicy", "dnsConfig", "hostname", "subdomain", "setHostnameAsFQDN", "hostAliases",
    "shareProcessNamespace", "os", "preemptionPolicy",
)  # fmt: skip
_POD_SECURITY: Final = ("fsGroup", "fsGroupChangePolicy", "supplementalGroups", "supplementalGroupsPolicy")
_VOLUMES: Final = ("emptyDir", "configMap", "secret", "persistentVolumeClaim", "downwardAPI", "projected", "name")
_PROJECTED: Final = ("configMap", "secret", "downwardAPI")
_WHY: Final[Mapping[str, str]] = {
    "selector": "its own pod selector, which could catch pods of others",
    "manualSelector": "its own pod selector, which could catch pods of others",
    "managedBy": "`managedBy`, which hands it to another controller",
    "nodeName": "`nodeName`, which goes around the scheduler",
    "automountServiceAccountToken": "a token for the API server",
    "priorityClassName": "`priorityClassName`, which pushes pods of others aside",
    "runtimeClassName": "`runtimeClassName`, which chooses another container runtime",
    "resourceClaims": "`resourceClaims`, whose devices I cannot count (ask for GPUs with `resources.limits`)",
    "sysctls": "kernel settings (`sysctls`)",
    "ephemeral": "a volume of type `ephemeral`, a disk that nobody has priced (mount an existing claim, or an `emptyDir`)",
}
# Node labels of Kubernetes and AKS that say what a node is; the others say which node it is, or that it is the system's.
_NODE_LABELS: Final = (
    "kubernetes.io/os", "kubernetes.io/arch", "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type", "beta.kubernetes.io/os",
    "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "kubernetes.azure.com/agentpool", "kubernetes.azure.com/accelerator",
    "kubernetes.azure.com/scalesetpriority", "kubernetes.azure.com/os-sku",
)  # fmt: skip
_TOLERATED: Final = ("kubernetes.azure.com/scalesetpriority", "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
# What controllers and webhooks take orders from; an unlisted annotation may be one to mount a path of the node (Istio's `userVolume`).
_SYSTEM: Final = ("kubernetes.io", "k8s.io", "azure.com", "azure.workload.identity", "istio.io", "nvidia.com")
_NOTES: Final = ("app.kubernetes.io/", "kubectl.kubernetes.io/", "kueue.x-k8s.io/", "helm.sh/", "prometheus.io/")
_EXACT_NOTES: Final = ("cluster-autoscaler.kubernetes.io/safe-to-evict", "sidecar.istio.io/inject")


def unsafe(manifest: Json, namespace: str = "default") -> list[str]:
    """Why this Job is not run in `namespace`, one sentence part for each reason; empty if nothing is wrong (Kubernetes: Pod Security Standards,
    baseline, and a little stricter: no service account, no chosen node, no priority). Its images are the policy's to judge."""
    return list(dict.fromkeys(_findings(manifest, namespace)))


def _findings(manifest: Json, allowed: str) -> Iterator[str]:
    yield from unlisted(manifest, _TOP)
    metadata = manifest.get("metadata") or {}
    namespace = metadata.get("namespace")
    if namespace is not None and namespace != allowed:
        yield f"namespace {quoted(namespace)} (allowed: {allowed})"
    yield from _metadata(metadata)
    spec = manifest.get("spec") or {}
    yield from unlisted(spec, _JOB, _WHY)
    template = spec.get("template") or {}
    yield from unlisted(template, ("metadata", "spec"))
    yield from _metadata(template.get("metadata") or {})
    yield from _pod(template.get("spec") or {})


def _metadata(metadata: Json) -> Iterator[str]:
    yield from unlisted(metadata, _METADATA, where="metadata.")
    for key in metadata.get("annotations") or {}:
        if "/" in key and not _known_note(key):
            yield f"the annotation {quoted(key)}, from which a controller may take orders (without a prefix it is yours)"
    for key in metadata.get("labels") or {}:
        prefix, slash, _ = key.rpartition("/")
        if slash and _of(prefix, _SYSTEM) and not _known_note(key):
            yield f"the label {quoted(key)}, which belongs to the cluster"


def _known_note(key: str) -> bool:
    return key.startswith(_NOTES) or key in _EXACT_NOTES


def _of(domain: str, families: Collection[str]) -> bool:
    return any(domain == family or domain.endswith(("." + family, "-" + family)) for family in families)


def _pod(pod: Json) -> Iterator[str]:
    yield from unlisted(pod, _POD, _WHY)
    if any(pod.get(key) not in (None, "", "default") for key in ("serviceAccountName", "serviceAccount")):
        yield "a service account of its own"
    if pod.get("schedulerName") not in (None, "", "default-scheduler"):
        yield "another scheduler"
    grace = pod.get("terminationGracePeriodSeconds")
    if isinstance(grace, int) and grace > MOST_GRACE:
        yield f"`terminationGracePeriodSeconds: {grace}` (at most {MOST_GRACE})"
    for toleration in pod.get("tolerations") or ():
        key = str(toleration.get("key") or "")
        if not key or key == "CriticalAddonsOnly" or (_of(key.rpartition("/")[0], _SYSTEM[:3]) and key not in _TOLERATED):
            yield f"a toleration for {quoted(key) if key else 'every taint'}"
    yield from _placed(pod)
    for volume in pod.get("volumes") or ():
        yield from _volume(volume)
    security = pod.get("securityContext") or {}
    yield from unlisted(security, _POD_SECURITY, _WHY, more=True)
    yield from profiles(security)
    containers = [*(pod.get("initContainers") or ()), *(pod.get("containers") or ())]
    gpus = sorted({name for one in containers for name in resources(one) if is_gpu(name)})
    if len(gpus) > 1:
        yield f"more than one kind of GPU ({', '.join(map(quoted, gpus))})"
    for one in containers:
        yield from container(one)


def _placed(pod: Json) -> Iterator[str]:
    """Where it wants to run, and where it would keep others from running."""
    for key, value in (pod.get("nodeSelector") or {}).items():
        if not _node_label(key) and (key, value) != ("kubernetes.azure.com/mode", "user"):
            yield f"nodes chosen by {quoted(key)}"
    affinity = pod.get("affinity") or {}
    yield from unlisted(affinity, ("nodeAffinity", "podAffinity", "podAntiAffinity"))
    wanted = affinity.get("nodeAffinity") or {}
    terms = [*((wanted.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ())]
    terms += [one.get("preference") or {} for one in wanted.get("preferredDuringSchedulingIgnoredDuringExecution") or ()]
    for term in terms:
        yield from unlisted(term, ("matchExpressions",))
        for key in [one.get("key") for one in term.get("matchExpressions") or ()]:
            if not _node_label(str(key)):
                yield f"nodes chosen by {quoted(key)}"
    if (affinity.get("podAntiAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution"):
        yield "a required `podAntiAffinity`, which keeps others off the nodes (a preferred one does not)"


def _node_label(key: str) -> bool:
    prefix = key.rpartition("/")[0]
    return key in _NODE_LABELS or not _of(prefix, ("kubernetes.io", "k8s.io", "kubernetes.azure.com"))


def _volume(volume: dict[str, Any]) -> Iterator[str]:
    for kind in volume:
        if kind not in _VOLUMES:
            yield _WHY.get(kind) or f"a volume of type {quoted(kind)}"
    for source in (volume.get("projected") or {}).get("sources") or ():
        for kind in source:
            if kind not in _PROJECTED:
                yield f"a projected {quoted(kind)}"
