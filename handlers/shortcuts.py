"""*Run on GPU*: a Job manifest in a message, or in a file attached to it."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.commands import Request
from bot.intake import Intake
from handlers.actions import who_of

LONGEST_MANIFEST = 65536


def register(app: AsyncApp, intake: Intake) -> None:
    """Listen to the message shortcut."""

    @app.shortcut({"callback_id": "run_on_gpu", "type": "message_action"})
    async def run_on_gpu(ack: AsyncAck, body: dict[str, Any]) -> None:
        message = body["message"]
        values: dict[str, Any] = {"manifest": (message.get("text") or "")[:LONGEST_MANIFEST]}
        if message.get("files"):
            values["file"] = message["files"][0]["id"]
        request = Request(path=(), kind="job.run", values=values, text="Run on GPU")
        await intake.request(request, who_of(body), trigger=body["trigger_id"], response_url=body.get("response_url", ""))
        await ack()
