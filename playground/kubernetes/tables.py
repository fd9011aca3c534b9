"""Tables, as `kubectl get` asks for them (Kubernetes: receiving resources as Tables; columns as in its printers)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playground.kubernetes.calls import Call
from playground.kubernetes.jobs import finished
from playground.kubernetes.objects import Json, deleting, labels_of, name_of, seconds_of
from playground.kubernetes.watch import Render

Cells = list[Any]
Row = Callable[[Json, float], Cells]


def renderer(call: Call, accept: str) -> Render:
    """How objects and lists are to be written for this request: as they are, or as Tables."""
    if not any("as=Table" in part and "meta.k8s.io" in part for part in accept.split(",")):
        return lambda item: item
    columns, cells = _COLUMNS.get(call.target.resource.plural, (_PLAIN, _plain))
    include = call.query.get("includeObject", "Metadata")
    first = True

    def table(item: Json) -> Json:
        nonlocal first
        if item.get("kind") == "Status":
            return item
        items = item.get("items", [item])
        resource, now = call.target.resource, call.cluster.clock.now()
        rows = []
        for one in items:
            row: Json = {"cells": cells(one, now)}
            if include == "Object":
                row["object"] = {"kind": resource.kind, "apiVersion": resource.api_version, **one}
            elif include == "Metadata":
                row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": one["metadata"]}
            rows.append(row)
        meta = dict(item["metadata"]) if "items" in item else {"resourceVersion": item["metadata"].get("resourceVersion", "")}
        result: Json = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
        # A watch names the columns only once.
        result["columnDefinitions"] = [_definition(text) for text in columns] if first else None
        first = False
        return result | {"rows": rows}

    return table


def _definition(text: str) -> Json:
    """From ``"Name"``, ``"Ready:integer"`` or ``"+IP"`` (shown only with ``-o wide``)."""
    name, _, kind = text.removeprefix("+").partition(":")
    form = "name" if name == "Name" else ""
    return {"name": name, "type": kind or "string", "format": form, "description": name, "priority": 1 if text.startswith("+") else 0}


def duration(seconds: float) -> str:
    """As kubectl writes ages: ``59s``, ``5m30s``, ``3h12m``, ``2d5h``, ``400d``."""
    whole = int(max(0, seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return f"{minutes}m{whole % 60}s" if whole % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d"


def _age(item: Json, now: float) -> str:
    return duration(now - seconds_of(item["metadata"]["creationTimestamp"]))


def _plain(item: Json, now: float) -> Cells:
    return [name_of(item), item["metadata"]["creationTimestamp"]]


def _node(item: Json, now: float) -> Cells:
    ready = next((one["status"] for one in item["status"].get("conditions") or [] if one["type"] == "Ready"), "Unknown")
    status = "Ready" if ready == "True" else "NotReady"
    if item["spec"].get("unschedulable"):
        status += ",SchedulingDisabled"
    roles = sorted(key.partition("/")[2] for key in labels_of(item) if key.startswith("node-role.kubernetes.io/"))
    info = item["status"].get("nodeInfo") or {}
    address = next((one["address"] for one in item["status"].get("addresses") or [] if one["type"] == "InternalIP"), "<none>")
    rest = [info.get(field, "<unknown>") for field in ("osImage", "kernelVersion", "containerRuntimeVersion")]
    return [name_of(item), status, ",".join(roles) or "<none>", _age(item, now), info.get("kubeletVersion", ""), address, "<none>", *rest]


def _pod(item: Json, now: float) -> Cells:
    status = item.get("status") or {}
    containers = status.get("containerStatuses") or []
    ready = f"{sum(one['ready'] for one in containers)}/{len(item['spec']['containers'])}"
    restarts: Any = str(sum(one["restartCount"] for one in containers))
    ended = [one["lastState"]["terminated"]["finishedAt"] for one in containers if (one.get("lastState") or {}).get("terminated")]
    if restarts != "0" and ended:
        restarts += f" ({duration(now - seconds_of(max(ended)))} ago)"
    wide = [status.get("podIP") or "<none>", item["spec"].get("nodeName") or "<none>", "<none>", "<none>"]
    return [name_of(item), ready, pod_status(item), restarts, _age(item, now), *wide]


def pod_status(pod: Json) -> str:
    """The STATUS column: the pod's reason or phase, or the first container's that tells more."""
    status = pod.get("status") or {}
    text = str(status.get("reason") or status.get("phase") or "Unknown")
    waiting_init = _init_status(status, len(pod["spec"].get("initContainers") or []))
    if waiting_init:
        text = waiting_init
    else:
        running = False
        for one in reversed(status.get("containerStatuses") or []):
            state = one.get("state") or {}
            if (state.get("waiting") or {}).get("reason"):
                text = state["waiting"]["reason"]
            elif state.get("terminated"):
                text = state["terminated"].get("reason") or f"ExitCode:{state['terminated']['exitCode']}"
            elif one["ready"] and state.get("running"):
                running = True
        if text == "Completed" and running:
            text = "Running"
    return "Terminating" if deleting(pod) else text


def _init_status(status: Json, total: int) -> str:
    for index, one in enumerate(status.get("initContainerStatuses") or []):
        state = one.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting") or {}
        if ended and ended["exitCode"] == 0:
            continue
        if ended:
            return f"Init:{ended.get('reason') or 'Error'}"
        if waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{index}/{total}"
    return ""


def _job(item: Json, now: float) -> Cells:
    spec, status = item["spec"], item.get("status") or {}
    kinds = {one["type"] for one in status.get("conditions") or [] if one["status"] == "True"}
    text = next((kind for kind in ("Complete", "Failed") if kind in kinds), "")
    text = text or ("Terminating" if deleting(item) else "Suspended" if "Suspended" in kinds else "Running")
    done = status.get("succeeded", 0)
    total = spec.get("completions")
    parallel = f"{done}/1 of {spec['parallelism']}" if spec.get("parallelism", 0) > 1 else f"{done}/1"
    took = ""
    if status.get("startTime"):
        end = seconds_of(status["completionTime"]) if status.get("completionTime") else now
        if finished(item) and not status.get("completionTime"):
            end = max(seconds_of(one["lastTransitionTime"]) for one in status["conditions"])
        took = duration(end - seconds_of(status["startTime"]))
    completions = f"{done}/{total}" if total is not None else parallel
    return [name_of(item), text, completions, took, _age(item, now), *_template(spec)]


def _daemon_set(item: Json, now: float) -> Cells:
    status, spec = item.get("status") or {}, item["spec"]
    fields = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable")
    selector = ",".join(f"{key}={value}" for key, value in (spec["template"]["spec"].get("nodeSelector") or {}).items())
    return [name_of(item), *(status.get(field, 0) for field in fields), selector or "<none>", _age(item, now), *_template(spec)]


def _template(spec: Json) -> Cells:
    containers = spec["template"]["spec"]["containers"]
    selector = ",".join(f"{key}={value}" for key, value in ((spec.get("selector") or {}).get("matchLabels") or {}).items())
    return [",".join(one["name"] for one in containers), ",".join(one["image"] for one in containers), selector]


def _event(item: Json, now: float) -> Cells:
    about, source = item.get("involvedObject") or {}, item.get("source") or {}
    last = item.get("lastTimestamp") or item["metadata"]["creationTimestamp"]
    first = item.get("firstTimestamp") or last
    origin = ", ".join(filter(None, (source.get("component") or item.get("reportingComponent", ""), source.get("host"))))
    subject = f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"
    head = [duration(now - seconds_of(last)), item.get("type", ""), item.get("reason", ""), subject, about.get("fieldPath", ""), origin]
    return [*head, str(item.get("message", "")).strip(), duration(now - seconds_of(first)), item.get("count", 1), name_of(item)]


def _namespace(item: Json, now: float) -> Cells:
    return [name_of(item), item["status"]["phase"], _age(item, now)]


def _secret(item: Json, now: float) -> Cells:
    return [name_of(item), item.get("type", "Opaque"), len(item.get("data") or {}), _age(item, now)]


def _config_map(item: Json, now: float) -> Cells:
    return [name_of(item), len(item.get("data") or {}) + len(item.get("binaryData") or {}), _age(item, now)]


def _account(item: Json, now: float) -> Cells:
    return [name_of(item), len(item.get("secrets") or []), _age(item, now)]


def _priority(item: Json, now: float) -> Cells:
    return [name_of(item), item["value"], bool(item.get("globalDefault")), _age(item, now), item.get("preemptionPolicy", "")]


_PLAIN = ("Name", "Created At")
_TEMPLATE = ("+Containers", "+Images", "+Selector")
_COLUMNS: dict[str, tuple[tuple[str, ...], Row]] = {
    "nodes": (
        ("Name", "Status", "Roles", "Age", "Version", "+Internal-IP", "+External-IP", "+OS-Image", "+Kernel-Version", "+Container-Runtime"), _node,
    ),
    "pods": (("Name", "Ready", "Status", "Restarts", "Age", "+IP", "+Node", "+Nominated Node", "+Readiness Gates"), _pod),
    "jobs": (("Name", "Status", "Completions", "Duration", "Age", *_TEMPLATE), _job),
    "daemonsets": (
        ("Name", *(f"{name}:integer" for name in ("Desired", "Current", "Ready", "Up-to-date", "Available")), "Node Selector", "Age", *_TEMPLATE),
        _daemon_set,
    ),
    "events": (("Last Seen", "Type", "Reason", "Object", "+Subobject", "+Source", "Message", "+First Seen", "+Count", "+Name"), _event),
    "namespaces": (("Name", "Status", "Age"), _namespace),
    "secrets": (("Name", "Type", "Data:integer", "Age"), _secret),
    "configmaps": (("Name", "Data:integer", "Age"), _config_map),
    "serviceaccounts": (("Name", "Secrets:integer", "Age"), _account),
    "priorityclasses": (("Name", "Value:integer", "Global-Default:boolean", "Age", "PreemptionPolicy"), _priority),
}  # fmt: skip
