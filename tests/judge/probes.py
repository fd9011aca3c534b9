"""A bare HTTP client of each simulated service: one thing to read, one to write, and whether the write took place."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from playground.kubernetes.rbac import token_of
from tests.judge.clients import SUBSCRIPTION, Arm
from tests.playing import Playing

SERVICES = ("slack", "azure", "identity", "prices", "kubernetes")
BROKEN = (OSError, http.client.HTTPException)


@dataclass
class Answer:
    """What came back, and after how many seconds; `status` 0 where the connection broke (`error` says how)."""

    status: int
    body: Any
    headers: dict[str, str]
    seconds: float
    error: str = ""


@dataclass
class Probe:
    """One service; paths are those of its own API."""

    service: str
    url: str
    headers: dict[str, str]
    reading: str
    writing: Callable[[str], tuple[str, str, Any]] = field(repr=False)
    there: Callable[[str], bool] = field(repr=False)
    context: ssl.SSLContext | None = None

    def call(self, method: str, path: str, body: Any = None) -> Answer:
        """One request on a connection of its own."""
        parts, started = urlsplit(self.url), time.monotonic()
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=20, context=self.context)
        else:
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        try:
            connection.request(method, parts.path + path, None if body is None else json.dumps(body), self.headers)
            answer = connection.getresponse()
            text = answer.read()
            parsed = json.loads(text) if text[:1] in (b"{", b"[") else text.decode()
            return Answer(answer.status, parsed, {name.lower(): value for name, value in answer.getheaders()}, time.monotonic() - started)
        except BROKEN as error:
            return Answer(0, None, {}, time.monotonic() - started, type(error).__name__)
        finally:
            connection.close()

    def read(self) -> Answer:
        """A request that changes nothing."""
        return self.call("GET", self.reading)

    def write(self, name: str) -> Answer:
        """Make something called `name`."""
        return self.call(*self.writing(name))

    def begun(self, name: str) -> tuple[threading.Thread, list[Answer]]:
        """The same in a thread; the list gets the answer."""
        answers: list[Answer] = []
        thread = threading.Thread(target=lambda: answers.append(self.write(name)))
        thread.start()
        return thread, answers


def probe_of(play: Playing, service: str) -> Probe:
    """A probe of `service`; Kubernetes' needs the cluster ``demo``."""
    return {"slack": _slack, "azure": _azure, "identity": _identity, "prices": _prices, "kubernetes": _kubernetes}[service](play)


def _slack(play: Playing) -> Probe:
    headers = {"Authorization": f"Bearer {play.ready['env']['SLACK_BOT_TOKEN']}", "Content-Type": "application/json; charset=utf-8"}

    def writing(name: str) -> tuple[str, str, Any]:
        return "POST", "/chat.postMessage", {"channel": "C0ML", "text": name}

    def there(name: str) -> bool:
        return name in [message["text"] for message in play.messages("C0ML")]

    return Probe("slack", play.ready["slack"].rstrip("/"), headers, "/auth.test", writing, there)


def _trusting(play: Playing) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=play.ready["ca"])


def _azure(play: Playing) -> Probe:
    arm = Arm(play)
    headers = {"Authorization": f"Bearer {arm.token()}", "Content-Type": "application/json"}
    version = "api-version=2026-08-01"

    def writing(name: str) -> tuple[str, str, Any]:
        return "PUT", f"/resourceGroups/{name}?{version}", {"location": "eastus"}

    def there(name: str) -> bool:
        return arm("GET", f"/resourceGroups/{name}")[0] == 200

    url = f"{play.ready['azure']}/subscriptions/{SUBSCRIPTION}"
    return Probe("azure", url, headers, f"/resourceGroups?{version}", writing, there, _trusting(play))


def _nothing(name: str) -> tuple[str, str, Any]:
    raise NotImplementedError(f"this service takes no {name}")


def _identity(play: Playing) -> Probe:
    env = play.ready["env"]
    reading = "?resource=https://management.azure.com/&api-version=2019-08-01"
    return Probe("identity", env["IDENTITY_ENDPOINT"], {"X-IDENTITY-HEADER": env["IDENTITY_HEADER"]}, reading, _nothing, lambda _: False)


def _prices(play: Playing) -> Probe:
    reading = "?$filter=" + quote("armSkuName eq 'Standard_NC4as_T4_v3'")

    return Probe("prices", play.ready["prices"], {}, reading, _nothing, lambda _: False)


def _kubernetes(play: Playing) -> Probe:
    headers = {"Authorization": f"Bearer {token_of('rg--demo', 'admin')}", "Content-Type": "application/json"}
    maps = "/api/v1/namespaces/default/configmaps"
    url = f"{play.ready['kubernetes']}/clusters/rg--demo"

    def writing(name: str) -> tuple[str, str, Any]:
        return "POST", maps, {"metadata": {"name": name}}

    def there(name: str) -> bool:
        return found.call("GET", f"{maps}/{name}").status == 200

    found = Probe("kubernetes", url, headers, maps, writing, there, _trusting(play))
    return found
