"""A local Slack: strict Web API, Socket Mode, signed HTTP delivery, and a control API to play the people.

One file per rule group. It knows nothing of the bot; every limit that Slack enforces is on by default.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import web

from playground.clock import Clock
from playground.slack import methods_apps, methods_chat, methods_conversations, methods_files, methods_people, methods_views
from playground.slack.control import Control
from playground.slack.delivery import Delivery
from playground.slack.events import Events
from playground.slack.interactions import Interactions
from playground.slack.limits import Limits
from playground.slack.responses import Responses
from playground.slack.socket import LIFETIME_SECONDS, Sockets
from playground.slack.triggers import Triggers
from playground.slack.views import Views
from playground.slack.webapi import WebApi
from playground.slack.workspace import Workspace
from playground.traffic import Traffic

__all__ = ["API", "Workspace", "build"]
API = web.AppKey("slack.api", WebApi)
RECORDED = ("/api/", "/link", "/upload/", "/files/private/", "/commands/response/")
MAX_BODY = 64 * 1024 * 1024


def build(
    clock: Clock, traffic: Traffic, *, public_url: str, manifest: dict[str, Any] | None, rate: float = 1.0, socket_seconds: float = LIFETIME_SECONDS
) -> tuple[web.Application, Workspace]:
    """The local Slack as an application to be served at `public_url` (no trailing slash); `manifest` None: a default one;
    `rate`: how many times the usual rate limits. A socket lives for `socket_seconds`.

    The token, the app token and the signing secret are attributes of the workspace.
    """
    workspace = Workspace(clock, traffic.faults, public_url, manifest)
    sockets = Sockets(public_url, socket_seconds)
    delivery, views, triggers, responses = Delivery(workspace, sockets), Views(workspace), Triggers(), Responses(workspace)
    events = Events(workspace, delivery, views)
    interactions = Interactions(workspace, delivery, views, triggers, responses)
    groups = [methods_apps.METHODS, methods_chat.METHODS, methods_conversations.METHODS, methods_people.METHODS, methods_files.METHODS]
    api = WebApi(workspace, Limits(rate), [*groups, methods_views.methods(views, triggers), sockets.methods])

    app = web.Application(client_max_size=MAX_BODY, middlewares=[_recorded(traffic)])
    app[API] = api
    app.router.add_route("*", "/api/{method}", api.serve)
    app.router.add_get("/link", sockets.serve)
    app.router.add_post("/upload/v1/{id}", partial(methods_files.receive, workspace=workspace))
    app.router.add_get("/files/private/{id}/{name}", partial(methods_files.private, workspace=workspace))
    app.router.add_get("/files/{id}/{name}", partial(methods_files.download, workspace=workspace))
    app.router.add_post("/commands/response/{id}", responses.serve)
    Control(workspace, interactions, events, delivery, sockets).add_routes(app)

    async def close(_: web.Application) -> None:
        workspace.stream.close()
        await workspace.tasks.close()
        await sockets.close()
        await delivery.close()

    app.on_shutdown.append(close)
    return app, workspace


def _recorded(traffic: Traffic) -> Any:
    """The traffic middleware for what the app calls; the page and the control API are not Slack."""
    record = traffic.middleware("slack")

    @web.middleware
    async def choose(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
        if request.path.startswith(RECORDED):
            answered: web.StreamResponse = await record(request, handler)
            return answered
        return await handler(request)

    return choose
