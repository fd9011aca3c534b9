"""Runs operations: claim, one step, commit, and again - until the operation waits or ends.

The truth is the journal; this module may be killed between any two lines. What a step did before a kill is found again by
the same step, because every step first looks at the world. Errors end here: a typed error becomes an outcome, anything
else is retried a few times and then told to the requester with a reference, and to the log whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from redis.exceptions import RedisError

from bot.azure.errors import cause
from bot.errors import Failed, QuartermasterError, Refused, Temporary
from bot.operations.history import remember
from bot.operations.journal import Busy, Commit, Journal
from bot.operations.record import CANCELLED, FAILED, REFUSED, RUNNING, SUCCEEDED, Operation, identity
from bot.operations.services import Services
from bot.operations.steps import Done, End, Kind, Outcome, Step, Wait

log = logging.getLogger(__name__)

UNEXPECTED_TRIES: Final = 3
TOLD_TRIES: Final = 4
"""Tries of a step, about half a minute of them, after which its card says what is in the way: what is over by then is nobody's concern."""
APPROVAL_STEP: Final = "approve"
SLOWEST_RETRY_SECONDS: Final = 60.0
UNKNOWN_KIND_SECONDS: Final = 5.0
STALE_CONNECTION_SECONDS: Final = 60.0

Ending = Callable[[Operation, Kind, End], End]


class Engine:
    """`kinds` are all kinds of operation by name; `ending` adds the closing words to an outcome that has none of its own."""

    def __init__(self, journal: Journal, services: Services, kinds: Mapping[str, Kind], ending: Ending) -> None:
        self._journal = journal
        self._services = services
        self._kinds = kinds
        self._ending = ending
        self._lease = services.settings.engine.lease
        self._step_cap = services.settings.engine.step_cap

    def kind(self, op: Operation) -> Kind | None:
        """The kind of an operation, or None where this version does not know it."""
        return self._kinds.get(op.kind)

    async def handle(self, op_id: str) -> None:
        """Run `op_id` as far as it goes now, and see to it that it is woken for the rest."""
        claimed = await self._journal.claim(op_id)
        if claimed is None:
            return
        if isinstance(claimed, Busy):
            await self._services.waking.wake(f"op:{op_id}", claimed.seconds + 0.1)
            return
        if await self._unchanged(claimed):
            look = self._services.settings.engine.look
            if await self._journal.commit(claimed, Commit({}, wait=look, quiet=True)) == "committed":
                await self._services.waking.wake(f"op:{op_id}", look)
                return
        if not self._understood(claimed):
            # Written by a newer version, in a rolling deployment: one of its workers will take it.
            log.warning(
                "operation of a kind or at a step that this version does not know",
                extra={"operation": op_id, "kind": claimed.kind, "step": claimed.step},
            )
            await self._journal.commit(claimed, Commit({}, wait=UNKNOWN_KIND_SECONDS, quiet=True))
            return
        op: Operation | None = claimed
        while op is not None:
            async with self._kept(op):
                op = await self._advance(op)

    async def sweep(self) -> None:
        """Wake what is overdue: heals every lost wake, and everything at once if docket's keys are gone."""
        for op_id in await self._journal.overdue():
            await self._services.waking.wake(f"op:{op_id}")
        for op_id in await self._journal.unsent():
            await self._services.waking.wake(f"out:{op_id}")

    def _understood(self, op: Operation) -> bool:
        kind = self.kind(op)
        return kind is not None and kind.has(op.step)

    async def _unchanged(self, op: Operation) -> bool:
        """Whether it waits for Azure, no fact has arrived, and the shared observation vouches that nothing changed: then it need not ask."""
        if not op.on.startswith("azure:") or op.pokes != op.on_pokes:
            return False
        return await self._services.waiting.fresh(op.on, 3 * self._services.settings.engine.observe + 5)

    async def _advance(self, op: Operation) -> Operation | None:
        """Run one step and commit it; the operation again if it should go on at once."""
        kind = self._kinds[op.kind]
        step, outcome = await self._attempt(op, kind)
        try:
            commit, wait_on = self._committed(op, kind, step, outcome)
        except Exception as error:  # noqa: BLE001 - the next line logs it and tells the requester
            commit, wait_on = self._committed(op, kind, step, self._unexpected(op, kind, step, error))
        if wait_on:  # before the commit: of an operation that waits and is not among those that wait nobody would tell a change
            await self._services.waiting.add(op.id, wait_on)
        result = await self._journal.commit(op, commit)
        if result == "fenced":
            log.warning("result dropped, a newer claim exists", extra={"operation": op.id, "step": step.name})
            return None
        if not commit.quiet:
            await self._services.waking.wake(f"out:{op.id}")
        if commit.ended:
            log.info("operation ended", extra={"operation": op.id, "kind": op.kind, "status": commit.fields["status"]})
            if commit.fields["status"] == SUCCEEDED and "approved_at" in op.memo:
                await remember(self._services.redis, op.kind, self._services.clock.now() - float(op.memo["approved_at"]))
            return None
        if commit.wait is not None and result == "committed":
            await self._services.waking.wake(f"op:{op.id}", commit.wait)
            return None
        following = await self._journal.load(op.id)
        # Frozen for longer than the lease between the two, this worker would read what another has claimed meanwhile.
        return following if following is not None and following.fence == op.fence else None

    async def _attempt(self, op: Operation, kind: Kind) -> tuple[Step, Outcome]:
        step = kind.step(op.step)
        undoing = kind.undoing(step.name)
        if op.cancel and not undoing:
            return step, self._stop(op, kind, CANCELLED, None)
        try:
            async with asyncio.timeout(self._step_cap):
                return step, await step.run(op, self._services)
        except TimeoutError:
            return step, self._again(op, None)
        except Temporary as error:
            log.info("step will be repeated", extra={"operation": op.id, "step": step.name, "cause": repr(error.__cause__ or error)})
            if error.code == "cluster.unreachable":  # or it was made anew, or its certificates were: then address and credentials are others
                self._services.clusters.forget_named(str(error.detail.get("cluster", "")), older_than=STALE_CONNECTION_SECONDS)
            return step, self._again(op, error.retry_after, trouble=str(error))
        except Refused as error:
            return step, self._stop(op, kind, REFUSED, error)
        except Failed as error:
            if error.code == "cluster.unauthorized" and op.memo.get("signed_in_again") != step.name:
                self._services.clusters.forget_named(str(error.detail.get("cluster", "")))
                return step, Wait(0.5, memo={"signed_in_again": step.name})
            log.warning("step failed", exc_info=error, extra={"operation": op.id, "step": step.name})
            return step, End(FAILED, error=_told(error)) if undoing else self._stop(op, kind, FAILED, error)
        except RedisError:
            raise
        except Exception as error:  # noqa: BLE001 - the next line logs it and tells the requester
            return step, self._unexpected(op, kind, step, error)

    def _unexpected(self, op: Operation, kind: Kind, step: Step, error: Exception) -> Outcome:
        """A fault of ours: repeated a few times, then told to the requester with a reference, and to the log whole."""
        tries = int(op.memo.get("_tries", 0)) + 1
        reference = identity(op.id, step.name, repr(error))
        log.error("unexpected error", exc_info=error, extra={"operation": op.id, "step": step.name, "reference": reference, "try": tries})
        if tries < UNEXPECTED_TRIES:
            return self._again(op, None)
        return self._stop(op, kind, FAILED, Failed("unexpected", reference=reference))

    def _again(self, op: Operation, retry_after: float | None, trouble: str = "") -> Wait:
        tries = int(op.memo.get("_tries", 0)) + 1
        # At least what was asked for, and longer each time: a hundred that were throttled together must not come back together.
        seconds = max(retry_after or 0.0, min(SLOWEST_RETRY_SECONDS, 2.0 ** min(tries, 6)))
        # What waits for a decision goes on waiting for it: a click in the meantime counts.
        told = {"trouble": trouble} if trouble and tries >= TOLD_TRIES else {}
        return Wait(seconds * random.uniform(1.0, 1.3), status=op.status, memo={"_tries": tries, **told})

    def _stop(self, op: Operation, kind: Kind, status: str, error: QuartermasterError | None) -> Outcome:
        """End at once, or first take back what was made."""
        told = _told(error) if error else None
        if kind.undo and op.memo.get("made") and not op.memo.get("unwinding"):
            return Done(goto=kind.undo[0].name, memo={"unwinding": {"status": status, "error": told}})
        return End(status, error=told)

    def _committed(self, op: Operation, kind: Kind, step: Step, outcome: Outcome) -> tuple[Commit, str]:
        """The outcome as what the journal writes, and what the operation waits on ('' nothing)."""
        following = ""
        if isinstance(outcome, Done):
            after = kind.step(outcome.goto) if outcome.goto else kind.after(step.name)
            if after is None:
                unwinding = op.memo.get("unwinding") or {}
                outcome = End(unwinding.get("status", "succeeded"), outcome.memo, outcome.say, error=unwinding.get("error"))
            else:
                following = after.name
        memo = {**{name: kept for name, kept in op.memo.items() if name != "trouble"}, "_tries": 0, **outcome.memo}
        if isinstance(outcome, End):
            outcome = self._ending(replace(op, memo=memo), kind, outcome)
            memo.update(outcome.memo)
        if step.name == APPROVAL_STEP and isinstance(outcome, Done):
            memo["approved_at"] = self._services.clock.now()
        if step.name not in memo.setdefault("began", {}):
            memo["began"] = {**memo["began"], step.name: self._services.clock.now()}
        fields: dict[str, str] = {"memo": json.dumps(memo), "step": following or step.name}
        messages = [(f"{op.id}/{step.name}/{say.event}", say.payload()) for say in outcome.say]
        match outcome:
            case Done(plan=plan):
                fields |= {"status": RUNNING, "on": ""}
                if plan is not None:
                    fields["plan"] = json.dumps(plan)
                return Commit(fields, messages), ""
            case Wait():
                fields["status"] = outcome.status or RUNNING
                seconds = outcome.seconds if outcome.seconds is not None else 900.0
                if outcome.until is not None:
                    seconds = min(seconds, max(0.0, outcome.until - self._services.clock.now()))
                fields |= {"on": outcome.on if outcome.until is None else "", "on_pokes": str(op.pokes)}
                same = (op.status, op.step, _drawn(op.memo)) == (fields["status"], step.name, _drawn(memo))
                quiet = same and not messages and op.pokes == op.on_pokes
                return Commit(fields, messages, wait=seconds, calendar=outcome.until, quiet=quiet), outcome.on
            case End():
                fields["status"] = outcome.status
                if outcome.error:
                    fields["error"] = json.dumps(outcome.error)
                return Commit(fields, messages, ended=True), ""

    @contextlib.asynccontextmanager
    async def _kept(self, op: Operation) -> AsyncIterator[None]:
        """Renew the claim while a step runs, so that nobody else takes a live operation.

        Ended by an event and not only by its cancellation: a client that is cancelled in the middle of a command may swallow that,
        and then the claim would be renewed, and this waited for, for ever.
        """
        over = asyncio.Event()

        async def renewing() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), self._lease / 3)
                    return
                with contextlib.suppress(RedisError):
                    await self._journal.renew(op)

        task = asyncio.create_task(renewing())
        try:
            yield
        finally:
            over.set()
            task.cancel()
            await asyncio.wait({task})


def _drawn(memo: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the operation's own message may be drawn from."""
    return {name: value for name, value in memo.items() if name != "_tries"}


def _told(error: QuartermasterError) -> dict[str, Any]:
    """What is kept of an error: the words, and hints at what could be offered."""
    found = cause(error)
    buttons = error.detail.get("buttons") or (found.buttons if found else ())
    return {"code": error.code, "sentence": error.sentence, "next_step": error.next_step, "buttons": list(buttons)}  # type: ignore[call-overload]
