"""One cluster's API server, called from worker threads.

The transport of the official client (`ApiClient`: TLS, pool, credentials) is used without its models. Two reasons, both measured:
its models are pydantic and raise on objects that lack a required field, inside lists and watches too, so that one odd object of
somebody else hides the whole cluster; and building 10,000 pods as models takes minutes of CPU where `json.loads` takes under a
second. Plain dicts are read with `.get`, and lists are taken page by page so that a caller keeps only what it needs.

Synchronous, because the async clients of this release lose their way in log streams; each cluster has its own few
threads, so that one that hangs cannot starve the others.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import re
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import urllib3
from kubernetes.client.api_client import ApiClient
from kubernetes.client.exceptions import ApiException

from bot.calls import Crowd, call
from bot.cluster.kubeconfig import MemoryFiles, TokenProvider, configuration
from bot.cluster.replies import Json, error_of
from bot.errors import Refused, Temporary
from bot.metrics import result_of

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 15.0
PAGE: Final = 500
THREADS: Final = 4
WAITING_OPERATIONS: Final = 6
FIELD_OWNER: Final = "quartermaster"
METADATA: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json"
"""What to accept where only an object's metadata is wanted (Kubernetes API conventions)."""

_SEGMENT = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
T = TypeVar("T")
Query = Mapping[str, str | int]
BeforeWrite = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True)
class Answer:
    """`status` is HTTP's; `body` the parsed object (empty for a status that the caller expected and that carries none)."""

    status: int
    body: Json


class Access:
    """A connection to one cluster; make it with :meth:`from_kubeconfig`, end it with :meth:`close`.

    `get`, `list`, `send`, `apply` and `delete` come in an async form for operation steps; the `…_now` forms block and are
    for code that is already in a worker thread.
    """

    def __init__(
        self, client: ApiClient, files: MemoryFiles, cluster: str, before_write: BeforeWrite | None = None, crowd: Crowd | None = None
    ) -> None:
        self.cluster = cluster
        self.since = time.monotonic()
        self._crowd = crowd or Crowd(WAITING_OPERATIONS)
        self._before_write = before_write
        self._client = client
        self._files = files
        self._closed = False
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"kubernetes-{cluster}")

    @classmethod
    def from_kubeconfig(
        cls, config: Mapping[str, Any], *, token_provider: TokenProvider | None = None, cluster: str, before_write: BeforeWrite | None = None,
        crowd: Crowd | None = None,
    ) -> Access:
        """From a parsed kubeconfig (AKS: listClusterUserCredential); opens nothing yet. `before_write` is called with method and path before
        each request that changes something; where it raises, the request is not sent. `crowd` is shared by all clusters.

        Raises :class:`bot.errors.Failed` (``cluster.kubeconfig``, ``cluster.credentials``).
        """
        files = MemoryFiles()
        return cls(ApiClient(configuration(config, cluster=cluster, files=files, token_provider=token_provider)), files, cluster, before_write, crowd)

    @property
    def closed(self) -> bool:
        """Whether it was ended: whoever still holds it has to ask for another one."""
        return self._closed

    def close(self) -> None:
        """End the threads and connections and forget the credentials; calls under way end by their own time limits."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.rest_client.close()
        self._files.close()

    async def run(self, work: Callable[[], T]) -> T:
        """`work` in one of this cluster's threads. Raises ``cluster.unreachable`` once this connection is closed."""
        if self._closed:
            raise self.unreachable(ConnectionAbortedError())
        with self._crowd.waiting(self.cluster, self.unreachable(TimeoutError())):
            try:
                # With the context: what is logged in the thread belongs to the operation, too.
                return await asyncio.get_running_loop().run_in_executor(self._threads, contextvars.copy_context().run, work)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling() or not self._closed:
                    raise
                raise self.unreachable(ConnectionAbortedError()) from error  # it stood in line when another closed the connection

    async def get(self, path: str, query: Query | None = None) -> Json:
        """One object; raises ``cluster.not_found`` where it is not there."""
        return await self.run(lambda: self.call_now("GET", path, query).body)

    async def find(self, path: str, query: Query | None = None) -> Json | None:
        """One object, or None where it (or its kind) is not there."""
        return await self.run(lambda: self.find_now(path, query))

    async def list(self, path: str, query: Query | None = None) -> tuple[Json, ...]:
        """All objects of a collection, page by page."""
        return await self.run(lambda: tuple(item for page in self.pages_now(path, query) for item in page.get("items") or ()))

    async def create(self, path: str, body: Json, query: Query | None = None, *, expect: Collection[int] = ()) -> Answer:
        """POST `body` to a collection; statuses in `expect` are answered instead of raised."""
        await self._note("POST", path)
        return await self.run(lambda: self.call_now("POST", path, query, body=body, expect=expect))

    async def apply(self, path: str, body: Json, *, force: bool = False) -> Json:
        """Server-side apply as field manager "quartermaster"; ``cluster.field_conflict`` where another manager owns a field."""
        await self._note("PATCH", path)
        query: dict[str, str | int] = {"fieldManager": FIELD_OWNER, "force": "true" if force else "false"}
        return await self.run(lambda: self.call_now("PATCH", path, query, body=body, content_type="application/apply-patch+yaml").body)

    async def delete(self, path: str, *, grace_seconds: int | None = None) -> bool:
        """Delete with all that belongs to it (background propagation); False where it was gone already."""
        options: Json = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        await self._note("DELETE", path)
        answer = await self.run(lambda: self.call_now("DELETE", path, body=options, expect=(404,)))
        return answer.status != 404

    async def _note(self, method: str, path: str) -> None:
        if self._before_write is not None:
            await self._before_write(method, f"{self.cluster}:{path}")

    def find_now(self, path: str, query: Query | None = None) -> Json | None:
        """Blocking form of :meth:`find`."""
        answer = self.call_now("GET", path, query, expect=(404,))
        return None if answer.status == 404 else answer.body

    def pages_now(self, path: str, query: Query | None = None, *, page: int = PAGE) -> Iterator[Json]:
        """The pages of a collection, each a `List` object with `items` and `metadata.resourceVersion`."""
        wanted: dict[str, str | int] = {**(query or {}), "limit": page}
        while True:
            body = self.call_now("GET", path, wanted, verb="list").body
            yield body
            more = (body.get("metadata") or {}).get("continue")
            if not more:
                return
            wanted["continue"] = str(more)

    def call_now(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        *,
        body: Json | None = None,
        content_type: str = "application/json",
        expect: Collection[int] = (),
        verb: str | None = None,
        accept: str = "application/json",
    ) -> Answer:
        """One request, blocking, bounded by connect and read limits. Raises the errors of :func:`bot.cluster.replies.error_of`
        and ``cluster.unreachable``."""
        headers = {"Accept": accept, "Content-Type": content_type}
        try:
            response = self._send(method, path, query, headers, body, READ_SECONDS)
            raw = response.data
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            raise self.unreachable(error) from error
        if response.status in expect or 200 <= response.status < 300:
            return Answer(response.status, _parsed(raw))
        raise error_of(response.status, raw, response.headers, verb=verb or _VERBS[method], resource=resource_of(path), cluster=self.cluster)

    def open_now(self, path: str, query: Query | None = None, *, read_seconds: float) -> urllib3.BaseHTTPResponse:
        """A response whose body is still to be read (watch, log), whatever its status; the caller closes it. `read_seconds` bounds each
        silence. Raises ``cluster.unreachable``."""
        try:
            return self._send("GET", path, query, {"Accept": "application/json, */*"}, None, read_seconds)
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            raise self.unreachable(error) from error

    def unreachable(self, error: Exception) -> Temporary:
        """The error for a connection that was refused, cut or silent; `error` is for chaining and names the kind."""
        return Temporary("cluster.unreachable", cluster=self.cluster, kind=type(error).__name__)

    def _send(
        self, method: str, path: str, query: Query | None, headers: dict[str, str], body: Json | None, read_seconds: float
    ) -> urllib3.BaseHTTPResponse:
        pairs = [(key, str(value)) for key, value in (query or {}).items()]
        method, url, sent, _, _ = self._client.param_serialize(
            method=method, resource_path=path, query_params=pairs, header_params=headers, auth_settings=["BearerToken"]
        )
        limits = (CONNECT_SECONDS, read_seconds)
        with call("kubernetes", method, f"{self.cluster}:{path}") as made:
            try:
                answer = self._client.call_api(method, url, header_params=sent, body=body, _request_timeout=limits)
            except urllib3.exceptions.ProtocolError:
                # A kept connection that the server had closed meanwhile; a read can be repeated once, a write is the engine's to repeat.
                if method != "GET":
                    raise
                answer = self._client.call_api(method, url, header_params=sent, body=body, _request_timeout=limits)
            response: urllib3.BaseHTTPResponse = answer.response
            made.result, made.request_id = result_of(response.status), response.headers.get("Audit-Id", "")
        return response


def at(*segments: str) -> str:
    """A path whose first segment is a literal prefix ("/api/v1/namespaces") and whose others are names of objects or collections.

    Raises :class:`bot.errors.Refused` for a segment that could change the path (`..`, `/`, empty).
    """
    prefix, *names = segments
    for name in names:
        if not _SEGMENT.fullmatch(name) or ".." in name or len(name) > 253:
            raise Refused("name.invalid", kind="Kubernetes object", value=name[:80], rule="lower-case letters, digits, `-` and `.`")
    return "/".join((prefix, *names))


def resource_of(path: str) -> str:
    """The plural resource of an API path, with its subresource: "/api/v1/namespaces/a/pods/b/log" gives "pods/log"."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return "/".join(rest[::2][:2]) if rest else path


def _parsed(raw: bytes) -> Json:
    try:
        body = json.loads(raw) if raw else {}
    except ValueError as error:
        raise Temporary("cluster.unreachable", cluster="?", kind="malformed answer") from error
    return body if isinstance(body, dict) else {}
