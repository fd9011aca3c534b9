"""What the identity may do, compared with what the bot needs (Authorization: Permissions - List, api-version 2022-04-01)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import aiohttp

from bot import names
from bot.azure.connection import PUBLIC_CLOUD, Connection
from bot.errors import Temporary

API: Final = "2022-04-01"
_AKS: Final = "Microsoft.ContainerService/managedClusters"
NEEDED: Final = (
    "Microsoft.Compute/locations/usages/read",
    "Microsoft.Compute/skus/read",
    "Microsoft.ContainerService/locations/kubernetesVersions/read",
    "Microsoft.ContainerService/locations/operations/read",
    f"{_AKS}/abort/action",
    f"{_AKS}/agentPools/abort/action",
    f"{_AKS}/agentPools/delete",
    f"{_AKS}/agentPools/read",
    f"{_AKS}/agentPools/write",
    f"{_AKS}/delete",
    f"{_AKS}/listClusterUserCredential/action",
    f"{_AKS}/read",
    f"{_AKS}/start/action",
    f"{_AKS}/stop/action",
    f"{_AKS}/write",
    "Microsoft.ContainerService/register/action",
    "Microsoft.Features/providers/features/read",
    "Microsoft.Features/providers/features/register/action",
    "Microsoft.Resources/subscriptions/providers/read",
    "Microsoft.Resources/subscriptions/resourceGroups/delete",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resourceGroups/write",
)
"""Each is what one call of :mod:`bot.azure` asks for; manifests/azure-role.json grants exactly these."""


def missing(permissions: Iterable[Mapping[str, Any]], needed: Sequence[str] = NEEDED) -> list[str]:
    """Those of `needed` that no entry grants. An entry grants what its `actions` match and its own `notActions` do not (Azure RBAC)."""
    entries = list(permissions)

    def granted(action: str) -> bool:
        return any(_any(action, one.get("actions")) and not _any(action, one.get("notActions")) for one in entries)

    return [action for action in needed if not granted(action)]


def _any(action: str, patterns: Iterable[str] | None) -> bool:
    return any(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) for pattern in patterns or ())


async def of_caller(conn: Connection, group: str = "") -> list[Mapping[str, Any]] | None:
    """The caller's permissions on the subscription, or on one resource group of it; None where Azure does not tell.

    Raises as :meth:`Connection.call`.
    """
    scope = f"/subscriptions/{conn.subscription_id}" + (f"/resourceGroups/{names.checked('group', group)}" if group else "")
    token = await conn.token(PUBLIC_CLOUD + "/.default")
    url = f"{conn.base_url}{scope}/providers/Microsoft.Authorization/permissions?api-version={API}"
    try:
        async with conn.session.get(
            url, headers={"Authorization": f"Bearer {token.token}", "Accept-Encoding": "identity"}, allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=10),
        ) as answer:  # fmt: skip
            if answer.status != 200:
                return None
            found: list[Mapping[str, Any]] = (await answer.json()).get("value") or []
            return found
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise Temporary("azure.no_answer", retry_after=5.0) from error
