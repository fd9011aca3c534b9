"""What every request to Slack, ARM and Kubernetes leaves behind: a count, a line in the log with the service's own request id, and a span."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from bot import metrics, tracing
from bot.errors import Temporary

log = logging.getLogger(__name__)
OPERATION: Final[ContextVar[str]] = ContextVar("operation", default="")
"""Whose work is being done: every line of the log carries it."""


@dataclass
class Call:
    """One request under way; `result` is one of :data:`bot.metrics.RESULTS`, `request_id` what the service calls it."""

    result: str = metrics.NO_ANSWER
    request_id: str = ""
    error: str = ""


class Crowd:
    """Operations that wait for one service.

    Any number may as long as it answers. Where `width` of them (at one place of it: `each`) have waited longer than `patience` seconds, the next
    ones are told to come again: a service that hangs must not hold the slots of all the operations that do not need it. Those that gave up count
    for as long again, for many may give up at once.
    """

    def __init__(self, width: int, each: int | None = None, *, patience: float = 3.0) -> None:
        self._width, self._each, self._patience = width, width if each is None else each, patience
        self._waiting: dict[object, tuple[str, str, float]] = {}
        self._gave_up: deque[tuple[float, str, str]] = deque()

    @contextlib.contextmanager
    def waiting(self, place: str, refusal: Temporary) -> Iterator[None]:
        """Around one call of the current operation (what belongs to none is let through). Raises `refusal` where there is no room."""
        who, now, mark = OPERATION.get(), time.monotonic(), object()
        if who and (who, place) not in {(name, at) for name, at, _ in self._waiting.values()}:
            late = self._late(now)
            if len(late) >= self._width or sum(at == place for _, at in late) >= self._each:
                raise refusal
        self._waiting[mark] = (who, place, now)
        answered = False
        try:
            yield
            answered = True
        finally:
            del self._waiting[mark]
            ended = time.monotonic()
            if who and not answered and ended - now > self._patience:
                self._gave_up.append((ended + self._patience, who, place))

    def _late(self, now: float) -> set[tuple[str, str]]:
        while self._gave_up and self._gave_up[0][0] <= now:
            self._gave_up.popleft()
        waiting = {(name, at) for name, at, since in self._waiting.values() if name and now - since > self._patience}
        return waiting | {(name, at) for _, name, at in self._gave_up}


@contextlib.contextmanager
def call(service: str, name: str, path: str = "") -> Iterator[Call]:
    """Around one request. `name` is a label: a method, never an address. `path` is for the log alone: without query, so without secrets."""
    made, started = Call(), time.perf_counter()
    try:
        yield made
    finally:
        answered(service, name, made, time.perf_counter() - started, path)


def answered(service: str, name: str, made: Call, seconds: float, path: str = "") -> None:
    """Count, log and trace a request that took `seconds`."""
    metrics.REQUESTS.labels(service, name, made.result).inc()
    metrics.REQUEST_SECONDS.labels(service).observe(seconds)
    told = {"service": service, "call": name, "result": made.result, "request_id": made.request_id}
    tracing.add(f"{service} {name}", seconds, **told)
    log.log(
        logging.DEBUG if made.result == metrics.OK else logging.INFO, "request",
        extra={**told, "path": path, "error": made.error, "seconds": round(seconds, 3)},
    )  # fmt: skip
