"""Node pools: every change but deletion and abort is one PUT of the whole pool (AKS)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError

from bot import names
from bot.azure import tags as labels
from bot.azure.connection import Connection
from bot.azure.creation import create
from bot.azure.errors import cause, missing
from bot.azure.failures import CONFLICT
from bot.azure.operations import Begun, begin, begin_or_gone, begin_or_over, resource_cause
from bot.azure.poolspec import PoolSpec, body, check_nodes
from bot.errors import QuartermasterError, Refused

Power = Literal["Running", "Stopped"]
READ_ONLY: Final = ("provisioningState", "eTag", "currentOrchestratorVersion", "status")


@dataclass(frozen=True)
class PoolState:
    """A node pool as Azure shows it. `driver` and `managed` are read back from ``gpuProfile`` (None: Azure does not say); `error` is a plain
    sentence or empty. `count` is nodes, whatever they do."""

    id: str
    group: str
    cluster: str
    name: str
    size: str
    mode: str
    provisioning_state: str
    power_state: str
    count: int
    autoscaling: bool = False
    min_nodes: int | None = None
    max_nodes: int | None = None
    spot: bool = False
    spot_max_price: float | None = None
    zones: tuple[str, ...] = ()
    mig: str | None = None
    driver: str | None = None
    managed: bool | None = None
    taints: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    os_sku: str = ""
    kubernetes_version: str = ""
    error: str = ""
    etag: str = field(default="", compare=False)

    @property
    def most(self) -> int:
        """The most nodes that it may have."""
        return (self.max_nodes or 0) if self.autoscaling else self.count


async def put(conn: Connection, spec: PoolSpec, tags: Mapping[str, str]) -> Begun:
    """Begin to create the pool: exactly one conditional PUT, so that a repeat is harmless.

    A pool that carries our operation's tag already counts as begun. Raises Refused (``azure.name_taken``) for another's, and as
    :meth:`Connection.call`.
    """
    from azure.mgmt.containerservice.models import AgentPool

    content = AgentPool(body(spec, tags))
    return await create(
        conn, conn.containers.agent_pools.begin_create_or_update, lambda: get(conn, spec.group, spec.cluster, spec.name),
        spec.group, spec.cluster, spec.name, body=content, tags=tags, headers=spec.headers, kind="node pool",
    )  # fmt: skip


async def get(conn: Connection, group: str, cluster: str, pool: str) -> PoolState | None:
    """The pool, or None where there is none. One read."""
    wire = await _wire(conn, group, cluster, pool)
    return None if wire is None else read(wire)


async def list_all(
    conn: Connection, group: str, cluster: str, *, on_page: Callable[[object], None] | None = None
) -> list[PoolState] | None:
    """All pools of the cluster (one read per page, `on_page` is called after each), or None where there is no such cluster."""
    hook = {"raw_response_hook": on_page} if on_page else {}
    names.checked("group", group)
    names.checked("cluster", cluster)

    async def pages() -> list[PoolState] | None:
        try:
            return [read(item.as_dict()) async for item in conn.containers.agent_pools.list(group, cluster, **hook)]
        except HttpResponseError as error:
            if missing(error):
                return None
            raise

    return await conn.call(pages())


async def delete(conn: Connection, group: str, cluster: str, pool: str, *, ignore_disruption_budget: bool = False) -> Begun:
    """Begin to delete the pool; one that is gone already counts as done."""
    _checked(group, cluster, pool)
    options = {"ignore_pod_disruption_budget": True} if ignore_disruption_budget else {}
    return await begin_or_gone(conn, conn.containers.agent_pools.begin_delete, group, cluster, pool, **options)


async def abort(conn: Connection, group: str, cluster: str, pool: str) -> Begun:
    """Abort the operation that runs on the pool; where none runs any more that counts as done. Nodes that were made stay."""
    _checked(group, cluster, pool)
    return await begin_or_over(conn, conn.containers.agent_pools.begin_abort_latest_operation, group, cluster, pool)


async def scale(
    conn: Connection, group: str, cluster: str, pool: str, *, nodes: int | None = None, min_nodes: int | None = None, max_nodes: int | None = None,
    tags: Mapping[str, str | None] | None = None,
) -> Begun:  # fmt: skip
    """Set the node count, or the autoscaler's range (which turns it on), and lay `tags` over the pool's, in one PUT: AKS grants one a minute
    per pool. No write where it is so already.

    Raises Refused for counts that AKS refuses, and for a count on a pool that scales by itself (``azure.autoscaler_on``).
    """

    def change(properties: dict[str, Any]) -> None:
        floor = 1 if str(properties.get("mode")) == "System" else 0
        check_nodes(nodes, min_nodes, max_nodes, floor=floor)
        if min_nodes is not None and max_nodes is not None:
            if _managed(properties):
                raise Refused("azure.managed_autoscaler")
            count = min(max(int(properties.get("count") or 0), min_nodes), max_nodes)
            properties |= {"enableAutoScaling": True, "minCount": min_nodes, "maxCount": max_nodes, "count": count}
        elif nodes is not None:
            if properties.get("enableAutoScaling"):
                raise Refused("azure.autoscaler_on", pool=pool, min=properties.get("minCount"), max=properties.get("maxCount"))
            properties["count"] = nodes
        _tagged(properties, tags)

    return await _modify(conn, group, cluster, pool, change)


async def set_power(
    conn: Connection, group: str, cluster: str, pool: str, power: Power, *, tags: Mapping[str, str | None] | None = None
) -> Begun:
    """Stop the pool's nodes or start them again, with `tags` in the same PUT. Raises Refused (``azure.system_pool``) for a system pool."""

    def change(properties: dict[str, Any]) -> None:
        if str(properties.get("mode")) == "System":
            raise Refused("azure.system_pool", pool=pool)
        properties["powerState"] = {"code": power}
        _tagged(properties, tags)

    return await _modify(conn, group, cluster, pool, change)


async def update_tags(conn: Connection, group: str, cluster: str, pool: str, changes: Mapping[str, str | None]) -> Begun:
    """Lay `changes` over the pool's tags (None removes one); other tags stay."""

    def change(properties: dict[str, Any]) -> None:
        _tagged(properties, changes)

    return await _modify(conn, group, cluster, pool, change)


def _tagged(properties: dict[str, Any], changes: Mapping[str, str | None] | None) -> None:
    if changes:
        properties["tags"] = labels.merged(properties.get("tags"), changes)


async def _modify(conn: Connection, group: str, cluster: str, pool: str, change: Callable[[dict[str, Any]], None]) -> Begun:
    """Read, change, PUT with the ETag that was read; a lost race is read again and repeated once, then left to the engine."""
    from azure.mgmt.containerservice.models import AgentPool

    for last in (False, True):
        wire = await _wire(conn, group, cluster, pool)
        if wire is None:
            raise Refused("azure.gone")
        before = dict(wire.get("properties") or {})
        after = dict(before)
        change(after)
        if after == before:
            return Begun(repeated=True)
        etag = str(before.get("eTag") or wire.get("eTag") or "")
        content = AgentPool({"properties": {name: value for name, value in after.items() if name not in READ_ONLY}})
        guard = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        try:
            return await begin(conn, conn.containers.agent_pools.begin_create_or_update, group, cluster, pool, content, **guard)
        except QuartermasterError as error:
            why = cause(error)
            if last or why is None or why.kind != CONFLICT:
                raise
    raise AssertionError("the second round returns or raises")


def read(wire: Mapping[str, Any]) -> PoolState:
    """The state in ARM's JSON of a pool; group and cluster come from its id."""
    parts = str(wire.get("id") or "").split("/")
    group, cluster = (parts[4], parts[8]) if len(parts) > 10 else ("", "")
    return profile(group, cluster, dict(wire.get("properties") or {}) | {"name": wire.get("name"), "id": wire.get("id")})


def profile(group: str, cluster: str, properties: Mapping[str, Any]) -> PoolState:
    """The state in a pool's properties, as a cluster carries them in its ``agentPoolProfiles``."""
    gpu = properties.get("gpuProfile") or {}
    mode = (gpu.get("nvidia") or {}).get("managementMode")
    failure = resource_cause({"properties": properties})
    price = properties.get("spotMaxPrice")
    return PoolState(
        id=str(properties.get("id") or ""),
        group=group,
        cluster=cluster,
        name=str(properties.get("name") or ""),
        size=str(properties.get("vmSize") or ""),
        mode=str(properties.get("mode") or ""),
        provisioning_state=str(properties.get("provisioningState") or ""),
        power_state=str((properties.get("powerState") or {}).get("code") or ""),
        count=int(properties.get("count") or 0),
        autoscaling=bool(properties.get("enableAutoScaling")),
        min_nodes=properties.get("minCount"),
        max_nodes=properties.get("maxCount"),
        spot=properties.get("scaleSetPriority") == "Spot",
        spot_max_price=None if price is None else float(price),
        zones=tuple(properties.get("availabilityZones") or ()),
        mig=properties.get("gpuInstanceProfile"),
        driver=gpu.get("driver"),
        managed=None if mode is None else mode == "Managed",
        taints=tuple(properties.get("nodeTaints") or ()),
        labels=dict(properties.get("nodeLabels") or {}),
        tags=dict(properties.get("tags") or {}),
        os_sku=str(properties.get("osSKU") or ""),
        kubernetes_version=str(properties.get("currentOrchestratorVersion") or properties.get("orchestratorVersion") or ""),
        error=failure.sentence if failure else "",
        etag=str(properties.get("eTag") or ""),
    )


async def _wire(conn: Connection, group: str, cluster: str, pool: str) -> Mapping[str, Any] | None:
    _checked(group, cluster, pool)

    async def ask() -> Mapping[str, Any] | None:
        try:
            return (await conn.containers.agent_pools.get(group, cluster, pool)).as_dict()
        except HttpResponseError as error:
            if missing(error):
                return None
            raise

    return await conn.call(ask())


def _managed(properties: Mapping[str, Any]) -> bool:
    return ((properties.get("gpuProfile") or {}).get("nvidia") or {}).get("managementMode") == "Managed"


def _checked(group: str, cluster: str, pool: str) -> None:
    names.checked("group", group)
    names.checked("cluster", cluster)
    names.checked("pool", pool)
