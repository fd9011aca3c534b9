"""`/gpu`: one listener. Help, the menu and every error of the grammar are answered in the ack itself."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.intake import Intake, Who
from bot.slack.blocks import Button, actions, section
from handlers import modals


def register(app: AsyncApp, intake: Intake) -> None:
    """Listen to the slash command."""

    @app.command("/gpu")
    async def gpu(ack: AsyncAck, body: dict[str, Any]) -> None:
        who = Who(team=body["team_id"], user=body["user_id"], channel=body["channel_id"])
        text = body.get("text") or ""
        if not text.strip():
            await ack(text="What would you like to do?", blocks=modals.menu())
            return
        answer = await intake.command(text, who, trigger=body["trigger_id"], response_url=body.get("response_url", ""))
        mended = intake.instead(text, answer)
        if mended is None:
            await ack(text=answer.text)
            return
        label, request = mended
        await ack(text=answer.text, blocks=[section(answer.text), actions([Button(label, "menu_instead", request.text)])])
