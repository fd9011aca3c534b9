"""``/api/{method}``: who calls, with which token, scope and arguments, how often; then the method itself."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from playground.slack.errors import ApiError, RateLimited
from playground.slack.limits import Limits
from playground.slack.model import BOT_USER, Channel, Json
from playground.slack.workspace import Workspace

BOT_TOKEN, APP_TOKEN, CONFIG_TOKEN, ANY_TOKEN = "bot", "app", "config", "any"
READ_SCOPE = {"channel": "channels", "group": "groups", "im": "im"}


@dataclass(frozen=True)
class Method:
    """One Web API method: `tier` as in :mod:`limits`, `token` bot, app, config or any; `json_body` whether JSON bodies are read."""

    name: str
    handler: Callable[[Call], Awaitable[Json]]
    tier: str
    scope: str | None
    args: tuple[str, ...]
    required: tuple[str, ...]
    json_body: bool
    token: str


class Methods:
    """A rule group's methods, collected by its decorator."""

    def __init__(self) -> None:
        self.all: list[Method] = []

    def add(
        self, name: str, tier: str, args: str = "", *, scope: str | None = None, required: str = "", json_body: bool = True, token: str = BOT_TOKEN
    ) -> Callable[[Callable[[Call], Awaitable[Json]]], Callable[[Call], Awaitable[Json]]]:
        """Register the decorated coroutine; `args` and `required` are names separated by blanks."""

        def register(handler: Callable[[Call], Awaitable[Json]]) -> Callable[[Call], Awaitable[Json]]:
            names = tuple(dict.fromkeys([*required.split(), *args.split()]))
            self.all.append(Method(name, handler, tier, scope, names, tuple(required.split()), json_body, token))
            return handler

        return register


class Call:
    """One call: typed access to its arguments, and the checks that many methods share."""

    def __init__(self, workspace: Workspace, limits: Limits, method: Method, args: Json) -> None:
        self.workspace, self.limits, self.method, self.args = workspace, limits, method, args
        self.warnings: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """An argument as text ('' or `default` where absent)."""
        value = self.args.get(name)
        return default if value is None else value if isinstance(value, str) else json.dumps(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean, as form fields or JSON spell it."""
        value = self.args.get(name, default)
        return value if isinstance(value, bool) else str(value).lower() in ("true", "1")

    def number(self, name: str, default: int, *, error: str = "invalid_arguments") -> int:
        """A whole number. Raises ApiError(`error`)."""
        try:
            return int(self.args.get(name) or default)
        except (TypeError, ValueError):
            raise ApiError(error) from None

    def given(self, name: str) -> bool:
        """Whether the argument was sent and is neither null nor ''."""
        return self.args.get(name) not in (None, "")

    def structure(self, name: str, error: str) -> Any:
        """A JSON argument, as an object or as text. Raises ApiError(`error`) where it is no JSON."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ApiError(error) from None

    def scope(self, needed: str) -> None:
        """Raises ApiError("missing_scope") unless the token was granted `needed`."""
        if needed not in self.workspace.token_scopes:
            raise ApiError("missing_scope", needed=needed, provided=",".join(sorted(self.workspace.token_scopes)))

    def channel(self, name: str = "channel", *, names: bool = False, error: str = "channel_not_found") -> Channel:
        """The conversation named by an argument: an id, with `names` also #name or a user id (opens the direct conversation).

        Raises ApiError("channel_not_found"), also for private ones that the bot is not in.
        """
        wanted = self.text(name)
        found = self.workspace.channels.get(wanted)
        if found is None and names:
            person = wanted in self.workspace.users and wanted != BOT_USER
            found = self.workspace.direct(wanted) if person else self.workspace.channel_named(wanted)
        if found is None or (found.kind != "channel" and BOT_USER not in found.members):
            raise ApiError(error)
        return found

    def readable(self, error: str = "channel_not_found") -> Channel:
        """The conversation of ``channel``, whose history the token may read (``*:history`` of its kind)."""
        channel = self.channel()
        self.scope(f"{READ_SCOPE[channel.kind]}:history")
        if BOT_USER not in channel.members:
            raise ApiError(error)
        return channel


class WebApi:
    """Routes calls to the methods of all rule groups."""

    def __init__(self, workspace: Workspace, limits: Limits, groups: list[Methods]) -> None:
        self._workspace, self._limits = workspace, limits
        self.methods = {method.name: method for group in groups for method in group.all}

    async def serve(self, request: web.Request) -> web.Response:
        """``GET`` or ``POST /api/{method}``."""
        headers = {
            "X-OAuth-Scopes": ",".join(sorted(self._workspace.token_scopes)), "X-Slack-Req-Id": secrets.token_hex(16),
            "Cache-Control": "private, no-cache, no-store, must-revalidate",
        }  # fmt: skip
        try:
            answer = await self._answer(request)
        except RateLimited as error:
            headers["Retry-After"] = str(max(1, math.ceil(error.seconds)))
            return web.json_response({"ok": False, "error": error.code}, status=429, headers=headers)
        except ApiError as error:
            answer = {"ok": False, "error": error.code, **error.extra}
            if error.messages:
                answer |= {"response_metadata": {"messages": error.messages}}
                if error.code.startswith("invalid_blocks"):
                    answer["errors"] = [line.removeprefix("[ERROR] ") for line in error.messages]
        return web.json_response(answer, headers=headers)

    async def _answer(self, request: web.Request) -> Json:
        name = request.match_info["method"]
        method = self.methods.get(name)
        if method is None:
            raise ApiError("unknown_method", req_method=name)
        args = {key: value for key, value in (await _arguments(request, method)).items() if value is not None}
        self._authorise(request, method, args)
        subject = f"POST {name} /api/{name}"
        fault = self._workspace.faults.take("slack", subject, "error", "ratelimited")
        if fault is not None and fault.effect == "ratelimited":
            raise RateLimited(float(fault.options.get("retry_after", 1)))
        if fault is not None:
            raise ApiError(fault.options["error"])
        self._limits.method(name, method.tier)
        call = Call(self._workspace, self._limits, method, {key: value for key, value in args.items() if key in method.args})
        if method.scope is not None:
            call.scope(method.scope)
        missing = [arg for arg in method.required if arg not in call.args]
        if missing:
            raise ApiError("invalid_arguments", *(f"[ERROR] missing required field: {arg}" for arg in missing))
        answer = {"ok": True, **await method.handler(call)}
        if call.warnings:
            answer["warning"] = ",".join(call.warnings)
            answer.setdefault("response_metadata", {})["warnings"] = call.warnings
        return answer

    def _authorise(self, request: web.Request, method: Method, args: Json) -> None:
        """Raises ApiError not_authed, invalid_auth, not_allowed_token_type or token_expired."""
        scheme, _, header = request.headers.get("Authorization", "").partition(" ")
        token = header.strip() if scheme.lower() == "bearer" and header else str(args.get("token", ""))
        if method.token == ANY_TOKEN:
            return
        if not token:
            raise ApiError("not_authed")
        workspace = self._workspace
        kinds = {workspace.bot_token: BOT_TOKEN, workspace.app_token: APP_TOKEN, workspace.config_token: CONFIG_TOKEN}
        if token not in kinds:
            raise ApiError("invalid_auth")
        if kinds[token] != method.token:
            raise ApiError("not_allowed_token_type")
        until = {BOT_TOKEN: workspace.token_until, CONFIG_TOKEN: workspace.config_until}.get(method.token)
        if until is not None and workspace.clock.now() >= until:
            raise ApiError("token_expired")


async def _arguments(request: web.Request, method: Method) -> Json:
    """Query, form, multipart and (where the method reads it) JSON. Raises ApiError on a body that cannot be read."""
    args: Json = dict(request.query)
    if request.method != "POST" or not request.can_read_body:
        return args
    if request.content_type == "application/json":
        if not method.json_body:
            return args
        try:
            body = json.loads(await request.text())
        except ValueError:
            raise ApiError("invalid_json") from None
        if not isinstance(body, dict):
            raise ApiError("json_not_object")
        return args | body
    if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.post()
        return args | {key: value for key, value in form.items() if isinstance(value, str)}
    raise ApiError("invalid_post_type")
