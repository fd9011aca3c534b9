"""Deletion: grace periods, finalizers, propagation to dependents, namespaces (Kubernetes: garbage collection)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playground.kubernetes.calls import Call
from playground.kubernetes.objects import Json, deleting, key_of, name_of, namespace_of, stamp, uid_of
from playground.kubernetes.resources import BY_PLURAL, EVENTS, NAMESPACES, RESOURCES, Resource
from playground.kubernetes.statuses import conflict, forbidden

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"

TERMINAL = ("Succeeded", "Failed")


def delete(call: Call, item: Json, options: Any) -> Json:
    """DELETE of one object: what the server answers, a Status where it is gone at once, the object while it goes."""
    options = options if isinstance(options, dict) else {}
    resource = call.target.resource
    _preconditions(resource, item, options.get("preconditions") or {})
    if resource is NAMESPACES and name_of(item) in ("default", "kube-system", "kube-public"):
        raise forbidden(resource, name_of(item), "this namespace may not be deleted")
    if call.dry_run or call.query.get("dryRun") or options.get("dryRun"):
        return item
    grace = options.get("gracePeriodSeconds", call.number("gracePeriodSeconds"))
    asked = "Orphan" if options.get("orphanDependents") else options.get("propagationPolicy") or call.query.get("propagationPolicy")
    policy = asked or default_policy(resource)
    if policy == "Orphan" and not asked:
        text = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them"
        call.warnings.append(f"{text} or set propagationPolicy=Orphan to suppress this warning")
    remaining = remove(call.cluster, resource, item, policy=policy, grace=grace)
    if remaining is not None:
        return remaining
    details = {"name": name_of(item), "kind": resource.plural, "uid": uid_of(item)} | ({"group": resource.group} if resource.group else {})
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def default_policy(resource: Resource) -> str:
    """Jobs orphan their pods unless told otherwise (batch/v1, for compatibility: the API, not kubectl, which sends Background)."""
    return "Orphan" if resource.plural == "jobs" else "Background"


def _preconditions(resource: Resource, item: Json, wanted: Json) -> None:
    for field, key in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(field) and wanted[field] != item["metadata"][field]:
            why = f"Precondition failed: {key} in precondition: {wanted[field]}, {key} in object meta: {item['metadata'][field]}"
            raise conflict(resource, name_of(item), why)


def remove(cluster: Cluster, resource: Resource, item: Json, *, policy: str = "Background", grace: int | None = None) -> Json | None:
    """Begin deletion; the object as it now is, None where it is gone."""
    wait = _grace(resource, item, grace)
    finalizers = list(item["metadata"].get("finalizers") or [])
    if policy == "Foreground" and cluster.store.dependents(uid_of(item)):
        finalizers.append(FOREGROUND)
    if policy == "Orphan":
        _orphan(cluster, item)
    if resource is NAMESPACES or finalizers or wait:
        return _mark(cluster, resource, item, finalizers, wait)
    cluster.store.remove(resource, key_of(item))
    return None


def _grace(resource: Resource, item: Json, wanted: int | None) -> int:
    """Seconds that the kubelet gets; pods that are on no node, or done, need none."""
    if resource.plural != "pods" or not item["spec"].get("nodeName") or item["status"].get("phase") in TERMINAL:
        return 0
    return int(item["spec"].get("terminationGracePeriodSeconds", 30) if wanted is None else wanted)


def _mark(cluster: Cluster, resource: Resource, item: Json, finalizers: list[str], wait: int) -> Json | None:
    at = stamp(cluster.clock.now() + wait)

    def edit(copy: Json) -> None:
        copy["metadata"].setdefault("deletionTimestamp", at)
        copy["metadata"]["deletionGracePeriodSeconds"] = wait
        if finalizers:
            copy["metadata"]["finalizers"] = finalizers
        if resource is NAMESPACES:
            copy["status"] = {"phase": "Terminating"}

    marked = cluster.store.change(resource, key_of(item), edit)
    if FOREGROUND in finalizers:
        for plural, dependent in cluster.store.dependents(uid_of(item)):
            if not deleting(dependent):
                remove(cluster, BY_PLURAL[plural], dependent)
        cluster.loop.add("garbage", (resource.plural, key_of(item)))
    if resource is NAMESPACES:
        cluster.loop.add("namespace", name_of(item))
    return marked


def _orphan(cluster: Cluster, item: Json) -> None:
    uid = uid_of(item)
    for plural, dependent in cluster.store.dependents(uid):

        def edit(copy: Json) -> None:
            copy["metadata"]["ownerReferences"] = [one for one in copy["metadata"]["ownerReferences"] if one["uid"] != uid]

        cluster.store.change(BY_PLURAL[plural], key_of(dependent), edit)


def settle(cluster: Cluster, resource: Resource, item: Json) -> None:
    """Let an object go that waits for deletion and has lost its last finalizer."""
    if deleting(item) and not item["metadata"].get("finalizers") and resource is not NAMESPACES:
        waits_for_kubelet = resource.plural == "pods" and item["metadata"].get("deletionGracePeriodSeconds")
        if not waits_for_kubelet:
            cluster.store.remove(resource, key_of(item))


class Garbage:
    """Takes dependents away after their owner, and the content of namespaces that are going."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        cluster.loop.register("garbage", self.collect)
        cluster.loop.register("namespace", self.empty_namespace)
        cluster.loop.register("orphans", self.without_owner)

    def deleted(self, plural: str, item: Json) -> None:
        """Something is gone: its dependents, an owner that waits for it, or its namespace may follow."""
        cluster = self._cluster
        if cluster.store.dependents(uid_of(item)):
            cluster.loop.add("orphans", uid_of(item))
        for owner in item["metadata"].get("ownerReferences") or []:
            found = next((one for one in RESOURCES if one.kind == owner["kind"] and one.api_version == owner["apiVersion"]), None)
            if found is not None:
                cluster.loop.add("garbage", (found.plural, (namespace_of(item) if found.namespaced else "", owner["name"])))
        namespace = cluster.store.get(NAMESPACES, "", namespace_of(item)) if namespace_of(item) else None
        if namespace is not None and deleting(namespace):
            cluster.loop.add("namespace", namespace_of(item))

    def without_owner(self, uid: str) -> None:
        """Delete what named the vanished owner `uid`."""
        for plural, dependent in self._cluster.store.dependents(uid):
            if not deleting(dependent):
                remove(self._cluster, BY_PLURAL[plural], dependent)

    def collect(self, where: tuple[str, tuple[str, str]]) -> None:
        """Release an owner in foreground deletion once it has no dependents left."""
        resource = BY_PLURAL[where[0]]
        owner = self._cluster.store.get(resource, *where[1])
        if owner is None or FOREGROUND not in (owner["metadata"].get("finalizers") or []):
            return
        if self._cluster.store.dependents(uid_of(owner)):
            return

        def edit(copy: Json) -> None:
            copy["metadata"]["finalizers"].remove(FOREGROUND)

        changed = self._cluster.store.change(resource, where[1], edit)
        if changed is not None:
            settle(self._cluster, resource, changed)

    def empty_namespace(self, name: str) -> None:
        """Delete all that is in a namespace, then the namespace."""
        store = self._cluster.store
        namespace = store.get(NAMESPACES, "", name)
        if namespace is None or not deleting(namespace):
            return
        left = False
        for resource in RESOURCES:
            for item in store.all(resource, name) if resource.namespaced else ():
                if not deleting(item):
                    remove(self._cluster, resource, item)
                left = left or (resource is not EVENTS and store.get(resource, *key_of(item)) is not None)
        if not left:
            store.remove(NAMESPACES, ("", name))
