"""What is done again and again for as long as a process lives: a round that fails must end neither the rounds nor the process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from redis.exceptions import RedisError

from bot import metrics
from bot.errors import QuartermasterError

log = logging.getLogger(__name__)


async def repeat(name: str, once: Callable[[], Awaitable[float]], stop: asyncio.Event, *, after_error: float) -> None:
    """Call `once` until `stop` is set: again after the seconds that it returns, after an error after `after_error` seconds.

    A service that does not answer is a line in the log; what nobody expected is counted as well (``quartermaster_rounds_failed_total``).
    Ended by the event, for a client may swallow a cancellation.
    """
    while not stop.is_set():
        pause = after_error
        try:
            pause = await once()
        except (QuartermasterError, RedisError, TimeoutError) as error:
            log.warning("a round failed", extra={"repeated": name, "cause": repr(error.__cause__ or error)})
        except Exception:  # a fault of ours, which the next round may not meet
            metrics.ROUNDS_FAILED.labels(name).inc()
            log.exception("a round failed", extra={"repeated": name})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
