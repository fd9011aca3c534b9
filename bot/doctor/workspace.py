"""Slack: tokens, scopes, what differs from the manifest, the user groups of the policy, the clock."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.approvals.policy import PolicyError, load
from bot.commands import slack_manifest
from bot.doctor.finding import Found
from bot.doctor.store import skewed
from bot.settings import Settings
from bot.slack.client import UNKNOWN_OUTCOME, error_name, web_client

SKEW_SECONDS: Final = 60.0
"""Slack: a signature counts for 300 s; warn well before."""
NEW_MANIFEST: Final = "Paste the output of `python -m bot manifest` into the app's settings (App Manifest) and install the app again."


async def slack(settings: Settings) -> AsyncGenerator[Found, None]:
    """Everything about it."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        client = web_client(settings.slack, session)
        try:
            answer = await client.auth_test()
            headers = {name.lower(): value for name, value in answer.headers.items()}
        except SlackApiError as error:
            yield Found("Slack bot token", error_name(error), "Set SLACK_BOT_TOKEN to the app's xoxb token (reinstall the app if it was revoked).")
            return
        except UNKNOWN_OUTCOME as error:
            seen = f"{settings.slack.api_base_url} does not answer ({type(error).__name__})"
            yield Found("Slack", seen, "Check SLACK_API_BASE_URL and the network.")
            return
        yield Found("Slack bot token", f"{answer.get('user')} in {answer.get('team')}")
        for line in drift(headers.get("x-oauth-scopes", "")):
            yield line
        yield await _manifest(client, settings, str(answer.get("app_id") or ""))
        yield signing(settings.slack.signing_secret.reveal())
        yield await _delivery(client, settings)
        async for line in _groups(client, settings):
            yield line
        if "date" in headers:
            yield skewed("Slack", seconds_ahead(headers, time.time()), SKEW_SECONDS)


def drift(granted: str) -> list[Found]:
    """The granted scopes (Slack: the header ``X-OAuth-Scopes``) against the manifest's."""
    have = {scope.strip() for scope in granted.split(",") if scope.strip()}
    wanted = set(slack_manifest(socket_mode=True, request_url=None)["oauth_config"]["scopes"]["bot"])
    if not have:
        return [Found("Slack scopes", "Slack did not tell which were granted", NEW_MANIFEST, True)]
    missing, more = sorted(wanted - have), sorted(have - wanted)
    found = [Found("Slack scopes", f"missing: {', '.join(missing)}" if missing else "all there", NEW_MANIFEST if missing else "")]
    if more:
        found.append(Found("Slack scopes beyond the manifest", ", ".join(more), "They are not needed; take them from the app.", True))
    return found


def signing(secret: str) -> Found:
    """No call can check it; Slack's have one shape."""
    well = bool(re.fullmatch(r"[0-9a-f]{32}", secret))
    todo = "Slack's have 32 hexadecimal digits: compare SLACK_SIGNING_SECRET with Basic Information, App Credentials."
    return Found("Slack signing secret", "has the right shape" if well else "has an unusual shape", "" if well else todo, True)


async def _delivery(client: AsyncWebClient, settings: Settings) -> Found:
    if not settings.slack.app_token:
        return Found("Slack delivery", f"signed HTTP on port {settings.slack.port}, path /slack/events")
    try:
        await client.apps_connections_open(app_token=settings.slack.app_token.reveal())
        return Found("Slack delivery", "Socket Mode: a connection can be opened")
    except SlackApiError as error:
        todo = "Set SLACK_APP_TOKEN to an app token with connections:write, or leave it empty for HTTP."
        return Found("Slack delivery", f"Socket Mode: {error_name(error)}", todo)
    except UNKNOWN_OUTCOME as error:
        return Found("Slack delivery", f"Socket Mode: no answer ({type(error).__name__})", "Check the network.")


async def _groups(client: AsyncWebClient, settings: Settings) -> AsyncGenerator[Found, None]:
    try:
        groups = sorted(load(settings.policy).user_groups)
    except PolicyError:
        return  # said already
    for group in groups:
        try:
            members = (await client.usergroups_users_list(usergroup=group))["users"]
            todo = "" if members else "Put somebody into it: nobody holds the role that the policy gives to it."
            yield Found(f"User group {group} of the policy", f"{len(members)} members", todo)
        except SlackApiError as error:
            yield Found(f"User group {group} of the policy", error_name(error), "Name a user group of this workspace in the policy (its id: S…).")
        except UNKNOWN_OUTCOME as error:
            yield Found(f"User group {group} of the policy", f"no answer ({type(error).__name__})", "Check the network.")


def seconds_ahead(headers: Mapping[str, str], now: float) -> float:
    """How far the clock behind the header ``date`` is ahead of `now`; HTTP dates have whole seconds, so less than one is none."""
    theirs = parsedate_to_datetime(headers["date"])
    difference = (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)).timestamp() - now
    return difference if abs(difference) > 1.5 else 0.0


def manifest_drift(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """In which parts that matter the app's manifest (Slack: apps.manifest.export) differs from ours; what Slack adds by itself does not count."""

    def parts(manifest: Mapping[str, Any]) -> dict[str, Any]:
        features, settings = manifest.get("features") or {}, manifest.get("settings") or {}
        events, interactivity = settings.get("event_subscriptions") or {}, settings.get("interactivity") or {}
        return {
            "slash commands": sorted((one["command"], one.get("url", "")) for one in features.get("slash_commands") or []),
            "shortcuts": sorted((one["callback_id"], one["type"]) for one in features.get("shortcuts") or []),
            "home tab": bool((features.get("app_home") or {}).get("home_tab_enabled")),
            "scopes": sorted(((manifest.get("oauth_config") or {}).get("scopes") or {}).get("bot") or []),
            "events": (sorted(events.get("bot_events") or []), events.get("request_url", "")),
            "interactivity": (bool(interactivity.get("is_enabled")), interactivity.get("request_url", "")),
            "Socket Mode": bool(settings.get("socket_mode_enabled")),
            "token rotation": bool(settings.get("token_rotation_enabled")),
        }

    wanted, there = parts(ours), parts(theirs)
    return [name for name, value in wanted.items() if there[name] != value]


async def _manifest(client: AsyncWebClient, settings: Settings, app_id: str) -> Found:
    token = settings.slack.config_token
    if not token or not app_id:
        todo = "To have it compared, set SLACK_CONFIG_TOKEN (an app configuration token); or compare it with `python -m bot manifest` by eye."
        return Found("Slack app manifest", "a bot token cannot read it", todo, True)
    try:
        theirs: Mapping[str, Any] = (await client.apps_manifest_export(app_id=app_id, token=token.reveal()))["manifest"]
    except SlackApiError as error:
        todo = "App configuration tokens live 12 hours: make a new one at api.slack.com/apps."
        return Found("Slack app manifest", error_name(error), todo)
    except UNKNOWN_OUTCOME as error:
        return Found("Slack app manifest", f"no answer ({type(error).__name__})", "Check the network.")
    url = ((theirs.get("settings") or {}).get("event_subscriptions") or {}).get("request_url")
    by_socket = bool(settings.slack.app_token) or not url
    differs = manifest_drift(theirs, slack_manifest(socket_mode=by_socket, request_url=None if by_socket else url))
    return Found("Slack app manifest", f"differs in: {', '.join(differs)}" if differs else "as it should be", NEW_MANIFEST if differs else "")
