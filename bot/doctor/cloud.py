"""Azure and the clusters: sign-in, roles, quotas, prices, API servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from bot.azure import clusters, permissions, quotas, tags
from bot.azure.clusters import ClusterState
from bot.azure.connection import PUBLIC_CLOUD, Connection
from bot.azure.prices import PriceList
from bot.azure.sizes import CHEAPEST
from bot.clock import Clock
from bot.cluster.access import at
from bot.doctor.finding import Found
from bot.errors import QuartermasterError
from bot.operations.services import Clusters
from bot.settings import Settings

REGION: Final = "eastus"
AT_ONCE: Final = 8
ROLES: Final = "Give the identity its role on the subscription (README: Azure identity; manifests/azure-role.json grants what is needed)."


async def azure(settings: Settings) -> AsyncGenerator[Found, None]:
    """Everything about it; where signing in fails, nothing else is asked."""
    connection = Connection(subscription_id=settings.azure.subscription_id, base_url=settings.azure.arm_base_url)
    prices = PriceList(Clock(settings.clock_file), url=settings.azure.prices_url)
    seen: list[ClusterState] = []

    async def signed_in() -> str:
        await connection.token(PUBLIC_CLOUD + "/.default")
        return "a token was given"

    async def listed() -> str:
        seen.extend(await clusters.list_all(connection))
        return f"{len(seen)} are visible"

    async def allowed() -> str:
        return f"{len(await quotas.usage(connection, REGION))} of {REGION} are readable"

    async def priced() -> str:
        return f"{CHEAPEST} costs {(await prices.price(CHEAPEST, REGION)).usd_per_hour} USD/h in {REGION}"

    try:
        first = await tried("Azure sign-in", signed_in, "Check azure-identity's variables, or the workload identity of the pods.")
        yield first
        if first.todo:
            return
        yield await tried("Azure clusters", listed)
        yield await roles(connection, [one.group for one in seen])
        for what, work in (("Azure quotas", allowed), ("Azure prices", priced)):
            yield await tried(what, work)
        for line in await reached(connection, seen):
            yield line
    finally:
        await prices.close()
        await connection.close()


async def tried(what: str, work: Callable[[], Awaitable[str]], todo: str = ROLES) -> Found:
    """One check that answers or raises."""
    try:
        return Found(what, await work())
    except QuartermasterError as error:
        return Found(what, error.sentence, error.next_step or todo)


async def roles(connection: Connection, groups: list[str]) -> Found:
    """What the identity may do on the subscription; where that is too little, on each resource group that has a cluster."""
    try:
        granted = await permissions.of_caller(connection)
        if granted is None:
            return Found("Azure roles", "Azure does not tell what this identity may do", ROLES, True)
        lacking = permissions.missing(granted)
        if not lacking:
            return Found("Azure roles", f"all {len(permissions.NEEDED)} actions are allowed on the subscription")
        for group in sorted(set(groups)):
            more = permissions.missing(await permissions.of_caller(connection, group) or [], lacking)
            if more:
                return Found("Azure roles", f"not allowed on the resource group {group}: {', '.join(more)}", ROLES)
    except QuartermasterError as error:
        return Found("Azure roles", error.sentence, error.next_step or ROLES)
    if not groups:
        return Found("Azure roles", f"not allowed: {', '.join(lacking)}", ROLES)
    todo = "New clusters can only be made there: `--group`. For more, give the role on the subscription."
    return Found("Azure roles", f"only on the resource groups {', '.join(sorted(set(groups)))}", todo, True)


async def reached(connection: Connection, seen: list[ClusterState]) -> list[Found]:
    """Whether the API server of each of our running clusters answers, and lets us look at nodes."""
    access, turn = Clusters(connection), asyncio.Semaphore(AT_ONCE)

    async def one(cluster: ClusterState) -> Found:
        what = f"Cluster {cluster.name}"
        if cluster.power_state == "Stopped" or cluster.provisioning_state in ("Creating", "Deleting"):
            return Found(what, f"not asked: {cluster.provisioning_state}, {cluster.power_state}")

        async def look() -> str:
            api = await access.access(cluster.group, cluster.name)
            found = await api.get(at("/api/v1", "nodes"), {"limit": 1})
            return f"its API server answers; {len(found.get('items') or [])} or more nodes"

        async with turn:
            todo = "Is its API server private? Then the bot has to run in its network; `az aks show` tells."
            return await tried(what, look, todo)

    try:
        return list(await asyncio.gather(*(one(cluster) for cluster in seen if tags.ours(cluster.tags))))
    finally:
        access.close()
