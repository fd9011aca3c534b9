"""How something reaches the app: over one of its sockets, or as a signed HTTP request (Slack: request signing, three seconds to answer)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from playground import chance
from playground.slack.errors import ApiError
from playground.slack.model import Json
from playground.slack.socket import Sockets
from playground.slack.workspace import Workspace

ACK_SECONDS: Final = 3.0
USER_AGENT: Final = "Slackbot 1.0 (+https://api.slack.com/robots)"
SOCKET_EFFECTS: Final = {"socket_disconnect": "disconnect", "socket_close": "close", "socket_reset": "reset", "socket_silent": "silent"}


@dataclass
class Ack:
    """The app's answer. `error` is None, operation_timeout or dispatch_failed; `reason` as in X-Slack-Retry-Reason; `ms` it took."""

    error: str | None
    body: Any = None
    status: int = 200
    reason: str = ""
    no_retry: bool = False
    ms: float = 0.0


class Delivery:
    """Delivers by `mode` ("socket" or "http" to `url`)."""

    def __init__(self, workspace: Workspace, sockets: Sockets) -> None:
        self._workspace, self._sockets = workspace, sockets
        self.mode, self.url = "socket", ""
        self._session: aiohttp.ClientSession | None = None

    def as_json(self) -> Json:
        """As the control API shows it."""
        return {"mode": self.mode, "url": self.url or None, "sockets": len(self._sockets.open)}

    async def deliver(self, kind: str, payload: Json, *, detail: str, answerable: bool = False, retry: tuple[int, str] | None = None) -> Ack:
        """Deliver once. `kind` is slash_commands, interactive or events_api; faults are matched with ``DELIVER kind detail``."""
        subject = f"DELIVER {kind} {detail}"
        disturbance = self._workspace.faults.take("slack", subject, *SOCKET_EFFECTS)
        if disturbance is not None:
            await self._sockets.disturb(SOCKET_EFFECTS[disturbance.effect], disturbance.options)
        if self._workspace.faults.take("slack", subject, "lost") is not None:
            return Ack("operation_timeout", status=408, reason="http_timeout")
        started = time.perf_counter()
        ack = await self._once(kind, payload, answerable, retry)
        if self._workspace.faults.take("slack", subject, "deliver_twice") is not None:
            await self._once(kind, payload, answerable, (1, "http_timeout"))
        if self._workspace.faults.take("slack", subject, "redeliver") is not None:
            ack = Ack("operation_timeout", status=408, reason="http_timeout")
        ack.ms = (time.perf_counter() - started) * 1000
        return ack

    async def _once(self, kind: str, payload: Json, answerable: bool, retry: tuple[int, str] | None) -> Ack:
        if self.mode == "http":
            return await self._post(kind, payload, retry)
        try:
            return Ack(None, await self._sockets.send(kind, payload, answerable=answerable, seconds=ACK_SECONDS, retry=retry))
        except ApiError as error:
            return Ack(error.code, status=503, reason="connection_failed")
        except TimeoutError:
            return Ack("operation_timeout", status=408, reason="timeout")

    async def _post(self, kind: str, payload: Json, retry: tuple[int, str] | None) -> Ack:
        if kind == "events_api":
            body, content_type = json.dumps(payload), "application/json"
        else:
            body = urlencode(payload if kind == "slash_commands" else {"payload": json.dumps(payload)})
            content_type = "application/x-www-form-urlencoded"
        headers = self.signed(body) | {"Content-Type": content_type, "User-Agent": USER_AGENT}
        if retry is not None:
            headers |= {"X-Slack-Retry-Num": str(retry[0]), "X-Slack-Retry-Reason": retry[1]}
        try:
            async with asyncio.timeout(ACK_SECONDS), self._client().post(self.url, data=body.encode(), headers=headers) as answer:
                text = await answer.text()
        except TimeoutError:
            return Ack("operation_timeout", status=408, reason="http_timeout")
        except aiohttp.ClientError:
            return Ack("dispatch_failed", status=503, reason="connection_failed")
        no_retry = answer.headers.get("X-Slack-No-Retry") == "1"
        if not 200 <= answer.status < 300:
            return Ack("dispatch_failed", status=answer.status, reason="http_error", no_retry=no_retry)
        return Ack(None, _body(text), answer.status, no_retry=no_retry)

    def signed(self, body: str) -> dict[str, str]:
        """The headers that prove it is us: v0 HMAC-SHA256 over version, real time and raw body."""
        stamp = str(int(time.time()))
        digest = hmac.new(self._workspace.signing_secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}

    async def verify_url(self) -> bool:
        """The handshake of an Events request URL: the app must give back the challenge."""
        challenge = chance.digits("challenge", 32)
        ack = await self._post("events_api", {"token": self._workspace.verification_token, "challenge": challenge, "type": "url_verification"}, None)
        return ack.error is None and (ack.body == challenge or (isinstance(ack.body, dict) and ack.body.get("challenge") == challenge))

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        """Close the outgoing connections."""
        if self._session is not None:
            await self._session.close()


def _body(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else None
    except ValueError:
        return text
