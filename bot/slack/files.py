"""Files that people attach: fetched with the bot's token, from Slack itself and from nowhere else, and never more than was allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import Refused, Temporary
from bot.slack.asking import Asking
from bot.slack.client import UNKNOWN_OUTCOME, error_name, retry_after

SECONDS: Final = 10.0


class Files:
    """Reads files with `client`'s token over the shared `session`."""

    def __init__(self, client: AsyncWebClient, session: aiohttp.ClientSession, asking: Asking) -> None:
        self._client, self._session, self._asking = client, session, asking

    async def fetch(self, file: Mapping[str, Any], limit: int) -> bytes:
        """The content of a file as messages carry it (`id`, `url_private`).

        Raises Refused (``slack.file_large`` beyond `limit` bytes, ``slack.file_elsewhere``, ``slack.file_unreadable``) and Temporary.
        """
        with self._asking.one("the file"):
            return await self._read(file, limit)

    async def _read(self, file: Mapping[str, Any], limit: int) -> bytes:
        url = str(file.get("url_private") or await self._looked_up(str(file.get("id") or "")))
        if not from_slack(url, self._client.base_url):
            raise Refused("slack.file_elsewhere")
        headers = {"Authorization": f"Bearer {self._client.token}"}
        try:
            # A redirect could lead anywhere, and would carry nothing that is wanted: Slack answers one where the token does not suffice.
            async with self._session.get(url, headers=headers, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=SECONDS)) as answer:
                if answer.status >= 500 or answer.status == 429:
                    raise Temporary("slack.unreadable", what="the file", error=f"HTTP {answer.status}")
                if answer.status != 200 or answer.content_type == "text/html":
                    raise Refused("slack.file_unreadable", error=f"HTTP {answer.status}" if answer.status != 200 else "it asks me to sign in")
                content = b""
                async for chunk in answer.content.iter_chunked(16384):
                    content += chunk
                    if len(content) > limit:
                        raise Refused("slack.file_large", limit=f"{limit // 1024} KiB")
        except UNKNOWN_OUTCOME as error:
            raise Temporary("slack.unreadable", what="the file", error="no answer") from error
        return content

    async def _looked_up(self, file_id: str) -> str:
        """Where the file lies; messages of shared channels carry only its id (Slack: file_access check_file_info)."""
        try:
            answer = await self._client.files_info(file=file_id)
        except SlackApiError as error:
            if error_name(error) == "ratelimited":
                raise Temporary("slack.unreadable", retry_after=retry_after(error), what="the file", error="ratelimited") from error
            raise Refused("slack.file_unreadable", error=error_name(error)) from error
        except UNKNOWN_OUTCOME as error:
            raise Temporary("slack.unreadable", what="the file", error="no answer") from error
        return str((answer.get("file") or {}).get("url_private") or "")


def from_slack(url: str, api: str) -> bool:
    """Whether `url` lies on the host of the API at `api` or below its domain (``files.slack.com`` for ``slack.com``), same scheme and port."""
    try:
        one, other = urlsplit(url), urlsplit(api)
        same = one.scheme == other.scheme and one.port == other.port and not one.username and not one.password
    except ValueError:
        return False
    host, domain = (one.hostname or "").lower(), (other.hostname or "").lower().removeprefix("www.")
    return same and bool(domain) and (host == domain or host.endswith(f".{domain}"))
