"""The app as its manifest declares it: commands, shortcuts, scopes, events, home tab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

DEFAULT: Json = {
    "display_information": {"name": "Quartermaster"},
    "features": {
        "bot_user": {"display_name": "quartermaster", "always_online": True},
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
        "slash_commands": [{"command": "/gpu", "description": "GPUs on AKS", "usage_hint": "help", "should_escape": False}],
        "shortcuts": [{"name": "Run on GPU", "type": "message", "callback_id": "run_on_gpu", "description": "Run the Job manifest in this message"}],
    },
    "oauth_config": {
        "scopes": {
            "bot": [
                "commands", "chat:write", "app_mentions:read", "channels:read", "groups:read", "im:read", "im:write", "im:history",
                "channels:history", "groups:history", "files:read", "files:write", "users:read", "usergroups:read", "reactions:write",
            ],
        },
    },
    "settings": {
        "event_subscriptions": {"bot_events": ["app_mention", "app_home_opened", "message.im"]},
        "interactivity": {"is_enabled": True},
        "socket_mode_enabled": True,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A slash command; `escape` says whether mentions in its text are sent as ``<@U…|name>``."""

    command: str
    description: str
    usage_hint: str
    escape: bool


@dataclass(frozen=True)
class App:
    """What the workspace knows of the installed app."""

    name: str
    bot_name: str
    commands: dict[str, Command]
    shortcuts: list[Json]
    scopes: frozenset[str]
    events: frozenset[str]
    interactive: bool
    home_tab: bool
    messages_tab: bool
    rotates_tokens: bool


def read(manifest: Json) -> App:
    """The app of a manifest. Raises KeyError where a command or shortcut lacks a required key."""
    features = manifest.get("features", {})
    settings = manifest.get("settings", {})
    home = features.get("app_home", {})
    commands = [
        Command(item["command"], item["description"], item.get("usage_hint", ""), bool(item.get("should_escape", False)))
        for item in features.get("slash_commands", [])
    ]
    name = manifest["display_information"]["name"]
    return App(
        name=name,
        bot_name=features.get("bot_user", {}).get("display_name", name),
        commands={item.command: item for item in commands},
        shortcuts=[{"name": item["name"], "type": item["type"], "callback_id": item["callback_id"]} for item in features.get("shortcuts", [])],
        scopes=frozenset(manifest.get("oauth_config", {}).get("scopes", {}).get("bot", [])),
        events=frozenset(settings.get("event_subscriptions", {}).get("bot_events", [])),
        interactive=bool(settings.get("interactivity", {}).get("is_enabled", True)),
        home_tab=bool(home.get("home_tab_enabled", False)),
        messages_tab=bool(home.get("messages_tab_enabled", True)),
        rotates_tokens=bool(settings.get("token_rotation_enabled", False)),
    )
