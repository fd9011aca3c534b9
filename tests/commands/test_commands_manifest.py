"""The Slack app's manifest is made from the same declaration."""

from __future__ import annotations

import json

import pytest

from bot.commands import RUN_ON_GPU, slack_manifest

URL = "https://bot.example.com/slack/events"


def test_socket_mode_needs_no_address() -> None:
    manifest = slack_manifest(True, None)
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert "url" not in json.dumps(manifest)


def test_http_mode_gives_the_address_wherever_slack_delivers() -> None:
    manifest = slack_manifest(False, URL)
    assert manifest["settings"]["socket_mode_enabled"] is False
    assert manifest["features"]["slash_commands"][0]["url"] == URL
    assert manifest["settings"]["interactivity"]["request_url"] == URL
    assert manifest["settings"]["event_subscriptions"]["request_url"] == URL


@pytest.mark.parametrize("url", [None, "", "http://bot.example.com/slack/events", "bot.example.com", "ftp://bot.example.com"])
def test_http_mode_without_https_is_refused(url: str | None) -> None:
    with pytest.raises(ValueError, match="https"):
        slack_manifest(False, url)


def test_loopback_may_be_plain_http() -> None:
    assert slack_manifest(False, "http://127.0.0.1:3000/slack/events")


def test_the_manifest_asks_for_what_the_bot_uses_and_no_more() -> None:
    manifest = slack_manifest(True, None)
    scopes = set(manifest["oauth_config"]["scopes"]["bot"])
    assert {"commands", "chat:write", "app_mentions:read", "files:write", "users:read", "usergroups:read"} <= scopes
    # Posting without being invited would defeat "invite me": the channel's members decide.
    assert "chat:write.public" not in scopes
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == {"app_home_opened", "app_mention"}
    assert manifest["features"]["shortcuts"][0] == {
        "name": "Run on GPU",
        "type": "message",
        "callback_id": RUN_ON_GPU,
        "description": "Runs the Job manifest in this message",
    }


def test_texts_keep_to_slacks_lengths() -> None:
    """Slack manifest reference: app name 35, description 140, shortcut name 24 and description 150 characters."""
    manifest = slack_manifest(True, None)
    assert len(manifest["display_information"]["name"]) <= 35
    assert len(manifest["display_information"]["description"]) <= 140
    shortcut = manifest["features"]["shortcuts"][0]
    assert len(shortcut["name"]) <= 24
    assert len(shortcut["description"]) <= 150
    command = manifest["features"]["slash_commands"][0]
    assert command["command"] == "/gpu"
    assert len(command["usage_hint"]) <= 100
