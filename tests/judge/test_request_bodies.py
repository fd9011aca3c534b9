"""The bot's requests against azure-cli's for the same intent: every difference has a reason, and one without a reason fails."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.azure import clusters, groups, pools, poolspec
from bot.azure.clusters import ClusterSpec
from bot.azure.connection import Connection
from bot.azure.creation import header_problem
from bot.azure.poolspec import PoolSpec
from playground import azure
from playground.azure import identity
from playground.backend import NoClusters
from playground.clock import Clock
from playground.faults import Faults
from playground.tls import certificate
from playground.traffic import Traffic
from tests.judge.clients import DEMO, SUBSCRIPTION
from tests.judge.oracle import ABSENT, differences, kept

TAGS = {"quartermaster-operation": "op-1"}
ANY = object()
T4 = PoolSpec("rg", "demo", "gpu", "Standard_NC4as_T4_v3", nodes=1)
CLUSTER = ClusterSpec("rg", "demo", "eastus", system_size="Standard_D2s_v5")
DEFAULT = "azure-cli spells out what is AKS's own default"


@dataclass(frozen=True)
class Reason:
    """Why a value at `path` (a whole-match pattern) may be `theirs` there and `ours` here."""

    path: str
    theirs: Any
    ours: Any
    why: str

    def explains(self, path: str, theirs: Any, ours: Any) -> bool:
        """Whether this is the difference meant."""
        return re.fullmatch(self.path, path) is not None and self.theirs in (ANY, theirs) and self.ours in (ANY, ours)


POOL = r"properties\.(?:agentPoolProfiles\[0\]\.)?"
REASONS = (
    Reason(POOL + "enable(?:NodePublicIP|EncryptionAtHost|UltraSSD|FIPS|AutoScaling)", False, ABSENT, DEFAULT),
    Reason(POOL + "scaleSetPriority", "Regular", ABSENT, DEFAULT),
    Reason(r"properties\.upgradeSettings\.undrainableNodeBehavior", "Schedule", ABSENT, DEFAULT),
    Reason(r"properties\.networkProfile\.(?:loadBalancerSku|outboundType)", ANY, ABSENT, DEFAULT),
    Reason(r"properties\.bootstrapProfile\.artifactSource", "Direct", ABSENT, DEFAULT),
    Reason(r"properties\.(?:addonProfiles|storageProfile|agentPoolProfiles\[0\]\.upgradeSettings)", {}, ABSENT, "empty: it asks for nothing"),
    Reason(POOL + "(?:kubernetesVersion|orchestratorVersion)", "", ABSENT, "both mean AKS's default version"),
    Reason(r"properties\.agentPoolProfiles\[0\]\.nodeTaints", [], ABSENT, "both mean none; nodes of the system pool take everything"),
    Reason(r"properties\.nodeLabels", ABSENT, {}, "both mean none"),
    Reason(r"(?:properties\.(?:agentPoolProfiles\[0\]\.)?)?tags\.owner", "U0ALICE", ABSENT, "a tag of the kept command"),
    Reason(r"(?:properties\.(?:agentPoolProfiles\[0\]\.)?)?tags\.quartermaster-operation", ABSENT, "op-1", "how the bot knows its own work again"),
    *(
        Reason(r"properties\.tags\.quartermaster-gpu-profile", ABSENT, asked, "what was asked for, to hold Azure's answer against")
        for asked in ("driver-only", "none", "driver-only MIG1g")
    ),
    Reason(r"properties\.gpuProfile\.driver", ABSENT, "Install", "fixed at creation, so never left to a default"),
    Reason(
        r"properties\.gpuProfile\.nvidia\.managementMode", ABSENT, "Unmanaged",
        "fixed at creation, so never left to a default (AKS's documentation contradicts itself on it); azure-cli has no option for it",
    ),
    Reason(r"properties\.nodeTaints", [], ["sku=gpu:NoSchedule"], "GPU nodes are kept for pods that ask for GPUs (AKS: GPU article)"),
    Reason(r"properties\.agentPoolProfiles\[0\]\.name", "nodepool1", "system", "a name that says what the pool is for"),
    Reason(r"properties\.dnsPrefix", ANY, ANY, "azure-cli puts group and subscription into the prefix; AKS makes it unique by itself"),
    Reason(r"properties\.aadProfile\.enableAzureRBAC", False, True, "who signs in with Entra is authorised by Azure roles, and so is the bot"),
)  # fmt: skip

INTENTS: dict[str, Callable[[], dict[str, Any]]] = {
    "pool-add": lambda: pool(replace(T4, taints=["sku=gpu:NoSchedule"], labels={"a": "b"})),
    "pool-add-spot": lambda: pool(replace(T4, name="spot", spot=True)),
    "pool-add-autoscaler": lambda: pool(replace(T4, name="auto", min_nodes=0, max_nodes=2)),
    "pool-add-driver-none": lambda: pool(replace(T4, name="gpunone", driver="none")),
    "pool-add-mig": lambda: pool(replace(T4, name="mig", size="Standard_NC24ads_A100_v4", mig="MIG1g")),
    "pool-add-zones": lambda: pool(replace(T4, name="zoned", zones=["1", "2"])),
    "cluster-create": lambda: clusters.body(CLUSTER, TAGS),
    "cluster-create-entra": lambda: clusters.body(replace(CLUSTER, name="entra", entra=True, disable_local_accounts=True), TAGS),
}


def pool(spec: PoolSpec) -> dict[str, Any]:
    return poolspec.body(spec, TAGS)


def unexplained(theirs: Any, ours: Any) -> list[str]:
    return [
        f"{path}: azure-cli {left!r}, the bot {right!r}"
        for path, (left, right) in differences(theirs, ours).items()
        if not any(reason.explains(path, left, right) for reason in REASONS)
    ]


@pytest.mark.parametrize("intent", INTENTS)
def test_a_new_resource_is_asked_for_as_azure_cli_does_or_for_a_reason(intent: str) -> None:
    assert unexplained(kept(intent)["body"], INTENTS[intent]()) == []


def test_no_reason_is_stale() -> None:
    met = [(path, *pair) for name, ours in INTENTS.items() for path, pair in differences(kept(name)["body"], ours()).items()]
    assert [reason.path for reason in REASONS if not any(reason.explains(*row) for row in met)] == []


def test_a_difference_without_a_reason_is_noticed() -> None:
    ours = pool(replace(T4, taints=["sku=gpu:NoSchedule"], labels={"a": "b"}))
    ours["properties"]["maxPods"] = 30
    del ours["properties"]["scaleDownMode"]
    assert unexplained(kept("pool-add")["body"], ours) == [
        "properties.scaleDownMode: azure-cli 'Delete', the bot '(absent)'",
        "properties.maxPods: azure-cli '(absent)', the bot 30",
    ]


def test_the_retired_headers_of_azure_cli_are_refused_with_what_replaced_them() -> None:
    assert "by themselves now" in header_problem("usegen2vm", "true")
    assert "--driver managed" in header_problem("UseGPUDedicatedVHD", "true")
    assert header_problem("EnableAzureDiskFileCSIDriver", "true") == ""


@dataclass
class Recorded:
    """The simulated Azure in this process, and what was put there: (name of the thing, headers, body)."""

    conn: Connection
    puts: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    async def put(self, path: str, body: Any) -> None:
        """A request of azure-cli's, as it was kept."""
        token, _ = identity.issue("https://management.azure.com/.default")
        url = f"{self.conn.base_url}/subscriptions/{SUBSCRIPTION}{path}?api-version=2026-06-01"
        async with self.conn.session.put(url, json=body, headers={"Authorization": f"Bearer {token}"}) as answer:
            assert answer.status in (200, 201), await answer.text()

    async def settled(self, pool_name: str) -> None:
        """Until nothing runs on the pool any more."""
        async with asyncio.timeout(20):
            while (state := await pools.get(self.conn, "rg", "demo", pool_name)) is None or state.provisioning_state != "Succeeded":  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@pytest.fixture
async def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Recorded]:
    """A subscription with the cluster of the kept requests; every PUT is recorded."""
    context, ca_file, _ = certificate(tmp_path)
    app, _ = azure.build(Clock(1_000_000.0), Traffic(Faults()), NoClusters(), public_url="https://127.0.0.1")

    @web.middleware
    async def keep(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        if request.method == "PUT":
            made.puts.append((request.path.rpartition("/")[2], dict(request.headers), json.loads(await request.text())))
        return await handler(request)

    app.middlewares.insert(0, keep)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    identity_at = {"IDENTITY_ENDPOINT": f"{url}/msi/token", "IDENTITY_HEADER": "playground"}
    for name, value in {"AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential", **identity_at}.items():
        monkeypatch.setenv(name, value)
    conn = Connection(subscription_id=SUBSCRIPTION, base_url=url, ca_file=ca_file)
    made = Recorded(conn)
    await made.put("/resourcegroups/rg", kept("group-create")["body"])
    await made.put(DEMO, kept("cluster-create")["body"])
    yield made
    await conn.close()
    await runner.cleanup()


Change = Callable[[Connection, str], Awaitable[Any]]
CHANGES: dict[str, tuple[list[str], Change]] = {  # what azure-cli had sent before, and the same change by the bot
    "pool-scale": (["pool-add"], lambda conn, name: pools.scale(conn, "rg", "demo", name, nodes=2)),
    "pool-stop": (["pool-add", "pool-update-labels"], lambda conn, name: pools.set_power(conn, "rg", "demo", name, "Stopped")),
    "pool-start": (["pool-add", "pool-update-labels", "pool-stop"], lambda conn, name: pools.set_power(conn, "rg", "demo", name, "Running")),
    "pool-update-autoscaler": (["pool-add-autoscaler"], lambda conn, name: pools.scale(conn, "rg", "demo", name, min_nodes=1, max_nodes=2)),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_puts_back_what_was_read_as_azure_cli_does_but_guarded(recorded: Recorded, name: str) -> None:
    earlier, change = CHANGES[name]
    pool_name = kept(earlier[0])["name"]
    for step in earlier:
        await recorded.put(f"{DEMO}/agentPools/{pool_name}", kept(step)["body"])
        await recorded.settled(pool_name)
    await change(recorded.conn, pool_name)
    _, headers, ours = recorded.puts[-1]
    assert differences(kept(name)["body"], ours) == {}
    assert headers["If-Match"], "azure-cli overwrites what others did meanwhile; the bot does not"


async def test_a_group_is_asked_for_as_azure_cli_does(recorded: Recorded) -> None:
    await groups.ensure(recorded.conn, "mine", "eastus", {"owner": "U0ALICE"})
    assert recorded.puts[-1][2] == kept("group-create")["body"]
