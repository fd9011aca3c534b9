"""Posts what operations committed: in order, within the limits, each once.

An entry goes *new → sending → sent(ts)*. Slack has no idempotency key for apps, so an entry found in *sending* (a crash, a
time-out) waits until the settle time has passed and is then looked up in the thread - by its name in the message metadata or in
the first block's id - before it is posted again. What remains: a duplicate is possible only where Slack shows a message
later than the settle time, or a person deleted it, or history cannot be read. Card edits are not queued: only the newest
state is drawn. Private messages cannot be looked up, so they are sent at most once.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from importlib import resources
from typing import Any, Final

import aiohttp
from redis.asyncio import Redis
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.blocks import Rendered
from bot.slack.client import LOCKED_OUT, LOCKED_OUT_SECONDS, NO_ANSWER, UNKNOWN_OUTCOME, error_name, retry_after
from bot.slack.entries import Entry, named, read
from bot.slack.history import History, Unreadable
from bot.slack.pacing import NotNow, Pacing
from bot.slack.posts import Addressee, Posts, answerable
from bot.store import run

log = logging.getLogger(__name__)

UNREACHABLE: Final = frozenset({
    "not_in_channel", "channel_not_found", "is_archived", "restricted_action", "restricted_action_read_only_channel",
    "posting_to_general_channel_denied",
})  # fmt: skip
GONE: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"})
UNSHOWABLE: Final = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"})
ORPHAN_MS: Final = 86_400_000  # an outbox whose record is gone
PLAIN_SECONDS: Final = 3600.0  # a block type that is not rolled out here is tried again after that

Told = Callable[[str, str], Awaitable[None]]


def locked_out(name: str, entry: Entry | None = None) -> bool:
    """Whether it was refused for the token's sake, whatever it says. A bot may do without files:write; without chat:write it says nothing."""
    return name in LOCKED_OUT or (name == "missing_scope" and not (entry and entry.payload.get("file")))


class Outbox:
    """`lookup` reads where an operation speaks; `opened` and `unreachable` tell its journal what became of the card.

    In seconds: `settle` is how long a post of unknown outcome is left alone, `lease` how long a sender that is gone keeps others
    out, `ahead` by how much Slack's clock is ahead of ours (a rehearsal's jump; 0 elsewhere).
    """

    def __init__(
        self,
        redis: Redis,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        pacing: Pacing,
        *,
        lookup: Callable[[str], Awaitable[Addressee | None]],
        opened: Told,
        unreachable: Told,
        settle: float,
        lease: float = 15.0,
        replicas: int = 0,
        ahead: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._redis, self._client, self._posts, self._pacing = redis, client, Posts(client, session), pacing
        self._lookup, self._opened, self._unreachable = lookup, opened, unreachable
        self._history = History(client, pacing)
        self._replicas = replicas
        self._settle, self._lease_ms, self._ahead = settle, int(lease * 1000), ahead
        self._plain_until = 0.0
        self._locked = ""
        scripts = resources.files("bot.slack").joinpath("lua")
        self._claim, self._mark_script, self._release = (
            redis.register_script(scripts.joinpath(f"{name}.lua").read_text()) for name in ("out_claim", "out_mark", "out_release")
        )

    async def deliver(self, op_id: str) -> float | None:
        """Send what there is; seconds after which to come again, or None when all is sent."""
        key = f"{{qm}}:out:{op_id}"
        answer = await self._claim(keys=[key, f"{{qm}}:op:{op_id}"], args=[self._lease_ms, ORPHAN_MS])
        if answer[0] == "busy":
            return int(answer[1]) / 1000 + 0.05
        fields = dict(zip(answer[1::2], answer[2::2], strict=True))
        fence = fields["_fence"]
        again: float | None = None
        try:
            await self._send_all(op_id, key, fence, fields)
        except NotNow as later:
            again = later.seconds
        done = op_id if again is None else ""
        asked = await self._release(keys=[key, "{qm}:unsent"], args=[fence, done, fields["_now"]])
        return 0.0 if asked and again is None else again

    async def _send_all(self, op_id: str, key: str, fence: str, fields: Mapping[str, str]) -> None:
        where = await self._lookup(op_id)
        if where is None:
            return
        entries = sorted((read(name, fields) for name in fields if name.startswith("m:")), key=lambda entry: entry.seq)
        later = await self._whisper_all(key, fence, [entry for entry in entries if entry.payload.get("private_to")], where)
        await self._send_public(key, fence, fields, entries, where)
        if later:
            raise NotNow(later)

    async def _send_public(self, key: str, fence: str, fields: Mapping[str, str], entries: list[Entry], where: Addressee) -> None:
        card = next((entry for entry in entries if entry.name == "m:card"), None)
        card_ts = ""
        if where.card is not None:
            card_ts = await self._card(key, fence, card, where, int(fields["_now"]))
            if not card_ts:
                return
            where = replace(where, thread=where.thread or card_ts)
        for entry in entries:
            if entry.name != "m:card" and not entry.payload.get("private_to") and entry.state in ("new", "sending"):
                if not where.thread:
                    return
                await self._post(key, fence, entry, where, int(fields["_now"]))
        if where.card is not None and card is not None and fields.get("card_hash") != where.card.digest:
            await self._redraw(key, card_ts, where)

    async def _card(self, key: str, fence: str, card: Entry | None, where: Addressee, now_ms: int) -> str:
        """Post the operation's own message if that was not done; its ts ('' where it cannot be posted)."""
        assert where.card is not None
        ts = card.ts if card is not None and card.state == "sent" else ""
        if not ts:
            entry = card or Entry("m:card", "new", 0, 0, "", {})
            entry.payload = {"text": where.card.text, "blocks": self._drawn(where.card)}
            ts = await self._post(key, fence, entry, where, now_ms)
            if ts:
                await self._redis.hset(key, "card_hash", where.card.digest)
        if ts and not where.thread:
            await self._opened(where.id, ts)
        return ts

    def _drawn(self, card: Rendered) -> list[dict[str, Any]]:
        return card.plain if time.monotonic() < self._plain_until else card.blocks

    async def _redraw(self, key: str, ts: str, where: Addressee) -> None:
        assert where.card is not None
        wait = await self._pacing.take("chat.update")
        if wait:
            raise NotNow(wait)
        blocks = named(self._drawn(where.card), f"card#{where.card.digest}")
        try:
            await self._client.chat_update(channel=where.channel, ts=ts, text=where.card.text, blocks=blocks)
        except SlackApiError as error:
            name = error_name(error)
            if name == "ratelimited":
                await self._pacing.block("chat.update", retry_after(error))
                raise NotNow(retry_after(error)) from error
            if name == "invalid_blocks" and self._drawn(where.card) is not where.card.plain:
                self._plain_until = time.monotonic() + PLAIN_SECONDS
                raise NotNow(0.0) from error
            if name in NO_ANSWER:
                raise NotNow(2.0) from error
            if locked_out(name):
                raise self._locked_out(name) from error
            if name not in GONE | UNREACHABLE:
                log.error("card not redrawn", extra={"operation": where.id, "slack": name})
        except UNKNOWN_OUTCOME as error:
            raise NotNow(2.0) from error
        else:
            self._locked = ""
        await self._redis.hset(key, "card_hash", where.card.digest)

    async def _post(self, key: str, fence: str, entry: Entry, where: Addressee, now_ms: int) -> str:
        """Post one entry; its ts, or '' where it can never be posted."""
        if entry.state == "sending":
            left = entry.at + self._settle * 1000 - now_ms
            if left > 0:
                raise NotNow(left / 1000)
            found = await self._found(key, fence, entry, where)
            if found is not None:
                return found
        wait = await self._pacing.take("chat.postMessage", where.channel)
        if wait:
            if entry.state == "sending":
                await self._mark(key, fence, entry.name, "new", "")
            raise NotNow(wait)
        if not await self._mark(key, fence, entry.name, "sending", ""):
            raise NotNow(1.0)
        try:
            ts = await (self._posts.upload(entry, where) if entry.payload.get("file") else self._posts.message(entry, where))
        except SlackApiError as error:
            return await self._refused(key, fence, entry, where, error)
        except UNKNOWN_OUTCOME as error:
            log.warning("outcome of a post is unknown", extra={"operation": where.id, "entry": entry.name, "cause": repr(error)})
            raise NotNow(self._settle) from error
        self._locked = ""
        await self._mark(key, fence, entry.name, "sent", ts)
        return ts

    def _locked_out(self, name: str) -> NotNow:
        """Nothing is given up for the token's sake. The log hears of it once, until Slack takes something again."""
        if name != self._locked:
            log.error("Slack does not accept the bot token; messages wait until it does", extra={"slack": name})
        self._locked = name
        return NotNow(LOCKED_OUT_SECONDS)

    async def _refused(self, key: str, fence: str, entry: Entry, where: Addressee, error: SlackApiError) -> str:
        """Slack said no, so nothing was posted for certain - unless it did not really answer; then the entry stays in *sending*.

        Without its card an operation has nowhere to speak and would stand for ever, so whatever refuses a card is told to its journal.
        """
        name, card = error_name(error), where.card if entry.name == "m:card" else None
        if name == "ratelimited":
            await self._mark(key, fence, entry.name, "new", "")
            await self._pacing.block("chat.postMessage", retry_after(error), where.channel)
            raise NotNow(retry_after(error)) from error
        if name in NO_ANSWER:
            raise NotNow(self._settle) from error
        if locked_out(name, entry):
            await self._mark(key, fence, entry.name, "new", "")
            raise self._locked_out(name) from error
        if name in UNSHOWABLE and entry.payload.get("blocks") and not (card and entry.payload["blocks"] is card.plain):
            if card:
                self._plain_until = time.monotonic() + PLAIN_SECONDS
            else:
                await self._redis.hset(key, f"p:{entry.name}", json.dumps({**entry.payload, "blocks": entry.payload.get("plain") or [], "plain": []}))
            await self._mark(key, fence, entry.name, "new", "")
            raise NotNow(0.0) from error
        if name not in UNREACHABLE:
            log.error("message dropped", extra={"operation": where.id, "entry": entry.name, "slack": name})
        await self._mark(key, fence, entry.name, "new" if card else "dropped", name)
        if card or name in UNREACHABLE:
            await self._unreachable(where.id, name)
        return ""

    async def _found(self, key: str, fence: str, entry: Entry, where: Addressee) -> str | None:
        """What became of an entry that was perhaps posted before: its ts, '' if nobody can tell, None if it is not there."""
        file = (entry.payload.get("file") or {}).get("name", "")
        try:
            ts = await self._history.find(
                channel=where.channel, thread=where.thread, sent=entry.at / 1000, settle=self._settle + self._ahead(),
                names=(where.id, entry.name), file=file,
            )  # fmt: skip
        except Unreadable as error:
            log.error("outcome of a post stays unknown", extra={"operation": where.id, "entry": entry.name, "slack": error.name})
            if entry.name == "m:card":
                await self._unreachable(where.id, error.name)
            else:
                await self._mark(key, fence, entry.name, "unknown", error.name)
            return ""
        if not ts:
            return None
        await self._mark(key, fence, entry.name, "sent", ts)
        return ts

    async def _whisper_all(self, key: str, fence: str, entries: list[Entry], where: Addressee) -> float:
        """Say the private ones; seconds until Slack lets more be said (0: all were). They hold nothing else up, nor each other."""
        for entry in entries:
            if entry.state == "sending":  # whoever sent it was killed: nobody can tell what became of it, so it is not said again
                await self._mark(key, fence, entry.name, "unknown", "private")
            if entry.state != "new":
                continue
            if not answerable(entry, where):
                wait = await self._pacing.take("chat.postEphemeral")
                if wait:
                    return wait
            try:
                await self._whisper(key, fence, entry, where)
            except NotNow as later:
                return later.seconds
        return 0.0

    async def _whisper(self, key: str, fence: str, entry: Entry, where: Addressee) -> None:
        """Tell one person privately, at most once: marked before it is sent, and taken up again only where Slack refused whatever was said."""
        if not await self._mark(key, fence, entry.name, "sending", ""):
            return
        became = "sent"
        try:
            if not await self._posts.answered(entry, where):
                await self._posts.whisper(entry, where)
        except SlackApiError as error:
            if error_name(error) == "ratelimited":
                await self._pacing.block("chat.postEphemeral", retry_after(error))
                await self._mark(key, fence, entry.name, "new", "")
                raise NotNow(retry_after(error)) from error
            if locked_out(error_name(error)):
                await self._mark(key, fence, entry.name, "new", "")
                raise self._locked_out(error_name(error)) from error
            log.warning("private message not delivered", extra={"operation": where.id, "slack": error_name(error)})
            became = "dropped"
        except UNKNOWN_OUTCOME as error:
            log.warning("private message not delivered", extra={"operation": where.id, "cause": repr(error)})
            became = "unknown"
        await self._mark(key, fence, entry.name, became, "private")

    async def _mark(self, key: str, fence: str, name: str, state: str, ts: str) -> bool:
        replicas = self._replicas if state == "sending" else 0
        return bool(await run(self._mark_script, [key], [fence, name, state, ts, self._lease_ms], redis=self._redis, replicas=replicas))
