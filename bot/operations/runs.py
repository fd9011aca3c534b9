"""The memory of runs: what earlier runs of the same thing came to, and what a finished one leaves for its curve and the next comparison."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from redis.asyncio import Redis

from bot.operations.journal import Journal
from bot.operations.record import Operation
from bot.operations.report import Run
from bot.results import RunSummary
from bot.store import text

KEPT_SECONDS: Final = 180 * 86400
KEPT_RUNS: Final = 200
CURVES: Final = 8


def best_of(parts: Sequence[tuple[str, RunSummary]]) -> str:
    """The label of the pod that stands for the whole run: the best number of the commonest metric, else whoever says why it failed."""
    numbered = [(label, summary) for label, summary in parts if summary.final is not None]
    if not numbered:
        return next((label for label, summary in parts if summary.failure or summary.device), parts[0][0] if parts else "")
    kinds = [(summary.metric, summary.split) for _, summary in numbered]
    chosen = max(kinds, key=kinds.count)
    same = [(label, summary) for label, summary in numbered if (summary.metric, summary.split) == chosen]
    down = same[0][1].lower_is_better
    return min(same, key=lambda one: (one[1].final or 0.0) * (1 if down else -1))[0]


def result(run: Run) -> dict[str, Any]:
    """What the operation keeps of a run: the headline, and the curves of its pods."""
    curves = [[label, [list(point) for point in summary.points]] for label, summary in run.parts if len(summary.points) > 1
              and summary.metric == run.summary.metric]  # fmt: skip
    summary = run.summary
    return {"metric": summary.metric, "split": summary.split, "final": summary.final, "unit": summary.unit, "curves": curves[:CURVES]}


async def compared(redis: Redis, base: str, op: Operation, run: Run) -> Run:
    """Write the run down under the name that its like have in common; the run with the number of the one before it.

    Only the same metric of the same split in the same unit is compared, and only with runs that were asked for earlier and succeeded.
    """
    rows = await earlier(redis, base)
    summary = run.summary
    row = {"at": op.created, "job": run.job, "ok": run.succeeded, "metric": summary.metric, "split": summary.split, "unit": summary.unit,
           "final": summary.final, "seconds": run.seconds}  # fmt: skip
    key = Journal.key("runs", base)
    await redis.hset(key, op.id, json.dumps(row))
    await redis.expire(key, KEPT_SECONDS)
    oldest = [name for name, _ in sorted(rows.items(), key=lambda item: float(item[1]["at"]))]
    if len(oldest) > KEPT_RUNS:
        await redis.hdel(key, *oldest[:-KEPT_RUNS])
    like = [
        one for name, one in rows.items()
        if name != op.id and one["at"] < op.created and one.get("ok", True) and one.get("final") is not None and summary.metric
        and all(one.get(part) == row[part] for part in ("metric", "split", "unit"))
    ]  # fmt: skip
    return replace(run, before=float(max(like, key=lambda one: float(one["at"]))["final"])) if like else run


async def earlier(redis: Redis, base: str) -> Mapping[str, dict[str, Any]]:
    """All runs that are remembered under that name, by operation."""
    return {text(name): json.loads(row) for name, row in (await redis.hgetall(Journal.key("runs", base))).items()}
