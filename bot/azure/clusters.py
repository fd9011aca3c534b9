"""AKS clusters: what is asked for, what Azure shows, and the one request for each change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from azure.core.exceptions import HttpResponseError

from bot import names
from bot.azure import tags as labels
from bot.azure.connection import Connection
from bot.azure.creation import create
from bot.azure.errors import missing
from bot.azure.operations import Begun, begin, begin_or_gone, begin_or_over, resource_cause
from bot.azure.pools import PoolState
from bot.azure.pools import profile as pool_profile
from bot.azure.sizes import lookup
from bot.errors import Refused

SYSTEM_POOL: Final = "system"
SYSTEM_SIZE: Final = "Standard_D4s_v5"
DNS_PREFIX_LENGTH: Final = 54


@dataclass(frozen=True)
class ClusterSpec:
    """A cluster to be made: its system pool only; GPU pools are put beside it (:mod:`bot.azure.pools`).

    `kubernetes_version` None: AKS's default. `entra`: Entra sign-in with Azure RBAC. `headers`: AKS feature headers of the creation.
    """

    group: str
    name: str
    region: str
    kubernetes_version: str | None = None
    system_size: str = SYSTEM_SIZE
    system_nodes: int = 1
    entra: bool = False
    disable_local_accounts: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ClusterState:
    """A cluster as Azure shows it. `error` is a plain sentence or empty; `pools` are the summaries that a cluster carries."""

    id: str
    group: str
    name: str
    region: str
    provisioning_state: str
    power_state: str
    kubernetes_version: str
    tags: Mapping[str, str] = field(default_factory=dict)
    pools: tuple[PoolState, ...] = ()
    error: str = ""
    entra: bool = False
    local_accounts_disabled: bool = False
    fqdn: str = ""
    node_group: str = ""
    etag: str = field(default="", compare=False)


@dataclass(frozen=True)
class KubernetesVersion:
    """A minor version that AKS offers in a region, with its patch versions."""

    version: str
    patches: tuple[str, ...]
    preview: bool
    default: bool


def body(spec: ClusterSpec, tags: Mapping[str, str]) -> dict[str, Any]:
    """The JSON of the creation. Raises Refused for names or combinations that Azure would refuse."""
    names.checked("group", spec.group)
    names.checked("cluster", spec.name)
    names.checked("region", spec.region)
    size = names.checked("size", lookup(spec.system_size).name)
    if not 1 <= spec.system_nodes <= 1000:
        raise Refused("azure.node_count", nodes=spec.system_nodes, floor=1)
    if spec.disable_local_accounts and not spec.entra:
        raise Refused("azure.local_accounts")
    properties: dict[str, Any] = {
        "dnsPrefix": dns_prefix(spec.name),
        "enableRBAC": True,
        "disableLocalAccounts": spec.disable_local_accounts,
        "agentPoolProfiles": [
            {
                "name": SYSTEM_POOL, "mode": "System", "count": spec.system_nodes, "vmSize": size,
                "osType": "Linux", "type": "VirtualMachineScaleSets", "tags": dict(tags),
            }
        ],
    }  # fmt: skip
    if spec.kubernetes_version is not None:
        properties["kubernetesVersion"] = names.checked("version", spec.kubernetes_version)
    if spec.entra:
        properties["aadProfile"] = {"managed": True, "enableAzureRBAC": True}
    return {
        "location": spec.region,
        "tags": dict(tags),
        "identity": {"type": "SystemAssigned"},
        "sku": {"name": "Base", "tier": "Free"},
        "properties": properties,
    }


def dns_prefix(name: str) -> str:
    """The DNS prefix for a cluster name: letters, digits and `-`, starting and ending with a letter or digit, at most 54 (AKS)."""
    return re.sub(r"[^A-Za-z0-9-]", "-", name)[:DNS_PREFIX_LENGTH].strip("-") or "cluster"


async def put(conn: Connection, spec: ClusterSpec, tags: Mapping[str, str]) -> Begun:
    """Begin to create the cluster: exactly one conditional PUT, so that a repeat is harmless.

    A cluster that carries our operation's tag already counts as begun. Raises Refused (``azure.name_taken``) for another's, and as
    :meth:`Connection.call`.
    """
    from azure.mgmt.containerservice.models import ManagedCluster

    content = ManagedCluster(body(spec, tags))
    return await create(
        conn, conn.containers.managed_clusters.begin_create_or_update, lambda: get(conn, spec.group, spec.name), spec.group, spec.name,
        body=content, tags=tags, headers=spec.headers, kind="cluster",
    )  # fmt: skip


async def get(conn: Connection, group: str, name: str) -> ClusterState | None:
    """The cluster, or None where there is none. One read."""
    _checked(group, name)

    async def ask() -> ClusterState | None:
        try:
            return read((await conn.containers.managed_clusters.get(group, name)).as_dict())
        except HttpResponseError as error:
            if missing(error):
                return None
            raise

    return await conn.call(ask())


async def list_all(conn: Connection, *, on_page: Callable[[object], None] | None = None) -> list[ClusterState]:
    """All clusters of the subscription: one read per page; `on_page` is called after each."""
    hook = {"raw_response_hook": on_page} if on_page else {}

    async def pages() -> list[ClusterState]:
        return [read(item.as_dict()) async for item in conn.containers.managed_clusters.list(**hook)]

    return await conn.call(pages())


async def delete(conn: Connection, group: str, name: str) -> Begun:
    """Begin to delete it; one that is gone already, or is being deleted, counts as done."""
    _checked(group, name)
    return await begin_or_gone(conn, conn.containers.managed_clusters.begin_delete, group, name)


async def start(conn: Connection, group: str, name: str) -> Begun:
    """Begin to start a stopped cluster."""
    _checked(group, name)
    return await begin(conn, conn.containers.managed_clusters.begin_start, group, name)


async def stop(conn: Connection, group: str, name: str) -> Begun:
    """Begin to stop it: nodes and control plane cease to cost, and may be hard to get again."""
    _checked(group, name)
    return await begin(conn, conn.containers.managed_clusters.begin_stop, group, name)


async def abort(conn: Connection, group: str, name: str) -> Begun:
    """Abort the operation that runs on the cluster; where none runs any more that counts as done. Nothing made is taken back."""
    _checked(group, name)
    return await begin_or_over(conn, conn.containers.managed_clusters.begin_abort_latest_operation, group, name)


async def update_tags(conn: Connection, group: str, name: str, changes: Mapping[str, str | None]) -> Begun:
    """Lay `changes` over the cluster's tags (None removes one). A read and at most one write: PATCH replaces all tags, so the others are sent again.

    Raises Refused (``azure.gone``) where there is no such cluster.
    """
    state = await get(conn, group, name)
    if state is None:
        raise Refused("azure.gone")
    wanted = labels.merged(state.tags, changes)
    if wanted == dict(state.tags):
        return Begun(repeated=True)
    return await begin(conn, conn.containers.managed_clusters.begin_update_tags, group, name, {"tags": wanted})


async def kubernetes_versions(conn: Connection, region: str) -> list[KubernetesVersion]:
    """What AKS offers in `region`, newest first. One read."""
    names.checked("region", region)
    answer = await conn.call(conn.containers.managed_clusters.list_kubernetes_versions(region))
    rows = [
        KubernetesVersion(
            version=str(row.get("version") or ""),
            patches=tuple(sorted(row.get("patchVersions") or {}, key=_numbers, reverse=True)),
            preview=bool(row.get("isPreview")),
            default=bool(row.get("isDefault")),
        )
        for row in answer.as_dict().get("values") or ()
    ]
    return sorted(rows, key=lambda row: _numbers(row.version), reverse=True)


def read(wire: Mapping[str, Any]) -> ClusterState:
    """The state in ARM's JSON. Group and name come from the id, whose segments ARM spells in any case."""
    properties = wire.get("properties") or {}
    parts = str(wire.get("id") or "").split("/")
    failure = resource_cause(wire)
    group = parts[4] if len(parts) > 4 else ""
    name = str(wire.get("name") or (parts[8] if len(parts) > 8 else ""))
    return ClusterState(
        id=str(wire.get("id") or ""),
        group=group,
        name=name,
        region=str(wire.get("location") or ""),
        provisioning_state=str(properties.get("provisioningState") or ""),
        power_state=str((properties.get("powerState") or {}).get("code") or ""),
        kubernetes_version=str(properties.get("currentKubernetesVersion") or properties.get("kubernetesVersion") or ""),
        tags=dict(wire.get("tags") or {}),
        pools=tuple(pool_profile(group, name, item) for item in properties.get("agentPoolProfiles") or ()),
        error=failure.sentence if failure else "",
        entra=bool(properties.get("aadProfile")),
        local_accounts_disabled=bool(properties.get("disableLocalAccounts")),
        fqdn=str(properties.get("fqdn") or properties.get("privateFQDN") or ""),
        node_group=str(properties.get("nodeResourceGroup") or ""),
        etag=str(wire.get("eTag") or properties.get("eTag") or ""),
    )


def _checked(group: str, name: str) -> None:
    names.checked("group", group)
    names.checked("cluster", name)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
