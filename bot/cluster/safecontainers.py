"""What one container of a job from outside may ask for, and the reasons in words that the whole of :mod:`bot.cluster.safety` shares."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from bot.cluster.objects import Json, is_resource
from bot.names import RUNTIME_ENV, valid

_CONTAINER: Final = (
    "name", "image", "command", "args", "workingDir", "env", "envFrom", "resources", "volumeMounts", "imagePullPolicy", "securityContext", "ports",
    "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "terminationMessagePath", "terminationMessagePolicy", "stdin", "stdinOnce",
    "tty", "restartPolicy", "resizePolicy",
)  # fmt: skip
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_ACTION: Final = (
    "exec", "httpGet", "tcpSocket", "grpc", "sleep", "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold",
)  # fmt: skip
_SHARED_SECURITY: Final = ("runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile", "appArmorProfile", "seLinuxOptions")
_SECURITY: Final = ("capabilities", "readOnlyRootFilesystem", "procMount")
_CAPABILITIES: Final = ("IPC_LOCK", "SYS_PTRACE")
_SELINUX: Final = ("container_t", "container_init_t", "container_kvm_t")
_DEVICES: Final = "/var/run/nvidia-container-devices"
_WHY: Final[Mapping[str, str]] = {
    "volumeDevices": "raw block devices",
    "privileged": "a privileged container",
    "hostPort": "a port of the node (`hostPort`)",
    "claims": "`claims`, whose devices I cannot count (ask for GPUs with `resources.limits`)",
    "host": "a probe or hook of another host (`host`): it would be asked from the node",
    "terminationGracePeriodSeconds": "a probe with its own `terminationGracePeriodSeconds` (the pod's counts)",
}


def quoted(text: object) -> str:
    """A word of somebody's, short and unable to end its own quotes."""
    return "`" + str(text)[:80].replace("`", "'").replace("\n", " ") + "`"


def unlisted(node: Json, permitted: Collection[str], why: Mapping[str, str] | None = None, *, where: str = "", more: bool = False) -> Iterator[str]:
    """Each field that is not permitted, by name. What is false or empty asks for nothing. `more`: what pods and containers share, too."""
    for key, value in node.items():
        if value and key not in permitted and not (more and key in _SHARED_SECURITY):
            yield (why or {}).get(key) or quoted(where + key)


def resources(one: Json) -> set[str]:
    """The names of what a container asks for."""
    asked = one.get("resources") or {}
    return {*(asked.get("limits") or {}), *(asked.get("requests") or {})}


def container(one: Json) -> Iterator[str]:
    """Why a container is not run."""
    yield from unlisted(one, _CONTAINER, _WHY)
    if not valid("image", str(one.get("image") or "")):
        yield "a container without a proper image (such as `ghcr.io/team/train:1.2`)"
    yield from unlisted(one.get("resources") or {}, ("limits", "requests"), _WHY)
    for name in sorted(resources(one)):
        if not is_resource(name):
            yield f"the resource {quoted(name)} (ask for cpu, memory, ephemeral-storage, `nvidia.com/gpu` or `nvidia.com/mig-…`)"
    yield from _environment(one)
    for port in one.get("ports") or ():
        yield from unlisted(port, ("name", "containerPort", "protocol"), _WHY)
    hooks = one.get("lifecycle") or {}
    yield from unlisted(hooks, ("postStart", "preStop", "stopSignal"))
    for action in (*(one.get(name) or {} for name in _PROBES), hooks.get("postStart") or {}, hooks.get("preStop") or {}):
        yield from unlisted(action, _ACTION, _WHY)
        yield from unlisted(action.get("httpGet") or {}, ("path", "port", "scheme", "httpHeaders"), _WHY)
        yield from unlisted(action.get("tcpSocket") or {}, ("port",), _WHY)
    for mount in one.get("volumeMounts") or ():
        if str(mount.get("mountPath") or "").startswith(_DEVICES):
            yield f"a mount under `{_DEVICES}`, with which a container sees GPUs that it does not hold"
        if mount.get("mountPropagation") == "Bidirectional":
            yield "a mount that reaches back to the node (`mountPropagation: Bidirectional`)"
    yield from _security(one.get("securityContext") or {})


def _environment(one: Json) -> Iterator[str]:
    for item in one.get("env") or ():
        if item.get("name") in RUNTIME_ENV:
            yield f"the variable `{item['name']}`, with which a container sees GPUs that it does not hold"
        yield from unlisted(item.get("valueFrom") or {}, ("secretKeyRef", "configMapKeyRef", "fieldRef", "resourceFieldRef"))
    for item in one.get("envFrom") or ():
        yield from unlisted(item, ("prefix", "secretRef", "configMapRef"))


def _security(security: Json) -> Iterator[str]:
    yield from unlisted(security, _SECURITY, _WHY, more=True)
    if security.get("procMount") not in (None, "", "Default"):
        yield "`procMount`"
    yield from unlisted(security.get("capabilities") or {}, ("add", "drop"))
    for name in (security.get("capabilities") or {}).get("add") or ():
        if str(name).upper().removeprefix("CAP_") not in _CAPABILITIES:
            yield f"capability {quoted(name)}"
    yield from profiles(security)


def profiles(security: Json) -> Iterator[str]:
    """What is wrong with the confinement that a pod or a container asks for."""
    for key in ("seccompProfile", "appArmorProfile"):
        kind = (security.get(key) or {}).get("type")
        if kind not in (None, "RuntimeDefault"):
            yield f"a `{key}` of type {quoted(kind)} (only `RuntimeDefault`)"
    selinux = security.get("seLinuxOptions") or {}
    yield from unlisted(selinux, ("level", "type"), where="seLinuxOptions.")
    if selinux.get("type") not in (None, "", *_SELINUX):
        yield "an SELinux type of its own"
