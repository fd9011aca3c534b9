"""Where a request enters: parsed, authorised as far as is known, written down, acknowledged. Touches Redis only.

Nothing here calls Slack, Azure or Kubernetes. What cannot be decided from Redis is decided by the worker before it plans.
Every method may raise :class:`redis.exceptions.RedisError`; then nothing was started.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from redis.asyncio import Redis

from bot import secrets
from bot.approvals.audit import Audit
from bot.approvals.gate import Gate
from bot.approvals.trail import refusal as refused
from bot.clock import Clock
from bot.commands import BY_KIND, THIS, Reply, Request, parse, parse_mention, shown
from bot.errors import Refused, Temporary
from bot.operations import known
from bot.operations.journal import Journal, NewOperation
from bot.operations.record import DECISION_PREFIX, JOB_KINDS, Operation, identity
from bot.plans.mending import instead
from bot.plans.precheck import check
from bot.slack.people import People, Profile

log = logging.getLogger(__name__)

PROFILE_SECONDS: Final = 5.0
PROFILES: Final = 1000
ASIDE_SECONDS: Final = 3600


@dataclass(frozen=True)
class Who:
    """Who did something, and where."""

    team: str
    user: str
    channel: str


@dataclass(frozen=True)
class Told:
    """What to answer at once (mrkdwn). `refused`: nothing was written down, and nothing of that kind is under way."""

    text: str
    refused: bool = False


class Intake:
    """One per `web` process; `redis` fails fast, and `journal` rings: what it writes wakes a worker."""

    def __init__(
        self, redis: Redis, journal: Journal, people: People, gate: Gate, clock: Clock, audit: Audit, templates: Sequence[str] = ()
    ) -> None:
        self._redis, self._journal, self._audit = redis, journal, audit
        self._profiles: dict[str, tuple[float, Profile | None]] = {}
        self._people, self._gate, self._clock, self._templates = people, gate, clock, tuple(templates)

    async def reachable(self) -> bool:
        """Whether the state store answers."""
        return bool(await self._redis.ping())

    async def command(self, text: str, who: Who, *, trigger: str, response_url: str = "") -> Told:
        """A slash command; the answer is shown to this person only."""
        parsed = parse(text, templates=self._templates)
        if isinstance(parsed, Reply):
            return Told(parsed.text, refused=True)
        if parsed.kind == "menu":
            return Told("Type `/gpu` and nothing else for the menu, or `/gpu help`.", refused=True)
        # Slack sometimes tells a person that a command timed out which did arrive; they type it again.
        same = identity(who.team, who.user, who.channel, parsed.text) if BY_KIND[parsed.kind].changes else ""
        return await self.request(parsed, who, trigger=trigger, response_url=response_url, same=same)

    def instead(self, text: str, answer: Told) -> tuple[str, Request] | None:
        """What to offer beside `answer` where it refused the command `text`: a label, and a command that the policy permits."""
        found = instead(text, answer.text) if answer.refused else None  # looking for what was meant costs more than an ack
        try:
            if found:
                check(found[1].kind, found[1].values, self._gate.policy)
        except Refused:
            return None
        return found

    async def request(
        self, request: Request, who: Who, *, trigger: str, response_url: str = "", thread: str = "", memo: Mapping[str, Any] | None = None,
        same: str = "",
    ) -> Told:
        """Write a request down. The same `trigger` is written once, whatever is repeated, and so is, for a while, what is the `same` to
        people ('' nothing)."""
        refusal = await self.refusal(request, who)
        if refusal:
            return Told(refusal, refused=True)
        name = identity(who.team, trigger, request.kind)
        new = NewOperation(
            id=name, kind=request.kind, request=request.as_json(), team=who.team, channel=who.channel, user=who.user, idempotency=name,
            thread=thread, text=request.text, memo=memo or {}, response_url=response_url, same=same,
        )  # fmt: skip
        if await self._journal.create(new) != name:
            another = " For a second one, give it a name of its own: `--name NAME`." if request.kind in JOB_KINDS else ""
            return Told(f"`/gpu {shown(request.text, 300)}` is under way already, from a moment ago: I do it once.{another}")
        return Told(f"On it: `/gpu {shown(request.text, 300)}`" if request.text else "On it.")

    async def places(self) -> tuple[list[str], tuple[str, ...]]:
        """Where a job may go, as far as is known: (clusters, namespaces)."""
        return await known.names(self._redis), self._gate.policy.jobs.namespaces

    async def set_aside(self, values: Mapping[str, Any], who: Who, trigger: str) -> str:
        """Keep what is too long for a modal's own memory (Slack: private_metadata, 3,000 characters) for an hour; its name."""
        name = identity("aside", trigger)
        await self._redis.set(Journal.key("aside", who.user, name), json.dumps(values), ex=ASIDE_SECONDS)
        return name

    async def aside(self, name: str, who: Who) -> dict[str, Any] | None:
        """What was set aside for that person under that name; None where it is not (or no longer) kept."""
        kept = await self._redis.get(Journal.key("aside", who.user, name))
        return json.loads(kept) if kept else None

    async def refusal(self, request: Request, who: Who) -> str:
        """Why a request is not even written down; '' where it may be."""
        refusal = self._gate.refusal(request.kind, await self._known(who), who.channel)
        if refusal:
            await self._refused(request.kind, who, refusal, command=request.text)
            return refusal
        try:
            check(request.kind, request.values, self._gate.policy)
            manifest = str(request.values.get("manifest") or "")
            if manifest and (secret := secrets.within(manifest)) is not None:
                raise Refused("commands.secret_value", value=shown(secret))
        except Refused as error:
            await self._refused(request.kind, who, str(error), command=request.text)
            return str(error)
        return ""

    async def pressed(self, op: Operation, request: Request, who: Who, trigger: str, *, thread: str = "", same: str = "") -> None:
        """A request that a button on a message of `op` stands for; a refusal is told to that person alone."""
        refusal = await self.refusal(request, who)
        if refusal:
            await self._tell(op, who, trigger, refusal)
            return
        await self.request(request, who, trigger=trigger, thread=thread, memo={"about": op.id}, same=same)

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
        refusal = self._gate.cancel_refusal(op, await self._known(who), who.user)
        refusal = refusal or ("That is over already." if op.ended is not None else "")
        if refusal:
            await self._refused("keep", who, refusal, op=op)
            await self._tell(op, who, trigger, refusal)
            return
        fact = {"by": who.user, "verdict": "keep", "reason": "", "at": self._clock.now(), "digest": ""}
        await self._journal.poke(op.id, {f"{DECISION_PREFIX}keep": json.dumps(fact)}, first=True)

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
        refusal = self._gate.click_refusal(op, await self._known(who), who.user, digest, verdict, reason)
        if refusal:
            await self._refused(verdict, who, refusal, op=op)
            await self._tell(op, who, trigger, refusal)
            return
        fact = {"by": who.user, "verdict": verdict, "reason": reason, "at": self._clock.now(), "digest": digest}
        name = f"{DECISION_PREFIX}{digest}:{who.user}" + (":break-glass" if verdict == "break-glass" else "")
        await self._journal.poke(op_id, {name: json.dumps(fact)}, first=True)

    async def may_break_glass(self, value: str, who: Who, trigger: str) -> bool:
        """Whether to ask this person for the reason of an emergency; where not, they are told why, in private."""
        op_id, _, digest = value.partition(":")
        op = await self._journal.load(op_id)
        if op is None or op.channel != who.channel:
            return False
        refusal = self._gate.glass_refusal(op, await self._known(who), who.user, digest)
        if refusal:
            await self._refused("break-glass", who, refusal, op=op)
            await self._tell(op, who, trigger, refusal)
        return not refusal

    async def cancel(self, value: str, who: Who, trigger: str) -> None:
        """A wish to stop an operation; the worker takes back what was made."""
        op = await self._journal.load(value.partition(":")[0])
        if op is None or op.channel != who.channel:
            return
        refusal = self._gate.cancel_refusal(op, await self._known(who), who.user)
        if refusal:
            await self._refused("cancel", who, refusal, op=op)
        if refusal or op.ended is not None:
            await self._tell(op, who, trigger, refusal or "That is over already; there is nothing to cancel.")
            return
        fact = json.dumps({"by": who.user, "at": self._clock.now()})
        await self._journal.poke(op.id, {"cancel": fact}, first=True)

    async def _refused(self, kind: str, who: Who, sentence: str, *, command: str = "", op: Operation | None = None) -> None:
        """For the audit log: what else is asked or decided stands in a record, from which the worker reads it."""
        with contextlib.suppress(Temporary):
            await self._audit.append(refused(kind, who.user, self._clock.now(), sentence, command=command, channel=who.channel, op=op))

    async def _known(self, who: Who) -> Profile | None:
        """The profile, kept for some seconds: who types in a busy minute is read once. The worker decides for good anyway."""
        at, profile = self._profiles.get(who.user, (0.0, None))
        if profile is None or time.monotonic() - at > PROFILE_SECONDS:
            profile = await self._people.known(who.user)
            if len(self._profiles) >= PROFILES:
                self._profiles.clear()
            self._profiles[who.user] = time.monotonic(), profile
        return profile

    async def thread_of(self, op_id: str) -> Operation | None:
        """The operation behind a button."""
        return await self._journal.load(op_id.partition(":")[0])

    async def _tell(self, op: Operation, who: Who, trigger: str, text: str) -> None:
        """A private word beside the card: whoever clicks it in the channel need not have its thread open."""
        payload = {"text": text, "private_to": who.user, "in_channel": op.thread == await self._journal.card(op.id)}
        await self._journal.tell(op.id, f"{op.id}/click/{identity(trigger)}", payload)


def _once_more(request: Request, about: Operation, thread: str) -> tuple[Request, str]:
    """One more run of the thread's job, with its name, and where it is told: on a card of its own; in the thread where that has no job."""
    name = str((about.plan or {}).get("target", {}).get("job") or "")
    if about.kind not in JOB_KINDS or not name:
        return Request(path=(), kind="reply", values={"text": str(Refused("operations.thread_no_job"))}, text=""), thread
    return replace(request, text=request.text.replace(THIS, name, 1)), ""
