"""Leases: every pool and cluster ends at its expiry, after a warning with an *Extend* button.

A lease is an operation of its own, in the thread of the one that made the resource. Its expiry stands on Azure as a tag (so a
lost journal can be rebuilt) and in the lease's record; extending writes both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.azure import clusters, pools, tags
from bot.errors import Refused
from bot.operations.answers import expiry
from bot.operations.journal import NewOperation
from bot.operations.present import date, duration
from bot.operations.provisioning import target
from bot.operations.record import Operation, identity
from bot.operations.services import Services
from bot.operations.steps import Done, End, Outcome, Say, Step, Wait
from bot.slack.blocks import Button, actions, section
from bot.store import text


@dataclass(frozen=True)
class Held:
    """What a lease is about; `pool` '' where it is the whole cluster."""

    group: str
    cluster: str
    pool: str = ""

    @property
    def shown(self) -> str:
        """As people name it."""
        return f"{self.cluster}/{self.pool}" if self.pool else self.cluster


def held(op: Operation) -> Held:
    """What the lease `op` is about."""
    return Held(op.memo["group"], op.memo["cluster"], op.memo.get("pool", ""))


def warning_times(created: float, expires: float, before: Sequence[float]) -> list[float]:
    """When to warn: so many seconds before the expiry, but never in the first half of a short life."""
    middle = created + (expires - created) / 2
    return sorted({max(middle, expires - seconds) for seconds in before})


async def begin(op: Operation, do: Services) -> Outcome:
    """The last step of what creates: start the lease, and say until when it runs."""
    t, expires = target(op), (op.plan or {}).get("expires")
    made_cluster = "cluster" in op.memo.get("made", [])
    about = Held(t["group"], t["cluster"], "" if made_cluster else t["pool"]["name"])
    if expires:
        await start(do, about, expires, op)
    until = f"ready until {date(expires)}" if expires else "ready"
    return Done(memo={"now": "", "outcome": until})


def lease_name(about: Held, operation: str) -> str:
    """The id of the lease that `operation` began: the same again, should the journal be lost."""
    return identity("lease", about.group.lower(), about.cluster.lower(), about.pool, operation)


async def start(do: Services, about: Held, expires: float, op: Operation) -> None:
    """Write the lease's record and wake it; harmless if it stands already. The one before it looks, sees that, and ends."""
    lease, former = lease_name(about, op.id), await _lease_id(do, about.shown)
    memo = {"group": about.group, "cluster": about.cluster, "pool": about.pool, "expires": expires, "warned": 0}
    new = NewOperation(
        id=lease,
        kind="lease",
        request={},
        team=op.team,
        channel=op.channel,
        user=op.user,
        idempotency=lease,
        thread=op.thread,
        parent=op.id,
        memo=memo,
    )
    await do.redis.hset(do.journal.key("leases"), about.shown.lower(), lease)
    await do.journal.create(new)
    await do.waking.wake(f"op:{lease}")
    if former != lease:
        await _look(do, former)


async def release(do: Services, shown: str) -> None:
    """What the lease was about is gone: have it look, and end."""
    await _look(do, await _lease_id(do, shown))


async def _look(do: Services, lease: str) -> None:
    if lease and await do.journal.poke(lease, {}) == "written":
        await do.waking.wake(f"op:{lease}")


async def keep(op: Operation, do: Services) -> Outcome:
    """Sleep until the next warning or the end; warn; at the end, have it deleted."""
    about, now, expires = held(op), do.clock.now(), _until(op)
    if await _replaced(op, about, do):
        return End(memo={"outcome": "replaced"})
    labels = await _labels(about, do)
    if labels is None:
        return End(memo={"outcome": "gone"})
    if now >= expires:
        # An extension writes the tag first, and what was made anew under this name has its own: neither may be lost to what is known here.
        expires = max(expires, expiry(labels) or expires)
    memo: dict[str, Any] = {"expires": expires}
    if expires != float(op.memo["expires"]):
        memo["warned"] = 0
    if now >= expires:
        return Done(memo=memo)
    times = warning_times(op.created, expires, do.warn_before)
    ahead = [at for at in times if at > now]
    due = len(times) - len(ahead)
    warned = int(memo.get("warned", op.memo.get("warned", 0)))
    if due > warned:
        memo["warned"] = due
        return Wait(until=ahead[0] if ahead else expires, memo=memo, say=(_warning(op, about, expires, now, due),))
    return Wait(until=ahead[0] if ahead else expires, memo={**memo, "warned": warned})


def _warning(op: Operation, about: Held, expires: float, now: float, number: int) -> Say:
    words = f"⏳ <@{op.user}> `{about.shown}` expires in {duration(expires - now)} ({date(expires, '{time}')}) and is deleted then."
    return Say(f"warning-{int(expires)}-{number}", words, [section(words), actions([Button("Extend by 4 h", "extend", op.id, "primary")])])


async def _replaced(op: Operation, about: Held, do: Services) -> bool:
    """Whether another lease is about the same: it was made anew, or taken over. Not where another resource group has one of that name."""
    current = await _lease_id(do, about.shown)
    other = await do.journal.load(current) if current != op.id else None
    return other is not None and other.ended is None and held(other) == about


def _until(op: Operation) -> float:
    return op.expires or float(op.memo["expires"])


async def _labels(about: Held, do: Services) -> Mapping[str, str] | None:
    """The tags of what it is about; None where that is gone."""
    if about.pool:
        pool = await pools.get(do.azure, about.group, about.cluster, about.pool)
        return None if pool is None else pool.tags
    cluster = await clusters.get(do.azure, about.group, about.cluster)
    return None if cluster is None else cluster.tags


async def end(op: Operation, do: Services) -> Outcome:
    """Expired: a deletion is started in the same thread, as an operation of its own - unless it was extended since that was found."""
    about, expires = held(op), _until(op)
    if do.clock.now() < expires:
        return Done(goto="keep")
    name = f"{op.id}:{int(expires)}"  # a later expiry of the same lease is another deletion
    kind = "pool.expire" if about.pool else "cluster.expire"
    command = f"pool delete {about.shown}" if about.pool else f"cluster delete {about.shown}"
    values = {"cluster": about.cluster, **({"pool": about.pool} if about.pool else {})}
    new = NewOperation(
        id=identity("expire", name),
        kind=kind,
        request={"kind": kind, "values": values, "text": command},
        team=op.team,
        channel=op.channel,
        user=op.user,
        idempotency=f"expire:{name}",
        thread=op.thread,
        parent=op.id,
        text=command,
        memo={"admitted": True, "expired": expires},
    )
    await do.journal.create(new)
    await do.waking.wake(f"op:{new.id}")
    return Done(say=(Say(f"expired-{int(expires)}", f"⌛ `{about.shown}` has expired and is being deleted."),))


async def spared(op: Operation, do: Services, about: Held, labels: Mapping[str, str]) -> End | None:
    """Instead of the deletion of what had expired: it was extended before Azure was asked, as its tags tell. None where it was not.

    The lease that began the deletion has ended, or is about to: unless the extension has begun another one, that is done here.
    """
    until = expiry(labels)
    if "expired" not in op.memo or until is None or until <= do.clock.now():
        return None
    lease = await do.journal.load(await _lease_id(do, about.shown))
    if lease is None or lease.ended is not None or lease.id == op.parent:
        await start(do, about, until, op)
    words = f"↩️ `{about.shown}` was extended meanwhile: it is not deleted, and runs until {date(until)}."
    return End(memo={"now": "", "outcome": "extended"}, say=(Say("spared", words),))


def stamp(expires: float) -> str:
    """An expiry as its Azure tag holds it (ISO 8601, UTC)."""
    return datetime.fromtimestamp(expires, UTC).isoformat(timespec="seconds")


async def extend(op: Operation, do: Services) -> Outcome:
    """Move an expiry: the tag on Azure first, then the lease."""
    t = target(op)
    about = Held(t["group"], t["cluster"], t.get("pool", ""))
    expires = float((op.plan or {})["expires"])
    changes = {tags.EXPIRES: stamp(expires)}
    if about.pool:
        await pools.update_tags(do.azure, about.group, about.cluster, about.pool, changes)
    else:
        await clusters.update_tags(do.azure, about.group, about.cluster, changes)
    lease = await _lease_id(do, about.shown)
    if not lease or await do.journal.poke(lease, {"expires": repr(expires)}) != "written":
        await start(do, about, expires, op)
    else:
        await do.waking.wake(f"op:{lease}")
    remarks = "".join(f"\n{one['text']}" for one in (op.plan or {}).get("findings", ()))
    words = f"⏱ `{about.shown}` now runs until {date(expires)}.{remarks}"
    return Done(memo={"outcome": "extended"}, say=(Say("extended", words),))


async def lease_of(do: Services, shown: str) -> Operation:
    """The lease of a cluster or ``cluster/pool``. Raises Refused where it has none."""
    lease = await _lease_id(do, shown)
    op = await do.journal.load(lease) if lease else None
    if op is None or op.ended is not None:
        raise Refused("plans.no_lease", name=shown)
    return op


async def _lease_id(do: Services, shown: str) -> str:
    found = await do.redis.hget(do.journal.key("leases"), shown.lower())
    return text(found) if found else ""


STEPS = (Step("keep", keep), Step("end", end))
