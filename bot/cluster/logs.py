"""Logs of pods: the tail, the whole, and following one without being fooled.

Two traps (Kubernetes: pod log endpoint; seen on a real server): before a container has started the answer is 400 "is waiting to start",
which is no error; and a stream whose connection broke ends exactly like that of a container that ended. So after every stream
the pod's own state is read, and only that decides.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import urllib3

from bot.cluster.access import Access, Query, at
from bot.cluster.masking import mask
from bot.cluster.replies import Json, error_of, status_of
from bot.errors import Temporary

WHOLE_LIMIT: Final = 64 * 1024 * 1024
SILENCE_SECONDS: Final = 20.0
MOST_CUTS: Final = 5
END_BYTES: Final = 8 * 1024
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True)
class LogText:
    """`complete`: the container had ended when this was read to its end. `truncated`: cut at the limit (the beginning is kept)."""

    text: str
    complete: bool
    truncated: bool


async def tail(access: Access, namespace: str, pod: str, lines: int, *, container: str | None = None, previous: bool = False) -> str | None:
    """The last `lines` lines, secrets masked; None where no container has started yet (or, with `previous`, none ran before).

    Raises ``cluster.not_found`` for a pod that is gone and what access raises.
    """
    query = _query(container, previous)
    query["tailLines"] = max(1, lines)
    raw = await access.run(lambda: _read(access, namespace, pod, query))
    return None if raw is None else mask(raw.decode("utf-8", "replace"))


async def whole(
    access: Access, namespace: str, pod: str, *, limit_bytes: int = WHOLE_LIMIT, container: str | None = None, previous: bool = False
) -> LogText | None:
    """The log from its start, secrets masked; None where no container has started yet. Raises as :func:`tail`, and
    :class:`bot.errors.Temporary` where the stream broke, so that a half log is never taken for a whole one."""

    def read() -> LogText | None:
        chunks: list[bytes] = []
        size = 0
        stream = open_stream(access, namespace, pod, container=container, previous=previous)
        if stream is None:
            return None
        for chunk in stream:
            chunks.append(chunk)
            size += len(chunk)
            if size > limit_bytes:
                stream.close()
                break
        raw = b"".join(chunks)[:limit_bytes]
        return LogText(mask(raw.decode("utf-8", "replace")), has_ended(access, namespace, pod, container), size > limit_bytes)

    return await access.run(read)


def open_stream(
    access: Access,
    namespace: str,
    pod: str,
    *,
    container: str | None = None,
    previous: bool = False,
    follow: bool = False,
    since: str | None = None,
    timestamps: bool = False,
) -> ByteStream | None:
    """The log as a stream of byte chunks, blocking, not masked (for summaries); None where no container has started yet."""
    query = _query(container, previous)
    if follow:
        query["follow"] = "true"
    if timestamps:
        query["timestamps"] = "true"
    if since:
        query["sinceTime"] = since
    response = _open(access, namespace, pod, query)
    return None if response is None else ByteStream(access, response)


class ByteStream:
    """An open log; iterate once. A broken connection raises ``cluster.unreachable`` instead of ending quietly."""

    def __init__(self, access: Access, response: urllib3.BaseHTTPResponse) -> None:
        self._access = access
        self._response = response
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._response.stream(_CHUNK, decode_content=True)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if not self._closed:
                raise self._access.unreachable(error) from error
        finally:
            self.close()

    def close(self) -> None:
        """End it; safe to call twice."""
        if not self._closed:
            self._closed = True
            shut(self._response)
            self._response.close()


def follow(
    access: Access, namespace: str, pod: str, on_line: Callable[[str], None], *, container: str | None = None, stopped: Callable[[], bool]
) -> bool:
    """Call `on_line` (masked, without line end) for each line until the container ends (True) or `stopped` says so (False). Blocking.

    A cut stream is opened again from the last line's time, and lines seen before are dropped: the server stamps each line, and
    `sinceTime` counts whole seconds, so the overlap is always read and always recognised.
    Raises ``cluster.unreachable`` where reopening fails as well; the caller may simply call again (lines then repeat).
    """
    last, seen, cuts = "", 0, 0
    while not stopped():
        stream = open_stream(access, namespace, pod, container=container, follow=True, timestamps=True, since=last[:19] + "Z" if last else None)
        if stream is None:
            return False
        try:
            skip = seen
            for line in _lines(stream):
                stamp, _, text = line.partition(" ")
                if last and (stamp < last or (stamp == last and skip > 0)):
                    skip -= stamp == last
                    continue
                seen = seen + 1 if stamp == last else 1
                last, skip, cuts = stamp, 0, 0
                on_line(mask(text))
                if stopped():
                    stream.close()
                    return False
        except Temporary:
            # Whether it ended or only broke is answered below, by the pod itself; but not for ever.
            cuts += 1
            if cuts > MOST_CUTS:
                raise
        if has_ended(access, namespace, pod, container):
            return True
    return False


async def ends_with(access: Access, namespace: str, pod: str, end: bytes) -> bool:
    """Whether the last line of an ended container's log is the end of what was read: a stream that a proxy cut looks finished, too."""
    raw = await access.run(lambda: _read(access, namespace, pod, {"tailLines": 1}))
    return raw is None or end.rstrip().endswith(raw.rstrip()[-END_BYTES // 2 :])


def has_ended(access: Access, namespace: str, pod: str, container: str | None = None) -> bool:
    """Whether the container has ended for good (a pod that is gone has, too): its own state, not the log's end, tells."""
    found = access.find_now(at("/api/v1/namespaces", namespace, "pods", pod))
    if found is None:
        return True
    if (found.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return True
    mains = (found.get("status") or {}).get("containerStatuses") or ()
    # Unnamed, the server picks the first container.
    shown: Json = next((status for status in mains if container in (None, status.get("name"))), {})
    return "terminated" in (shown.get("state") or {}) and (found.get("spec") or {}).get("restartPolicy") == "Never"


def shut(response: urllib3.BaseHTTPResponse) -> None:
    """Wake whoever reads this response, from any thread; closing it is the reader's part (it holds the buffer's lock)."""
    # Raises where it is closed already or has no socket of its own any more.
    with contextlib.suppress(ValueError, OSError, RuntimeError):
        response.shutdown()


def _lines(stream: ByteStream) -> Iterator[str]:
    rest = b""
    for chunk in stream:
        *whole_lines, rest = (rest + chunk).split(b"\n")
        for line in whole_lines:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


def _query(container: str | None, previous: bool) -> dict[str, str | int]:
    query: dict[str, str | int] = {}
    if container:
        query["container"] = container
    if previous:
        query["previous"] = "true"
    return query


def _read(access: Access, namespace: str, pod: str, query: Query) -> bytes | None:
    response = _open(access, namespace, pod, query)
    return None if response is None else b"".join(ByteStream(access, response))


def _open(access: Access, namespace: str, pod: str, query: Query) -> urllib3.BaseHTTPResponse | None:
    path = at("/api/v1/namespaces", namespace, "pods", pod, "log")
    response = access.open_now(path, query, read_seconds=SILENCE_SECONDS)
    if response.status == 200:
        return response
    raw = response.data
    said = str(status_of(raw).get("message") or "")
    if response.status == 400 and ("is waiting to start" in said or "previous terminated container" in said or "trying and failing to pull" in said):
        return None
    raise error_of(response.status, raw, response.headers, verb="get", resource="pods/log", cluster=access.cluster)
