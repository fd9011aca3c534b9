"""The door: a Bolt app behind Socket Mode or signed HTTP, and health and metrics beside it.

`process_before_response=True`: listeners only record and ack, and Bolt's default would poll for the ack every 10 ms. The
identity of the bot is asked for once at start, not inside the first request: an ack never waits for Slack.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import aiohttp
from aiohttp import WSMessage, web
from redis.exceptions import RedisError
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.app.probes import Readiness, routes
from bot.intake import Intake
from bot.metrics import ACKS, SOCKET
from bot.settings import SlackSettings
from handlers import actions, commands, errors, home, mentions, modals, shortcuts
from handlers.leaving import SocketMode

log = logging.getLogger(__name__)
UNREADY_SECONDS: Final = 3.0  # how long a server that leaves still serves, so that whatever balances the load notices first
BOLT_OUTAGE = (aiohttp.ClientError, TimeoutError, OSError)


class Identity:
    """Who the bot is in this workspace; empty until Slack has told."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self.answer: dict[str, Any] = {}

    async def ask(self) -> None:
        """Ask until Slack answers."""
        pause = 0.5
        while not self.answer:
            try:
                self.answer = dict((await self._client.auth_test()).data)  # type: ignore[arg-type]
            except SlackApiError as error:
                # A wrong token keeps the process not ready; `python -m bot doctor` says what to do.
                log.error("Slack refuses the bot token", extra={"slack": error.response.get("error")})
                await asyncio.sleep(pause)
            except BOLT_OUTAGE as error:
                log.warning("Slack does not answer yet", extra={"cause": repr(error)})
                await asyncio.sleep(pause)
            pause = min(10.0, pause * 2)

    def known(self, enterprise_id: str | None) -> AuthorizeResult:
        """What Bolt wants to know of the bot, from memory."""
        return AuthorizeResult(
            enterprise_id=enterprise_id, team_id=self.answer.get("team_id"), bot_user_id=self.answer.get("user_id"),
            bot_id=self.answer.get("bot_id"), bot_token=self._client.token,
        )  # fmt: skip


def bolt_app(settings: SlackSettings, client: AsyncWebClient, identity: Identity, intake: Intake) -> AsyncApp:
    """The Bolt app with all listeners."""

    async def authorize(enterprise_id: str | None) -> AuthorizeResult:
        return identity.known(enterprise_id)

    # Without a token of its own: Bolt takes the one that `authorize` gives, and warns of two.
    tokenless = AsyncWebClient(base_url=client.base_url, session=client.session, retry_handlers=[])
    app = AsyncApp(
        client=tokenless, signing_secret=settings.signing_secret.reveal(), authorize=authorize, process_before_response=True,
        request_verification_enabled=True, attaching_function_token_enabled=False,
    )  # fmt: skip
    app.use(Counted(client))
    for module in (commands, actions, modals, mentions, shortcuts, home):
        module.register(app, intake)
    app.error(errors.tell)
    return app


class Counted(AsyncMiddleware):
    """Hands listeners the client whose calls are counted, instead of Bolt's own. A class: for a function Bolt gathers all that it might want."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def async_process(self, *, req: AsyncBoltRequest, resp: BoltResponse, next: Callable[[], Awaitable[BoltResponse]]) -> BoltResponse | None:
        """As Bolt's."""
        req.context["client"] = self._client
        return await next()


class Socket(SocketMode):
    """The Socket Mode handler; it times each ack and remembers when it last heard from Slack."""

    def __init__(self, app: AsyncApp, app_token: str) -> None:
        # A short ping interval: with the default of 10 s a dead connection goes unnoticed for up to 18 s.
        super().__init__(app, app_token, ping_interval=3)
        self.opened = 0.0
        self.client.on_message_listeners.append(self._hello)

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """As Bolt's."""
        started = time.perf_counter()
        await super().handle(client, req)
        ACKS.observe(time.perf_counter() - started)

    async def _hello(self, message: WSMessage) -> None:
        if isinstance(message.data, str) and '"hello"' in message.data[:200]:  # Slack: the first message of every connection
            self.opened = time.time()

    async def state(self) -> dict[str, Any]:
        """Whether it is connected, since when, and how long ago Slack gave a sign of life (seconds)."""
        now, heard = time.time(), self.client.last_ping_pong_time
        return {
            "connected": await self.client.is_connected(),
            "age_seconds": round(now - self.opened, 1) if self.opened else None,
            "heard_seconds_ago": round(now - heard, 1) if heard else None,
        }


class Server:
    """One `web` process: opens the door, answers health, and drains at the end."""

    def __init__(self, settings: SlackSettings, app: AsyncApp, intake: Intake, identity: Identity) -> None:
        self._settings, self._app, self._intake, self._identity = settings, app, intake, identity
        self._socket: Socket | None = None
        self._leaving = False

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`; then take no more, let what runs finish, and close."""
        site = web.Application()
        site.add_routes([*routes(self._ready, self._gauges), web.post("/slack/events", self._events)])
        runner = web.AppRunner(site, access_log=None, shutdown_timeout=5.0)
        await runner.setup()
        await web.TCPSite(runner, None, self._settings.port).start()
        asking = asyncio.create_task(self._identity.ask())
        connecting = asyncio.create_task(self._connect()) if self._settings.app_token else None
        try:
            await stop.wait()
        finally:
            self._leaving = True
            for task in (asking, connecting):
                if task is not None:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
            if self._socket is not None:
                await self._socket.leave()
            else:
                await asyncio.sleep(UNREADY_SECONDS)
            await runner.cleanup()

    async def _connect(self) -> None:
        self._socket = Socket(self._app, self._settings.app_token.reveal())
        pause = 0.5
        while True:
            try:
                await self._socket.connect_async()  # type: ignore[no-untyped-call]
                return
            except (SlackApiError, *BOLT_OUTAGE) as error:
                log.warning("no Socket Mode connection yet", extra={"cause": repr(error)})
                await asyncio.sleep(pause)
                pause = min(10.0, pause * 2)

    async def _events(self, request: web.Request) -> web.Response:
        started = time.perf_counter()
        stamp = request.headers.get("X-Slack-Request-Timestamp", "")
        if not (stamp.isascii() and stamp.isdecimal()):
            return web.Response(status=401)  # Bolt would take it for a fault of ours: a log entry with a traceback for whoever asks
        try:
            answer = await self._app.async_dispatch(await to_bolt_request(request))
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # Bolt's, on a body of a shape that Slack never sends
            log.warning("a signed request that cannot be read", extra={"cause": repr(error)})
            return web.Response(status=400)
        response = await to_aiohttp_response(answer)
        ACKS.observe(time.perf_counter() - started)
        return response

    async def _ready(self) -> Readiness:
        readiness = Readiness()
        readiness.note("staying", not self._leaving, not self._leaving, "it is being stopped")
        known = bool(self._identity.answer)
        readiness.note("identity", known, known, "Slack has not accepted the bot token yet: `python -m bot doctor` says what to do")
        if self._settings.app_token:
            state = await self._socket.state() if self._socket is not None else {"connected": False}
            readiness.note("socket", state, state["connected"], "there is no Socket Mode connection")
        try:
            well = await self._intake.reachable()
        except RedisError:
            well = False
        readiness.note("redis", well, well, "Redis does not answer")
        return readiness

    async def _gauges(self) -> None:
        SOCKET.set(self._socket is not None and await self._socket.client.is_connected())
