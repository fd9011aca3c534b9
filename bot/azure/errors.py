"""From Azure's answer to a cause in plain words, and to one of the bot's three verbs.

Never decided on the HTTP class alone: ``OperationNotAllowed`` means "busy" and "quota" alike, a failed long-running operation
arrives with HTTP status 200, and a cancelled one has no code at all (AKS error table; azure-core behaviour). The rows are in
:mod:`bot.azure.failures`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from azure.core.exceptions import AzureError, ClientAuthenticationError, DecodeError, HttpResponseError, ServiceRequestError

from bot.azure.failures import BUSY, CONFLICT, GONE, THROTTLED, UNAVAILABLE, Row, row_for
from bot.errors import Failed, QuartermasterError, Refused, Temporary
from bot.words import WORDS

MISSING_CODES: Final = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "NotFound", "ParentResourceNotFound"})
_WAITS: Final = {BUSY: 20.0, THROTTLED: 30.0, CONFLICT: 1.0, UNAVAILABLE: 5.0}
_EMBEDDED: Final = re.compile(r"""["']?\b(?:Error)?[Cc]ode["']?\s*[=:]\s*\\*["']([A-Za-z]\w{3,80})""")
MAX_WAIT: Final = 900.0


@dataclass(frozen=True)
class Cause:
    """Why Azure said no. `kind` is one of :mod:`bot.azure.failures`; `key` a row of the words; `buttons` hint at what could be offered.

    `status` is the HTTP status (200: a long-running operation that failed; None: no answer at all), `retry_after` is in seconds.
    """

    code: str
    kind: str
    key: str
    detail: Mapping[str, str] = field(default_factory=dict)
    buttons: Sequence[str] = ()
    status: int | None = None
    retry_after: float | None = None
    message: str = field(default="", repr=False)

    @property
    def sentence(self) -> str:
        """What is so."""
        return self.error().sentence

    @property
    def next_step(self) -> str:
        """What to do about it."""
        return self.error().next_step

    def error(self) -> QuartermasterError:
        """The verb that fits: wait and repeat, mend the request, or give up."""
        detail: dict[str, Any] = dict(self.detail) | {"azure_code": self.code, "kind": self.kind}
        if self.kind in _WAITS and self.status != 200:
            return Temporary(self.key, retry_after=min(self.retry_after or _WAITS[self.kind], MAX_WAIT), **detail)
        if self.status is not None and self.status >= 400:
            return Refused(self.key, **detail)
        return Failed(self.key, **detail)


def cause_of(
    code: str, message: str = "", *, inner: Sequence[tuple[str, str]] = (), status: int | None = None, retry_after: float | None = None
) -> Cause:
    """The cause behind an Azure error: `inner` are the (code, message) pairs of its details.

    The most telling code wins: wrappers such as a failed reconcile, whose message quotes the code of the machine layer, say nothing themselves.
    """
    pairs = [*inner, *((found, message) for found in _EMBEDDED.findall(message)), (code, message)]
    chosen: tuple[str, Row] | None = None
    for candidate, text in pairs:
        row = row_for(candidate, text or message)
        if row is not None and (chosen is None or (chosen[1].generic and not row.generic)):
            chosen = (candidate, row)
    if chosen is None:
        row = row_for("", message) or _by_status(status)
        chosen = (code or f"HTTP {status}", row)
    name, row = chosen
    every = " ".join(dict.fromkeys([message, *(text for _, text in inner)]))
    return Cause(
        code=name, kind=row.kind, key=row.key, detail=row.read(every), buttons=row.buttons, status=status, retry_after=retry_after, message=every,
    )  # fmt: skip


def cause(error: BaseException) -> Cause | None:
    """The cause behind an error of this package (or behind the library's own), if Azure gave one."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, AzureError):
            return explained(seen)
        seen = seen.__cause__
    return None


def explained(error: AzureError) -> Cause:
    """The cause behind an exception of the Azure libraries."""
    if isinstance(error, DecodeError):
        return Cause(code="garbled", kind=UNAVAILABLE, key="azure.garbled", message=str(error)[:500])
    if isinstance(error, HttpResponseError) and error.response is not None:
        return _from_response(error)
    if isinstance(error, ClientAuthenticationError):
        return _sign_in(error)
    key = "azure.unreachable" if isinstance(error, ServiceRequestError) else "azure.no_answer"
    return Cause(code=type(error).__name__, kind=UNAVAILABLE, key=key, message=str(error)[:500])


def translated(error: AzureError) -> QuartermasterError:
    """What to raise instead; chain it with ``from error``."""
    return explained(error).error()


def missing(error: HttpResponseError) -> bool:
    """Whether the resource is really not there: a 404 by ARM's own word, not one of some proxy on the way."""
    if error.status_code != 404:
        return False
    found = _from_response(error)
    return found.code in MISSING_CODES or found.kind == GONE


def codes() -> frozenset[str]:
    """The keys of the words of this package, for tests."""
    return frozenset(key for key in WORDS if key.startswith("azure."))


def _sign_in(error: AzureError) -> Cause:
    return Cause(code="sign_in", kind=UNAVAILABLE, key="azure.sign_in", retry_after=30.0, message=str(error)[:500])


def _from_response(error: HttpResponseError) -> Cause:
    status = error.status_code
    response: Any = error.response
    wait = retry_after(response.headers)
    body = _body(response)
    wrapped = body.get("error")
    shell: Mapping[str, Any] = wrapped if isinstance(wrapped, Mapping) else body
    inner = [(str(item.get("code") or ""), str(item.get("message") or "")) for item in _details(shell)]
    code, message = str(shell.get("code") or ""), str(shell.get("message") or "")
    if not code and str(body.get("status", "")).lower() in ("canceled", "cancelled"):
        code = "Canceled"
    if not code and isinstance(error, ClientAuthenticationError):
        return _sign_in(error)
    return cause_of(code, message, inner=inner, status=status, retry_after=wait)


def _body(response: Any) -> Mapping[str, Any]:
    try:
        body = json.loads(response.text())
    except (ValueError, AttributeError):
        return {}
    return body if isinstance(body, Mapping) else {}


def _details(shell: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Innermost first: the machine layer's own words come before those of what wraps them."""
    for item in shell.get("details") or ():
        if isinstance(item, Mapping):
            yield from _details(item)
            yield item


def _by_status(status: int | None) -> Row:
    known = {401: "Unauthorized", 403: "Forbidden", 404: "UnknownNotFound", 408: "RequestTimeout", 412: "PreconditionFailed", 429: "Throttled"}
    name = known.get(status or 0, "ServiceUnavailable" if status is not None and status >= 500 else "Unknown")
    row = row_for(name, "")
    if row is None:
        raise KeyError(name)
    return row


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: from milliseconds, delta seconds or an HTTP date; None where it asks for nothing."""
    for name, unit in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("Retry-After", 1.0)):
        text = headers.get(name)
        if not text:
            continue
        if re.fullmatch(r"\d{1,9}(\.\d+)?", text.strip()):
            return min(float(text) * unit, MAX_WAIT)
        try:
            until = parsedate_to_datetime(text)
        except ValueError:
            continue
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return min(max((until - datetime.now(UTC)).total_seconds(), 0.0), MAX_WAIT)
    return None
