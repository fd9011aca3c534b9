"""Which clusters and node pools somebody had deleted, and when: a creation that was still on its way must not make them anew.

A creation looks before it asks Azure; but where its own request was taken, the answer lost and the resource deleted meanwhile, it sees
the same nothing as before its request.
"""

from __future__ import annotations

from typing import Final

from bot.errors import Failed
from bot.operations.journal import Journal
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.store import text

KEPT_SECONDS: Final = 86_400


async def note(do: Services, group: str, cluster: str, pool: str = "") -> None:
    """Azure is about to be asked for this deletion."""
    await do.redis.set(_key(group, cluster, pool), repr(do.clock.now()), ex=KEPT_SECONDS)


async def still_wanted(op: Operation, do: Services, what: str, group: str, cluster: str, pool: str = "") -> None:
    """Return if nobody had it deleted since `op` was approved. Raises Failed."""
    at = text(await do.redis.get(_key(group, cluster, pool)) or "")
    if at and float(at) > float(op.memo.get("approved_at", op.created)):
        raise Failed("operations.vanished", what=what)


def _key(*path: str) -> str:
    return Journal.key("deleted", "/".join(part for part in path if part).lower())
