"""Where a request enters: parsed, authorised as far as is known, written down, acknowledged. Touches Redis only.

Nothing here calls Slack, Azure or Kubernetes. What cannot be decided from Redis is decided by the worker before it plans.
Every method may raise :class:`redis.exceptions.RedisError`; then nothing was started.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.approvals.audit import Audit
from bot.approvals.gate import Gate
from bot.approvals.trail import refusal as refused
from bot.clock import Clock
from bot.commands import THIS, Reply, Request, parse, parse_mention, shown
from bot.errors import Refused, Temporary
from bot.operations.journal import Journal, NewOperation
from bot.operations.record import DECISION_PREFIX, JOB_KINDS, Operation, identity
from bot.operations.waking import Waking
from bot.plans.precheck import check
from bot.slack.people import People

log = logging.getLogger(__name__)

WAKE_SECONDS = 0.5


@dataclass(frozen=True)
class Who:
    """Who did something, and where."""

    team: str
    user: str
    channel: str


class Intake:
    """One per `web` process; `redis` fails fast."""

    def __init__(
        self, redis: Redis, journal: Journal, waking: Waking, people: People, gate: Gate, clock: Clock, audit: Audit, templates: Sequence[str] = ()
    ) -> None:
        self._redis, self._journal, self._waking, self._audit = redis, journal, waking, audit
        self._people, self._gate, self._clock, self._templates = people, gate, clock, tuple(templates)

    async def reachable(self) -> bool:
        """Whether the state store answers."""
        return bool(await self._redis.ping())

    async def command(self, text: str, who: Who, *, trigger: str, response_url: str = "") -> str:
        """A slash command: the text to answer at once (mrkdwn, shown to this person only)."""
        parsed = parse(text, templates=self._templates)
        if isinstance(parsed, Reply):
            return parsed.text
        if parsed.kind == "menu":
            return "Type `/gpu` and nothing else for the menu, or `/gpu help`."
        return await self.request(parsed, who, trigger=trigger, response_url=response_url)

    async def request(
        self, request: Request, who: Who, *, trigger: str, response_url: str = "", thread: str = "", memo: Mapping[str, Any] | None = None
    ) -> str:
        """Write a request down; the text to answer at once. The same `trigger` is written once, whatever is repeated."""
        refusal = await self.refusal(request, who)
        if refusal:
            return refusal
        new = NewOperation(
            id=identity(who.team, trigger, request.kind), kind=request.kind, request=request.as_json(), team=who.team, channel=who.channel,
            user=who.user, idempotency=identity("trigger", who.team, trigger, request.kind), thread=thread, text=request.text, memo=memo or {},
        )  # fmt: skip
        if response_url:
            await self._journal.keep_response_url(new.id, response_url)
        op_id = await self._journal.create(new)
        await self._wake(f"op:{op_id}")
        return f"On it: `/gpu {shown(request.text, 300)}`" if request.text else "On it."

    async def refusal(self, request: Request, who: Who) -> str:
        """Why a request is not even written down; '' where it may be."""
        refusal = self._gate.refusal(request.kind, await self._people.known(who.team, who.user), who.channel)
        if refusal:
            await self._refused(request.kind, who, refusal, command=request.text)
            return refusal
        try:
            check(request.kind, request.values, self._gate.policy)
        except Refused as error:
            await self._refused(request.kind, who, str(error), command=request.text)
            return str(error)
        return ""

    async def pressed(self, op: Operation, request: Request, who: Who, trigger: str, *, thread: str = "") -> None:
        """A request that a button on a message of `op` stands for; a refusal is told to that person alone."""
        refusal = await self.refusal(request, who)
        if refusal:
            await self._tell(op, who, trigger, refusal)
            return
        await self.request(request, who, trigger=trigger, thread=thread, memo={"about": op.id})

    async def suggested(self, name: str, value: str, who: Who, trigger: str) -> None:
        """A button of a notice: the command that stands in the notice's record, given by whoever presses it."""
        op = await self._journal.load(value)
        text = str(op.memo.get("suggested", {}).get(name, "")) if op is not None else ""
        if op is None or op.channel != who.channel or not text:
            return
        if name == "takeover":
            cluster, _, pool = text.partition("/")
            taken = Request(path=(), kind="orphan.takeover", values={"cluster": cluster, "pool": pool}, text=f"take over {text}")
            await self.pressed(op, taken, who, trigger)
            return
        parsed = parse(text)
        if isinstance(parsed, Request) and parsed.kind != "menu":
            await self.pressed(op, parsed, who, trigger)

    async def keep(self, value: str, who: Who, trigger: str) -> None:
        """Keep an idle pool: who asked for it may, and operators and approvers."""
        op = await self._journal.load(value)
        if op is None or op.channel != who.channel:
            return
        refusal = self._gate.cancel_refusal(op, await self._people.known(who.team, who.user), who.user)
        refusal = refusal or ("That is over already." if op.ended is not None else "")
        if refusal:
            await self._refused("keep", who, refusal, op=op)
            await self._tell(op, who, trigger, refusal)
            return
        fact = {"by": who.user, "verdict": "keep", "reason": "", "at": self._clock.now(), "digest": ""}
        if await self._journal.poke(op.id, {f"{DECISION_PREFIX}keep": json.dumps(fact)}, first=True) == "written":
            await self._wake(f"op:{op.id}")

    async def mention(self, text: str, who: Who, *, thread: str, event: str) -> None:
        """``@quartermaster logs`` in a thread: the thread says what it is about."""
        parsed = parse_mention(text)
        about = await self._journal.thread(who.channel, thread) if thread else None
        if isinstance(parsed, Reply) or about is None:
            words = (
                parsed.text
                if isinstance(parsed, Reply)
                else "I know nothing about this thread. Use `/gpu …`, or mention me in the thread of a request."
            )
            parsed = Request(path=(), kind="reply", values={"text": words}, text="")
        if parsed.kind == "thread.cancel" and about is not None:
            await self.cancel(about.id, who, event)
            return
        if parsed.kind == "job.again" and about is not None:
            parsed, thread = _once_more(parsed, about, thread)
        await self.request(parsed, who, trigger=event, thread=thread, memo={"about": about.id} if about else None)

    async def decide(self, value: str, who: Who, trigger: str, verdict: str, reason: str = "") -> None:
        """A click on Approve, Deny or Confirm. One effect, however often and by however many it is clicked."""
        op_id, _, digest = value.partition(":")
        op = await self._journal.load(op_id)
        if op is None or op.channel != who.channel:
            log.warning("click on an unknown operation", extra={"operation": op_id, "user": who.user})
            return
        refusal = self._gate.click_refusal(op, await self._people.known(who.team, who.user), who.user, digest, verdict, reason)
        if refusal:
            await self._refused(verdict, who, refusal, op=op)
            await self._tell(op, who, trigger, refusal)
            return
        fact = {"by": who.user, "verdict": verdict, "reason": reason, "at": self._clock.now(), "digest": digest}
        name = f"{DECISION_PREFIX}{digest}:{who.user}" + (":break-glass" if verdict == "break-glass" else "")
        if await self._journal.poke(op_id, {name: json.dumps(fact)}, first=True) == "written":
            await self._wake(f"op:{op_id}")

    async def may_break_glass(self, value: str, who: Who, trigger: str) -> bool:
        """Whether to ask this person for the reason of an emergency; where not, they are told why, in private."""
        op_id, _, digest = value.partition(":")
        op = await self._journal.load(op_id)
        if op is None or op.channel != who.channel:
            return False
        refusal = self._gate.glass_refusal(op, await self._people.known(who.team, who.user), who.user, digest)
        if refusal:
            await self._refused("break-glass", who, refusal, op=op)
            await self._tell(op, who, trigger, refusal)
        return not refusal

    async def cancel(self, value: str, who: Who, trigger: str) -> None:
        """A wish to stop an operation; the worker takes back what was made."""
        op = await self._journal.load(value.partition(":")[0])
        if op is None or op.channel != who.channel:
            return
        refusal = self._gate.cancel_refusal(op, await self._people.known(who.team, who.user), who.user)
        if refusal:
            await self._refused("cancel", who, refusal, op=op)
        if refusal or op.ended is not None:
            await self._tell(op, who, trigger, refusal or "That is over already; there is nothing to cancel.")
            return
        fact = json.dumps({"by": who.user, "at": self._clock.now()})
        if await self._journal.poke(op.id, {"cancel": fact}, first=True) == "written":
            await self._wake(f"op:{op.id}")

    async def _refused(self, kind: str, who: Who, sentence: str, *, command: str = "", op: Operation | None = None) -> None:
        """For the audit log: what else is asked or decided stands in a record, from which the worker reads it."""
        with contextlib.suppress(Temporary):
            await self._audit.append(refused(kind, who.user, self._clock.now(), sentence, command=command, channel=who.channel, op=op))

    async def thread_of(self, op_id: str) -> Operation | None:
        """The operation behind a button."""
        return await self._journal.load(op_id.partition(":")[0])

    async def _tell(self, op: Operation, who: Who, trigger: str, text: str) -> None:
        """A private word beside the card: whoever clicks it in the channel need not have its thread open."""
        payload = {"text": text, "private_to": who.user, "in_channel": op.thread == await self._journal.card(op.id)}
        await self._journal.tell(op.id, f"{op.id}/click/{identity(trigger)}", payload)
        await self._wake(f"out:{op.id}")

    async def _wake(self, subject: str) -> None:
        """The record stands already; a wake that fails is healed by the sweep."""
        with contextlib.suppress(RedisError, TimeoutError):
            async with asyncio.timeout(WAKE_SECONDS):
                await self._waking.wake(subject)


def _once_more(request: Request, about: Operation, thread: str) -> tuple[Request, str]:
    """One more run of the thread's job, with its name, and where it is told: on a card of its own; in the thread where that has no job."""
    name = str((about.plan or {}).get("target", {}).get("job") or "")
    if about.kind not in JOB_KINDS or not name:
        return Request(path=(), kind="reply", values={"text": str(Refused("operations.thread_no_job"))}, text=""), thread
    return replace(request, text=request.text.replace(THIS, name, 1)), ""
