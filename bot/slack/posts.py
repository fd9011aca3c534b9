"""The requests that put one entry of an outbox before people: a message, a file, or a private word."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot import metrics
from bot.calls import call
from bot.slack.blocks import Rendered
from bot.slack.entries import Entry, named

EVENT_TYPE: Final = "quartermaster"
UPLOAD: Final = "upload"
RESPONSE_URL: Final = "response_url"


@dataclass(frozen=True)
class Addressee:
    """Where an operation speaks. `thread` '' means that its card opens the thread; `card` None means that there is nothing to draw yet."""

    id: str
    channel: str
    user: str
    thread: str
    card: Rendered | None
    response_url: str = ""


def answerable(entry: Entry, where: Addressee) -> bool:
    """Whether it can be said where the person typed: no limit counts there, for as long as Slack takes it (30 minutes; Slack: response_url)."""
    return bool(where.response_url) and entry.payload["private_to"] == where.user and not where.thread


class Posts:
    """Raises what the SDK and aiohttp raise; nothing is repeated here."""

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession) -> None:
        self._client, self._session = client, session

    async def message(self, entry: Entry, where: Addressee) -> str:
        """Post it; its ts."""
        blocks = entry.payload.get("blocks") or []
        answer = await self._client.chat_postMessage(
            channel=where.channel,
            text=entry.payload["text"],
            blocks=named(blocks, f"{where.id}/{entry.name}") if blocks else None,
            thread_ts=where.thread or None,
            reply_broadcast=True if entry.payload.get("broadcast") and where.thread else None,
            unfurl_links=False,
            metadata={"event_type": EVENT_TYPE, "event_payload": {"k": entry.name, "op": where.id}},
        )
        return str(answer["ts"])

    async def upload(self, entry: Entry, where: Addressee) -> str:
        """Share its file in the thread (Slack: the three calls of an external upload); the file's id."""
        file = entry.payload["file"]
        content = base64.b64decode(file["base64"]) if "base64" in file else file["text"].encode()
        slot = await self._client.files_getUploadURLExternal(filename=file["name"], length=len(content), alt_txt=file.get("alt"))
        status = await self._sent(UPLOAD, slot["upload_url"], data=content)
        if status >= 400:
            raise aiohttp.ClientError(f"HTTP {status} for an upload")
        await self._client.files_completeUploadExternal(
            files=[{"id": slot["file_id"], "title": file["title"]}],
            channel_id=where.channel,
            thread_ts=where.thread or None,
            initial_comment=entry.payload["text"],
        )
        return str(slot["file_id"])

    async def answered(self, entry: Entry, where: Addressee) -> bool:
        """Whether it was said where the person typed."""
        if not answerable(entry, where):
            return False
        blocks = entry.payload.get("blocks")
        body = {"response_type": "ephemeral", "text": entry.payload["text"], **({"blocks": blocks} if blocks else {})}
        return await self._sent(RESPONSE_URL, where.response_url, json=body) < 400

    async def whisper(self, entry: Entry, where: Addressee) -> None:
        """Show it to one person in the channel or the thread."""
        await self._client.chat_postEphemeral(
            channel=where.channel,
            user=entry.payload["private_to"],
            text=entry.payload["text"],
            blocks=entry.payload.get("blocks") or None,
            thread_ts=None if entry.payload.get("in_channel") else where.thread or None,
        )

    async def _sent(self, name: str, url: str, **body: Any) -> int:
        """The status with which Slack took it. The address is a secret of its own, so neither log nor count has it."""
        with call("slack", name) as made:
            async with self._session.post(url, **body, timeout=aiohttp.ClientTimeout(total=10)) as answer:
                made.result = metrics.result_of(answer.status)
                return answer.status
