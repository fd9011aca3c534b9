"""Several clusters looked at side by side: one that does not answer costs its own line, never the answer about the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from bot.azure.clusters import ClusterState
from bot.errors import QuartermasterError, Temporary
from bot.operations.services import Services

T = TypeVar("T")
SHARE: Final = 0.5
"""How much of a step's time its look at the clusters may take: what the step does before and after has to fit beside it."""


async def each(do: Services, found: Sequence[ClusterState], look: Callable[[Services, ClusterState], Awaitable[T]]) -> list[T | QuartermasterError]:
    """What `look` came to for each of `found`, in their order; an error where one could not be read, or not in time."""
    return list(await asyncio.gather(*(_within(do, one, look) for one in found)))


async def _within(do: Services, one: ClusterState, look: Callable[[Services, ClusterState], Awaitable[T]]) -> T | QuartermasterError:
    seconds = do.settings.engine.step_cap * SHARE
    try:
        async with asyncio.timeout(seconds):
            return await look(do, one)
    except QuartermasterError as error:
        return error
    except TimeoutError:
        return Temporary("cluster.slow", cluster=one.name, seconds=f"{seconds:g}")
