"""Hazards of money and steps: killed between the two, cancelled, failed in Azure - what is set aside then is what may still be spent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis
from slack_sdk.web.async_client import AsyncWebClient

from bot.approvals.budgets import LEDGER, Budgets
from bot.approvals.gate import Gate
from bot.approvals.paying import Paying
from bot.approvals.spending import dollars
from bot.approvals.steps import Gates
from bot.kinds import kinds
from bot.operations.record import Operation
from bot.slack.asking import Asking
from bot.slack.people import People
from bot.store import texts
from tests.approvals.books import policy
from tests.operations.simulated import GPU, T4, World, opened

PEOPLE = {"admit", "card", "approve", "confirm"}


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A subscription and the worker's own kinds; only the gates for people are left out."""

    async def fetch(file: object, limit: int) -> bytes:
        raise AssertionError(file)

    async with opened(redis, redis_url, tmp_path, monkeypatch) as made:
        rules = policy()
        gates = Gates(Gate(rules, made.do.clock), People(redis, AsyncWebClient(), Asking(0)))
        for name, kind in kinds(rules, gates, fetch, Paying(rules)).items():
            made.kinds[name] = replace(kind, steps=[step for step in kind.steps if step.name not in PEOPLE])
        yield made


def books(world: World) -> Budgets:
    return Budgets(world.do.redis, policy(), world.do.clock)


async def reserved(world: World) -> float:
    """What is set aside in all months, in US dollars to the cent."""
    rows = texts(await world.do.redis.hgetall(LEDGER))
    return float(round(dollars(sum(int(value) for name, value in rows.items() if name.endswith(":reserved:total"))), 2))


async def die_after(world: World, op_id: str, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker is killed once `step` has set money aside, before what came of it is written down; its claim runs out."""
    commit = world.do.journal.commit

    async def killed(op: Operation, outcome: object) -> str:
        if op.step == step and await reserved(world):
            raise asyncio.CancelledError
        return await commit(op, outcome)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(world.do.journal, "commit", killed)
        with pytest.raises(asyncio.CancelledError):
            await world.go(op_id)
    await world.do.redis.hset(world.do.journal.key("op", op_id), "lease", "0")


async def test_what_was_set_aside_by_a_worker_that_died_is_given_back_when_it_is_cancelled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.make(world.ours())
    op_id = await world.begin("pool.add", **GPU, size=T4, nodes=1, for_seconds=36000)
    await die_after(world, op_id, "reserve", monkeypatch)
    assert await reserved(world) == 5.26
    await world.cancel(op_id)
    assert (await world.go(op_id)).status == "cancelled"
    assert await reserved(world) == 0
    assert not world.writes("agentPools/gpu")
