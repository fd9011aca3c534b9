"""A strict local Azure: Resource Manager with AKS, Compute quotas and SKUs, features; identity; the price list. One file per group of rules.

:func:`build` gives the Resource Manager application (identity routes included); :mod:`playground.azure.prices` is an application of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from aiohttp import web

from playground.azure import clusters, compute, credentials, features, groups, permissions, pools, power, subscriptions, versions
from playground.azure.autoscaler import Autoscaler
from playground.azure.gateway import front_door
from playground.azure.state import SUBSCRIPTION, Subscription
from playground.backend import ClusterBackend
from playground.clock import Clock
from playground.traffic import Traffic


def build(clock: Clock, traffic: Traffic, clusters_behind: ClusterBackend, *, public_url: str) -> tuple[web.Application, Subscription]:
    """The application and its state. `public_url` has no trailing slash; absolute links use its scheme and the host that the client called."""
    subscription = Subscription(clock, traffic.faults, clusters_behind, public_url=public_url)
    app = web.Application(middlewares=[traffic.middleware("azure"), front_door])
    app[SUBSCRIPTION] = subscription
    for rules in (subscriptions, groups, clusters, power, credentials, pools, versions, compute, features, permissions):
        app.add_routes(rules.ROUTES)
    app.add_routes(subscription.identity.routes())

    async def running(_: web.Application) -> AsyncIterator[None]:
        subscription.later(Autoscaler(subscription).run())
        yield
        subscription.close()

    app.cleanup_ctx.append(running)
    return app, subscription
