"""What a request in a thread is about: the thread says it, so nothing was named; and where an extension is asked for that needs approval."""

from __future__ import annotations

from typing import Any, Final

from bot.approvals.limits import spoken
from bot.errors import Refused
from bot.operations.journal import NewOperation
from bot.operations.present import date
from bot.operations.record import Operation, identity
from bot.operations.services import Services
from bot.operations.steps import Done, End, Outcome, Say, Step

LEASED: Final = frozenset({
    "cluster.create", "cluster.adopt", "cluster.start", "cluster.extend", "pool.add", "pool.extend", "pool.scale", "pool.start",
})  # fmt: skip


async def resolve_extend(op: Operation, do: Services) -> Outcome:
    """Which cluster or pool the thread (or the warning's button) is about."""
    about = await do.journal.load(str(op.memo.get("about", "")))
    if about is None:
        raise Refused("plans.no_lease_here")
    if about.kind == "lease":
        found: dict[str, Any] = {"cluster": about.memo["cluster"], "pool": about.memo.get("pool", "")}
    else:
        t = (about.plan or {}).get("target", {})
        if "cluster" not in t or about.kind not in LEASED:
            raise Refused("plans.no_lease_here")
        pool = t.get("pool", "")
        name = pool.get("name", "") if isinstance(pool, dict) else pool
        found = {"cluster": t["cluster"], "pool": "" if about.kind.startswith("cluster.") else name}
    return Done(memo={"resolved": {**found, **op.values}})


async def ask(op: Operation, do: Services) -> Outcome:
    """An extension that needs approval becomes a request with a card of its own: a thread has no place for Approve and Deny."""
    plan = op.plan or {}
    needed, shown = int(plan.get("approvals", 0)), str(plan.get("target", {}).get("shown", ""))
    if not needed:
        return Done()
    length = int(op.values.get("for_seconds") or 0)
    noun = "pool" if "/" in shown else "cluster"
    command = f"{noun} extend {shown}" + (f" {spoken(length)}" if length else "")
    new = NewOperation(
        id=identity("extend", op.id), kind=f"{noun}.extend", request={"kind": f"{noun}.extend", "values": dict(op.values), "text": command},
        team=op.team, channel=op.channel, user=op.user, idempotency=f"extend:{op.id}", parent=op.id, text=command,
    )  # fmt: skip
    await do.journal.create(new)
    await do.waking.wake(f"op:{new.id}")
    many = "an approval" if needed == 1 else f"{needed} approvals"
    words = f"⏳ <@{op.user}> extending `{shown}` until {date(float(plan['expires']))} needs {many} ({plan['why']}); I ask for it in the channel."
    return End(memo={"outcome": "asked for"}, say=(Say("asked", words),))


RESOLVE: Final = Step("resolve", resolve_extend)
ASK: Final = Step("ask", ask)
