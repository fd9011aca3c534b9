"""One watch per kind on the bot's own objects, so that operations are woken by what happens instead of asking again and again.

List, remember, watch from the list's version; on 410 list again (the server has forgotten); on a lost connection wait a little
longer each time, with jitter. Each request has `timeoutSeconds` for the server and a read limit above it for the socket, because
a frozen connection would otherwise hang for ever. The client's own informer is not used: it has no back-off on the watch path.

Wake-ups are hints. One may come too often or, around a reconnect, for a change already seen; whoever is woken looks for itself.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import urllib3

from bot import metrics
from bot.cluster.access import Access
from bot.cluster.logs import shut
from bot.cluster.objects import OP_LABEL, Json, is_gpu, labels_of, meta
from bot.cluster.replies import error_of
from bot.errors import QuartermasterError, Temporary

log = logging.getLogger(__name__)

WATCH_SECONDS: Final = 240
# Above the server's own time, so that a quiet watch ends cleanly and only a dead connection is cut; AKS drops idle connections at about
# four minutes, which bookmarks (one a minute) and keepalive probes prevent.
READ_SECONDS: Final = 255.0
FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 30.0

KINDS: Final[dict[str, tuple[str, str]]] = {
    "jobs": ("/apis/batch/v1/jobs", OP_LABEL),
    "pods": ("/api/v1/pods", OP_LABEL),
    "daemonsets": ("/apis/apps/v1/daemonsets", OP_LABEL),
    "nodes": ("/api/v1/nodes", ""),
}

OnChange = Callable[[str, str], None]


class Watcher:
    """Watches one cluster. `on_change(kind, op_id)` is called from the watcher's threads (an asyncio caller hands it on with
    `loop.call_soon_threadsafe`); for nodes, which belong to no operation, `op_id` is empty."""

    def __init__(self, access: Access, on_change: OnChange, *, watch_seconds: int = WATCH_SECONDS) -> None:
        self._access = access
        self._on_change = on_change
        self._seconds = watch_seconds
        self._stop = threading.Event()
        self._feeds = [_Feed(kind, *where, access, on_change, self._stop, watch_seconds) for kind, where in KINDS.items()]

    def start(self) -> None:
        """Begin; returns at once."""
        for feed in self._feeds:
            feed.thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """End all threads; whether they ended within `timeout` seconds. Streams are cut, so this takes milliseconds."""
        self._stop.set()
        for feed in self._feeds:
            feed.cut()
        for feed in self._feeds:
            if feed.thread.ident is not None:
                feed.thread.join(timeout)
        return not any(feed.thread.is_alive() for feed in self._feeds)

    @property
    def synced(self) -> bool:
        """Whether every kind has been listed at least once."""
        return all(feed.synced.is_set() for feed in self._feeds)

    @property
    def closed(self) -> bool:
        """Whether its connection was closed under it: it sees nothing any more, and never will."""
        return self._access.closed

    @property
    def troubles(self) -> dict[str, str]:
        """What stands in the way, by kind (e.g. a missing role); empty while all is well."""
        return {feed.kind: feed.trouble for feed in self._feeds if feed.trouble}


class _Feed:
    """List-then-watch for one kind, in its own thread."""

    def __init__(self, kind: str, path: str, selector: str, access: Access, on_change: OnChange, stop: threading.Event, seconds: int) -> None:
        self.kind = kind
        self.trouble = ""
        self.synced = threading.Event()
        self.thread = threading.Thread(target=self._run, name=f"watch-{access.cluster}-{kind}", daemon=True)
        self._path = path
        self._query: dict[str, str | int] = {"labelSelector": selector} if selector else {}
        self._access = access
        self._on_change = on_change
        self._stop = stop
        self._seconds = seconds
        self._known: dict[str, tuple[str, str]] = {}
        self._response: urllib3.BaseHTTPResponse | None = None
        self._lock = threading.Lock()
        self._delay = 0.0

    def cut(self) -> None:
        """End the open stream, if there is one, from another thread."""
        with self._lock:
            if self._response is not None:
                shut(self._response)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                version = self._list()
                self.trouble = ""
                while not self._stop.is_set():
                    begun = time.monotonic()
                    version = self._watch(version)
                    if time.monotonic() - begun > 1.0:
                        self._delay = 0.0
                    else:
                        self._pause(0.0)
            except QuartermasterError as error:
                if self._stop.is_set():
                    return
                if error.code == "cluster.expired" and not self._delay:
                    # One fresh list mends this; only a server that says so again and again is given time.
                    self._delay = FIRST_DELAY
                    continue
                self.trouble = error.sentence
                log.info("watch of %s in %s interrupted: %s", self.kind, self._access.cluster, error)
                asked = error.retry_after if isinstance(error, Temporary) else LONGEST_DELAY
                self._pause(asked or 0.0)
            except Exception as error:  # an odd object, say: a thread that died of it would leave the cluster unwatched without a word
                if self._stop.is_set():
                    return
                self.trouble = f"unexpected: {type(error).__name__}"
                metrics.ROUNDS_FAILED.labels("feed").inc()
                log.exception("watch of %s in %s failed", self.kind, self._access.cluster)
                self._pause(0.0)

    def _pause(self, least: float) -> None:
        """Wait at least `least` seconds, and longer after each pause without an event in between."""
        self._delay = min(LONGEST_DELAY, max(FIRST_DELAY, self._delay * 2))
        self._stop.wait(max(least, self._delay * random.uniform(0.5, 1.0)))

    def _list(self) -> str:
        """Read all, wake for what differs from before; the version to watch from."""
        seen: dict[str, tuple[str, str]] = {}
        version = ""
        for page in self._access.pages_now(self._path, self._query):
            version = str(meta(page).get("resourceVersion") or "")
            for item in page.get("items") or ():
                seen[_uid(item)] = (_op(item), _mark(self.kind, item))
        changed = {op for uid, (op, mark) in seen.items() if self._known.get(uid) != (op, mark)}
        changed |= {op for uid, (op, _) in self._known.items() if uid not in seen}
        first = not self.synced.is_set()
        self._known = seen
        self.synced.set()
        for op in changed:
            if op or not first:
                self._on_change(self.kind, op)
        return version

    def _watch(self, version: str) -> str:
        """One watch until the server ends it; the version to go on from. Raises ``cluster.expired`` where the list is to be read again."""
        query: dict[str, str | int] = {
            **self._query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": self._seconds,
        }
        response = self._access.open_now(self._path, query, read_seconds=READ_SECONDS - WATCH_SECONDS + self._seconds)
        with self._lock:
            self._response = response
            if self._stop.is_set():
                shut(response)
                return version
        try:
            if response.status != 200:
                raise error_of(response.status, response.data, response.headers, verb="watch", resource=self.kind, cluster=self._access.cluster)
            for event in self._events(response):
                version = str(meta(event.get("object") or {}).get("resourceVersion") or version)
                self._take(event)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._access.unreachable(error) from error
        finally:
            with self._lock:
                self._response = None
            response.close()
        return version

    def _events(self, response: urllib3.BaseHTTPResponse) -> Iterator[Json]:
        rest = b""
        for chunk in response.stream(None, decode_content=True):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line.strip():
                    yield self._event(line)

    def _event(self, line: bytes) -> Json:
        try:
            event: Any = json.loads(line)
        except ValueError as error:
            raise self._access.unreachable(error) from error
        if event.get("type") == "ERROR":
            status = event.get("object") or {}
            code = int(status.get("code") or 500)
            raise error_of(code, json.dumps(status).encode(), {}, verb="watch", resource=self.kind, cluster=self._access.cluster)
        return dict(event)

    def _take(self, event: Json) -> None:
        self._delay = 0.0
        if event.get("type") == "BOOKMARK":
            return
        item: Json = event.get("object") or {}
        uid, entry = _uid(item), (_op(item), _mark(self.kind, item))
        if event.get("type") == "DELETED":
            self._known.pop(uid, None)
        elif self._known.get(uid) == entry:
            return
        else:
            self._known[uid] = entry
        self._on_change(self.kind, entry[0])


def _uid(item: Json) -> str:
    return str(meta(item).get("uid") or meta(item).get("name"))


def _op(item: Json) -> str:
    return str(labels_of(item).get(OP_LABEL) or "")


def _mark(kind: str, item: Json) -> str:
    """What must differ for a change to be worth waking for. A node reports itself all the time; only these parts decide about GPUs."""
    if kind != "nodes":
        return str(meta(item).get("resourceVersion") or "")
    status, spec = item.get("status") or {}, item.get("spec") or {}
    conditions = sorted((str(entry.get("type")), str(entry.get("status"))) for entry in status.get("conditions") or ())
    amounts = {key: {name: value for name, value in (status.get(key) or {}).items() if is_gpu(name)} for key in ("capacity", "allocatable")}
    return json.dumps([conditions, amounts, spec.get("taints"), spec.get("unschedulable")], sort_keys=True)
