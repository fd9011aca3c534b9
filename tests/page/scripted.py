"""The local Slack with the page in front and a small Bolt app behind, in a thread of its own: what the page's tests look at."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from playground import pageserver, slack
from playground.clock import Clock
from playground.faults import Faults
from playground.traffic import Traffic
from tests.page import blocks

Json = dict[str, Any]


class Scripted:
    """`heard` holds every action, submission and mention that reached the app, in order."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.heard: list[Json] = []
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        self._ready.result(20)

    def close(self) -> None:
        """End app and server."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(20)

    def post(self, text: str, shown: list[Json], thread_ts: str | None = None) -> str:
        """Have the app post to #gpu; answers the ts."""
        sent = self._client.chat_postMessage(channel="C0GPU", text=text, blocks=shown, thread_ts=thread_ts)
        return str(asyncio.run_coroutine_threadsafe(sent, self._loop).result(10)["ts"])

    def upload(self, name: str, content: str, thread_ts: str) -> None:
        """Have the app share a text file in a thread of #gpu."""
        sent = self._client.files_upload_v2(channel="C0GPU", thread_ts=thread_ts, filename=name, content=content)
        asyncio.run_coroutine_threadsafe(sent, self._loop).result(10)

    def control(self, path: str, body: Json) -> Json:
        """One call of the control API, as somebody else than the one at the page."""
        request = urllib.request.Request(f"{self.url}/_control/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: Json = json.loads(answer.read())
        return found

    async def _serve(self) -> None:
        try:
            app, workspace = slack.build(Clock(), Traffic(Faults()), public_url=self.url, manifest=None)
            pageserver.add_routes(app)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", self._port).start()
            self._client = AsyncWebClient(workspace.bot_token, base_url=f"{self.url}/api/")
            self._client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=3))
            handler = AsyncSocketModeHandler(self._app(workspace.signing_secret), workspace.app_token)
            await handler.connect_async()  # type: ignore[no-untyped-call]  # slack_bolt leaves it bare
        except BaseException as error:
            self._ready.set_exception(error)
            raise
        self._ready.set_result(None)
        await self._ended.wait()
        await handler.close_async()  # type: ignore[no-untyped-call]
        await runner.cleanup()

    def _app(self, secret: str) -> AsyncApp:
        app = AsyncApp(client=self._client, signing_secret=secret, process_before_response=True)

        @app.command("/gpu")
        async def command(ack: AsyncAck, command: Json) -> None:
            if command["text"] == "modal":
                await self._client.views_open(trigger_id=command["trigger_id"], view=blocks.MODAL)
            if command["text"] == "slow":
                await self._ended.wait()
            self.heard.append({"command": command["text"]})
            await ack(f"Heard `/gpu {command['text']}`")

        @app.action({"type": "block_actions", "action_id": blocks.ANY})
        async def action(ack: AsyncAck, body: Json) -> None:
            self.heard += body["actions"]
            await ack()

        @app.view("pool")
        async def view(ack: AsyncAck, view: Json) -> None:
            name = view["state"]["values"]["name"]["v"]["value"]
            self.heard.append(view["state"]["values"])
            if name == "gpu":
                await ack()
            else:
                await ack(response_action="errors", errors={"name": "Lower-case letters and digits, such as gpu"})

        @app.event("app_mention")
        async def mention(event: Json) -> None:
            self.heard.append({"mention": event["text"], "thread_ts": event.get("thread_ts")})

        @app.event("app_home_opened")
        async def home(event: Json) -> None:
            await self._client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks.HOME})

        @app.shortcut("run_on_gpu")
        async def shortcut(ack: AsyncAck, body: Json) -> None:
            self.heard.append({"shortcut": body["message"]["text"]})
            await ack()

        return app


@contextlib.contextmanager
def scripted() -> Iterator[Scripted]:
    """One for the time of a test module."""
    room = Scripted()
    try:
        yield room
    finally:
        room.close()
