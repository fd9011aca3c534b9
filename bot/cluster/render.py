"""From a template and what a person asked for to the Job that is sent to the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bot.cluster.hardware import POOL_LABELS
from bot.cluster.objects import (
    CHANNEL_NOTE,
    EXPIRES_NOTE,
    GPU,
    GPU_TOLERATIONS,
    OP_LABEL,
    OURS,
    OWNER_LABEL,
    SPOT_TOLERATION,
    THREAD_NOTE,
    Json,
    gpu_requests,
    is_gpu,
    tolerates,
)
from bot.cluster.quantities import checked_amount, devices
from bot.cluster.templates import Template
from bot.errors import Refused
from bot.names import RUNTIME_ENV, VISIBLE, checked

TTL_SECONDS: Final = 7 * 24 * 3600
_MAX_ARGS: Final = 200
_MAX_TEXT: Final = 32 * 1024


@dataclass(frozen=True)
class RunSpec:
    """One run. `timeout` and `ttl` are in seconds; None leaves a setting as the template has it (for `ttl`: a week).

    `op`, `owner`, `channel`, `thread` and `expires` are written onto the Job, from which a lost journal is rebuilt. `secrets` name existing
    Secrets of the namespace whose keys become environment variables; no secret value passes through here.
    """

    template: Template
    name: str
    op: str
    owner: str
    channel: str = ""
    thread: str = ""
    expires: datetime | None = None
    namespace: str = "default"
    gpus: int | None = None
    resource: str = GPU
    env: Mapping[str, str] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    timeout: int | None = None
    retries: int | None = None
    ttl: int | None = TTL_SECONDS
    cpu: str | None = None
    memory: str | None = None
    secrets: tuple[str, ...] = ()
    pool: str | None = None
    spot_ok: bool = False


def render(spec: RunSpec) -> Json:
    """The Job manifest. Raises :class:`bot.errors.Refused` for names, amounts and parameters that do not fit.

    GPUs, environment, arguments and amounts go to the first container, which is the one whose log is read.
    """
    values, rest = spec.template.read_arguments(spec.args)
    job = spec.template.fill(values)
    job.pop("status", None)
    labels = {**OURS, OP_LABEL: spec.op, OWNER_LABEL: spec.owner}
    notes = {CHANNEL_NOTE: spec.channel, THREAD_NOTE: spec.thread, EXPIRES_NOTE: spec.expires.isoformat() if spec.expires else ""}
    notes = {key: value for key, value in notes.items() if value}
    metadata = job.setdefault("metadata", {})
    metadata.pop("generateName", None)
    metadata.update(name=checked("job", spec.name), namespace=checked("namespace", spec.namespace))
    _stamp(metadata, labels, notes)
    body = job["spec"]
    _limits(body, spec)
    template = body["template"]
    # Pods of the Job carry the same labels, so that one watch sees them and their logs can be found after the Job is gone.
    _stamp(template.setdefault("metadata", {}), labels, notes)
    pod = template["spec"]
    if pod.get("restartPolicy") not in ("Never", "OnFailure"):
        pod["restartPolicy"] = "Never"
    pod.setdefault("automountServiceAccountToken", False)
    if spec.pool:
        pod.setdefault("nodeSelector", {})[POOL_LABELS[0]] = checked("pool", spec.pool)
    _container(pod["containers"][0], spec, rest)
    _tolerate(pod, gpus=any(gpu_requests(template).values()), spot=spec.spot_ok or spec.template.spot)
    for container in (*(pod.get("initContainers") or ()), *pod["containers"]):
        _blind(container)
    return job


def gpus_of(manifest: Json) -> tuple[str, int, int]:
    """What a rendered Job asks for: GPU resource name, GPUs per pod, and pods at the same time.

    Of several resources all are counted, under the name of the largest: no limit is passed by splitting.
    """
    body = manifest["spec"]
    pods = min(int(body.get("parallelism") or 1), int(body.get("completions") or body.get("parallelism") or 1))
    asked = gpu_requests(body["template"])
    return max(asked, key=lambda name: asked[name], default=GPU), sum(asked.values()), max(1, pods)


def _stamp(metadata: Json, labels: Mapping[str, str], notes: Mapping[str, str]) -> None:
    # Whatever the manifest itself claimed under our names is overwritten: an owner cannot be borrowed.
    for key, ours in (("labels", labels), ("annotations", notes)):
        theirs = {name: value for name, value in (metadata.get(key) or {}).items() if not str(name).startswith("quartermaster-")}
        metadata[key] = {**theirs, **ours}


def _limits(body: Json, spec: RunSpec) -> None:
    if spec.timeout is not None:
        body["activeDeadlineSeconds"] = spec.timeout
    if spec.retries is not None:
        body["backoffLimit"] = spec.retries
    if spec.ttl is not None:
        body.setdefault("ttlSecondsAfterFinished", spec.ttl)


def _tolerate(pod: Json, *, gpus: bool, spot: bool) -> None:
    wanted = [*(GPU_TOLERATIONS if gpus else ()), *((SPOT_TOLERATION,) if spot else ())]
    if not wanted:
        return
    present = pod.setdefault("tolerations", [])
    for item in wanted:
        if not tolerates(present, {"key": item["key"], "value": item.get("value"), "effect": item["effect"]}):
            present.append(dict(item))


def _blind(container: Json) -> None:
    """Of a container without GPUs of its own, keep the runtime from showing it all of the node's: many images ask for that by themselves."""
    resources = container.get("resources") or {}
    if any(is_gpu(name) and devices(count) for name, count in (resources.get("limits") or {}).items()):
        return
    others = [item for item in container.get("env") or () if item.get("name") != VISIBLE]
    container["env"] = [*others, {"name": VISIBLE, "value": "void"}]


def _container(container: Json, spec: RunSpec, rest: list[str]) -> None:
    if sum(map(len, spec.args)) > _MAX_TEXT or len(spec.args) > _MAX_ARGS:
        raise Refused("cluster.manifest", problem="it has too many arguments")
    if rest:
        own = list(container.get("args") or ()) if spec.template.arguments == "append" else []
        container["args"] = own + rest
    resources = container.setdefault("resources", {})
    limits = resources.setdefault("limits", {})
    asked = next((int(value) for name, value in limits.items() if is_gpu(name)), spec.template.gpus)
    count = asked if spec.gpus is None else spec.gpus
    if count < 0:
        raise Refused("cluster.amount", kind="GPUs", value=str(count))
    for section in (limits, resources.get("requests") or {}):
        for name in [name for name in section if is_gpu(name)]:
            del section[name]
    if count:
        limits[spec.resource] = count
    for kind, text in (("cpu", spec.cpu), ("memory", spec.memory)):
        if text is not None:
            resources.setdefault("requests", {})[kind] = checked_amount(kind, text)
            # Memory is capped where it is asked for, so that one job cannot push others off the node; cpu may burst.
            if kind == "memory":
                limits[kind] = text
    _environment(container, spec)


def _environment(container: Json, spec: RunSpec) -> None:
    present: list[dict[str, Any]] = [item for item in container.get("env") or () if item.get("name") not in spec.env]
    for name, value in spec.env.items():
        if name in RUNTIME_ENV:
            raise Refused("cluster.runtime_env", name=name)
        # Kubernetes expands $(NAME) in values; a person who types it means the characters.
        present.append({"name": checked("env", name), "value": value.replace("$(", "$$(")})
    if present:
        container["env"] = present
    if spec.secrets:
        references = [{"secretRef": {"name": checked("namespace", name), "optional": False}} for name in spec.secrets]
        container["envFrom"] = [*(container.get("envFrom") or ()), *references]
