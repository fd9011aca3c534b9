"""The subscription itself, its tenant and locations, and the endpoints by which command-line clients find their way."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from playground.azure.catalogue import REGIONS
from playground.azure.identity import TENANT
from playground.azure.state import Subscription, Wire, subscription_of
from playground.azure.wire import base_url, page, route


def view(subscription: Subscription) -> Wire:
    """The subscription as on the wire."""
    return {
        "id": f"/subscriptions/{subscription.id}",
        "subscriptionId": subscription.id,
        "tenantId": TENANT,
        "displayName": "Playground",
        "state": "Enabled",
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off"},
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
    }


async def get(request: web.Request) -> web.Response:
    """GET /subscriptions/{id}."""
    return web.json_response(view(subscription_of(request)))


async def list_all(request: web.Request) -> web.Response:
    """GET /subscriptions."""
    subscription = subscription_of(request)
    return page(request, subscription, [view(subscription)])


async def tenants(request: web.Request) -> web.Response:
    """GET /tenants."""
    row: Wire = {"id": f"/tenants/{TENANT}", "tenantId": TENANT, "displayName": "Playground", "defaultDomain": "playground.example"}
    return page(request, subscription_of(request), [row])


async def locations(request: web.Request) -> web.Response:
    """GET /subscriptions/{id}/locations."""
    subscription = subscription_of(request)
    rows = [
        {
            "id": f"/subscriptions/{subscription.id}/locations/{region.name}",
            "name": region.name,
            "displayName": region.display,
            "metadata": {"regionType": "Physical"},
        }
        for region in REGIONS.values()
    ]
    return page(request, subscription, rows)


async def endpoints(request: web.Request) -> web.Response:
    """GET /metadata/endpoints: where a client of this cloud signs in and calls (no token needed)."""
    root = base_url(request, subscription_of(request))
    return web.json_response(
        {
            "name": "Playground",
            "resourceManager": f"{root}/",
            "authentication": {
                "loginEndpoint": root,
                "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
                "tenant": "common",
                "identityProvider": "AAD",
            },
            "suffixes": {},
        }
    )


ROUTES: Final = [
    route("GET", "/subscriptions", list_all),
    route("GET", "/subscriptions/{sub}", get),
    route("GET", "/subscriptions/{sub}/locations", locations),
    route("GET", "/tenants", tenants),
    route("GET", "/metadata/endpoints", endpoints),
]
