"""Which operation started the job of a name: a name may stand for jobs on several clusters and in several namespaces."""

from __future__ import annotations

from typing import Final

from redis.asyncio import Redis

from bot.errors import Refused
from bot.operations import runs
from bot.operations.journal import Journal
from bot.operations.record import JOB_KINDS, Operation
from bot.operations.services import Services
from bot.store import text

KEPT_SECONDS: Final = 180 * 86400
SHOWN: Final = 5


async def keep(redis: Redis, cluster: str, namespace: str, name: str, op_id: str) -> None:
    """Remember who started the job `name` there; a later one of the same name in the same place takes over."""
    key = Journal.key("jobs", name)
    await redis.hset(key, f"{cluster}/{namespace}", op_id)
    await redis.expire(key, KEPT_SECONDS)


async def named(do: Services, op: Operation) -> Operation:
    """The operation that started the job that `op` names, with or without its cluster and namespace.

    Raises Refused where there is none (``operations.no_job`` and its like), or more than one (``operations.job_where``: what to type instead).
    """
    name, cluster, namespace = (str(op.values.get(key) or "") for key in ("job", "cluster", "namespace"))
    known = []
    for place, op_id in sorted((await do.redis.hgetall(Journal.key("jobs", name))).items()):
        on, _, within = text(place).partition("/")
        found = await do.journal.load(text(op_id))
        if found is not None:
            known.append((on, within, found))
    fitting = [one for one in known if cluster.lower() in ("", one[0].lower()) and namespace in ("", one[1])]
    if not fitting and op.kind == "job.again":
        fitting = known  # one more run may go to another place than the last
    if not known and (runs_of_it := await runs.earlier(do.redis, name)):
        newest = max(runs_of_it.values(), key=lambda run: float(run["at"]))
        raise Refused("operations.no_job_but_run", name=name, newest=newest.get("job") or "?")
    if not fitting:
        raise Refused("operations.no_job_there" if known else "operations.no_job", name=name, places=", ".join(f"`{on}`" for on, _, _ in known))
    if len(fitting) > 1:
        raise _which(op, name, fitting)
    return fitting[0][2]


def _which(op: Operation, name: str, fitting: list[tuple[str, str, Operation]]) -> Refused:
    """The question back, with the whole command for the one that is likeliest meant: one that still goes on."""
    several = len({within for _, within, _ in fitting}) > 1
    shown = [f"`{on}`" + (f" in namespace `{within}`" if several else "") + f" ({found.status.replace('_', ' ')})" for on, within, found in fitting]
    on, within, _ = min(fitting, key=lambda one: one[2].ended is not None)
    command, dashes, rest = op.text.partition(" -- ")
    missing = {"cluster": f" --on {on}", "namespace": f" --namespace {within}" if several else ""}
    instead = f"/gpu {command}" + "".join(option for key, option in missing.items() if not op.values.get(key)) + dashes + rest
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return Refused("operations.job_where", name=name, places=", ".join(shown[:SHOWN]) + more, instead=instead)


async def about(do: Services, op: Operation) -> Operation:
    """The job's operation that a request is about: by the name in it, or by the thread or button that it came from."""
    if op.values.get("job"):
        return await named(do, op)
    found = await do.journal.load(str(op.memo.get("about", "")))
    if found is None or found.kind not in JOB_KINDS:
        raise Refused("operations.thread_no_job")
    return found
