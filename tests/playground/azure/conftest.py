"""The simulated Azure over TLS on loopback with a throw-away CA, and the real SDK clients pointed at it."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from azure.core.credentials import AccessToken
from azure.mgmt.containerservice.aio import ContainerServiceClient
from azure.mgmt.resource.resources.aio import ResourceManagementClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from playground import azure
from playground.azure import identity
from playground.azure.state import Subscription
from playground.backend import NoClusters
from playground.clock import Clock
from playground.faults import Faults
from playground.traffic import Traffic

SPEED = 400.0
QUICK = 20_000.0


@dataclass(frozen=True)
class Certificate:
    """A throw-away CA that is also the server's certificate."""

    ca: Path
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throw-away")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return Certificate(folder / "ca.pem", context)


@dataclass
class Arm:
    """The running service and what a test needs to look at it from inside."""

    url: str
    ca: Path
    subscription: Subscription
    backend: NoClusters
    faults: Faults
    clock: Clock
    http: aiohttp.ClientSession

    @property
    def options(self) -> dict[str, Any]:
        """For the constructors of SDK clients; `polling_interval` in seconds."""
        return {"credential_scopes": ["https://management.azure.com/.default"], "connection_verify": str(self.ca), "polling_interval": 0.05}

    @property
    def root(self) -> str:
        return f"/subscriptions/{self.subscription.id}"

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """(status, JSON or None, headers) of a raw request with a good token."""
        token, _ = identity.issue("https://management.azure.com/.default")
        url = f"{self.url}{path}{'&' if '?' in path else '?'}api-version=2026-08-01" if path.startswith("/") else path
        sent = {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(method, url, json=body, headers=sent) as response:
            text = await response.text()
            return response.status, (await response.json() if text else None), response.headers

    async def until_done(self, headers: Any) -> Any:
        """Follow the Azure-AsyncOperation URL to its end; the last status body."""
        limit = time.monotonic() + 20
        while True:
            status, body, _ = await self.call("GET", headers["Azure-AsyncOperation"])
            assert status == 200, body
            if body["status"] in ("Succeeded", "Failed", "Canceled"):
                return body
            assert time.monotonic() < limit, body
            await asyncio.sleep(0.02)

    def cluster(self, name: str = "demo", group: str = "rg") -> str:
        """The path of a cluster."""
        return f"{self.root}/resourceGroups/{group}/providers/Microsoft.ContainerService/managedClusters/{name}"

    def pool(self, name: str, cluster: str = "demo") -> str:
        """The path of a pool."""
        return f"{self.cluster(cluster)}/agentPools/{name}"

    async def put_pool(self, name: str, **properties: Any) -> tuple[int, Any, Any]:
        """PUT a pool (default: one T4 node, User)."""
        return await self.call("PUT", self.pool(name), {"properties": {"vmSize": "Standard_NC4as_T4_v3", "count": 1, "mode": "User"} | properties})


class Credential:
    """A token of the fake token service, without asking it."""

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken(*identity.issue(scopes[0]))

    async def close(self) -> None:
        return None

    async def __aenter__(self) -> Credential:
        return self

    async def __aexit__(self, *_: Any) -> None:
        return None


@pytest.fixture
def credential() -> Credential:
    return Credential()


@pytest.fixture
async def arm(certificate: Certificate) -> AsyncIterator[Arm]:
    clock, faults, backend = Clock(SPEED), Faults(), NoClusters()
    app, subscription = azure.build(clock, Traffic(faults), backend, public_url="https://127.0.0.1")
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate.context)
    await site.start()
    port = runner.addresses[0][1]
    trusted = ssl.create_default_context(cafile=str(certificate.ca))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted)) as http:
        yield Arm(f"https://127.0.0.1:{port}", certificate.ca, subscription, backend, faults, clock, http)
    await runner.cleanup()


@pytest.fixture
async def aks(arm: Arm) -> AsyncIterator[ContainerServiceClient]:
    async with ContainerServiceClient(Credential(), arm.subscription.id, base_url=arm.url, **arm.options) as client:
        yield client


@pytest.fixture
async def resources(arm: Arm) -> AsyncIterator[ResourceManagementClient]:
    async with ResourceManagementClient(Credential(), arm.subscription.id, base_url=arm.url, **arm.options) as client:
        yield client


@pytest.fixture
def cluster_body() -> Any:
    return {
        "location": "eastus",
        "identity": {"type": "SystemAssigned"},
        "sku": {"name": "Base", "tier": "Free"},
        "properties": {
            "dnsPrefix": "demo",
            "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D2s_v5", "osType": "Linux"}],
        },
    }


@pytest.fixture
async def demo(arm: Arm, resources: ResourceManagementClient, aks: ContainerServiceClient, cluster_body: Any) -> str:
    """A cluster `demo` in group `rg`, ready."""
    arm.clock.speed = QUICK
    await resources.resource_groups.create_or_update("rg", {"location": "eastus"})
    poller = await aks.managed_clusters.begin_create_or_update("rg", "demo", cluster_body)
    await poller.result()
    arm.clock.speed = SPEED
    return "demo"


@pytest.fixture
def quick(arm: Arm, demo: str) -> None:
    """For tests that only wait for operations to end, never catch one running."""
    arm.clock.speed = QUICK


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool | Awaitable[bool]]], Awaitable[None]]:
    async def waiting(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10) -> None:
        limit = time.monotonic() + seconds
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            assert time.monotonic() < limit, "it did not happen in time"
            await asyncio.sleep(0.02)

    return waiting
