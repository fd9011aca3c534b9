"""Where operations stand: records in Redis, changed only by the scripts beside this file.

All keys share the hash tag ``{qm}`` and every script declares its keys, so Redis Cluster works; times come from the server's
clock. Commands of Redis 6.2 only.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Final

from redis.asyncio import Redis

from bot.clock import Clock
from bot.operations.record import RUNNING, Operation, read
from bot.store import run, text, texts

KEEP_ENDED_SECONDS: Final = 14 * 86400
RESPONSE_URL_SECONDS: Final = 29 * 60
SAME_SECONDS: Final = 300
RUNG: Final = "{qm}:rung"
AT_ONCE: Final = 200


@dataclass(frozen=True)
class NewOperation:
    """What a handler (or another operation) writes down. `idempotency` names the request: the same one is recorded once.

    `fields` are laid over the record's own: a rebuilt operation does not begin at its first step. `response_url` is where a private
    answer can go for as long as Slack accepts it (30 minutes; Slack: response_url). `same` names what a person would ask for again who thinks
    that it was lost ('' nothing): for :data:`SAME_SECONDS`, while the first of that name has not ended, there is no second.
    """

    id: str
    kind: str
    request: Mapping[str, Any]
    team: str
    channel: str
    user: str
    idempotency: str
    thread: str = ""
    parent: str = ""
    text: str = ""
    memo: Mapping[str, Any] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    response_url: str = ""
    same: str = ""


@dataclass(frozen=True)
class Commit:
    """One step's outcome. `wait` is in seconds (None: run on; ignored when `ended`); `calendar` is business time at which to look again.
    `quiet`: there are no messages, and the operation's own one looks as before.
    """

    fields: Mapping[str, str]
    messages: Sequence[tuple[str, Mapping[str, Any]]] = ()
    wait: float | None = None
    calendar: float | None = None
    ended: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Busy:
    """Somebody else holds the claim for `seconds` more."""

    seconds: float


class Journal:
    """The scripts, as methods. `redis` must decode responses.

    `rings`: for a process without an engine of its own. What it writes is put on a list of which the workers take (see
    :meth:`bot.operations.waking.Waking.run`), in the same script: the record and its wake are one write.
    """

    def __init__(self, redis: Redis, clock: Clock, *, lease: float = 10.0, rings: bool = False, replicas: int = 0) -> None:
        self.redis = redis
        self._replicas = replicas
        self._bell = [RUNG] if rings else []
        self._clock = clock
        self._lease_ms = int(lease * 1000)
        self._scripts = {
            name: redis.register_script(resources.files("bot.operations").joinpath("lua", f"{name}.lua").read_text())
            for name in ("create", "claim", "renew", "commit", "poke", "tell")
        }

    @staticmethod
    def key(*parts: str) -> str:
        """A key of the journal, in its one hash slot."""
        return ":".join(("{qm}", *parts))

    async def create(self, new: NewOperation) -> str:
        """Write the record; the id of the operation that holds this request (an earlier one, if it or the `same` was asked before)."""
        fields: dict[str, str] = {
            "id": new.id, "kind": new.kind, "status": RUNNING, "step": "", "request": json.dumps(new.request), "team": new.team,
            "channel": new.channel, "user": new.user, "thread": new.thread, "parent": new.parent, "text": new.text,
            "memo": json.dumps(new.memo) if new.memo else "{}", "created": repr(self._clock.now()),
            **new.fields,
        }  # fmt: skip
        keys = [
            self.key("op", new.id), self.key("due"), self.key("active"), self.key("idem", new.idempotency), self.key("url", new.id), RUNG,
            self.key("same", new.same),
        ]  # fmt: skip
        args = [new.id, new.response_url, RESPONSE_URL_SECONDS, "1" if self._bell else "", SAME_SECONDS if new.same else ""]
        over = ""
        while True:
            holder = text(await run(self._scripts["create"], keys, [*args, over, *_flat(fields)], redis=self.redis, replicas=self._replicas))
            if not holder.startswith("same:"):
                return holder
            over = holder.removeprefix("same:")
            earlier = await self.load(over)
            if earlier is not None and earlier.ended is None:
                return over

    async def load(self, op_id: str) -> Operation | None:
        """The record as it stands, or None."""
        fields = await self.redis.hgetall(self.key("op", op_id))
        return read(texts(fields)) if fields else None

    async def load_all(self, ids: Sequence[str]) -> list[Operation]:
        """The records that still exist among `ids`, newest first, in one round trip."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for op_id in ids:
                pipe.hgetall(self.key("op", op_id))
            rows = await pipe.execute()
        return sorted((read(texts(row)) for row in rows if row), key=lambda op: op.created, reverse=True)

    async def active(self) -> list[Operation]:
        """All operations that have not ended, newest first. Other work gets its turn in between: to read ten thousand takes more than a second."""
        ids, found = sorted(text(one) for one in await self.redis.smembers(self.key("active"))), []
        for at in range(0, len(ids), AT_ONCE):
            found += await self.load_all(ids[at : at + AT_ONCE])
            await asyncio.sleep(0)
        return sorted(found, key=lambda op: op.created, reverse=True)

    async def claim(self, op_id: str) -> Operation | Busy | None:
        """The right to run `op_id` for the lease's time, with the record; None where it is gone or ended."""
        answer = await self._scripts["claim"](keys=[self.key("op", op_id)], args=[self._lease_ms])
        if answer[0] == "claimed":
            return read(dict(zip(answer[1::2], answer[2::2], strict=True)))
        return Busy(int(answer[1]) / 1000) if answer[0] == "busy" else None

    async def renew(self, op: Operation) -> bool:
        """Keep the claim; False where a newer one exists."""
        return bool(await self._scripts["renew"](keys=[self.key("op", op.id)], args=[op.fence, self._lease_ms]))

    async def commit(self, op: Operation, outcome: Commit) -> str:
        """Make an outcome true: 'fenced' (it was not), 'committed', or 'poked' (it was, and a fact arrived meanwhile)."""
        due = "end" if outcome.ended else "" if outcome.wait is None else str(int(outcome.wait * 1000))
        fields = dict(outcome.fields)
        if outcome.ended:
            fields.setdefault("ended", repr(self._clock.now()))
        messages = [part for key, payload in outcome.messages for part in (f"m:{key}", json.dumps(payload))]
        result = await self._scripts["commit"](
            keys=[
                self.key("op", op.id), self.key("out", op.id), self.key("due"), self.key("active"), self.key("calendar"), self.key("unsent"),
                self.key("audit", "owed"),
            ],
            args=[
                op.id, op.fence, op.pokes, due, "" if outcome.calendar is None or outcome.ended else outcome.calendar,
                KEEP_ENDED_SECONDS, "" if outcome.quiet else "1", len(messages) // 2, *messages, *_flat(fields),
            ],
        )  # fmt: skip
        return {-1: "fenced", 0: "committed", 1: "poked"}[int(result)]

    async def poke(self, op_id: str, facts: Mapping[str, str], *, first: bool = False) -> str:
        """Write facts and make the operation due: 'missing', 'ended', 'kept' (`first`: all stood already) or 'written'."""
        args = [op_id, "first" if first else "newest", *_flat(facts)]
        keys = [self.key("op", op_id), self.key("due"), *self._bell]
        return text(await run(self._scripts["poke"], keys, args, redis=self.redis, replicas=self._replicas))

    async def tell(self, op_id: str, key: str, payload: Mapping[str, Any]) -> bool:
        """Queue a message outside a step; False if it was queued before."""
        keys = [self.key("out", op_id), self.key("unsent"), *self._bell]
        return bool(await self._scripts["tell"](keys=keys, args=[f"m:{key}", json.dumps(payload), op_id]))

    async def overdue(self, limit: int = 500) -> list[str]:
        """Ids whose time has come, by the server's clock or by business time."""
        seconds, micros = await self.redis.time()
        now_ms = seconds * 1000 + micros // 1000
        due = await self.redis.zrangebyscore(self.key("due"), "-inf", now_ms, start=0, num=limit)
        dated = await self.redis.zrangebyscore(self.key("calendar"), "-inf", self._clock.now(), start=0, num=limit)
        return sorted({text(one) for one in (*due, *dated)})

    async def unsent(self, older_ms: int = 3000, limit: int = 500) -> list[str]:
        """Ids whose messages have not all been sent although they were committed a while ago: their wake may be lost."""
        seconds, micros = await self.redis.time()
        found = await self.redis.zrangebyscore(self.key("unsent"), "-inf", seconds * 1000 + micros // 1000 - older_ms, start=0, num=limit)
        return [text(one) for one in found]

    async def keep_thread(self, channel: str, ts: str, op_id: str) -> None:
        """The message `ts` opens the thread of `op_id`."""
        await self.redis.set(self.key("thread", channel, ts), op_id, ex=KEEP_ENDED_SECONDS)

    async def thread(self, channel: str, ts: str) -> Operation | None:
        """The operation whose thread that is."""
        op_id = await self.redis.get(self.key("thread", channel, ts))
        return await self.load(text(op_id)) if op_id else None

    async def card(self, op_id: str) -> str:
        """The ts of the operation's own message; '' where it has none yet."""
        entry = await self.redis.hget(self.key("out", op_id), "m:card")
        return str(json.loads(text(entry)).get("ts") or "") if entry else ""


def _flat(fields: Mapping[str, str]) -> list[str]:
    return [part for pair in fields.items() for part in pair]
