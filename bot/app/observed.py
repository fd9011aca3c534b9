"""What the engine's parts tell of themselves: counts, durations and spans, laid around them where they are wired together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.exceptions import RedisError

from bot import metrics
from bot.calls import OPERATION
from bot.errors import QuartermasterError
from bot.operations.journal import Commit, Journal, NewOperation
from bot.operations.record import RUNNING, WAITING_APPROVAL, WAITING_CONFIRMATION, Operation
from bot.operations.steps import Kind, Outcome, Step
from bot.pipelined import Pipelined
from bot.store import text
from bot.tracing import span

if TYPE_CHECKING:
    from bot.operations.services import Services

STATES: Final = (RUNNING, WAITING_APPROVAL, WAITING_CONFIRMATION, "waiting_azure", "waiting_cluster", "other")
STOCK_SECONDS: Final = 10.0
LOOK_SECONDS: Final = 3.0
CHUNK: Final = 1000


class Observed(Journal):
    """The journal, counting what begins and what ends."""

    async def create(self, new: NewOperation) -> str:
        """As the journal's; the span is where an operation's trace begins."""
        with span("request", new.id, kind=new.kind):
            holder = await super().create(new)
        if holder == new.id:
            metrics.BEGUN.labels(new.kind).inc()
        return holder

    async def commit(self, op: Operation, outcome: Commit) -> str:
        """As the journal's."""
        result = await super().commit(op, outcome)
        if result != "fenced" and (outcome.ended or outcome.fields.get("step", op.step) != op.step):
            now = self._clock.now()
            metrics.STEPS.labels(op.kind, op.step or "first").observe(max(0.0, now - float(op.memo.get("began", {}).get(op.step, now))))
        if result != "fenced" and outcome.ended:
            metrics.ENDED.labels(op.kind, outcome.fields["status"]).inc()
        return result


def timed(kinds: Mapping[str, Kind]) -> dict[str, Kind]:
    """The same kinds, each execution of a step with its duration, its span, and the operation's id on every line that is logged meanwhile."""
    return {
        name: replace(kind, steps=[_timed(kind, step) for step in kind.steps], undo=[_timed(kind, step) for step in kind.undo])
        for name, kind in kinds.items()
    }


def _timed(kind: Kind, step: Step) -> Step:
    async def run(op: Operation, do: Services) -> Outcome:
        started, outcome = time.perf_counter(), "unexpected"
        token = OPERATION.set(op.id)
        try:
            with span(f"step {step.name}", op.id, kind=kind.name, step=step.name):
                found = await step.run(op, do)
            outcome = type(found).__name__.lower()
            return found
        except QuartermasterError as error:
            outcome = type(error).__name__.lower()
            raise
        finally:
            OPERATION.reset(token)
            metrics.RUNS.labels(outcome).observe(time.perf_counter() - started)

    return replace(step, run=run)


class Counting(Retry):
    """A retry that counts each failure, also the ones that it makes good."""

    @classmethod
    def over(cls, retry: Retry) -> Counting:
        """The same times and number of tries."""
        return cls(retry._backoff, retry._retries, retry._supported_errors)

    async def call_with_retry(self, do: Any, fail: Any, is_retryable: Any = None, with_failure_count: bool = False) -> Any:
        """As redis-py's."""

        async def counted() -> Any:
            try:
                return await do()
            except RedisError as error:
                _failed(error)
                raise

        return await super().call_with_retry(counted, fail, is_retryable, with_failure_count)


def _failed(error: RedisError) -> None:
    known = {"ConnectionError": "connection", "TimeoutError": "timeout"}
    metrics.REDIS_ERRORS.labels(known.get(type(error).__name__, "answer")).inc()


def count_errors(redis: Redis) -> None:
    """Have every failing command of `redis` counted."""
    if isinstance(redis, Pipelined):
        redis.on_error = _failed
    retry = redis.get_retry()
    if retry is not None:
        redis.set_retry(Counting.over(retry))


class Stock:
    """How many operations there are and what is due: taken from Redis when somebody asks, at most every :data:`STOCK_SECONDS`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._taken = float("-inf")

    async def take(self) -> None:
        """Bring the gauges up to date; where Redis does not answer they vanish rather than lie."""
        if time.monotonic() - self._taken < STOCK_SECONDS:
            return
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                states, due = await self._states(), await self._due()
        except (RedisError, TimeoutError):
            metrics.OPERATIONS.clear()
            metrics.QUEUE.clear()
            return
        self._taken = time.monotonic()
        for state, count in states.items():
            metrics.OPERATIONS.labels(state).set(count)
        for queue, count in due.items():
            metrics.QUEUE.labels(queue).set(count)

    async def _states(self) -> dict[str, int]:
        found = dict.fromkeys(STATES, 0)
        ids = [text(one) for one in await self._redis.smembers(Journal.key("active"))]
        for begin in range(0, len(ids), CHUNK):
            async with self._redis.pipeline(transaction=False) as pipe:
                for op_id in ids[begin : begin + CHUNK]:
                    pipe.hmget(Journal.key("op", op_id), ["status", "on"])
                rows = await pipe.execute()
            for status, on in rows:
                found[state_of(text(status or ""), text(on or ""))] += 1
        return found

    async def _due(self) -> dict[str, int]:
        seconds, _ = await self._redis.time()
        return {
            "operations": await self._redis.zcount(Journal.key("due"), "-inf", seconds * 1000),
            "messages": await self._redis.zcard(Journal.key("unsent")),
            "audit": await self._redis.scard(Journal.key("audit", "owed")),
        }


def state_of(status: str, on: str) -> str:
    """One of :data:`STATES`, from an operation's status and what it waits on."""
    prefix = on.partition(":")[0]
    if status == RUNNING and prefix in ("azure", "cluster"):
        return f"waiting_{prefix}"
    return status if status in STATES else "other"
