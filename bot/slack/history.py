"""Looking back: whether a message whose outcome was never learnt stands in Slack."""

from __future__ import annotations

from typing import Any, Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.client import LOCKED_OUT, LOCKED_OUT_SECONDS, NO_ANSWER, UNKNOWN_OUTCOME, error_name, retry_after
from bot.slack.pacing import NotNow, Pacing

MARGIN_SECONDS: Final = 60.0  # clocks of Redis and Slack may differ by that much
MOST_PAGES: Final = 10


class Unreadable(Exception):
    """The history cannot be read, so nobody can tell. `name` is Slack's error."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class History:
    """Searches the minutes around a post: by the message's name in its metadata, in its first block's id, or by its file."""

    def __init__(self, client: AsyncWebClient, pacing: Pacing) -> None:
        self._client, self._pacing = client, pacing

    async def find(self, *, channel: str, thread: str, sent: float, settle: float, names: tuple[str, str], file: str = "") -> str:
        """The ts of message `names` (operation, entry) that was sent at `sent` (epoch seconds), or ''. Raises NotNow and Unreadable."""
        window = {"oldest": f"{sent - MARGIN_SECONDS:.6f}", "latest": f"{sent + settle + MARGIN_SECONDS:.6f}"}
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._page(channel, thread, window, cursor)
            for message in page["messages"]:
                if _is(message, names, file):
                    return str(message["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return ""

    async def _page(self, channel: str, thread: str, window: dict[str, str], cursor: str | None) -> AsyncSlackResponse:
        wait = await self._pacing.take("conversations.replies" if thread else "conversations.history")
        if wait:
            raise NotNow(wait)
        more: dict[str, Any] = {**window, "limit": 200, "include_all_metadata": True, "cursor": cursor}
        try:
            if thread:
                return await self._client.conversations_replies(channel=channel, ts=thread, **more)
            return await self._client.conversations_history(channel=channel, **more)
        except SlackApiError as error:
            name = error_name(error)
            if name == "ratelimited":
                raise NotNow(retry_after(error)) from error
            if name in NO_ANSWER | LOCKED_OUT:
                raise NotNow(LOCKED_OUT_SECONDS) from error
            raise Unreadable(name) from error
        except UNKNOWN_OUTCOME as error:
            raise NotNow(5.0) from error


def _is(message: dict[str, Any], names: tuple[str, str], file: str) -> bool:
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    if (payload.get("op"), payload.get("k")) == names:
        return True
    if (message.get("blocks") or [{}])[0].get("block_id", "") == "/".join(names):
        return True
    return bool(file) and any(attached.get("name") == file for attached in message.get("files", []))
