"""Hazards of money and steps: killed between the two, cancelled, failed in Azure - what is set aside then is what may still be spent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from redis.asyncio import Redis
from slack_sdk.web.async_client import AsyncWebClient

from bot.approvals.budgets import LEDGER, Budgets
from bot.approvals.gate import Gate
from bot.approvals.paying import Paying
from bot.approvals.spending import dollars
from bot.approvals.steps import Gates
from bot.azure import groups, pools, tags
from bot.kinds import kinds
from bot.model import exact
from bot.operations import leases
from bot.operations.leases import Held
from bot.operations.record import Operation
from bot.slack.asking import Asking
from bot.slack.people import People
from bot.store import texts
from tests.approvals.books import balanced, policy
from tests.operations.simulated import GPU, T4, World, opened

PEOPLE = {"admit", "own", "card", "approve", "confirm"}


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


async def booked(world: World, state: str, scope: str = "total") -> float:
    """What is reserved or spent in all months, in US dollars to the cent."""
    rows = texts(await world.do.redis.hgetall(LEDGER))
    return float(round(dollars(sum(int(value) for name, value in rows.items() if name.endswith(f":{state}:{scope}"))), 2))


async def reserved(world: World) -> float:
    return await booked(world, "reserved")


async def paid_for(world: World, nodes: int, hours: int = 10) -> None:
    """A GPU pool as an earlier request left it: running, and paid for until its expiry."""
    await world.make(world.ours(), nodes=nodes)
    price, now = Decimal("0.526") * nodes, world.do.clock.now()
    await pools.update_tags(world.do.azure, "demo-rg", "demo", "gpu", {tags.PRICE: exact(price)})
    await world.quiet()
    await books(world).reserve("earlier", "U0BOB", "C0GPU", {"demo/gpu": price * hours}, since=now, until=now + hours * 3600)


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


async def test_a_pool_that_is_scaled_down_and_up_again_every_day_is_set_aside_for_once(world: World) -> None:
    await paid_for(world, nodes=2)
    for nodes in (0, 2, 0, 2):
        kind = "idle.scale" if nodes == 0 else "pool.scale"  # what the idle rule does in the evening
        op = await world.run(kind, **GPU, nodes=nodes)
        assert (op.status, await reserved(world)) == ("succeeded", 10.52), (nodes, op.error)
    await world.run("pool.scale", **GPU, nodes=3)
    assert await reserved(world) == 15.78
    await balanced(world.do.redis)


async def test_a_pool_that_is_stopped_and_started_again_is_set_aside_for_once(world: World) -> None:
    await paid_for(world, nodes=2)
    for kind in ("pool.stop", "pool.start"):
        assert (await world.run(kind, **GPU)).status == "succeeded"
    assert await reserved(world) == 10.52
    await balanced(world.do.redis)


async def test_a_range_is_set_aside_for_at_its_most_and_only_what_it_adds(world: World) -> None:
    await paid_for(world, nodes=1)
    for low, high, most in ((0, 3, 15.78), (0, 2, 15.78), (1, 3, 15.78), (0, 4, 21.04)):
        op = await world.run("pool.scale", **GPU, min=low, max=high)
        assert (op.status, await reserved(world)) == ("succeeded", most), op.error


async def test_a_scaling_that_fails_gives_back_what_it_set_aside_however_often_it_is_tried_again(world: World) -> None:
    await paid_for(world, nodes=1)
    for code in ("AllocationFailed", "SkuNotAvailable"):
        world.fault("lro_failed", "PUT .*agentPools/gpu", code=code, after=1)
        assert (await world.run("pool.scale", **GPU, nodes=3)).status == "failed"
        assert ((await world.quiet()).count, await reserved(world)) == (1, 5.26)
    world.fault("no_capacity", "PUT .*agentPools/gpu")
    assert (await world.run("pool.scale", **GPU, nodes=3)).status == "failed"
    assert await reserved(world) == 5.26
    assert (await world.run("pool.scale", **GPU, nodes=3)).status == "succeeded"
    assert await reserved(world) == 15.78
    await balanced(world.do.redis)


async def test_nodes_that_azure_did_not_take_back_stay_paid_for(world: World) -> None:
    await paid_for(world, nodes=1)
    op_id = await world.begin("pool.scale", **GPU, nodes=3)
    await world.go(op_id, lambda op: "scale" in op.memo.get("asked", []))
    await world.quiet()
    world.fault("sync_error", "PUT .*agentPools/gpu", code="BadRequest", status=400, message="no")
    await world.cancel(op_id)
    op = await world.go(op_id)
    assert ((await world.quiet()).count, await reserved(world)) == (3, 15.78), op.memo
    assert await books(world).gone("demo/gpu", world.do.clock.now() + 36000) == pytest.approx(Decimal("15.78"), abs=Decimal("0.01"))


async def test_a_scaling_that_is_cancelled_when_it_was_done_costs_again_what_it_did_before(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await paid_for(world, nodes=1)
    op_id = await world.begin("pool.scale", **GPU, nodes=3)
    await die_after(world, op_id, "repriced", monkeypatch)
    await world.cancel(op_id)
    assert (await world.go(op_id)).status == "cancelled"
    assert ((await world.quiet()).count, await reserved(world)) == (1, 5.26)
    assert await books(world).gone("demo/gpu", world.do.clock.now() + 36000) == pytest.approx(Decimal("5.26"), abs=Decimal("0.01"))


async def test_what_waits_for_somebody_elses_change_is_cancelled_without_touching_that(world: World) -> None:
    await paid_for(world, nodes=1)
    world.clock.speed = 20.0
    await pools.update_tags(world.do.azure, "demo-rg", "demo", "gpu", {"by": "hand"})
    op_id = await world.begin("pool.scale", **GPU, nodes=3)
    await world.go(op_id, lambda op: op.step == "scale")
    assert await reserved(world) == 15.78
    before = world.writes()
    await world.cancel(op_id)
    op = await world.go(op_id)
    assert (op.status, await reserved(world), world.writes()) == ("cancelled", 5.26, before)
    assert "Nothing was left behind" in await world.said(op)


async def test_a_scaling_whose_worker_dies_after_every_step_is_set_aside_for_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await paid_for(world, nodes=1)
    op = await world.killed(await world.begin("pool.scale", **GPU, nodes=2))
    assert (op.status, await reserved(world)) == ("succeeded", 10.52)
    world.fault("lro_failed", "PUT .*agentPools/gpu", code="AllocationFailed", after=1)
    op = await world.killed(await world.begin("pool.scale", **GPU, nodes=4))
    assert (op.status, await reserved(world)) == ("failed", 10.52)
    await balanced(world.do.redis)


async def test_a_pool_of_which_no_budget_knows_is_set_aside_for_by_who_scales_it_and_not_where_that_fails(world: World) -> None:
    await world.make(world.ours(**{tags.EXPIRES: datetime.fromtimestamp(int(world.do.clock.now()) + 36000, UTC).isoformat()}), nodes=1)
    world.fault("lro_failed", "PUT .*agentPools/gpu", code="AllocationFailed", after=1)
    assert (await world.run("pool.scale", **GPU, nodes=2)).status == "failed"
    assert await reserved(world) == 0
    assert (await world.run("pool.scale", **GPU, nodes=2)).status == "succeeded"
    assert await reserved(world) == pytest.approx(10.52, abs=0.02)


async def test_a_start_that_has_become_dearer_sets_aside_the_difference_and_not_where_it_is_cancelled(world: World) -> None:
    await paid_for(world, nodes=1)
    await world.run("pool.stop", **GPU)
    await world.do.redis.hset(f"{LEDGER}:op:earlier", "until:demo/gpu", repr(world.do.clock.now() + 72000))
    op_id = await world.begin("pool.start", **GPU)
    world.fault("sync_error", "PUT .*agentPools/gpu", code="OperationNotAllowed", status=409, message="another operation is in progress")
    await world.go(op_id, lambda op: op.step == "power")
    assert await reserved(world) == 10.52
    await world.cancel(op_id)
    assert (await world.go(op_id)).status == "cancelled"
    assert ((await world.quiet()).power_state, await reserved(world)) == ("Stopped", 5.26)
    await balanced(world.do.redis)


async def made_again(world: World, group: str) -> None:
    """Somebody else's cluster of the same name, which is being made in another group."""
    values = {"cluster": "demo", "group": group, "region": "eastus", "for_seconds": 36000}
    op_id = await world.begin("cluster.create", user="U0CAROL", **values)
    assert (await world.go(op_id, lambda op: op.step == "cluster" or op.ended is not None)).ended is None


@pytest.mark.parametrize("kind", ["cluster.delete", "cluster.expire"])
async def test_a_name_that_is_used_again_while_its_group_still_goes_keeps_the_books_of_both(world: World, kind: str) -> None:
    labels = world.ours()
    await groups.ensure(world.do.azure, "demo-rg", "eastus", labels)
    await world.make(labels)
    now = world.do.clock.now()
    await books(world).reserve("earlier", "U0BOB", "C0GPU", {"demo": Decimal(20)}, since=now - 18000, until=now + 18000)
    about = Held("demo-rg", "demo")
    by = Operation(id="earlier", kind="cluster.create", status="", step="", request={}, team="T0", channel="C0GPU", user="U0BOB", thread="0.5")
    await leases.start(world.do, about, now + 18000, by)
    lease = leases.lease_name(about, "earlier")
    await world.engine.handle(lease)
    op_id = await world.begin(kind, cluster="demo")
    assert (await world.go(op_id, lambda op: op.step == "group" or op.ended is not None)).ended is None
    assert await booked(world, "spent", "user:U0BOB") == pytest.approx(10, abs=0.1)
    await made_again(world, "another-rg")
    assert (await world.go(op_id)).status == "succeeded"
    assert (await world.go(lease)).memo["outcome"] == "gone"
    assert await booked(world, "reserved", "user:U0CAROL") > 0
    assert await books(world).account_of("demo") is not None
    assert await booked(world, "spent", "user:U0CAROL") == 0
    await balanced(world.do.redis)
