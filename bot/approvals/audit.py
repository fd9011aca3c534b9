"""The audit log: append-only and hash-chained, in a Redis stream.

Any number of processes may append: each computes the hash of its entries on top of the end that it saw, and one script puts them there
only if the end is still that one; else the caller tries again. An entry's name is written once for as long as its operation can
be repeated. Redis keeps what it is given but cannot vouch for it: whoever may write to Redis could write a whole new chain. The
witness against that is an export kept elsewhere (``python -m bot audit export``, then ``audit verify --continues FILE``).

All keys share the hash tag ``{qm}``; commands of Redis 6.2 only.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Sequence
from importlib import resources
from typing import Any, Final

from redis.asyncio import Redis

from bot.approvals.chain import BOT, GENESIS, Anchor, Check, Entry, Sealed, Verified, moment, opened, seal_all
from bot.clock import Clock
from bot.errors import Temporary
from bot.store import text, texts

LOG: Final = "{qm}:audit"
HEAD: Final = "{qm}:audit:head"
ANCHOR: Final = "{qm}:audit:anchor"
PAGE: Final = 500
NAMES_KEPT_SECONDS: Final = 400 * 86400
LATE_SECONDS: Final = 86400.0
TRIES: Final = 200
CALM_TRIES: Final = 5


class Audit:
    """`redis` must decode responses. Every method may raise :class:`redis.exceptions.RedisError`."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis, self._clock = redis, clock
        self._turn = asyncio.Lock()
        folder = resources.files("bot.approvals").joinpath("lua")
        self._put = redis.register_script(folder.joinpath("audit_append.lua").read_text())
        self._trim = redis.register_script(folder.joinpath("audit_trim.lua").read_text())

    async def append(self, *entries: Entry) -> int:
        """Write those of `entries` whose names are new, in this order; how many were. All must belong to one operation.

        Raises :class:`bot.errors.Temporary` (``audit.busy``) where others were faster again and again.
        """
        if len({entry.operation for entry in entries}) > 1:
            raise ValueError("entries of several operations in one call")
        if not entries:
            return 0
        # One at a time within a process, so that only processes compete for the end of the chain.
        async with self._turn:
            for tried in range(TRIES):
                written = await self._try(entries)
                if written is not None:
                    return written
                if tried >= CALM_TRIES:
                    await asyncio.sleep(random.uniform(0, 0.002 * min(tried, 25)))
        raise Temporary("audit.busy", retry_after=1.0)

    async def _try(self, entries: Sequence[Entry]) -> int | None:
        names = f"{LOG}:of:{entries[0].operation}"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(HEAD)
            pipe.hmget(names, [entry.name for entry in entries])
            head, known = await pipe.execute()
        fresh = list({entry.name: entry for entry, seq in zip(entries, known, strict=True) if seq is None}.values())
        if not fresh:
            return 0
        end = texts(head)
        seq, last = int(end.get("seq", 0)), end.get("hash", "")
        batch = fresh if seq else [self._beginning(), *fresh]
        rows = seal_all(batch, last or GENESIS, seq + 1)
        args = [str(seq), last, str(NAMES_KEPT_SECONDS), *(part for row in rows for part in (row.entry.name, str(row.seq), row.hash, row.body))]
        answer = text(await self._put(keys=[LOG, HEAD, names], args=args))
        return len(fresh) if answer == "written" else None

    def _beginning(self) -> Entry:
        """The first entry of every log, with an id of its own: a log that was begun anew cannot be taken for the old one."""
        return Entry(name=f"log/{uuid.uuid4().hex}", event="opened", actor=BOT, at=self._clock.now(), detail={"log": uuid.uuid4().hex})

    async def entries(self, since: float | None = None, cluster: str | None = None, limit: int = 20, *, quiet: bool = False) -> list[Sealed]:
        """The newest `limit` entries, newest first: not older than `since` (epoch seconds), about `cluster` only.

        `quiet` leaves out questions (event *asked*), which change nothing. An entry may be written a while after it happened (workers were
        down), so the search goes a day further back than `since`.
        """
        found: list[Sealed] = []
        async for sealed in self._backwards():
            if since is not None and sealed.entry.at < since - LATE_SECONDS:
                break
            late = since is not None and sealed.entry.at < since
            other = cluster and sealed.entry.cluster.lower() != cluster.lower()
            if not late and not other and not (quiet and sealed.entry.event == "asked"):
                found.append(sealed)
            if len(found) >= limit:
                break
        return found

    async def verify(self, witness: Verified | None = None) -> Verified:
        """Check every entry that is here, and that the chain still ends where it was last written.

        `witness` is what checking an exported file showed: its last entry has to stand in this log, unchanged.
        """
        anchor = await self.anchor()
        head = texts(await self._redis.hgetall(HEAD))
        end = int(head.get("seq", 0))
        check, witnessed = Check(anchor), None
        if witness and anchor and anchor.seq == witness.last:
            witnessed = anchor.hash
        async for seq, body, hashed in self._forwards():
            if not check.add(body, hashed):
                return check.result()
            if seq == end and hashed != head.get("hash"):
                check.fail("it is not the entry that was written last")
            if witness and seq == witness.last:
                witnessed = hashed
        if check.result().last < end:
            check.fail(f"the log went on to number {end}; the rest is missing")
        result = check.result()
        if witness and witness.count and result.broken_at is None and witnessed != witness.head:
            gone = anchor is not None and anchor.seq > witness.last
            why = "too old to compare: it was taken out of this log" if gone else "not the one in the file: this is another history"
            return Verified(result.count, witness.last, f"it is {why}", result.begins, result.head, result.until)
        return result

    async def export(self) -> AsyncIterator[str]:
        """The log as lines of JSON, oldest first; where it was shortened, its anchor comes before."""
        anchor = await self.anchor()
        if anchor:
            yield anchor.line
        async for _, body, hashed in self._forwards():
            yield f'{body[:-1]},"hash":"{hashed}"}}'

    async def anchor(self) -> Anchor | None:
        """Where the log begins, if it was shortened."""
        row = texts(await self._redis.hgetall(ANCHOR))
        return Anchor(int(row["seq"]), row["hash"], row["at"]) if row else None

    async def trim(self, exported: Verified) -> int:
        """Take out what a sound export holds, leaving an anchor; how many entries. -1 where its last entry is not in this log."""
        if exported.broken_at is not None or not exported.count:
            return -1
        args = [str(exported.last), exported.head, str(exported.last + 1), moment(self._clock.now())]
        return int(await self._trim(keys=[LOG, ANCHOR], args=args))

    async def _forwards(self) -> AsyncIterator[tuple[int, str, str]]:
        start = "-"
        while True:
            rows: list[Any] = list(await self._redis.xrange(LOG, min=start, max="+", count=PAGE) or ())
            for row_id, fields in rows:
                row = texts(fields)
                yield int(text(row_id).partition("-")[0]), row.get("body", ""), row.get("hash", "")
            if len(rows) < PAGE:
                return
            start = f"({text(rows[-1][0])}"

    async def _backwards(self) -> AsyncIterator[Sealed]:
        start = "+"
        while True:
            rows: list[Any] = list(await self._redis.xrevrange(LOG, max=start, min="-", count=PAGE) or ())
            for _, fields in rows:
                row = texts(fields)
                try:
                    yield opened(row.get("body", ""), row.get("hash", ""))
                except ValueError:
                    continue  # `verify` is what reports it
            if len(rows) < PAGE:
                return
            start = f"({text(rows[-1][0])}"
