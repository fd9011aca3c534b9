"""Paths, ids and bodies: what all of Resource Manager's handlers share."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from aiohttp import web

from playground.azure.errors import ArmError
from playground.azure.state import Subscription, Wire

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_TAGS: Final = 50
MAX_TAG_NAME: Final = 512
MAX_TAG_VALUE: Final = 256
RESERVED_IN_TAG_NAMES: Final = re.compile(r"[<>%&\\?/]")


def route(method: str, path: str, handler: Handler) -> web.RouteDef:
    """A route whose fixed segments match in any case and that tolerates a trailing slash, as Resource Manager does.

    The trailing slash matters: SDKs turn "delete pool `..`" into DELETE of the cluster's URL with a slash behind it.
    """
    parts = [part if part.startswith("{") else f"{{_{n}:(?i:{re.escape(part)})}}" for n, part in enumerate(path.strip("/").split("/"))]
    pattern = "/" + "/".join(parts) + "{_slash:/?}"
    return web.get(pattern, handler, allow_head=False) if method == "GET" else web.route(method, pattern, handler)


def base_url(request: web.Request, subscription: Subscription) -> str:
    """Scheme of the public URL, host as the client called it: SDKs refuse to follow links to elsewhere."""
    return f"{subscription.public_url.partition('://')[0]}://{request.host}"


async def body_of(request: web.Request) -> Wire:
    """The JSON object of the request; raises 400 InvalidRequestContent."""
    try:
        content = json.loads(await request.text() or "{}")
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ArmError(400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{error}'.") from error
    if not isinstance(content, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized: an object was expected.")
    return content


def checked_tags(tags: Any) -> dict[str, str]:
    """Tags as given; raises 400 where Resource Manager would (at most 50, name 512, value 256 characters, no reserved characters)."""
    if tags is None:
        return {}
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid: tags must be an object of strings.")
    if len(tags) > MAX_TAGS:
        raise ArmError(400, "InvalidTagCount", f"The number of tags {len(tags)} exceeds the maximum of {MAX_TAGS}.")
    for name, value in tags.items():
        if RESERVED_IN_TAG_NAMES.search(name):
            raise ArmError(
                400, "InvalidTagNameCharacters", f"The tag names '{name}' have reserved characters '<,>,%,&,\\,?,/' or control characters."
            )
        if not name or len(name) > MAX_TAG_NAME or len(value) > MAX_TAG_VALUE:
            raise ArmError(400, "InvalidTagLength", f"Tag '{name[:60]}': a name has 1 to {MAX_TAG_NAME} characters, a value at most {MAX_TAG_VALUE}.")
    return dict(tags)


def page(request: web.Request, subscription: Subscription, rows: Sequence[Wire]) -> web.Response:
    """One page of a list, with `nextLink` where there is more."""
    start = int(request.query.get("$skiptoken", "0"))
    size = min(subscription.page_size, int(request.query.get("$top", subscription.page_size)))
    content: Wire = {"value": list(rows[start : start + size])}
    if start + size < len(rows) and "$top" not in request.query:
        query = request.rel_url.update_query({"$skiptoken": str(start + size)})
        content["nextLink"] = f"{base_url(request, subscription)}{query}"
    return web.json_response(content)


def method_not_allowed(path: str, *methods: str) -> list[web.RouteDef]:
    """Routes that say 405 in Resource Manager's words for methods that a path does not have."""

    async def refuse(request: web.Request) -> web.Response:
        raise ArmError(405, "MethodNotAllowed", f"The requested resource does not support http method '{request.method}'.")

    return [route(method, path, refuse) for method in methods]
