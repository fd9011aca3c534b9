"""The one connection to Resource Manager: real aio clients over one pipeline, one session and one token.

The pipeline is ours and short. Left out on purpose: the retry policy (it sleeps the whole of an uncapped Retry-After inside the call), the
redirect policy (ARM does not redirect; a token must not travel), and the policy that registers a missing provider behind one's back
and then polls without a deadline. What they would have done is the engine's business: it sees :class:`bot.errors.Temporary`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
from azure.core.exceptions import AzureError, DecodeError, HttpResponseError
from azure.core.pipeline import AsyncPipeline, PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import ContentDecodePolicy, CustomHookPolicy, HeadersPolicy, RequestIdPolicy, SansIOHTTPPolicy, UserAgentPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest

from bot.azure.errors import translated
from bot.calls import Crowd
from bot.errors import Refused, Temporary

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.mgmt.containerservice.aio import ContainerServiceClient
    from azure.mgmt.resource.features.aio import FeatureClient
    from azure.mgmt.resource.resources.aio import ResourceManagementClient

T = TypeVar("T")
BeforeWrite = Callable[[str, str], Awaitable[None]]

PUBLIC_CLOUD: Final = "https://management.azure.com"
USER_AGENT: Final = "quartermaster/0.1"
HTTP_TIMEOUT: Final = 10.0
CALL_TIMEOUT: Final = 15.0
WAITING_OPERATIONS: Final = 16
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Sent:
    """One request as the request log gets it: no query, no body, no header; `status` is 0 where no answer came; `seconds` until it did."""

    method: str
    path: str
    status: int
    seconds: float
    request_id: str = ""


@dataclass
class Meter:
    """What was asked of ARM so far, and what its headers say is left (header name without its prefix to the newest number)."""

    reads: int = 0
    writes: int = 0
    throttled: int = 0
    remaining: dict[str, int] = field(default_factory=dict)


class _Once(AioHttpTransport):  # type: ignore[misc]
    """Sends a write once. aiohttp by itself sends a PUT or DELETE again where a kept connection breaks - also after the server has done it."""

    def __init__(self, writes: AioHttpTransport, **options: Any) -> None:
        super().__init__(**options)
        self._writes = writes

    async def send(self, request: Any, **options: Any) -> Any:
        """Send it, over the session that fits."""
        if request.method in ("GET", "HEAD"):
            return await super().send(request, **options)
        return await self._writes.send(request, **options)


class Connection:
    """The clients of one subscription. Builds nothing until the first call; close it with :meth:`close`.

    `credential` None: `DefaultAzureCredential`, steered by azure-identity's own variables. `ca_file` None: OpenSSL's default
    certificates, so `SSL_CERT_FILE` counts. `request_log` is called after each request, `before_write` with
    method and path before each one that changes something: where it raises, the request is not sent. Raises :class:`bot.errors.Refused`
    for an address that is not https (a bearer token goes nowhere else, loopback included).
    """

    def __init__(
        self,
        *,
        subscription_id: str,
        base_url: str = PUBLIC_CLOUD,
        credential: AsyncTokenCredential | None = None,
        request_log: Callable[[Sent], None] | None = None,
        before_write: BeforeWrite | None = None,
        ca_file: Path | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme != "https" or not parts.hostname:
            raise Refused("azure.insecure_url", url=base_url[:100])
        self.subscription_id = subscription_id
        self.base_url = base_url.rstrip("/")
        self.host = parts.netloc.lower()
        self.meter = Meter()
        self._crowd = Crowd(WAITING_OPERATIONS)
        self._log = request_log
        self._before_write = before_write
        self._ca_file = ca_file
        self._local = parts.hostname in LOOPBACK
        self._given = credential
        self._own: AsyncTokenCredential | None = None
        self._session: aiohttp.ClientSession | None = None
        self._writing: aiohttp.ClientSession | None = None
        self._pipeline: AsyncPipeline[Any, Any] | None = None
        self._clients: dict[type[Any], Any] = {}

    @property
    def credential(self) -> AsyncTokenCredential:
        """The credential of every request, and of tokens for clusters with Entra sign-in."""
        if self._given is not None:
            return self._given
        if self._own is None:
            from azure.identity.aio import DefaultAzureCredential  # heavy: only where it is used

            self._own = DefaultAzureCredential(transport=self._transport())
        return self._own

    @property
    def session(self) -> aiohttp.ClientSession:
        """The one HTTP session (needs a running loop). Its TLS context is made here, not at import, so that the environment still counts."""
        if self._session is None:
            context = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context, limit=32),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=not self._local,
            )
        return self._session

    @property
    def containers(self) -> ContainerServiceClient:
        """AKS."""
        from azure.mgmt.containerservice.aio import ContainerServiceClient

        return self._client(ContainerServiceClient)

    @property
    def resources(self) -> ResourceManagementClient:
        """Resource groups and providers."""
        from azure.mgmt.resource.resources.aio import ResourceManagementClient

        return self._client(ResourceManagementClient)

    @property
    def features(self) -> FeatureClient:
        """Preview features."""
        from azure.mgmt.resource.features.aio import FeatureClient

        return self._client(FeatureClient)

    async def listed(self, path: str, api_version: str, **query: str) -> list[Mapping[str, Any]]:
        """Every row of a list of the subscription, page by page (Resource Manager: ``value``, ``nextLink``); `path` is what follows the subscription.

        For the two lists that are asked of the compute provider: its own client holds 19 MB, most of them models of what is never used.
        Raises the library's exceptions: give it to :meth:`call`.
        """
        rows: list[Mapping[str, Any]] = []
        request = HttpRequest("GET", f"{self.base_url}/subscriptions/{self.subscription_id}{path}", params={"api-version": api_version, **query})
        while True:
            answer = await self.resources.send_request(request)
            if answer.status_code != 200:
                raise HttpResponseError(response=answer)
            try:
                page = answer.json()
                rows += page.get("value") or ()
            except (ValueError, AttributeError) as error:
                raise DecodeError("not a page of a list") from error
            link = str(page.get("nextLink") or "")
            if not link:
                return rows
            if not link.startswith(f"{self.base_url}/"):
                raise DecodeError("the next page is not Azure's")  # the token goes nowhere else
            request = HttpRequest("GET", link)

    async def token(self, scope: str) -> AccessToken:
        """A token for `scope` from the credential's own cache. Raises as :meth:`call`."""
        return await self.call(self.credential.get_token(scope))

    async def call(self, request: Awaitable[T]) -> T:
        """The answer to one request (or one paged list).

        Raises Refused, Temporary or Failed as the table of failures says; no answer within `CALL_TIMEOUT` seconds is Temporary. The library's own
        exception is the cause: :func:`bot.azure.errors.cause` reads it again.
        """
        try:
            async with asyncio.timeout(CALL_TIMEOUT):
                with self._crowd.waiting("", Temporary("azure.no_answer", retry_after=5.0)):
                    return await request
        except Temporary:
            if asyncio.iscoroutine(request):
                request.close()
            raise
        except AzureError as error:
            raise translated(error) from error
        except (TimeoutError, aiohttp.ClientError, ConnectionError) as error:
            raise Temporary("azure.no_answer", retry_after=5.0) from error

    async def close(self) -> None:
        """Close what was opened; a closed connection cannot be used again."""
        if self._writing is not None:
            await self._writing.close()
        if self._own is not None:
            await self._own.close()
        if self._session is not None:
            await self._session.close()

    def _client(self, kind: type[T]) -> T:
        if kind not in self._clients:
            make: Callable[..., T] = kind  # the three share a signature, their generated types do not
            self._clients[kind] = make(
                self.credential, self.subscription_id, base_url=self.base_url, pipeline=self._line(), credential_scopes=[PUBLIC_CLOUD + "/.default"],
            )  # fmt: skip
        client: T = self._clients[kind]
        return client

    def _transport(self) -> AioHttpTransport:
        return AioHttpTransport(session=self.session, session_owner=False, connection_timeout=HTTP_TIMEOUT, read_timeout=HTTP_TIMEOUT)

    def _transports(self) -> _Once:
        if self._writing is None:
            self._writing = aiohttp.ClientSession(
                connector=self.session.connector, connector_owner=False, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False,
                trust_env=not self._local,
            )  # fmt: skip
            self._writing._retry_connection = False  # there is no public switch; aiohttp's own test client does the same
        writes = AioHttpTransport(session=self._writing, session_owner=False, connection_timeout=HTTP_TIMEOUT, read_timeout=HTTP_TIMEOUT)
        return _Once(writes, session=self.session, session_owner=False, connection_timeout=HTTP_TIMEOUT, read_timeout=HTTP_TIMEOUT)

    def _line(self) -> AsyncPipeline[Any, Any]:
        if self._pipeline is None:
            from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy

            self._pipeline = AsyncPipeline(
                transport=self._transports(),
                policies=[
                    RequestIdPolicy(),
                    HeadersPolicy(),
                    UserAgentPolicy(base_user_agent=USER_AGENT),
                    ContentDecodePolicy(),
                    AsyncARMChallengeAuthenticationPolicy(self.credential, PUBLIC_CLOUD + "/.default"),
                    CustomHookPolicy(),
                    _Counting(self.meter, self._log, self._before_write),
                ],
            )
        return self._pipeline


class _Counting(SansIOHTTPPolicy[Any, Any]):
    """Counts, times and reports every request on the wire; remembers the rate limits that ARM tells."""

    _PREFIX = "x-ms-ratelimit-remaining-"

    def __init__(self, meter: Meter, log: Callable[[Sent], None] | None, before_write: BeforeWrite | None) -> None:
        self._meter = meter
        self._log = log
        self._before_write = before_write

    async def on_request(self, request: PipelineRequest[Any]) -> None:
        method, path = request.http_request.method, urlsplit(request.http_request.url).path
        if method in ("GET", "HEAD"):
            self._meter.reads += 1
        else:
            self._meter.writes += 1
            # ARM: actions named list… (credentials, say) are POSTs that change nothing
            if self._before_write is not None and not (method == "POST" and path.rpartition("/")[2].lower().startswith("list")):
                await self._before_write(method, path)
        request.context["started"] = time.perf_counter()

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        headers: Mapping[str, str] = response.http_response.headers
        status = int(response.http_response.status_code)
        self._meter.throttled += status == 429
        for name, text in headers.items():
            if name.lower().startswith(self._PREFIX) and text.isdecimal():
                self._meter.remaining[name.lower().removeprefix(self._PREFIX)] = int(text)
        self._report(request, status, headers.get("x-ms-request-id", ""))

    def on_exception(self, request: PipelineRequest[Any]) -> None:
        self._report(request, 0, "")

    def _report(self, request: PipelineRequest[Any], status: int, request_id: str) -> None:
        if self._log is not None:
            seconds = time.perf_counter() - float(request.context.get("started") or 0.0)
            self._log(Sent(request.http_request.method, urlsplit(request.http_request.url).path, status, seconds, request_id))
