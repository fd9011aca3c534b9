"""Events, counted instead of repeated (Kubernetes: event correlator)."""

from __future__ import annotations

from collections import OrderedDict

from playground.kubernetes.objects import Json, micro_stamp, name_of, namespace_of, uid_of
from playground.kubernetes.resources import EVENTS
from playground.kubernetes.store import Key, Store

KEPT = 5000


class Recorder:
    """Writes events into the store and keeps the newest :data:`KEPT`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[tuple[str, ...], Key] = OrderedDict()

    def record(self, about: Json, kind: str, reason: str, message: str, component: str, host: str = "") -> None:
        """`kind` is Normal or Warning; the same event again raises its count and lastTimestamp."""
        same = (uid_of(about), kind, reason, message, component, host)
        now = self._store.clock.iso()
        known = self._known.get(same)

        def again(event: Json) -> None:
            event["count"] += 1
            event["lastTimestamp"] = now

        if known is not None and self._store.change(EVENTS, known, again) is not None:
            return
        namespace = namespace_of(about) or "default"
        name = f"{name_of(about)}.{self._store.version:016x}"
        involved = {"kind": about["kind"], "apiVersion": about["apiVersion"], "name": name_of(about), "uid": uid_of(about)}
        if namespace_of(about):
            involved["namespace"] = namespace
        involved["resourceVersion"] = about["metadata"]["resourceVersion"]
        source = {"component": component} | ({"host": host} if host else {})
        event: Json = {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": kind,
            "eventTime": micro_stamp(self._store.clock.now()) if component == "default-scheduler" else None,
            "reportingComponent": component,
            "reportingInstance": host or component,
        }
        self._store.create(EVENTS, event)
        self._known[same] = (namespace, name)
        while len(self._known) > KEPT:
            _, oldest = self._known.popitem(last=False)
            self._store.remove(EVENTS, oldest)
