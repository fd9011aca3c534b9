"""The Web API client that posts: one shared session, and no retry of the SDK's own.

slack_sdk repeats a request once after a reset connection; where Slack had taken the first, that posts twice. So retries
are off, and an unknown outcome is settled by looking into the thread (see `outbox`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot import metrics
from bot.calls import call
from bot.settings import SlackSettings

TIMEOUT_SECONDS: Final = 10
UNKNOWN_OUTCOME: Final = (aiohttp.ClientError, TimeoutError, asyncio.TimeoutError, ConnectionError)
# Errors after which a write may stand all the same (Slack: "some aspect of the operation" may have succeeded), and what is no answer at all.
NO_ANSWER: Final = frozenset({"unknown", "internal_error", "fatal_error", "service_unavailable", "request_timeout"})
# Refused for the sake of the token or of the whole workspace, whatever was asked: the same is taken once an operator, or Slack, has mended that.
LOCKED_OUT: Final = frozenset({
    "invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive", "accesslimited", "org_login_required", "team_added_to_org",
})  # fmt: skip
LOCKED_OUT_SECONDS: Final = 30.0


def open_session() -> aiohttp.ClientSession:
    """The session of a process. The SDK's own `timeout` does not count where a session is shared; aiohttp's default is five minutes."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))


class Client(AsyncWebClient):
    """The SDK's client; each call of a method is counted and logged with Slack's request id."""

    async def api_call(self, api_method: str, **options: Any) -> AsyncSlackResponse:
        """As the SDK's."""
        with call("slack", api_method) as made:
            try:
                answer = await super().api_call(api_method, **options)
            except SlackApiError as error:
                made.error, made.request_id = error_name(error), _request_id(getattr(error.response, "headers", None))
                made.result = {"ratelimited": metrics.THROTTLED}.get(made.error, metrics.FAILED if made.error in NO_ANSWER else metrics.REFUSED)
                raise
            made.result, made.request_id = metrics.OK, _request_id(answer.headers)
            return answer


def web_client(settings: SlackSettings, session: aiohttp.ClientSession) -> AsyncWebClient:
    """A client for that workspace; `session` is shared and closed by its owner."""
    return Client(
        token=settings.bot_token.reveal(), base_url=settings.api_base_url, session=session, timeout=TIMEOUT_SECONDS, retry_handlers=[]
    )


def _request_id(headers: Mapping[str, str] | None) -> str:
    return next((value for name, value in (headers or {}).items() if name.lower() == "x-slack-req-id"), "")


def error_name(error: SlackApiError) -> str:
    """Slack's name of an error, such as ``not_in_channel``; ``ratelimited`` for every limit; ``unknown`` for what is no answer of Slack's."""
    # Where the body cannot be read the SDK puts aiohttp's response there, which has no data and names its status otherwise.
    if getattr(error.response, "status_code", 0) == 429 or getattr(error.response, "status", 0) == 429:
        return "ratelimited"
    data = getattr(error.response, "data", None)
    name = str(data.get("error", "unknown")) if isinstance(data, dict) else "unknown"
    return "ratelimited" if name == "rate_limited" else name  # Slack: chat.postMessage


def retry_after(error: SlackApiError) -> float:
    """Seconds that a 429 asks to wait (at least one)."""
    headers = {name.lower(): value for name, value in (error.response.headers or {}).items()}
    try:
        return max(1.0, float(headers.get("retry-after", 1)))
    except (TypeError, ValueError):
        return 1.0
