"""Digests: what there is, what it costs, what idles, what expires next - now, or at set times."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.azure.clusters import ClusterState
from bot.cluster import jobs, nodes
from bot.cluster.nodes import Capacity
from bot.lifecycle.schedules import KEY, Schedule
from bot.model import usd
from bot.operations import answers
from bot.operations.answers import Answer, said
from bot.operations.looking import each
from bot.operations.present import date, duration
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Step
from bot.slack.blocks import context, header, section
from bot.store import text


async def _set(op: Operation, do: Services) -> Outcome:
    asked: Mapping[str, Any] = op.values["schedule"]
    schedule = Schedule(
        channel=op.channel, team=op.team, user=op.user, days=",".join(asked["days"]), at=str(asked["time"]), zone=str(asked["zone"]),
        shown=str(asked["text"]), since=do.clock.now(),
    )  # fmt: skip
    await do.redis.hset(KEY, op.channel, json.dumps(vars(schedule)))
    upcoming = schedule.upcoming(do.clock.now())
    first = f"; the first one {date(upcoming, '{date_long_pretty} at {time}')}" if upcoming else ""
    return _answered(said(f"📬 The digest will be posted here {schedule.shown}{first}. `/gpu digest off` ends it."))


async def _show(op: Operation, do: Services) -> Outcome:
    row = await do.redis.hget(KEY, op.channel)
    if row is None:
        return _answered(said('No digest is set here. `/gpu digest set "weekdays 09:00 Europe/Berlin"` sets one.'))
    schedule = Schedule(**json.loads(text(row)))
    upcoming = schedule.upcoming(do.clock.now())
    return _answered(said(f"📬 {schedule.shown}, set by <@{schedule.user}>" + (f"; next {date(upcoming)}" if upcoming else "")))


async def _off(op: Operation, do: Services) -> Outcome:
    removed = await do.redis.hdel(KEY, op.channel)
    return _answered(said("📭 No more digests here." if removed else "No digest was set here."))


async def _compose(op: Operation, do: Services) -> Outcome:
    answer = await compose(do, await do.ours())
    if op.memo.get("late"):
        late = context(f"⏰ Late: this digest was due {date(float(op.memo['slot']))}; I was not running then.")
        answer = Answer(answer.text, [*answer.blocks, late], [*(answer.plain or answer.blocks), late])
    return _answered(answer)


@dataclass(frozen=True)
class Seen:
    """One cluster at one look."""

    capacity: Capacity
    running: int


async def _look(do: Services, one: ClusterState) -> Seen:
    access = await do.reach(one)
    capacity = await nodes.capacity(access, answers.pool_prices(one.pools))
    return Seen(capacity, sum(state.phase == "running" for state in await jobs.list_jobs(access)))


async def compose(do: Services, found: Sequence[ClusterState]) -> Answer:
    """The digest of these clusters, as they were listed just now."""
    now = do.clock.now()
    total, free, spend, idle, running = 0, 0, Decimal(0), Decimal(0), 0
    lines, ends, silent = [], [], []
    for one, seen in zip(found, await each(do, found, _look), strict=True):
        spend += answers.spending(one)
        ends += [(until, one.name) for until in [answers.expiry(one.tags)] if until]
        ends += [(until, f"{one.name}/{pool.name}") for pool in one.pools if pool.mode != "System" and (until := answers.expiry(pool.tags))]
        if not isinstance(seen, Seen):
            silent.append(f"`{one.name}`: {seen.sentence}")
            continue
        capacity, running = seen.capacity, running + seen.running
        total, free = total + capacity.total.allocatable, free + capacity.total.free
        unused = [node for node in capacity.nodes if node.ready and not node.holders and node.total.allocatable]
        idle += sum((node.price for node in unused if node.price), Decimal(0))
        lines.append(
            f"*{one.name}*: {capacity.total.free} of {capacity.total.allocatable} GPUs free on {answers.counted(len(capacity.nodes), 'node')}"
        )
    facts = [f"*GPUs:* {free} of {total} free", f"*Jobs running:* {running}", f"*Spending:* {usd(spend)}/h ({usd(spend * 24)} a day)"]
    if idle:
        facts.append(f"*Idle money:* {usd(idle)}/h on GPU nodes that nobody uses")
    ahead = [f"`{name}` {date(until)} (in {duration(until - now)})" for until, name in sorted(dict.fromkeys(ends))[:5] if until > now]
    blocks = [header("GPU digest"), section("\n".join(facts))]
    if lines:
        blocks.append(section("\n".join(lines)))
    if ahead:
        blocks.append(section("*Expires next*\n" + "\n".join(dict.fromkeys(ahead))))
    if silent:
        blocks.append(context("Could not be read: " + "; ".join(silent)))
    return Answer(f"GPU digest: {free} of {total} GPUs free, {usd(spend)}/h", blocks)


def _answered(answer: Answer) -> Done:
    return Done(memo={"answer": answer.memo()})


COMPOSE = Step("compose", _compose)
SET = Step("set", _set)
OFF = Step("off", _off)
SHOW = Step("show", _show)
