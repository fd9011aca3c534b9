"""The Slack app's manifest, made from the definitions: what an installer pastes at api.slack.com.

Sources: Slack's manifest reference and the method specifications (which scope each method asks for).
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from bot.commands.help import usage_hint

COMMAND: Final = "/gpu"
RUN_ON_GPU: Final = "run_on_gpu"
"""Callback id of the message shortcut *Run on GPU*."""

SCOPES: Final[dict[str, str]] = {
    "app_mentions:read": "be spoken to in a thread",
    "channels:history": "find its own message again after a crash",
    "channels:read": "know whether it is in the channel",
    "chat:write": "post cards and results",
    "commands": "/gpu and the shortcut",
    "files:read": "read a Job manifest that somebody attached",
    "files:write": "logs, plans and charts as files",
    "groups:history": "the same in private channels",
    "groups:read": "the same in private channels",
    "usergroups:read": "who may approve",
    "users:read": "who is a guest",
}
"""Bot scopes with the reason for each."""

EVENTS: Final = ("app_home_opened", "app_mention")


def slack_manifest(socket_mode: bool, request_url: str | None) -> dict[str, Any]:
    """The manifest for Socket Mode, or for signed HTTP at `request_url` (the address of ``/slack/events``).

    Raises ValueError where HTTP mode has no https address (http is accepted for loopback only).
    """
    if not socket_mode:
        _check(request_url)
    url: dict[str, Any] = {} if socket_mode else {"url": request_url}
    delivery: dict[str, Any] = {} if socket_mode else {"request_url": request_url}
    return {
        "_metadata": {"major_version": 1},
        "display_information": {
            "name": "Quartermaster",
            "description": "Hands out GPUs on AKS: planned, priced, approved, proven, reported.",
            "background_color": "#1d3557",
        },
        "features": {
            "app_home": {"home_tab_enabled": True, "messages_tab_enabled": False, "messages_tab_read_only_enabled": True},
            "bot_user": {"display_name": "quartermaster", "always_online": True},
            "slash_commands": [
                {
                    "command": COMMAND,
                    "description": "GPUs on AKS: clusters, pools, jobs, prices",
                    "usage_hint": usage_hint(),
                    "should_escape": False,
                    **url,
                }
            ],
            "shortcuts": [
                {"name": "Run on GPU", "type": "message", "callback_id": RUN_ON_GPU, "description": "Runs the Job manifest in this message"}
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "interactivity": {"is_enabled": True, **delivery},
            "event_subscriptions": {"bot_events": list(EVENTS), **delivery},
            "socket_mode_enabled": socket_mode,
            "org_deploy_enabled": False,
            "token_rotation_enabled": False,
        },
    }


def _check(request_url: str | None) -> None:
    parts = urlsplit(request_url or "")
    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise ValueError("HTTP mode needs the public https address of /slack/events, for example https://bot.example.com/slack/events.")
