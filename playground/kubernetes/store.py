"""Objects, resourceVersions and history of one cluster.

Stored objects are shared with readers and history, so nobody changes one in place: writers hand in a fresh object.
History is bounded per resource, so a watch from too old a version really gets 410 (Kubernetes: watch cache, etcd compaction).
"""

from __future__ import annotations

import base64
import binascii
import copy
import json
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from playground.clock import Clock
from playground.kubernetes import statuses
from playground.kubernetes.objects import Json, key_of, new_uid
from playground.kubernetes.resources import RESOURCES, Resource

HISTORY = 1000
SNAPSHOTS = 64
Key = tuple[str, str]


@dataclass(frozen=True)
class Change:
    """One write. `kind` is ADDED, MODIFIED or DELETED; `before` is None for ADDED. `item` carries the new resourceVersion."""

    version: int
    kind: str
    plural: str
    item: Json
    before: Json | None


Listener = Callable[[Change], None]


class Store:
    """All objects of a cluster. Methods are synchronous; listeners are told within the write, in order."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.version = 100
        self._items: dict[str, dict[Key, Json]] = {one.plural: {} for one in RESOURCES}
        self._history: dict[str, deque[Change]] = {one.plural: deque(maxlen=HISTORY) for one in RESOURCES}
        self._oldest: dict[str, int] = {one.plural: 0 for one in RESOURCES}
        self._listeners: list[Listener] = []
        self._snapshots: OrderedDict[tuple[str, int], list[Json]] = OrderedDict()
        self._dependents: dict[str, set[tuple[str, Key]]] = {}
        self._on_node: dict[str, set[Key]] = {}

    def listen(self, listener: Listener) -> None:
        """Be told of every change."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Stop being told."""
        self._listeners.remove(listener)

    def get(self, resource: Resource, namespace: str, name: str) -> Json | None:
        """The stored object; not to be changed."""
        return self._items[resource.plural].get((namespace, name))

    def all(self, resource: Resource, namespace: str = "") -> list[Json]:
        """Stored objects of all namespaces or one, in no order."""
        items = list(self._items[resource.plural].values())
        return items if not namespace else [item for item in items if key_of(item)[0] == namespace]

    def pods_on(self, node: str) -> list[Json]:
        """Pods bound to `node`."""
        return [self._items["pods"][key] for key in self._on_node.get(node, ())]

    def dependents(self, uid: str) -> list[tuple[str, Json]]:
        """(plural, object) of everything that names `uid` as an owner."""
        return [(plural, self._items[plural][key]) for plural, key in self._dependents.get(uid, ())]

    def create(self, resource: Resource, item: Json) -> Json:
        """Store a new object: uid, creationTimestamp and resourceVersion are given. Raises ApiError 409."""
        key = key_of(item)
        if key in self._items[resource.plural]:
            raise statuses.already_exists(resource, key[1])
        meta = item["metadata"]
        meta["uid"] = meta.get("uid") or new_uid()
        meta["creationTimestamp"] = self.clock.iso()
        return self._write(resource, "ADDED", item, None)

    def replace(self, resource: Resource, item: Json) -> Json:
        """Store `item` in place of what is there; a replacement that changes nothing gets no new version."""
        before = self._items[resource.plural][key_of(item)]
        item["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        if item == before:
            return before
        return self._write(resource, "MODIFIED", item, before)

    def change(self, resource: Resource, key: Key, edit: Callable[[Json], None]) -> Json | None:
        """Let `edit` work on a copy and store it; None where there is no such object."""
        before = self._items[resource.plural].get(key)
        if before is None:
            return None
        item = copy.deepcopy(before)
        edit(item)
        return self.replace(resource, item)

    def remove(self, resource: Resource, key: Key) -> Json | None:
        """Take the object out at once, whatever its finalizers say."""
        before = self._items[resource.plural].get(key)
        if before is None:
            return None
        item = copy.deepcopy(before)
        return self._write(resource, "DELETED", item, before)

    def since(self, resource: Resource, version: int) -> list[Change]:
        """Changes after `version`. Raises ApiError 410 where history does not reach back so far."""
        if version < self._oldest[resource.plural]:
            raise statuses.expired(f"too old resource version: {version} ({self._oldest[resource.plural]})")
        return [change for change in self._history[resource.plural] if change.version > version]

    def compact(self) -> None:
        """Forget history, as a restarted API server does: every older resourceVersion answers 410."""
        self.version += 1
        for plural, history in self._history.items():
            history.clear()
            self._oldest[plural] = self.version
        self._snapshots.clear()

    def page(self, resource: Resource, chosen: list[Json], limit: int, token: str) -> tuple[list[Json], int, str, int]:
        """A page: (items, version of the list, continue token or "", items left after it). Raises ApiError 400 and 410."""
        version, start = self.version, ("", "")
        if token:
            version, start = _token(token)
            if (resource.plural, version) not in self._snapshots:
                text = "The provided continue parameter is too old to display a consistent list result. "
                raise statuses.expired(text + "You can start a new list without the continue parameter.")
            chosen = self._snapshots[resource.plural, version]
            chosen = [item for item in chosen if key_of(item) > start]
        if not limit or len(chosen) <= limit:
            return chosen, version, "", 0
        if not token:
            self._snapshots[resource.plural, version] = chosen
            while len(self._snapshots) > SNAPSHOTS:
                self._snapshots.popitem(last=False)
        page = chosen[:limit]
        following = base64.urlsafe_b64encode(json.dumps({"rv": version, "start": key_of(page[-1])}).encode()).decode()
        return page, version, following, len(chosen) - limit

    def _write(self, resource: Resource, kind: str, item: Json, before: Json | None) -> Json:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        key = key_of(item)
        self._unindex(resource, before)
        if kind == "DELETED":
            del self._items[resource.plural][key]
        else:
            self._items[resource.plural][key] = item
            self._index(resource, item)
        change = Change(self.version, kind, resource.plural, item, before)
        history = self._history[resource.plural]
        if len(history) == history.maxlen:
            self._oldest[resource.plural] = history[0].version
        history.append(change)
        for listener in tuple(self._listeners):
            listener(change)
        return item

    def _index(self, resource: Resource, item: Json) -> None:
        for owner in item["metadata"].get("ownerReferences") or ():
            self._dependents.setdefault(owner["uid"], set()).add((resource.plural, key_of(item)))
        node = item["spec"].get("nodeName") if resource.plural == "pods" else None
        if node:
            self._on_node.setdefault(node, set()).add(key_of(item))

    def _unindex(self, resource: Resource, item: Json | None) -> None:
        if item is None:
            return
        for owner in item["metadata"].get("ownerReferences") or ():
            entries = self._dependents.get(owner["uid"], set())
            entries.discard((resource.plural, key_of(item)))
            if not entries:
                self._dependents.pop(owner["uid"], None)
        node = item["spec"].get("nodeName") if resource.plural == "pods" else None
        if node:
            self._on_node.get(node, set()).discard(key_of(item))


def _token(text: str) -> tuple[int, Key]:
    try:
        parsed = json.loads(base64.urlsafe_b64decode(text.encode()))
        namespace, name = parsed["start"]
        return int(parsed["rv"]), (str(namespace), str(name))
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise statuses.bad_request(f"continue key is not valid: {error}") from error
