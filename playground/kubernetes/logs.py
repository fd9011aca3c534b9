"""Container logs and the log endpoint (Kubernetes: read log of the specified Pod)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime

from aiohttp import web

from playground.clock import Clock
from playground.kubernetes.calls import Call
from playground.kubernetes.nodeobject import address_of
from playground.kubernetes.objects import Json, name_of, seconds_of, uid_of
from playground.kubernetes.statuses import ApiError, Cause, bad_request, invalid

# The kubelet rotates at 10 MiB and keeps what is newest.
KEPT_BYTES = 10 * 1024 * 1024
# How soon a follower that has gone without a word is noticed.
LOOK_SECONDS = 10.0
_PULL = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")


class ContainerLog:
    """Lines of one run of a container, each with its time in nanoseconds since the epoch."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lines: deque[tuple[int, bytes]] = deque()
        self.first = 0
        self.ended = False
        self._bytes = 0
        self._waiting: set[asyncio.Event] = set()

    def write(self, text: str) -> None:
        """Append one line (without its end)."""
        line = text.encode() + b"\n"
        self.lines.append((time.time_ns() + int(self._clock.offset * 1e9), line))
        self._bytes += len(line)
        while self._bytes > KEPT_BYTES and len(self.lines) > 1:
            self._bytes -= len(self.lines.popleft()[1])
            self.first += 1
        self._notify()

    def end(self) -> None:
        """The container has stopped; followers finish."""
        self.ended = True
        self._notify()

    def since(self, number: int) -> list[tuple[int, bytes]]:
        """Lines from the `number`-th of the run on (older ones may be rotated away)."""
        skip = max(0, number - self.first)
        return [self.lines[index] for index in range(skip, len(self.lines))]

    @property
    def count(self) -> int:
        """How many lines the run has written."""
        return self.first + len(self.lines)

    async def more(self, number: int) -> None:
        """Wait until there is a line after `number`, or the end."""
        if self.ended or self.count > number:
            return
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            await event.wait()
        finally:
            self._waiting.discard(event)

    def _notify(self) -> None:
        for event in self._waiting:
            event.set()


async def respond(request: web.Request, call: Call, pod: Json) -> web.StreamResponse:
    """Answer the log endpoint. Raises ApiError 400, 422, 500."""
    container = _container(call, pod)
    log = _log(call, pod, container)
    response = web.StreamResponse(headers={"Content-Type": "text/plain", "Cache-Control": "no-cache, private"})
    response.enable_chunked_encoding()
    tail, limit = call.number("tailLines"), call.number("limitBytes")
    if limit == 0:
        raise invalid(call.target.resource, "", [Cause("limitBytes", "FieldValueInvalid", "Invalid value: 0: must be greater than 0")])
    since = _since(call)
    fault = call.cluster.faults.take("kubernetes", f"{request.method} {request.path_qs}", "cut_log") if call.flag("follow") else None
    cut = int(fault.options.get("lines", 5)) if fault else None
    await response.prepare(request)
    if log is None:
        return response
    try:
        await _Writer(request, response, call, log, limit, cut).run(tail, since)
    except ConnectionResetError:
        # The client has gone; nobody is left to tell.
        return response
    return response


class _Writer:
    """Sends one log answer within its limits."""

    def __init__(self, request: web.Request, response: web.StreamResponse, call: Call, log: ContainerLog, limit: int | None, cut: int | None) -> None:
        self._request = request
        self._response = response
        self._stamps = call.flag("timestamps")
        self._follow = call.flag("follow")
        self._log = log
        self._left = limit
        self._cut = cut

    async def run(self, tail: int | None, since: float | None) -> None:
        entries = self._log.since(0)
        if since is not None:
            entries = [entry for entry in entries if entry[0] >= since * 1e9]
        if tail is not None:
            entries = entries[-tail:] if tail else []
        position = self._log.count
        if not await self._send(entries):
            return
        while self._follow:
            if self._request.transport is None or self._request.transport.is_closing():
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._log.more(position), LOOK_SECONDS)
            fresh = self._log.since(position)
            position = self._log.count
            if not await self._send(fresh):
                return
            if self._log.ended and self._log.count == position:
                return

    async def _send(self, entries: list[tuple[int, bytes]]) -> bool:
        """False where the answer is to end: the byte limit, or a cut (the stream then ends as if the container had)."""
        if self._cut is not None:
            entries = entries[: self._cut]
            self._cut -= len(entries)
        raw = b"".join(_stamped(at) + line if self._stamps else line for at, line in entries)
        if self._left is not None:
            raw = raw[: self._left]
            self._left -= len(raw)
        if raw:
            await self._response.write(raw)
        return self._left != 0 and self._cut != 0


def _stamped(at: int) -> bytes:
    seconds, nanos = divmod(at, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z ".encode()


def _since(call: Call) -> float | None:
    seconds, moment = call.query.get("sinceSeconds"), call.query.get("sinceTime")
    if seconds and moment:
        raise bad_request("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if seconds:
        if not seconds.isdigit() or int(seconds) < 1:
            raise invalid(call.target.resource, "", [Cause("sinceSeconds", "FieldValueInvalid", f"Invalid value: {seconds}: must be greater than 0")])
        return call.cluster.clock.now() - int(seconds)
    if moment:
        try:
            return seconds_of(moment)
        except ValueError as error:
            raise bad_request(f'parsing time "{moment}" as "2006-01-02T15:04:05Z07:00": cannot parse') from error
    return None


def _container(call: Call, pod: Json) -> str:
    names = [str(one["name"]) for kind in ("initContainers", "containers") for one in pod["spec"].get(kind) or []]
    wanted = call.query.get("container", "")
    if not wanted:
        main = [str(one["name"]) for one in pod["spec"]["containers"]]
        if len(main) > 1:
            raise bad_request(f"a container name must be specified for pod {name_of(pod)}, choose one of: [{' '.join(main)}]")
        return main[0]
    if wanted not in names:
        raise bad_request(f"container {wanted} is not valid for pod {name_of(pod)}")
    return wanted


def _log(call: Call, pod: Json, container: str) -> ContainerLog | None:
    node, name = pod["spec"].get("nodeName"), name_of(pod)
    if not node:
        return None
    if not call.cluster.nodes.is_ready(node):
        url = f"https://{address_of(node)}:10250/containerLogs/{pod['metadata']['namespace']}/{name}/{container}"
        raise ApiError(500, "InternalError", f'Get "{url}": dial tcp {address_of(node)}:10250: i/o timeout')
    runs = call.cluster.kubelet.logs_of(uid_of(pod), container)
    if call.flag("previous"):
        if len(runs) < 2:
            raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        return runs[-2]
    if runs:
        return runs[-1]
    statuses = [*(pod["status"].get("initContainerStatuses") or []), *(pod["status"].get("containerStatuses") or [])]
    state = next((one.get("state") or {} for one in statuses if one["name"] == container), {})
    reason = (state.get("waiting") or {}).get("reason", "ContainerCreating")
    why = "trying and failing to pull image" if reason in _PULL else reason
    raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {why}')
