"""Resource Manager's front door: who calls, which subscription, its own throttling, the headers that every answer carries, faults by code."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import unquote

from aiohttp import web

from playground import chance
from playground.azure.errors import ArmError, refused
from playground.azure.state import Subscription, subscription_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OPEN_PATHS: Final = re.compile(
    r"^/(msi/token|metadata/endpoints|[^/]+/oauth2/v2\.0/token|[^/]+/v2\.0/\.well-known/openid-configuration)/?$", re.IGNORECASE
)
PROVIDER: Final = re.compile(r"/providers/(Microsoft\.(?:ContainerService|Compute))/(?!(?:un)?register/?$)", re.IGNORECASE)
SUBSCRIPTION_PATH: Final = re.compile(r"^/subscriptions/([^/]+)", re.IGNORECASE)


def subject_of(request: web.Request) -> str:
    """What a fault's pattern is searched in: method, decoded path and query."""
    return f"{request.method} {unquote(request.path_qs)}"


@web.middleware
async def front_door(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Authenticate, throttle, answer errors in Azure's shapes, and sign the answer with request ids."""
    subscription = subscription_of(request)
    if OPEN_PATHS.match(request.path):
        return await handler(request)
    headers: dict[str, str] = {}
    response: web.StreamResponse
    try:
        headers = _admitted(request, subscription)
        response = await handler(request)
    except ArmError as error:
        response = error.response()
    except web.HTTPNotFound:
        response = ArmError(404, "InvalidResourceType", f"The resource type could not be found for '{request.path}'.").response()
    except web.HTTPMethodNotAllowed:
        response = ArmError(405, "MethodNotAllowed", f"The requested resource does not support http method '{request.method}'.").response()
    response.headers.update(headers | _ids(request))
    for name in list(response.headers):  # they arrive in lower case, as HTTP/2 has them
        response.headers[name.lower()] = response.headers.pop(name)
    return response


def _admitted(request: web.Request, subscription: Subscription) -> dict[str, str]:
    subscription.identity.check(request.headers.get("Authorization"))
    if not request.query.get("api-version"):
        raise ArmError(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
    named = SUBSCRIPTION_PATH.match(request.path)
    if named and named.group(1).lower() != subscription.id.lower():
        raise ArmError(404, "SubscriptionNotFound", f"The subscription '{named.group(1)}' could not be found.")
    headers = subscription.buckets.arm(request.method, subscription.id)
    _faults(request, subscription)
    _registered(request, subscription)
    return headers


def _faults(request: web.Request, subscription: Subscription) -> None:
    fault = subscription.faults.take("azure", subject_of(request), "sync_error", "throttled")
    if fault is None:
        return
    options = fault.options
    headers = {"Retry-After": str(options["retry_after"])} if "retry_after" in options else {}
    if fault.effect == "throttled":
        raise ArmError(429, options.get("code", "Throttled"), options.get("message", "The request is throttled."), flat=True, headers=headers)
    message = options.get("message", f"The request failed: {options['code']}.")
    raise ArmError(int(options.get("status", 400)), options["code"], message, flat=bool(options.get("flat", False)), headers=headers)


def _registered(request: web.Request, subscription: Subscription) -> None:
    named = PROVIDER.search(request.path)
    if named is None or request.method in ("GET", "HEAD"):
        return
    if subscription.providers[named.group(1).lower()].state.lower() != "registered":
        raise ArmError(
            409,
            "MissingSubscriptionRegistration",
            f"The subscription is not registered to use namespace '{named.group(1)}'. "
            "See https://aka.ms/rps-not-found for how to register subscriptions.",
        )


def _ids(request: web.Request) -> dict[str, str]:
    request_id = chance.uid("request")
    headers = {
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": request.headers.get("x-ms-correlation-request-id", request_id),
        "x-ms-routing-request-id": f"PLAYGROUND:{request_id}",
        "Cache-Control": "no-cache",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
    }
    client_id = request.headers.get("x-ms-client-request-id")
    if client_id:
        headers["x-ms-client-request-id"] = client_id
    return headers


def check_etag(request: web.Request, etag: str | None) -> None:
    """If-Match and If-None-Match against the eTag that there is (None: no such resource); raises 412 PreconditionFailed."""
    wanted = request.headers.get("If-Match")
    if wanted is not None and (etag is None or wanted not in ("*", etag, f'"{etag}"')):
        raise refused("PreconditionFailed", f"The condition 'If-Match: {wanted}' is not met: the eTag is {etag or 'none'}.", status=412)
    if request.headers.get("If-None-Match") == "*" and etag is not None:
        raise refused("PreconditionFailed", "The condition 'If-None-Match: *' is not met: the resource exists.", status=412)
