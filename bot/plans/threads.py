"""What a request in a thread is about: the thread says it, so nothing was named."""

from __future__ import annotations

from typing import Any, Final

from bot.errors import Refused
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome

LEASED: Final = frozenset({"cluster.create", "cluster.adopt", "cluster.start", "pool.add", "pool.extend", "pool.scale", "pool.start"})


async def resolve_extend(op: Operation, do: Services) -> Outcome:
    """Which cluster or pool the thread (or the warning's button) is about."""
    about = await do.journal.load(str(op.memo.get("about", "")))
    if about is None:
        raise Refused("plans.no_lease", name="this thread")
    if about.kind == "lease":
        found: dict[str, Any] = {"cluster": about.memo["cluster"], "pool": about.memo.get("pool", "")}
    else:
        t = (about.plan or {}).get("target", {})
        if "cluster" not in t or about.kind not in LEASED:
            raise Refused("plans.no_lease", name="this thread")
        pool = t.get("pool", "")
        name = pool.get("name", "") if isinstance(pool, dict) else pool
        found = {"cluster": t["cluster"], "pool": "" if about.kind.startswith("cluster.") else name}
    return Done(memo={"resolved": {**found, **op.values}})
