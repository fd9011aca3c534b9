"""A cluster to test against: simulated, on loopback over TLS; or a real one, where QUARTERMASTER_TEST_KUBECONFIG names its kubeconfig."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.cluster.access import Access
from playground.backend import Pool
from playground.clock import Clock
from playground.faults import Faults
from playground.kubernetes import Clusters, build
from playground.traffic import Traffic

REAL = os.environ.get("QUARTERMASTER_TEST_KUBECONFIG")
T = TypeVar("T")
ID = "group--demo"


async def wait_until(look: Callable[[], Awaitable[T]], good: Callable[[T], object], seconds: float = 30.0) -> T:
    """Look again and again until it is good; fails with what was seen last."""
    until = time.monotonic() + (seconds if REAL is None else seconds * 20)
    while True:
        seen = await look()
        if good(seen):
            return seen
        if time.monotonic() > until:
            pytest.fail(f"not within {seconds} s; last seen: {seen}")
        await asyncio.sleep(0.05 if REAL is None else 1.0)


@dataclass
class Rig:
    """A cluster under test. `clusters`, `faults`, `traffic` are those of the simulation and None for a real cluster."""

    access: Access
    clusters: Clusters | None = None
    faults: Faults | None = None
    traffic: Traffic | None = None
    opened: list[Access] = field(default_factory=list)

    def simulated(self) -> tuple[Clusters, Faults]:
        """What only a simulation has; skips the test on a real cluster."""
        if self.clusters is None or self.faults is None:
            pytest.skip("it breaks or rebuilds the cluster, which is done to a simulated one only: QUARTERMASTER_TEST_KUBECONFIG is set")
        return self.clusters, self.faults

    def fault(self, match: str, effect: str, times: int = 1, **options: Any) -> None:
        """Register a fault."""
        self.simulated()[1].add({"service": "kubernetes", "match": match, "effect": effect, "times": times, **options})

    def pool(self, **fields: Any) -> None:
        """Set a node pool of the simulated cluster; on a real one the nodes are what they are."""
        wanted = {
            "name": "gpu",
            "count": 1,
            "vm_size": "Standard_NC4as_T4_v3",
            "gpu_count": 1,
            "gpu_model": "T4",
            "vcpus": 4,
            "memory_gib": 28.0,
            "taints": ["sku=gpu:NoSchedule"],
        }
        if self.clusters is not None:
            self.clusters.set_pool(ID, Pool(**{**wanted, **fields}))

    def requests(self, part: str) -> list[dict[str, Any]]:
        """Requests received whose path holds `part`."""
        assert self.traffic is not None
        return [row for row in self.traffic.listed("kubernetes") if part in row["path"]]

    def access_as(self, role: str) -> Access:
        """Another connection, as admin, reader or nobody."""
        clusters, _ = self.simulated()
        access = Access.from_kubeconfig(yaml.safe_load(clusters.kubeconfig_for(ID, role)), cluster="demo")
        self.opened.append(access)
        return access


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """An empty cluster with one system node (simulated), or the real one."""
    if REAL is not None:
        access = Access.from_kubeconfig(_flat(Path(REAL)), cluster="real")
        yield Rig(access)
        access.close()
        return
    certificate, context = _tls()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        faults = Faults()
        traffic = Traffic(faults)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        app, clusters = build(Clock(speed=200.0), traffic, public_url=url, ca_pem=certificate)
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        await web.SockSite(runner, listener, ssl_context=context).start()
        clusters.create(ID, kubernetes_version="1.35.1")
        clusters.set_pool(ID, Pool(name="system", count=1, vm_size="Standard_D4s_v5", mode="System", vcpus=4, memory_gib=16.0))
        access = Access.from_kubeconfig(yaml.safe_load(clusters.kubeconfig(ID)), cluster="demo")
        made = Rig(access, clusters, faults, traffic)
        yield made
        for one in (access, *made.opened):
            one.close()
        await runner.cleanup()


def _flat(path: Path) -> dict[str, Any]:
    """A kubeconfig with the files that it names put inside (what `kubectl config view --flatten` does)."""
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    for section, kind in (("clusters", "cluster"), ("users", "user")):
        for entry in config.get(section) or ():
            body = entry[kind]
            for key in ("certificate-authority", "client-certificate", "client-key"):
                if key in body:
                    content = (path.parent / body.pop(key)).read_bytes()
                    body[f"{key}-data"] = base64.b64encode(content).decode()
            if "tokenFile" in body:
                body["token"] = (path.parent / body.pop("tokenFile")).read_text().strip()
    return config


def _tls() -> tuple[str, ssl.SSLContext]:
    """A throw-away certificate for 127.0.0.1 that is its own authority, and the server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    handle = os.memfd_create("server")
    os.write(handle, pem + secret)
    context.load_cert_chain(f"/proc/self/fd/{handle}")
    os.close(handle)
    return pem.decode(), context
