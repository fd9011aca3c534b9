"""`@quartermaster …` in a thread: the thread is the context, so nothing has to be named."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.intake import Intake, Who


def register(app: AsyncApp, intake: Intake) -> None:
    """Listen to mentions. Slack delivers an event again when an answer is late; its id makes the second one a no-op."""

    @app.event("app_mention")
    async def mentioned(body: dict[str, Any], event: dict[str, Any]) -> None:
        if event.get("bot_id") or "user" not in event:
            return
        who = Who(team=body.get("team_id", ""), user=event["user"], channel=event["channel"])
        await intake.mention(event.get("text", ""), who, thread=event.get("thread_ts", ""), event=body["event_id"])
