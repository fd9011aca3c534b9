"""What the caller may do (Authorization: Permissions - List For Resource Group, and the same at the subscription, api-version 2022-04-01).

The playground's identity is a Contributor; a test that wants another one answers with a fault of effect ``status``.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from playground.azure.errors import ArmError
from playground.azure.state import subscription_of
from playground.azure.wire import route

CONTRIBUTOR: Final = {
    "actions": ["*"],
    "notActions": [
        "Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write", "Microsoft.Authorization/elevateAccess/Action",
        "Microsoft.Blueprint/blueprintAssignments/write", "Microsoft.Blueprint/blueprintAssignments/delete",
        "Microsoft.Compute/galleries/share/action", "Microsoft.Purview/consents/write", "Microsoft.Purview/consents/delete",
        "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
    ],
    "dataActions": [],
    "notDataActions": [],
}  # fmt: skip


async def of_caller(request: web.Request) -> web.Response:
    """GET …/providers/Microsoft.Authorization/permissions."""
    group = request.match_info.get("group")
    if group is not None and group.lower() not in subscription_of(request).groups:
        raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")
    return web.json_response({"value": [CONTRIBUTOR]})


ROUTES: Final = [
    route("GET", "/subscriptions/{subscription}/providers/Microsoft.Authorization/permissions", of_caller),
    route("GET", "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/permissions", of_caller),
]
