"""The door: a Bolt app behind Socket Mode or signed HTTP, and health and metrics beside it.

`process_before_response=True`: listeners only record and ack, and Bolt's default would poll for the ack every 10 ms. The
identity of the bot is asked for once at start, not inside the first request: an ack never waits for Slack.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import Any

import aiohttp
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from redis.exceptions import RedisError
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.intake import Intake
from bot.settings import SlackSettings
from handlers import actions, commands, errors, home, mentions, modals, shortcuts
from handlers.leaving import SocketMode

log = logging.getLogger(__name__)
ACKS = Histogram("quartermaster_ack_seconds", "Time until Slack got its answer", buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3))
UNREADY_SECONDS = 3.0  # how long a server that leaves still serves, so that whatever balances the load notices first
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
        request_verification_enabled=True,
    )  # fmt: skip
    for module in (commands, actions, modals, mentions, shortcuts, home):
        module.register(app, intake)
    app.error(errors.tell)
    return app


class Server:
    """One `web` process: opens the door, answers health, and drains at the end."""

    def __init__(self, settings: SlackSettings, app: AsyncApp, intake: Intake, identity: Identity) -> None:
        self._settings, self._app, self._intake, self._identity = settings, app, intake, identity
        self._socket: SocketMode | None = None
        self._leaving = False

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`; then take no more, let what runs finish, and close."""
        site = web.Application()
        site.add_routes([
            web.get("/healthz", self._alive), web.get("/readyz", self._ready), web.get("/metrics", self._metrics),
            web.post("/slack/events", self._events),
        ])  # fmt: skip
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
        # A short ping interval: with the default of 10 s a dead connection goes unnoticed for up to 18 s.
        self._socket = SocketMode(self._app, self._settings.app_token.reveal(), ping_interval=3)
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

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _ready(self, _: web.Request) -> web.Response:
        checks: dict[str, Any] = {"identity": bool(self._identity.answer), "staying": not self._leaving}
        if self._settings.app_token:
            checks["socket"] = self._socket is not None and await self._socket.client.is_connected()
        try:
            checks["redis"] = await self._intake.reachable()
        except RedisError:
            checks["redis"] = False
        return web.json_response(checks, status=200 if all(checks.values()) else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
