"""What a job from outside may not ask for: everything that reaches beyond its own containers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bot.cluster.objects import RUNTIME_ENV, Json, is_gpu, is_resource
from bot.names import valid

_VOLUMES: Final = ("emptyDir", "configMap", "secret", "persistentVolumeClaim", "downwardAPI", "ephemeral", "name")
_CAPABILITIES: Final = ("IPC_LOCK", "SYS_PTRACE")
_TOP: Final = ("apiVersion", "kind", "metadata", "spec", "status")


@dataclass(frozen=True)
class Rules:
    """The policy's say: `namespaces` where jobs may run; `images` as prefixes (`ghcr.io/team/`) or exact names, empty: any."""

    namespaces: tuple[str, ...] = ("default",)
    images: tuple[str, ...] = ()


def unsafe(manifest: Json, rules: Rules) -> list[str]:
    """Why this Job is not run, one sentence part for each reason; empty if nothing is wrong (Kubernetes: Pod Security Standards, baseline,
    and a little stricter: no service account, no chosen node, no priority of the system)."""
    return list(dict.fromkeys(_findings(manifest, rules)))


def image_allowed(image: str, images: tuple[str, ...]) -> bool:
    """Whether an image is under one of the allowed prefixes; a prefix matches whole path segments only, `docker.io` is spelt out."""
    full = _full(image)
    for entry in images:
        wanted = _full(entry) if not entry.endswith("/") else _full(entry + "x").removesuffix("x")
        if full == wanted or full.startswith((wanted if wanted.endswith("/") else wanted + "/", wanted + ":", wanted + "@")):
            return True
    return not images


def _full(image: str) -> str:
    """`ubuntu` is `docker.io/library/ubuntu`: what a short name really pulls."""
    head, slash, _ = image.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        return image
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"


def _findings(manifest: Json, rules: Rules) -> Iterator[str]:
    extra = set(manifest) - set(_TOP)
    if extra:
        yield "it has unknown fields: " + ", ".join(sorted(map(str, extra)))
    metadata = manifest.get("metadata") or {}
    namespace = metadata.get("namespace")
    if namespace is not None and namespace not in rules.namespaces:
        yield f"namespace `{namespace}` (allowed: {', '.join(rules.namespaces)})"
    for key in ("finalizers", "ownerReferences"):
        if metadata.get(key):
            yield f"`metadata.{key}`"
    spec = manifest.get("spec") or {}
    if spec.get("manualSelector") or spec.get("selector"):
        yield "its own pod selector, which could catch pods of others"
    if spec.get("managedBy"):
        yield "`managedBy`, which hands it to another controller"
    template = spec.get("template") or {}
    yield from _pod(template.get("spec") or {}, rules)


def _pod(pod: Json, rules: Rules) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield f"`{key}`"
    if pod.get("hostUsers") is True:
        yield "`hostUsers`"
    if pod.get("nodeName"):
        yield "`nodeName`, which goes around the scheduler"
    if pod.get("serviceAccountName") not in (None, "default") or pod.get("serviceAccount") not in (None, "default"):
        yield "a service account of its own"
    if pod.get("automountServiceAccountToken"):
        yield "a token for the API server"
    if str(pod.get("priorityClassName") or "").startswith("system-"):
        yield f"priority class `{pod['priorityClassName']}`"
    if pod.get("schedulerName") not in (None, "default-scheduler"):
        yield "another scheduler"
    for toleration in pod.get("tolerations") or ():
        key = toleration.get("key")
        if not key or key == "CriticalAddonsOnly" or str(key).startswith("node-role.kubernetes.io/"):
            yield f"a toleration for {f'`{key}`' if key else 'every taint'}"
    for volume in pod.get("volumes") or ():
        kinds = [key for key in volume if key not in _VOLUMES]
        if kinds == ["projected"] and not any("serviceAccountToken" in source for source in volume["projected"].get("sources") or ()):
            continue
        for kind in kinds:
            yield f"a volume of type `{kind}`"
    security = pod.get("securityContext") or {}
    if security.get("sysctls"):
        yield "kernel settings (`sysctls`)"
    yield from _shared(security)
    if pod.get("ephemeralContainers"):
        yield "`ephemeralContainers`"
    if pod.get("resourceClaims"):
        yield "`resourceClaims`, whose devices I cannot count (ask for GPUs with `resources.limits`)"
    containers = [*(pod.get("initContainers") or ()), *(pod.get("containers") or ())]
    gpus = sorted({name for container in containers for name in _resources(container) if is_gpu(name)})
    if len(gpus) > 1:
        yield f"more than one kind of GPU ({', '.join(f'`{name}`' for name in gpus)})"
    for container in containers:
        yield from _container(container, rules)


def _resources(container: Json) -> set[str]:
    resources = container.get("resources") or {}
    return {*(resources.get("limits") or {}), *(resources.get("requests") or {})}


def _container(container: Json, rules: Rules) -> Iterator[str]:
    image = str(container.get("image") or "")
    if not valid("image", image):
        yield "a container without a proper image (such as `ghcr.io/team/train:1.2`)"
    elif not image_allowed(image, rules.images):
        yield f"image `{image}` (allowed: {', '.join(rules.images)})"
    for name in sorted(_resources(container)):
        if not is_resource(name):
            yield f"the resource `{name[:63]}` (ask for cpu, memory, ephemeral-storage, `nvidia.com/gpu` or `nvidia.com/mig-…`)"
    for name in [item.get("name") for item in container.get("env") or ()]:
        if name in RUNTIME_ENV:
            yield f"the variable `{name}`, with which a container sees GPUs that it does not hold"
    security: dict[str, Any] = container.get("securityContext") or {}
    if security.get("privileged"):
        yield "a privileged container"
    if security.get("allowPrivilegeEscalation"):
        yield "`allowPrivilegeEscalation`"
    if security.get("procMount") not in (None, "Default"):
        yield "`procMount`"
    added = [str(item) for item in (security.get("capabilities") or {}).get("add") or ()]
    for name in added:
        if name.upper().removeprefix("CAP_") not in _CAPABILITIES:
            yield f"capability `{name}`"
    yield from _shared(security)
    if any(port.get("hostPort") for port in container.get("ports") or ()):
        yield "a port of the node (`hostPort`)"
    if container.get("volumeDevices"):
        yield "raw block devices"


def _shared(security: dict[str, Any]) -> Iterator[str]:
    """Settings that a pod and a container spell alike."""
    if (security.get("windowsOptions") or {}).get("hostProcess"):
        yield "a Windows host process"
    for key in ("seccompProfile", "appArmorProfile"):
        if (security.get(key) or {}).get("type") == "Unconfined":
            yield f"an unconfined `{key}`"
    if (security.get("seLinuxOptions") or {}).get("type") not in (None, "container_t", "container_init_t", "container_kvm_t"):
        yield "an SELinux type of its own"
