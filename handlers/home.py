"""The App Home tab: opened here, drawn by the worker."""

from __future__ import annotations

from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.commands import Request
from bot.intake import Intake, Who


def register(app: AsyncApp, intake: Intake) -> None:
    """Listen to the tab being opened."""

    @app.event("app_home_opened")
    async def opened(body: dict[str, Any], event: dict[str, Any]) -> None:
        if event.get("tab", "home") == "home":
            who = Who(team=body.get("team_id", ""), user=event["user"], channel="")
            await intake.request(Request(path=(), kind="home", values={}, text=""), who, trigger=body["event_id"])
