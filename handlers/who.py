"""Who did something, and where, as an interaction tells."""

from __future__ import annotations

from typing import Any

from bot.intake import Who


def who_of(body: dict[str, Any]) -> Who:
    """The person and place of an interaction; in a modal or the Home tab there is no channel.

    What is submitted in a shared channel names the person's own workspace as its team; the bot's stands in the view then.
    """
    installed = (body.get("view") or {}).get("app_installed_team_id")
    team = installed or (body.get("team") or {}).get("id") or body["user"].get("team_id", "")
    return Who(team=team, user=body["user"]["id"], channel=(body.get("channel") or {}).get("id", ""))
