"""Managed clusters: create, change, read, list, tag, delete (AKS: Managed Clusters)."""

from __future__ import annotations

from collections import Counter
from typing import Final

from aiohttp import web

from playground.azure import capacity, cluster_rules, gpu_rules, pool_rules, pools, quota
from playground.azure.errors import ArmError, busy, refused
from playground.azure.features import usable
from playground.azure.gateway import check_etag, subject_of
from playground.azure.operations import SECONDS, Status, failure, stamp
from playground.azure.state import AgentPool, Cluster, Group, Subscription, Wire, subscription_of
from playground.azure.versions import upgraded_version
from playground.azure.wire import base_url, body_of, checked_tags, page, route
from playground.faults import Fault


def view(subscription: Subscription, cluster: Cluster) -> Wire:
    """The cluster as on the wire; id and type as sloppy as AKS's."""
    properties = cluster.body["properties"] | {
        "provisioningState": cluster.provisioning_state,
        "powerState": {"code": "Stopped" if cluster.stopped else "Running"},
        "kubernetesVersion": cluster.version,
        "currentKubernetesVersion": cluster.version,
        "fqdn": cluster_rules.address(cluster),
        "azurePortalFQDN": cluster_rules.address(cluster).replace(".hcp.", ".portal.hcp."),
        "maxAgentPools": 100,
        "nodeResourceGroup": cluster.node_group,
        "identityProfile": cluster_rules.kubelet_identity(subscription.id, cluster),
        "agentPoolProfiles": [{"name": pool.name} | pools.properties_of(cluster, pool) for pool in cluster.pools.values()],
    }
    body: Wire = {
        "id": f"/subscriptions/{subscription.id}/resourcegroups/{cluster.group}/providers/Microsoft.ContainerService/managedClusters/{cluster.name}",
        "name": cluster.name,
        "type": "Microsoft.ContainerService/ManagedClusters",
        "location": cluster.location,
        "properties": properties,
        "sku": cluster.body["sku"],
        "eTag": cluster.etag,
    }
    body |= {"tags": cluster.body["tags"]} if cluster.body["tags"] else {}
    return body | ({"identity": cluster.body["identity"]} if cluster.body["identity"] else {})


def idle(cluster: Cluster) -> None:
    """Raises 409 OperationNotAllowed while an operation runs on the cluster or on one of its pools."""
    if running := cluster.busy:
        raise busy("managed cluster", cluster.name, running.verb, running.id, stamp(running.started))
    for pool in cluster.pools.values():
        if running := pool.busy:
            raise busy("agentpool", pool.name, running.verb, running.id, stamp(running.started))


def _group(subscription: Subscription, name: str) -> Group:
    group = subscription.group(name)
    if group.provisioning_state == "Deleting":
        raise ArmError(
            409, "ResourceGroupBeingDeleted", f"The resource group '{group.name}' is in deprovisioning state and cannot perform this operation."
        )
    return group


async def put(request: web.Request) -> web.Response:
    """PUT: 201 new, 200 existing."""
    subscription, name, body = subscription_of(request), request.match_info["cluster"], await body_of(request)
    group = _group(subscription, request.match_info["group"])
    subscription.buckets.aks("PutManagedCluster", f"{group.name}/{name}")
    cluster = group.clusters.get(name.lower())
    check_etag(request, cluster.etag if cluster else None)
    if cluster is None:
        cluster, fault = _created(request, subscription, group, body)
        status, verb, seconds = 201, "Creating", SECONDS["cluster create"]
    else:
        verb, fault = _changed(request, subscription, cluster, body)
        status, seconds = 200, SECONDS["cluster create" if verb == "Upgrading" else "cluster update"]
    _begin(subscription, cluster, verb, seconds, fault)
    return _accepted(request, subscription, cluster, status)


def _created(request: web.Request, subscription: Subscription, group: Group, body: Wire) -> tuple[Cluster, Fault | None]:
    name = request.match_info["cluster"]
    location = cluster_rules.located(name, body)
    accepted = cluster_rules.accepted_body(name, body, None)
    version = cluster_rules.version_of(name, body)
    around = pool_rules.Surroundings(location, version, usable(subscription, gpu_rules.FEATURE))
    wanted = cluster_rules.pools_of_new(body, around)
    more = sum((quota.need(properties) for properties in wanted.values()), Counter[str]())
    quota.check(subscription, location, more, new=True)
    fault = capacity.strike(subscription, subject_of(request), location, list(wanted.values()))
    now = subscription.clock.now()
    cluster = Cluster(name, group.name, location, accepted, version, now)
    cluster.pools = {pool: AgentPool(pool, properties, now) for pool, properties in wanted.items()}
    group.clusters[name.lower()] = cluster
    subscription.groups[cluster.node_group.lower()] = Group(
        cluster.node_group, location, dict(accepted["tags"]), now, managed_by=view(subscription, cluster)["id"]
    )
    subscription.backend.create(cluster.backend_id, kubernetes_version=version)
    if fault is None or "scarce" not in fault.options:
        give_nodes(subscription, cluster)
    return cluster, fault


def _changed(request: web.Request, subscription: Subscription, cluster: Cluster, body: Wire) -> tuple[str, Fault | None]:
    """Apply a PUT to a cluster that exists; the verb of the operation and the fault that it will end with."""
    idle(cluster)
    if cluster.stopped:
        raise refused("OperationNotAllowed", f"Managed cluster {cluster.name} is in stopped state: no operation but start is allowed.")
    accepted = cluster_rules.accepted_body(cluster.name, body, cluster)
    properties = body.get("properties") or {}
    long_term = cluster_rules.wants_long_term(accepted)
    version = upgraded_version(cluster.name, cluster.version, properties.get("kubernetesVersion") or cluster.version, long_term=long_term)
    around = pool_rules.Surroundings(cluster.location, version, usable(subscription, gpu_rules.FEATURE))
    changes: dict[str, Wire] = {}
    more: Counter[str] = Counter()
    for profile in properties.get("agentPoolProfiles") or []:
        pool = cluster.pools.get(str(profile.get("name") or "").lower())
        if pool is None:
            raise refused(
                "BadRequest",
                "A new agent pool was introduced. Adding agent pools to an existing cluster is not allowed through managed cluster operations. "
                "For agent pool specific change, please use per agent pool operations: https://aka.ms/agent-pool-rest-api",
                target="agentPoolProfiles",
            )
        changes[pool.name] = pool_rules.accepted(pool.name, profile, around, pool)
        more += quota.delta(pool, changes[pool.name], was_stopped=pool.stopped, will_be_stopped=pool.stopped)
    quota.check(subscription, cluster.location, more, new=False)
    fault = capacity.strike(subscription, subject_of(request), cluster.location, list(changes.values()) if more else [])
    verb = "Updating" if version == cluster.version else "Upgrading"
    cluster.body, cluster.version = accepted, version
    for name, change in changes.items():
        cluster.pools[name.lower()].properties = change
    if verb == "Upgrading":
        subscription.backend.create(cluster.backend_id, kubernetes_version=version)
    if fault is None or "scarce" not in fault.options:
        give_nodes(subscription, cluster)
    return verb, fault


def give_nodes(subscription: Subscription, cluster: Cluster) -> None:
    """Tell the backend of all pools as they are wanted now."""
    for pool in cluster.pools.values():
        subscription.backend.set_pool(cluster.backend_id, pools.nodes_of(cluster, pool))


def _begin(subscription: Subscription, cluster: Cluster, verb: str, seconds: float, fault: Fault | None) -> None:
    def finish(status: Status, error: Wire | None) -> None:
        for pool in cluster.pools.values():
            pool.error = error
            pool.becomes(status)
        cluster.becomes(status)

    def ready() -> bool:
        return all(subscription.backend.pool_ready(cluster.backend_id, pool.name) for pool in cluster.pools.values())

    for pool in cluster.pools.values():
        pool.becomes(verb)
    cluster.becomes(verb)
    cluster.operation = subscription.operations.start(verb, cluster.name, cluster.location, seconds, finish, ready=ready, fault=fault)


def _accepted(request: web.Request, subscription: Subscription, cluster: Cluster, status: int) -> web.Response:
    headers = {"ETag": f'"{cluster.etag}"'}
    if cluster.operation is not None:
        headers["Azure-AsyncOperation"] = subscription.operations.urls(cluster.operation, base_url(request, subscription))["Azure-AsyncOperation"]
    return web.json_response(view(subscription, cluster), status=status, headers=headers)


async def get(request: web.Request) -> web.Response:
    """GET one."""
    subscription = subscription_of(request)
    cluster = subscription.cluster(request.match_info["group"], request.match_info["cluster"])
    subscription.buckets.aks("GetManagedCluster", cluster.backend_id)
    return web.json_response(view(subscription, cluster), headers={"ETag": f'"{cluster.etag}"'})


async def list_all(request: web.Request) -> web.Response:
    """LIST of the subscription."""
    subscription = subscription_of(request)
    subscription.buckets.aks("ListBySubscription", subscription.id)
    return page(request, subscription, [view(subscription, cluster) for cluster in subscription.clusters()])


async def list_group(request: web.Request) -> web.Response:
    """LIST of one resource group."""
    subscription = subscription_of(request)
    group = subscription.group(request.match_info["group"])
    subscription.buckets.aks("ListByResourceGroup", group.name)
    return page(request, subscription, [view(subscription, cluster) for cluster in group.clusters.values()])


async def patch(request: web.Request) -> web.Response:
    """PATCH: tags only."""
    subscription, body = subscription_of(request), await body_of(request)
    cluster = subscription.cluster(request.match_info["group"], request.match_info["cluster"])
    subscription.buckets.aks("Other", subscription.id)
    check_etag(request, cluster.etag)
    idle(cluster)
    cluster.body = cluster.body | {"tags": checked_tags(body.get("tags"))}
    fault = capacity.strike(subscription, subject_of(request), cluster.location, [])
    _begin(subscription, cluster, "Updating", SECONDS["cluster update"], fault)
    return _accepted(request, subscription, cluster, 200)


async def delete(request: web.Request) -> web.Response:
    """DELETE: 202, or 204 where there is no such cluster; it preempts whatever runs."""
    subscription = subscription_of(request)
    group = subscription.groups.get(request.match_info["group"].lower())
    subscription.buckets.aks("Other", subscription.id)
    cluster = group.clusters.get(request.match_info["cluster"].lower()) if group else None
    if cluster is None:
        return web.Response(status=204)
    check_etag(request, cluster.etag)
    running = cluster.busy
    if running is None or running.verb != "Deleting":
        preempt(subscription, cluster)

        def finish(status: Status, error: Wire | None) -> None:
            _all_become(cluster, status)
            if status == "Succeeded":
                forget(subscription, cluster)

        fault = capacity.strike(subscription, subject_of(request), cluster.location, [])
        running = subscription.operations.start("Deleting", cluster.name, cluster.location, SECONDS["cluster delete"], finish, fault=fault)
        cluster.operation = running
    return web.Response(status=202, headers=subscription.operations.urls(running, base_url(request, subscription)))


def preempt(subscription: Subscription, cluster: Cluster) -> None:
    """End what runs on the cluster and its pools because a deletion takes over (of the cluster or of its group)."""
    error = failure({"code": "AKSOperationPreemptedByDelete", "message": "The operation was preempted by a delete operation."})
    for running in (cluster.busy, *(pool.busy for pool in cluster.pools.values())):
        if running is not None:
            running.end("Failed", error, subscription.clock.now())
    _all_become(cluster, "Deleting")


def _all_become(cluster: Cluster, state: str) -> None:
    cluster.becomes(state)
    for pool in cluster.pools.values():
        pool.becomes(state)


def forget(subscription: Subscription, cluster: Cluster) -> None:
    """The cluster is gone, and with it its nodes' resource group and everything in Kubernetes."""
    group = subscription.groups.get(cluster.group.lower())
    if group is not None and group.clusters.get(cluster.name.lower()) is cluster:
        group.clusters.pop(cluster.name.lower())
        subscription.groups.pop(cluster.node_group.lower(), None)
        subscription.backend.delete(cluster.backend_id)


CLUSTERS: Final = "/providers/Microsoft.ContainerService/managedClusters"
GROUP: Final = "/subscriptions/{sub}/resourceGroups/{group}"
ROUTES: Final = [
    route("GET", "/subscriptions/{sub}" + CLUSTERS, list_all),
    route("GET", GROUP + CLUSTERS, list_group),
    route("PUT", GROUP + CLUSTERS + "/{cluster}", put),
    route("GET", GROUP + CLUSTERS + "/{cluster}", get),
    route("PATCH", GROUP + CLUSTERS + "/{cluster}", patch),
    route("DELETE", GROUP + CLUSTERS + "/{cluster}", delete),
]
