"""listClusterUserCredential, listClusterAdminCredential (AKS: Managed Clusters)."""

from __future__ import annotations

import base64
from typing import Final

from aiohttp import web

from playground.azure import clusters
from playground.azure.errors import refused
from playground.azure.state import Cluster, subscription_of
from playground.azure.wire import route


def uses_entra(cluster: Cluster) -> bool:
    """Whether users sign in with Entra ID (then the user's kubeconfig has an `exec` block)."""
    return bool(cluster.body["properties"].get("aadProfile"))


async def user(request: web.Request) -> web.Response:
    """POST …/listClusterUserCredential."""
    return _answer(request, admin=False)


async def admin(request: web.Request) -> web.Response:
    """POST …/listClusterAdminCredential: refused where local accounts are disabled."""
    return _answer(request, admin=True)


def _answer(request: web.Request, *, admin: bool) -> web.Response:
    subscription = subscription_of(request)
    cluster = subscription.cluster(request.match_info["group"], request.match_info["cluster"])
    subscription.buckets.aks("Other", subscription.id)
    if admin and cluster.body["properties"].get("disableLocalAccounts"):
        raise refused("BadRequest", "Getting static credential is not allowed because this cluster is set to disable local accounts.")
    kubeconfig = subscription.backend.kubeconfig(cluster.backend_id, admin=admin, entra=uses_entra(cluster))
    name = "clusterAdmin" if admin else "clusterUser"
    return web.json_response({"kubeconfigs": [{"name": name, "value": base64.b64encode(kubeconfig.encode()).decode()}]})


CLUSTER: Final = clusters.GROUP + clusters.CLUSTERS + "/{cluster}"
ROUTES: Final = [
    route("POST", CLUSTER + "/listClusterUserCredential", user),
    route("POST", CLUSTER + "/listClusterAdminCredential", admin),
]
