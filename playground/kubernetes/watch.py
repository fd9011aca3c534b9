"""Watches: history, then live changes, as JSON lines (Kubernetes: efficient detection of changes)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from aiohttp import web

from playground import chance
from playground.kubernetes.calls import Call
from playground.kubernetes.objects import Json, key_of
from playground.kubernetes.reads import matcher, requested_version
from playground.kubernetes.selectors import Match
from playground.kubernetes.statuses import ApiError, Cause, expired, invalid, too_large_version
from playground.kubernetes.store import Change

BOOKMARK_SECONDS = 60.0
# How soon a client that has gone without a word is noticed.
LOOK_SECONDS = 10.0
# A watch that lags so many events behind is ended (Kubernetes: slow watchers are terminated).
MOST_QUEUED = 20_000
Render = Callable[[Json], Json]


class Feed:
    """The changes that one watch sees; `None` in the queue ends it."""

    def __init__(self, call: Call, match: Match | None) -> None:
        self._call = call
        self._match = match
        self.queue: asyncio.Queue[tuple[str, Json] | None] = asyncio.Queue()
        self.version = call.cluster.store.version

    def begin(self, start: int) -> None:
        """Queue what happened since `start` (0: what is there now, as ADDED), then listen. Raises ApiError 410, 504."""
        store, target = self._call.cluster.store, self._call.target
        if start > store.version:
            raise too_large_version(start, store.version)
        if start:
            for change in store.since(target.resource, start):
                self.see(change)
        else:
            for item in sorted(store.all(target.resource, target.namespace), key=key_of):
                if self._match is None or self._match(item):
                    self.queue.put_nowait(("ADDED", item))
        store.listen(self.see)
        self._call.cluster.open_feeds.add(self)

    def end(self) -> None:
        """Stop listening."""
        if self in self._call.cluster.open_feeds:
            self._call.cluster.open_feeds.discard(self)
            self._call.cluster.store.unlisten(self.see)

    def see(self, change: Change) -> None:
        """Queue a change as this watch's selectors see it: an object that stops matching is DELETED for it."""
        target = self._call.target
        if change.plural != target.resource.plural or (target.namespace and change.item["metadata"].get("namespace") != target.namespace):
            return
        if self.queue.qsize() > MOST_QUEUED:
            self.queue.put_nowait(None)
            return
        match = self._match
        is_in = change.kind != "DELETED" and (match is None or match(change.item))
        was_in = change.before is not None and (match is None or match(change.before))
        if is_in:
            self.queue.put_nowait(("MODIFIED" if was_in else "ADDED", change.item))
        elif was_in and change.before is not None:
            gone = change.item if change.kind == "DELETED" else {**change.before, "metadata": {**change.before["metadata"], **_version(change)}}
            self.queue.put_nowait(("DELETED", gone))


def _version(change: Change) -> Json:
    return {"resourceVersion": str(change.version)}


async def watch(request: web.Request, call: Call, render: Render) -> web.StreamResponse:
    """Answer a watch until its timeout, a fault, the cluster's end, or the client's. Errors before the first byte are Statuses."""
    if call.query.get("sendInitialEvents"):
        text = "Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
        raise invalid(call.target.resource, "", [Cause("sendInitialEvents", "FieldValueForbidden", text)])
    feed = Feed(call, matcher(call))
    start = requested_version(call)
    limit = call.number("timeoutSeconds") or 1800 + chance.number("watch", 1801)
    faults, subject = call.cluster.faults, f"{request.method} {request.path_qs}"
    fault = faults.take("kubernetes", subject, "watch_drop", "watch_410", "half_open")
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"})
    response.enable_chunked_encoding()
    try:
        gone = None
        try:
            feed.begin(start)
        except ApiError as error:
            if error.code != 410:
                raise
            gone = error
        await response.prepare(request)
        if gone is not None:
            await _send(response, "ERROR", gone.body)
            return response
        await _Stream(request, response, call, feed, render).run(limit, fault.effect if fault else "", (fault.options if fault else {}))
    except ConnectionResetError:
        # The client has gone; nobody is left to tell.
        return response
    finally:
        feed.end()
    return response


class _Stream:
    """One open watch response."""

    def __init__(self, request: web.Request, response: web.StreamResponse, call: Call, feed: Feed, render: Render) -> None:
        self._request = request
        self._response = response
        self._call = call
        self._feed = feed
        self._render = render
        self._sent = 0

    async def run(self, limit: float, effect: str, options: Json) -> None:
        loop = asyncio.get_running_loop()
        end, bookmarks = loop.time() + limit, self._call.flag("allowWatchBookmarks")
        next_bookmark = loop.time() + BOOKMARK_SECONDS
        after = int(options.get("events", 0 if effect == "watch_410" else 1))
        while (now := loop.time()) < end:
            if effect and effect != "half_open" and self._sent >= after:
                return await self._fail(effect)
            if effect == "half_open" and self._sent >= int(options.get("events", 0)):
                await self._silence(float(options.get("seconds", 3600)))
                return self._abort()
            if self._request.transport is None or self._request.transport.is_closing():
                return None
            try:
                entry = await asyncio.wait_for(self._feed.queue.get(), min(end - now, LOOK_SECONDS))
            except TimeoutError:
                if bookmarks and loop.time() >= next_bookmark:
                    await self._bookmark()
                    next_bookmark = loop.time() + BOOKMARK_SECONDS
                continue
            if entry is None:
                return self._abort()
            await _send(self._response, entry[0], self._render(entry[1]))
            self._sent += 1
        return None

    async def _silence(self, seconds: float) -> None:
        """Say nothing while the connection stays open; the end of the cluster ends this too."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            try:
                if await asyncio.wait_for(self._feed.queue.get(), left) is None:
                    return
            except TimeoutError:
                return

    async def _bookmark(self) -> None:
        resource = self._call.target.resource
        meta = {"resourceVersion": str(self._call.cluster.store.version), "creationTimestamp": None}
        await _send(self._response, "BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta})

    async def _fail(self, effect: str) -> None:
        if effect == "watch_410":
            store = self._call.cluster.store
            await _send(self._response, "ERROR", expired(f"too old resource version: {requested_version(self._call)} ({store.version})").body)
            # The client retries once from the same version: it has to be too old then as well.
            store.compact()
            return
        self._abort()

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


async def _send(response: web.StreamResponse, kind: str, item: Json) -> None:
    await response.write(json.dumps({"type": kind, "object": item}, separators=(",", ":")).encode() + b"\n")
