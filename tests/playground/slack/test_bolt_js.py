"""Bolt for JavaScript, a client that we did not write, works against the local Slack over sockets and over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .local import Json, Local, free_port, wait_until

HOME = os.environ.get("BOLT_JS_HOME", "")
APP = Path(__file__).with_name("boltjs") / "app.cjs"
pytestmark = pytest.mark.skipif(
    not (HOME and shutil.which("node") and Path(HOME, "node_modules", "@slack", "bolt").is_dir()),
    reason="BOLT_JS_HOME names no folder in which @slack/bolt is installed (see boltjs/package.json)",
)


@pytest.fixture(params=["socket", "http"])
async def told(request: pytest.FixtureRequest, local: Local) -> AsyncIterator[list[Json]]:
    """The JavaScript app at work; what it printed."""
    port, lines = free_port(), []
    environment = {
        "PATH": os.environ["PATH"], "BOLT_JS_HOME": HOME, "SLACK_API_BASE_URL": f"{local.url}/api/", "SLACK_TEST_PORT": str(port),
        "SLACK_TEST_BOT_TOKEN": local.workspace.bot_token, "SLACK_TEST_SIGNING_SECRET": local.workspace.signing_secret,
        "SLACK_TEST_APP_TOKEN": local.workspace.app_token if request.param == "socket" else "",
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec("node", str(APP), env=environment, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    first = await asyncio.wait_for(process.stdout.readline(), 20)
    assert json.loads(first)["kind"] == "started"

    async def read() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            lines.append(json.loads(line))

    reader = asyncio.create_task(read())
    if request.param == "http":
        assert (await local.post("delivery", mode="http", url=f"http://127.0.0.1:{port}/slack/events"))["verified"]
    yield lines
    process.terminate()
    await process.wait()
    await reader


async def test_it_does_what_an_app_does(local: Local, told: list[Json]) -> None:
    typed: Json = {"user": "U0ALICE", "channel": "C0GPU"}

    assert (await local.post("commands", **typed, text="card"))["ack"]["text"] == "got card"
    card = (await wait_until(local.messages))[0]
    assert (await local.post("actions", **typed, ts=card["ts"], action_id="go"))["ok"]
    await wait_until(lambda: contains(local, "pressed op-1"))

    assert (await local.post("commands", **typed, text="respond"))["ok"]
    await wait_until(lambda: contains(local, "responded"))

    await local.post("commands", **typed, text="open")

    async def modal() -> list[Json]:
        stack: list[Json] = (await local.get("views", user="U0ALICE"))["views"]
        return stack

    view = (await wait_until(modal))[0]
    refused = await local.post("views/submit", user="U0ALICE", view_id=view["id"], values={"value": "bad"})
    assert refused["errors"] == {"name": "Not that one."}
    assert (await local.post("views/submit", user="U0ALICE", view_id=view["id"], values={"value": "demo"}))["ok"]

    await local.post("mentions", user="U0BOB", channel="C0GPU", thread_ts=card["ts"], text="status")

    async def replies() -> bool:
        return [reply["text"] for reply in (await local.messages())[0]["replies"]] == ["<@U0QM> status", "here"]

    await wait_until(replies)
    await local.post("home", user="U0BOB")

    async def home() -> Json | None:
        shown: Json | None = (await local.get("home", user="U0BOB"))["view"]
        return shown

    assert (await wait_until(home))["blocks"][0]["text"]["text"] == "GPUs"

    async def both() -> bool:
        return [line["detail"] for line in told] == ["bad", "demo"]

    await wait_until(both)


async def contains(local: Local, text: str) -> bool:
    return text in [row["text"] for row in await local.messages()]
