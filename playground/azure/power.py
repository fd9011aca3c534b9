"""Start, stop, abort, and the URLs at which operations are followed (AKS: Managed Clusters; Resource Manager: asynchronous operations)."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from playground.azure import capacity, clusters, pools
from playground.azure.errors import ArmError, refused
from playground.azure.gateway import subject_of
from playground.azure.operations import SECONDS, Operation, Status
from playground.azure.state import AgentPool, Cluster, Subscription, Wire, subscription_of
from playground.azure.wire import base_url, route


async def stop(request: web.Request) -> web.Response:
    """POST …/stop: nodes and API server go, objects stay."""
    return _power(request, stopped=True)


async def start(request: web.Request) -> web.Response:
    """POST …/start."""
    return _power(request, stopped=False)


def _power(request: web.Request, *, stopped: bool) -> web.Response:
    subscription, cluster = subscription_of(request), _cluster(request)
    clusters.idle(cluster)
    if cluster.stopped == stopped:
        return web.Response(status=204)
    fault = capacity.strike(
        subscription, subject_of(request), cluster.location, [] if stopped else [pool.properties for pool in cluster.pools.values()]
    )
    verb = "Stopping" if stopped else "Starting"
    cluster.stopped = stopped
    if stopped:
        subscription.backend.stop(cluster.backend_id)
    elif fault is None or "scarce" not in fault.options:
        subscription.backend.start(cluster.backend_id)
        clusters.give_nodes(subscription, cluster)

    def finish(status: Status, error: Wire | None) -> None:
        cluster.becomes(status)

    def ready() -> bool:
        return stopped or all(subscription.backend.pool_ready(cluster.backend_id, pool.name) for pool in cluster.pools.values())

    cluster.becomes(verb)
    cluster.operation = subscription.operations.start(
        verb, cluster.name, cluster.location, SECONDS["cluster power"], finish, ready=ready, fault=fault
    )
    return web.Response(status=202, headers=subscription.operations.urls(cluster.operation, base_url(request, subscription)))


async def abort_cluster(request: web.Request) -> web.Response:
    """POST …/managedClusters/{cluster}/abort: 202 with the cluster as body; 409 where nothing runs that could be aborted."""
    subscription, cluster = subscription_of(request), _cluster(request)
    running = _abortable(cluster.busy, cluster.name)
    _abort(subscription, cluster, running)
    headers = subscription.operations.urls(_follow(subscription, cluster, running), base_url(request, subscription))
    return web.json_response(clusters.view(subscription, cluster), status=202, headers=headers)


async def abort_pool(request: web.Request) -> web.Response:
    """POST …/agentPools/{pool}/abort: the pool ends Canceled, its nodes stay as they are."""
    subscription = subscription_of(request)
    cluster = subscription.parent(request.match_info["group"], request.match_info["cluster"], "action")
    subscription.buckets.aks("Other", subscription.id)
    pool = subscription.pool(cluster, request.match_info["pool"])
    running = _abortable(pool.busy, pool.name)
    _abort(subscription, pool, running)
    headers = subscription.operations.urls(_follow(subscription, cluster, running), base_url(request, subscription))
    return web.json_response(pools.view(subscription, cluster, pool), status=202, headers=headers)


def _cluster(request: web.Request) -> Cluster:
    subscription = subscription_of(request)
    cluster = subscription.cluster(request.match_info["group"], request.match_info["cluster"])
    subscription.buckets.aks("Other", subscription.id)
    return cluster


def _abortable(running: Operation | None, name: str) -> Operation:
    if running is None or running.verb == "Deleting":
        what = "has already finished" if running is None else "is a deletion and cannot be aborted"
        raise refused("Conflict", f"The latest operation on {name} {what}.", status=409)
    return running


def _abort(subscription: Subscription, resource: Cluster | AgentPool, running: Operation) -> None:
    resource.becomes("Canceling")

    async def settle() -> None:
        await subscription.clock.work(SECONDS["abort"])
        running.end("Canceled", None, subscription.clock.now())

    subscription.later(settle())


def _follow(subscription: Subscription, cluster: Cluster, running: Operation) -> Operation:
    """The abort's own operation: it succeeds when the aborted one has ended."""

    def nothing(status: Status, error: dict[str, Any] | None) -> None:
        return None

    return subscription.operations.start("Aborting", cluster.name, cluster.location, SECONDS["abort"], nothing, ready=lambda: not running.running)


async def status(request: web.Request) -> web.Response:
    """GET …/operations/{id}."""
    subscription = subscription_of(request)
    subscription.buckets.aks("GetOperationStatus", subscription.id)
    return web.json_response(_operation(request, subscription).body())


async def result(request: web.Request) -> web.Response:
    """GET …/operationresults/{id} of AKS: 202 with Location until done, then 204."""
    subscription = subscription_of(request)
    subscription.buckets.aks("GetOperationStatus", subscription.id)
    operation = _operation(request, subscription)
    if operation.running:
        return web.Response(status=202, headers={"Location": f"{base_url(request, subscription)}{request.rel_url}"})
    return web.Response(status=204)


async def group_result(request: web.Request) -> web.Response:
    """GET /subscriptions/{sub}/operationresults/{id} of Resource Manager: 202 until done, then 200, or 409 where the deletion failed."""
    subscription = subscription_of(request)
    operation = _operation(request, subscription)
    if operation.running:
        return web.Response(status=202, headers={"Location": f"{base_url(request, subscription)}{request.rel_url}"})
    if operation.status != "Succeeded":
        error = operation.error or {"code": "ResourceGroupDeletionBlocked", "message": "The deletion was canceled."}
        raise ArmError(409, error["code"], error["message"])
    return web.Response(status=200)


def _operation(request: web.Request, subscription: Subscription) -> Operation:
    operation = subscription.operations.find(request.match_info["id"])
    if operation is None or subscription.faults.take("azure", subject_of(request), "operation_expired"):
        raise refused("NotFound", f"The operation '{request.match_info['id']}' could not be found or has expired.", status=404)
    return operation


CLUSTER: Final = clusters.GROUP + clusters.CLUSTERS + "/{cluster}"
OPERATIONS: Final = "/subscriptions/{sub}/providers/Microsoft.ContainerService/locations/{location}"
ROUTES: Final = [
    route("POST", CLUSTER + "/stop", stop),
    route("POST", CLUSTER + "/start", start),
    route("POST", CLUSTER + "/abort", abort_cluster),
    route("POST", CLUSTER + "/agentPools/{pool}/abort", abort_pool),
    route("GET", OPERATIONS + "/operations/{id}", status),
    route("GET", OPERATIONS + "/operationresults/{id}", result),
    route("GET", "/subscriptions/{sub}/operationresults/{id}", group_result),
]
