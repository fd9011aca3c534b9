"""What the bot itself once posted, read back from Slack: the last memory that is left when the journal is lost.

Each message names its operation and itself in its metadata, so a thread tells which of them were posted, and a card's buttons tell
that it was still waiting for somebody. Runs in the background, so it waits for Slack's limits instead of giving up.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import Temporary
from bot.slack.blocks import Block
from bot.slack.client import LOCKED_OUT, NO_ANSWER, UNKNOWN_OUTCOME, error_name, retry_after
from bot.slack.pacing import Pacing

log = logging.getLogger(__name__)
CARD: Final = "m:card"
TRIES: Final = 5
MOST_PAGES: Final = 50
_MENTION: Final = re.compile(r"asked by <@([UW][A-Z0-9]+)>")


@dataclass(frozen=True)
class Posted:
    """One message of the bot's: of which operation, under which name, its heading, its buttons, and whom its footer says it is for."""

    operation: str
    entry: str
    channel: str
    ts: str
    title: str
    buttons: frozenset[str] = frozenset()
    user: str = ""


class Recall:
    """Reads and closes; writes nothing new."""

    def __init__(self, client: AsyncWebClient, pacing: Pacing) -> None:
        self._client, self._pacing = client, pacing

    async def thread(self, channel: str, ts: str) -> list[Posted] | None:
        """What the bot posted in that thread, its first message included; None where it cannot be read for good. Raises Temporary."""
        return await self._all(channel, "conversations.replies", lambda cursor: self._client.conversations_replies(
            channel=channel, ts=ts, limit=200, include_all_metadata=True, cursor=cursor
        ))  # fmt: skip

    async def channel(self, channel: str, since: float) -> list[Posted] | None:
        """What the bot posted in the channel itself since then (epoch seconds); None where it cannot be read for good. Raises Temporary."""
        return await self._all(channel, "conversations.history", lambda cursor: self._client.conversations_history(
            channel=channel, oldest=f"{since:.6f}", limit=200, include_all_metadata=True, cursor=cursor
        ))  # fmt: skip

    async def redraw(self, channel: str, ts: str, text: str, blocks: list[Block]) -> None:
        """Draw a message anew. One that is gone or cannot be edited any more is left. Raises Temporary."""
        await self._patiently("chat.update", channel, lambda: self._client.chat_update(channel=channel, ts=ts, text=text, blocks=blocks))

    async def _all(self, channel: str, method: str, ask: Callable[[str | None], Awaitable[Any]]) -> list[Posted] | None:
        found: list[Posted] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await self._patiently(method, channel, lambda at=cursor: ask(at))  # type: ignore[misc]
            if page is None:
                return None
            found += [one for message in page["messages"] if (one := read(channel, message))]
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
        return found

    async def _patiently(self, method: str, channel: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """The answer; None where Slack says no for good, whatever the reason: whoever asks must come to an end with all the others."""
        for attempt in range(TRIES):
            await self._turn(method)
            try:
                return await call()
            except SlackApiError as error:
                name = error_name(error)
                if name == "ratelimited":
                    await self._pacing.block(method, retry_after(error))
                elif name in LOCKED_OUT:
                    raise Temporary("slack.unreadable", what="a thread", error=name) from error
                elif name in NO_ANSWER:
                    await asyncio.sleep(attempt + 1)
                else:
                    log.warning("Slack says no for good", extra={"method": method, "channel": channel, "slack": name})
                    return None
            except UNKNOWN_OUTCOME:
                await asyncio.sleep(attempt + 1)
        raise Temporary("slack.unreadable", what="a thread", error="no answer")

    async def _turn(self, method: str) -> None:
        wait = await self._pacing.take(method)
        while wait:
            await asyncio.sleep(wait)
            wait = await self._pacing.take(method)


def read(channel: str, message: Mapping[str, Any]) -> Posted | None:
    """The message, if it is one of the bot's own that names itself."""
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    if not payload.get("op") or not payload.get("k"):
        return None
    blocks = message.get("blocks") or []
    heading = next((block["text"]["text"] for block in blocks if block.get("type") == "header"), "")
    small = [str(element.get("text", "")) for block in blocks if block.get("type") == "context" for element in block.get("elements", [])]
    buttons = {str(element.get("action_id", "")) for block in blocks if block.get("type") == "actions" for element in block.get("elements", [])}
    user = next((match[1] for line in small if (match := _MENTION.search(line))), "")
    return Posted(
        str(payload["op"]), str(payload["k"]), channel, str(message["ts"]), heading or str(message.get("text", ""))[:150], frozenset(buttons), user
    )
