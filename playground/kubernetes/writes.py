"""Create, replace, patch: decode, default, validate, record owners, store (Kubernetes API conventions)."""

from __future__ import annotations

import copy
from typing import Any

from playground.kubernetes import apply, defaults, patches, validation
from playground.kubernetes.calls import PATCH_TYPES, Call, as_object
from playground.kubernetes.deletion import settle
from playground.kubernetes.objects import Json, deleting, name_of, new_uid, suffix
from playground.kubernetes.resources import NAMESPACES, PRIORITY_CLASSES
from playground.kubernetes.schema import decode
from playground.kubernetes.statuses import ApiError, already_exists, bad_request, conflict, forbidden, not_found, unsupported_media

# Set by the server alone; what a writer sends there is overwritten.
_SERVER_META = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def create(call: Call, body: Any) -> Json:
    """POST. Raises ApiError 400, 403, 404, 409, 422."""
    item = decode(call, as_object(body, call.target))
    if item["metadata"].get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    return _create(call, item, apply.Manager(call.manager))


def _create(call: Call, item: Json, manager: apply.Manager) -> Json:
    resource, store, meta = call.target.resource, call.cluster.store, item["metadata"]
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = f"{meta['generateName'][:58]}{suffix()}"
    for field in _SERVER_META:
        meta.pop(field, None)
    _namespace_open(call)
    sent = copy.deepcopy(item)
    _complete(call, item)
    validation.check(resource, item)
    if store.get(resource, call.target.namespace, name_of(item)) is not None:
        raise already_exists(resource, name_of(item))
    if manager.operation == "Update":
        sent.pop("status", None)
        item["metadata"].pop("managedFields", None)
        apply.updated(None, sent, manager, call.cluster.clock.iso())
        item["metadata"]["managedFields"] = sent["metadata"]["managedFields"]
    if resource.plural in ("jobs", "daemonsets", "pods"):
        meta["generation"] = 1
    if call.dry_run:
        meta |= {"uid": meta.get("uid") or new_uid(), "creationTimestamp": call.cluster.clock.iso()}
        return item
    return store.create(resource, item)


def _complete(call: Call, item: Json) -> None:
    """Defaults; and the checks of admission that need other objects."""
    resource = call.target.resource
    if resource.plural in ("pods", "jobs", "daemonsets") and not isinstance(item.get("spec"), dict):
        item["spec"] = {}
    if resource.plural in ("jobs", "daemonsets") and not isinstance(item["spec"].get("template"), dict):
        item["spec"]["template"] = {}
    fill = defaults.ON_CREATE.get(resource.plural)
    if fill is not None:
        fill(item)
    wanted = item["spec"].get("priorityClassName") if resource.plural == "pods" else None
    if wanted and call.cluster.store.get(PRIORITY_CLASSES, "", wanted) is None:
        raise forbidden(resource, name_of(item), f"no PriorityClass with name {wanted} was found")


def _namespace_open(call: Call) -> None:
    """The namespace exists and is not going away."""
    target = call.target
    if not target.resource.namespaced:
        return
    namespace = call.cluster.store.get(NAMESPACES, "", target.namespace)
    if namespace is None:
        raise not_found(NAMESPACES, target.namespace)
    if deleting(namespace):
        why = f"unable to create new content in namespace {target.namespace} because it is being terminated"
        raise forbidden(target.resource, target.name, why)


def stored(call: Call) -> Json:
    """The object that the call names. Raises ApiError 404."""
    target = call.target
    item = call.cluster.store.get(target.resource, target.namespace, target.name)
    if item is None:
        raise not_found(target.resource, target.name)
    return item


def replace(call: Call, body: Any) -> Json:
    """PUT. Raises ApiError 400, 404, 409 on a stale resourceVersion, 422."""
    before = stored(call)
    item = decode(call, as_object(body, call.target))
    return _update(call, before, item, apply.Manager(call.manager, "Update", _subresource(call)))


def patch(call: Call, body: Any, content_type: str) -> Json:
    """PATCH of any of the four types; server-side apply creates what is not there. Raises ApiError 400, 404, 409, 415, 422."""
    kind = content_type.partition(";")[0].strip()
    if kind == "application/apply-patch+yaml":
        return _apply(call, body)
    before = stored(call)
    if kind == "application/json-patch+json":
        item = patches.json_patch(before, body)
    elif kind == "application/merge-patch+json" and isinstance(body, dict):
        item = patches.merge_patch(before, body)
    elif kind == "application/strategic-merge-patch+json" and isinstance(body, dict):
        item = patches.strategic_patch(before, body)
    elif kind in PATCH_TYPES:
        raise bad_request("json: cannot unmarshal array into Go value of type map[string]interface {}")
    else:
        raise unsupported_media(PATCH_TYPES)
    item = decode(call, as_object(copy.deepcopy(item), call.target))
    return _update(call, before, item, apply.Manager(call.manager, "Update", _subresource(call)))


def _subresource(call: Call) -> str:
    return call.target.subresource


def _apply(call: Call, body: Any) -> Json:
    if not call.query.get("fieldManager"):
        text = 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
        raise ApiError(422, "Invalid", text)
    if not isinstance(body, dict) or not body.get("apiVersion") or not body.get("kind"):
        raise bad_request("failed to create typed patch object: apiVersion and kind must be set")
    wanted = decode(call, as_object(body, call.target), applied=True)
    resource, target = call.target.resource, call.target
    manager = apply.Manager(call.manager, "Apply", _subresource(call))
    wanted["metadata"].pop("resourceVersion", None)
    if not call.target.subresource:
        wanted.pop("status", None)
    live = call.cluster.store.get(resource, target.namespace, target.name)
    now = call.cluster.clock.iso()
    if live is None:
        if target.subresource:
            raise not_found(resource, target.name)
        return _create(call, apply.apply_patch(resource, None, wanted, manager, force=False, now=now), manager)
    merged = apply.apply_patch(resource, live, wanted, manager, force=call.flag("force"), now=now)
    return _update(call, live, merged, manager)


def _update(call: Call, before: Json, item: Json, manager: apply.Manager) -> Json:
    resource, meta = call.target.resource, item["metadata"]
    sent = meta.get("resourceVersion")
    if sent and str(sent) != before["metadata"]["resourceVersion"]:
        raise conflict(resource, name_of(before))
    if meta.get("uid") and meta["uid"] != before["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {before['metadata']['uid']}"
        raise conflict(resource, name_of(before), why)
    if call.target.subresource:
        item = copy.deepcopy(before) | {"status": item.get("status") or {}, "metadata": {**copy.deepcopy(before["metadata"]), **_owners_in(meta)}}
    elif resource.status:
        if "status" in before:
            item["status"] = before["status"]
        else:
            item.pop("status", None)
    meta = item["metadata"]
    for field in _SERVER_META:
        meta.pop(field, None)
        if field in before["metadata"]:
            meta[field] = before["metadata"][field]
    if resource.namespaced:
        meta["namespace"] = call.target.namespace
    defaults.on_update(resource.plural, item)
    _kept(before, item)
    validation.check(resource, item, before)
    if item.get("spec") != before.get("spec") and "generation" in before["metadata"]:
        meta["generation"] = before["metadata"]["generation"] + 1
    if manager.operation == "Update":
        apply.updated(before, item, manager, call.cluster.clock.iso())
    if call.dry_run:
        return item
    result = call.cluster.store.replace(resource, item)
    settle(call.cluster, resource, result)
    return result


def _owners_in(meta: Json) -> Json:
    return {"managedFields": meta["managedFields"]} if "managedFields" in meta else {}


def _kept(before: Json, item: Json) -> None:
    """What a PUT may leave out because the server set it: a Job's selector and template labels, a pod's node and priority."""
    old, spec = before.get("spec"), item.get("spec")
    if not isinstance(old, dict) or not isinstance(spec, dict):
        return
    fields = {
        "Job": ("selector", "parallelism", "completions", "backoffLimit", "completionMode", "suspend", "podReplacementPolicy"),
        "Pod": ("nodeName", "priority", "serviceAccountName", "serviceAccount", "enableServiceLinks", "preemptionPolicy", "tolerations"),
        "DaemonSet": ("revisionHistoryLimit",),
        "Namespace": ("finalizers",),
    }.get(before["kind"], ())
    for field in fields:
        if field in old:
            spec.setdefault(field, copy.deepcopy(old[field]))
    if before["kind"] == "Job" and isinstance(spec.get("template"), dict):
        labels = (old["template"].get("metadata") or {}).get("labels") or {}
        owned = {key: value for key, value in labels.items() if key.rpartition("/")[2] in ("controller-uid", "job-name")}
        meta = spec["template"].setdefault("metadata", {})
        meta["labels"] = {**(meta.get("labels") or {}), **owned}
