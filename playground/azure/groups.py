"""Resource groups (Resource Manager: Resource Groups)."""

from __future__ import annotations

import re
from typing import Any, Final

from aiohttp import web

from playground.azure import clusters
from playground.azure.catalogue import REGIONS, region_named
from playground.azure.errors import ArmError
from playground.azure.gateway import subject_of
from playground.azure.operations import SECONDS, Status
from playground.azure.state import Group, Subscription, Wire, subscription_of
from playground.azure.wire import base_url, body_of, checked_tags, page, route

NAME: Final = re.compile(r"[-\w._()]{1,90}(?<!\.)")
TAG_FILTER: Final = re.compile(r"^tagName eq '([^']*)'(?: and tagValue eq '([^']*)')?$", re.IGNORECASE)


def view(subscription: Subscription, group: Group) -> Wire:
    """The group as on the wire."""
    body: Wire = {
        "id": f"/subscriptions/{subscription.id}/resourceGroups/{group.name}",
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "properties": {"provisioningState": group.provisioning_state},
    }
    body |= {"tags": group.tags} if group.tags else {}
    return body | ({"managedBy": group.managed_by} if group.managed_by else {})


def writable(group: Group) -> Group:
    """The group, unless it is being deleted (409)."""
    if group.provisioning_state == "Deleting":
        raise ArmError(
            409, "ResourceGroupBeingDeleted", f"The resource group '{group.name}' is in deprovisioning state and cannot perform this operation."
        )
    return group


async def put(request: web.Request) -> web.Response:
    """PUT: 201 new, 200 existing; the location of a group never changes."""
    subscription, name, body = subscription_of(request), request.match_info["group"], await body_of(request)
    if not NAME.fullmatch(name):
        raise ArmError(400, "InvalidResourceGroupName", f"The provided resource group name '{name}' has these invalid characters or a trailing dot.")
    region = region_named(str(body.get("location") or ""))
    if not body.get("location"):
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
    if region is None:
        known = ",".join(REGIONS)
        raise ArmError(
            400,
            "LocationNotAvailableForResourceGroup",
            f"The provided location '{body['location']}' is not available for resource group. List of available regions is '{known}'.",
        )
    tags = checked_tags(body.get("tags"))
    existing = subscription.groups.get(name.lower())
    if existing is None:
        group = Group(name, region.name, tags, subscription.clock.now())
        subscription.groups[name.lower()] = group
        return web.json_response(view(subscription, group), status=201)
    if writable(existing).location != region.name:
        raise ArmError(
            409,
            "InvalidResourceGroupLocation",
            f"Invalid resource group location '{region.name}'. The Resource group already exists in location '{existing.location}'.",
        )
    existing.tags = tags
    return web.json_response(view(subscription, existing))


async def patch(request: web.Request) -> web.Response:
    """PATCH: tags only."""
    subscription, body = subscription_of(request), await body_of(request)
    group = writable(subscription.group(request.match_info["group"]))
    if "tags" in body:
        group.tags = checked_tags(body["tags"])
    return web.json_response(view(subscription, group))


async def get(request: web.Request) -> web.Response:
    """GET one."""
    subscription = subscription_of(request)
    return web.json_response(view(subscription, subscription.group(request.match_info["group"])))


async def head(request: web.Request) -> web.Response:
    """HEAD: 204 or 404."""
    return web.Response(status=204 if request.match_info["group"].lower() in subscription_of(request).groups else 404)


async def list_groups(request: web.Request) -> web.Response:
    """LIST, with `$filter=tagName eq 'x' and tagValue eq 'y'`."""
    subscription = subscription_of(request)
    wanted = TAG_FILTER.match(request.query.get("$filter", ""))
    if request.query.get("$filter") and not wanted:
        raise ArmError(400, "InvalidFilterInQueryString", f"Invalid $filter '{request.query['$filter']}' specified in the query string.")
    rows = [group for group in subscription.groups.values() if wanted is None or _tagged(group, wanted.group(1), wanted.group(2))]
    return page(request, subscription, [view(subscription, group) for group in rows])


def _tagged(group: Group, name: str, value: str | None) -> bool:
    found = {key.lower(): content for key, content in group.tags.items()}.get(name.lower())
    return found is not None and (value is None or found == value)


async def list_resources(request: web.Request) -> web.Response:
    """GET …/resources: the clusters of the group."""
    subscription = subscription_of(request)
    group = subscription.group(request.match_info["group"])
    keys = ("id", "name", "type", "location", "tags")
    rows = [clusters.view(subscription, cluster) for cluster in group.clusters.values()]
    return page(request, subscription, [{key: row[key] for key in keys if key in row} for row in rows])


async def delete(request: web.Request) -> web.Response:
    """DELETE: 202 with Location only; clusters go first, then the group."""
    subscription, name = subscription_of(request), request.match_info["group"]
    group = subscription.group(name)
    if group.operation is None or not group.operation.running:
        group.provisioning_state = "Deleting"

        def finish(status: Status, error: dict[str, Any] | None) -> None:
            if status != "Succeeded":
                group.provisioning_state = "Succeeded"
                return
            for cluster in list(group.clusters.values()):
                clusters.forget(subscription, cluster)
            subscription.groups.pop(group.name.lower(), None)

        for cluster in group.clusters.values():
            clusters.preempt(subscription, cluster)
        fault = subscription.faults.take("azure", subject_of(request), "lro_failed", "lro_canceled")
        group.operation = subscription.operations.start("Deleting", group.name, group.location, SECONDS["group delete"], finish, fault=fault)
    location = f"{base_url(request, subscription)}/subscriptions/{subscription.id}/operationresults/{group.operation.id}?api-version=2025-04-01"
    return web.Response(status=202, headers={"Location": location})


PATH: Final = "/subscriptions/{sub}/resourceGroups"
ROUTES: Final = [
    route("GET", PATH, list_groups),
    route("PUT", PATH + "/{group}", put),
    route("PATCH", PATH + "/{group}", patch),
    route("GET", PATH + "/{group}", get),
    route("HEAD", PATH + "/{group}", head),
    route("DELETE", PATH + "/{group}", delete),
    route("GET", PATH + "/{group}/resources", list_resources),
]
