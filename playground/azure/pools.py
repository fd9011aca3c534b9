"""Agent pools: create, scale, change, stop and start are all one PUT (AKS: Agent Pools)."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from playground.azure import capacity, gpu_rules, pool_rules, quota
from playground.azure.errors import busy, refused
from playground.azure.features import usable
from playground.azure.gateway import check_etag, subject_of
from playground.azure.operations import SECONDS, Operation, Status, stamp
from playground.azure.state import AgentPool, Cluster, Subscription, Wire, subscription_of
from playground.azure.wire import base_url, body_of, method_not_allowed, page, route
from playground.backend import Pool

IMAGE: Final = "AKSUbuntu-2204gen2containerd-202610.13.0"


def properties_of(cluster: Cluster, pool: AgentPool) -> Wire:
    """The pool's properties as on the wire."""
    stopped = pool.stopped or cluster.stopped
    shown = pool.properties | {
        "provisioningState": pool.provisioning_state,
        "powerState": {"code": "Stopped" if stopped else "Running"},
        "currentOrchestratorVersion": pool.properties["orchestratorVersion"],
        "nodeImageVersion": IMAGE,
        "eTag": pool.etag,
    }
    return shown | ({"status": {"provisioningError": pool.error}} if pool.error else {})


def view(subscription: Subscription, cluster: Cluster, pool: AgentPool) -> Wire:
    """The pool as on the wire; id and type as sloppy as AKS's."""
    root = f"/subscriptions/{subscription.id}/resourcegroups/{cluster.group}/providers/Microsoft.ContainerService/managedClusters/{cluster.name}"
    return {
        "id": f"{root}/agentPools/{pool.name}",
        "name": pool.name,
        "type": "Microsoft.ContainerService/managedClusters/agentPools",
        "properties": properties_of(cluster, pool),
    }


def nodes_of(cluster: Cluster, pool: AgentPool) -> Pool:
    """The pool as the backend wants it."""
    wire = pool.properties
    size = quota.size_of(wire)
    profile = wire.get("gpuProfile") or {}
    return Pool(
        name=pool.name,
        count=0 if pool.stopped or cluster.stopped else wire["count"],
        vm_size=size.name,
        mode="System" if wire["mode"] == "System" else "User",
        labels=dict(wire.get("nodeLabels") or {}),
        taints=list(wire.get("nodeTaints") or []),
        gpu_count=size.gpus,
        gpu_model=size.model,
        vcpus=size.vcpus,
        memory_gib=size.memory,
        driver="None" if profile.get("driver") == "None" else "Install",
        managed=(profile.get("nvidia") or {}).get("managementMode") == "Managed",
        mig_profile=wire.get("gpuInstanceProfile"),
        spot=wire.get("scaleSetPriority") == "Spot",
        kubernetes_version=wire["orchestratorVersion"],
        zones=[str(zone) for zone in wire.get("availabilityZones") or []],
        created_at=pool.created_at,
        resource_group=cluster.node_group,
        min_count=wire.get("minCount"),
        max_count=wire.get("maxCount"),
    )


def around(subscription: Subscription, cluster: Cluster) -> pool_rules.Surroundings:
    """What a pool of this cluster is checked against."""
    return pool_rules.Surroundings(cluster.location, cluster.version, usable(subscription, gpu_rules.FEATURE))


def free(cluster: Cluster, pool: AgentPool | None) -> None:
    """Raises 409 OperationNotAllowed while an operation runs on the pool or on its cluster."""
    if running := cluster.busy:
        raise busy("managed cluster", cluster.name, running.verb, running.id, stamp(running.started))
    if pool is not None and (running := pool.busy):
        raise busy("agentpool", pool.name, running.verb, running.id, stamp(running.started))


async def put(request: web.Request) -> web.Response:
    """PUT: 201 new, 200 existing."""
    subscription = subscription_of(request)
    cluster = subscription.parent(request.match_info["group"], request.match_info["cluster"], "write")
    name = request.match_info["pool"]
    subscription.buckets.aks("PutAgentPool", f"{cluster.backend_id}/{name}")
    wanted = (await body_of(request)).get("properties") or {}
    pool = cluster.pools.get(name.lower())
    check_etag(request, pool.etag if pool else None)
    free(cluster, pool)
    if cluster.stopped:
        raise refused("OperationNotAllowed", f"Managed cluster {cluster.name} is in stopped state: start it before changing its agent pools.")
    if pool is None:
        gpu_rules.check_headers(request.headers.get(gpu_rules.RETIRED_IMAGE_HEADER))
    accepted = pool_rules.accepted(name, wanted, around(subscription, cluster), pool)
    stop = _wants_stop(wanted, pool, accepted)
    new = pool is None
    more = quota.delta(pool, accepted, was_stopped=bool(pool and pool.stopped), will_be_stopped=stop)
    quota.check(subscription, cluster.location, more, new=new)
    fault = capacity.strike(subscription, subject_of(request), cluster.location, [accepted] if more else [])
    verb, seconds = _verb(pool, accepted, stop)
    if pool is None:
        pool = AgentPool(name, accepted, subscription.clock.now())
        cluster.pools[name.lower()] = pool
    gpu_rules.mistake(subscription.faults.take("azure", subject_of(request), "other_profile"), accepted)
    pool.properties, pool.stopped, pool.error = accepted, stop, None
    if fault is None or "scarce" not in fault.options:
        subscription.backend.set_pool(cluster.backend_id, nodes_of(cluster, pool))
    operation = _begin(subscription, cluster, pool, verb, seconds, fault)
    headers = {"Azure-AsyncOperation": subscription.operations.urls(operation, base_url(request, subscription))["Azure-AsyncOperation"]}
    return web.json_response(view(subscription, cluster, pool), status=201 if new else 200, headers=headers | {"ETag": f'"{pool.etag}"'})


def _wants_stop(wanted: Wire, pool: AgentPool | None, accepted: Wire) -> bool:
    """Whether the pool will be stopped; raises where it may not be."""
    code = (wanted.get("powerState") or {}).get("code")
    before = pool.stopped if pool else False
    after = before if code is None else code == "Stopped"
    if after and accepted["mode"] != "User":
        raise refused("OperationNotAllowed", "Only User agent pools can be stopped.")
    if pool is None and after:
        raise refused("InvalidParameter", "A new agent pool cannot be created stopped.", target="properties.powerState")
    if pool is not None and after != before and pool.provisioning_state != "Succeeded":
        raise refused("OperationNotAllowed", f"Agent pool {pool.name} is in provisioning state {pool.provisioning_state}, not Succeeded.", status=409)
    if pool is not None and before and after and accepted != pool.properties:
        raise refused("OperationNotAllowed", f"Agent pool {pool.name} is stopped: start it before changing it.")
    return after


def _verb(pool: AgentPool | None, accepted: Wire, stop: bool) -> tuple[str, float]:
    if pool is None:
        return "Creating", SECONDS["pool create"]
    if stop != pool.stopped:
        return ("Stopping" if stop else "Starting"), SECONDS["pool power"]
    if accepted["count"] != pool.properties["count"]:
        return "Scaling", SECONDS["pool scale"]
    if accepted["orchestratorVersion"] != pool.properties["orchestratorVersion"]:
        return "Upgrading", SECONDS["pool create"]
    return "Updating", SECONDS["pool update"]


def _begin(subscription: Subscription, cluster: Cluster, pool: AgentPool, verb: str, seconds: float, fault: Any) -> Operation:
    def finish(status: Status, error: Wire | None) -> None:
        pool.error = error
        pool.becomes(status)

    def ready() -> bool:
        return subscription.backend.pool_ready(cluster.backend_id, pool.name)

    pool.becomes(verb)
    pool.operation = subscription.operations.start(verb, pool.name, cluster.location, seconds, finish, ready=ready, fault=fault)
    return pool.operation


async def get(request: web.Request) -> web.Response:
    """GET one."""
    subscription = subscription_of(request)
    cluster = subscription.parent(request.match_info["group"], request.match_info["cluster"], "read")
    subscription.buckets.aks("Other", subscription.id)
    pool = subscription.pool(cluster, request.match_info["pool"])
    return web.json_response(view(subscription, cluster, pool), headers={"ETag": f'"{pool.etag}"'})


async def list_pools(request: web.Request) -> web.Response:
    """LIST the pools of a cluster."""
    subscription = subscription_of(request)
    cluster = subscription.parent(request.match_info["group"], request.match_info["cluster"], "read")
    subscription.buckets.aks("Other", subscription.id)
    return page(request, subscription, [view(subscription, cluster, pool) for pool in cluster.pools.values()])


async def delete(request: web.Request) -> web.Response:
    """DELETE: 202, or 204 where there is no such pool; the last System pool stays."""
    subscription = subscription_of(request)
    cluster = subscription.parent(request.match_info["group"], request.match_info["cluster"], "delete")
    subscription.buckets.aks("Other", subscription.id)
    pool = cluster.pools.get(request.match_info["pool"].lower())
    if pool is None:
        return web.Response(status=204)
    check_etag(request, pool.etag)
    free(cluster, pool)
    if pool.properties["mode"] == "System" and sum(other.properties["mode"] == "System" for other in cluster.pools.values()) == 1:
        raise refused("OperationNotAllowed", "There has to be at least one system agent pool.")
    fault = capacity.strike(subscription, subject_of(request), cluster.location, [])

    def finish(status: Status, error: Wire | None) -> None:
        if status == "Succeeded":
            cluster.pools.pop(pool.name.lower(), None)
        pool.error = error
        pool.becomes(status)

    pool.becomes("Deleting")
    if fault is None:
        subscription.backend.delete_pool(cluster.backend_id, pool.name)
    pool.operation = subscription.operations.start("Deleting", pool.name, cluster.location, SECONDS["pool delete"], finish, fault=fault)
    return web.Response(status=202, headers=subscription.operations.urls(pool.operation, base_url(request, subscription)))


PATH: Final = "/subscriptions/{sub}/resourceGroups/{group}/providers/Microsoft.ContainerService/managedClusters/{cluster}/agentPools"
ROUTES: Final = [
    route("GET", PATH, list_pools),
    *method_not_allowed(PATH, "PUT", "DELETE", "POST", "PATCH"),
    route("PUT", PATH + "/{pool}", put),
    route("GET", PATH + "/{pool}", get),
    route("DELETE", PATH + "/{pool}", delete),
]
