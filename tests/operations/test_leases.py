"""What was extended in time is not deleted, however late that was and whoever died meanwhile; what has expired is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.azure import pools, tags
from bot.errors import Refused
from bot.operations import leases, removal
from bot.operations.journal import Journal
from bot.operations.leases import Held
from bot.operations.record import Operation
from bot.operations.steps import Kind, Step
from bot.plans import existing, extending
from tests.operations.simulated import EXPIRES, GPU, LOOK_SECONDS, World, opened, planned

ABOUT = Held("demo-rg", "demo", "gpu")
PAST, PASSED = "2001-01-01T00:00:00+00:00", 978307200.0
FUTURE = 4070908800.0
"""`EXPIRES` in epoch seconds."""


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A pool with an expiry of its own, which has come."""
    async with opened(redis, redis_url, tmp_path, monkeypatch) as made:
        made.kinds["lease"] = Kind("lease", leases.STEPS, card="none")
        made.kinds["pool.expire"] = Kind("pool.expire", (planned(existing.pool_delete, made.policy), *removal.POOL_STEPS), card="none")
        made.kinds["pool.extend"] = Kind("pool.extend", (planned(extending.extend, made.policy), Step("extend", leases.extend)))
        await made.make(made.ours(), nodes=1)
        await stamped(made, PAST)
        yield made


async def stamped(world: World, expires: str, operation: str = "maker") -> None:
    await pools.update_tags(world.do.azure, "demo-rg", "demo", "gpu", {tags.OPERATION: operation, tags.EXPIRES: expires})
    await world.quiet()


async def leased(world: World, expires: float, maker: str = "maker", about: Held = ABOUT) -> str:
    by = Operation(id=maker, kind="pool.add", status="", step="", request={}, team="T0", channel="C0GPU", user="U0ALICE", thread="1.0")
    await leases.start(world.do, about, expires, by)
    return leases.lease_name(about, maker)


async def deletions(world: World) -> list[Operation]:
    return [op for op in await world.do.journal.active() if op.kind == "pool.expire"]


async def expired(world: World) -> str:
    """Its lease has ended, and its deletion is written down; the id of that."""
    await world.go(await leased(world, PASSED))
    found = await deletions(world)
    return found[0].id


async def test_an_extension_between_the_last_look_and_the_end_of_a_lease_saves_the_pool(world: World, redis: Redis) -> None:
    lease = await leased(world, PASSED)
    await redis.hset(Journal.key("op", lease), "step", "end")  # it has looked, and its worker died
    extension = await world.run("pool.extend", **GPU, for_seconds=3600)
    assert "now runs until" in await world.said(extension)
    await world.engine.handle(lease)
    op = await world.look(lease)
    assert (op.step, op.ended) == ("keep", None)
    assert await deletions(world) == []


async def test_an_extension_whose_tag_is_written_and_whose_lease_is_not_saves_the_pool(world: World) -> None:
    lease = await leased(world, PASSED)
    await stamped(world, EXPIRES)
    await world.engine.handle(lease)
    op = await world.look(lease)
    assert (op.step, op.ended, op.memo["expires"]) == ("keep", None, FUTURE)
    assert await deletions(world) == []


async def test_an_extension_after_the_end_of_the_lease_stops_the_deletion_that_azure_was_not_asked_for(world: World) -> None:
    deletion = await expired(world)
    assert "now runs until" in await world.said(await world.run("pool.extend", **GPU, for_seconds=3600))
    op = await world.go(deletion)
    assert (op.status, op.memo["outcome"]) == ("succeeded", "extended")
    assert "was extended meanwhile" in await world.said(op)
    assert world.writes("agentPools/gpu", "DELETE") == []
    pool = await world.pool()
    assert pool is not None
    lease = await leases.lease_of(world.do, "demo/gpu")
    assert leases.stamp(float(lease.memo["expires"])) == tags.value(pool.tags, tags.EXPIRES)


async def test_an_extension_that_the_lease_ended_too_late_to_read_is_kept_by_a_new_one(world: World) -> None:
    deletion = await expired(world)
    await stamped(world, EXPIRES)
    with pytest.raises(Refused):
        await leases.lease_of(world.do, "demo/gpu")
    await world.go(deletion)
    lease = await leases.lease_of(world.do, "demo/gpu")
    assert (lease.memo["expires"], lease.thread, lease.user) == (FUTURE, "1.0", "U0ALICE")
    assert world.writes("agentPools/gpu", "DELETE") == []


async def test_what_has_expired_is_deleted_and_so_is_what_idles_long_before_its_expiry(world: World) -> None:
    assert (await world.go(await expired(world))).memo["outcome"] == "deleted"
    await world.make(world.ours(), nodes=1)
    assert (await world.run("pool.expire", **GPU)).memo["outcome"] == "deleted"
    assert await world.pool() is None


async def test_the_lease_of_a_pool_that_was_made_anew_under_its_name_ends_and_deletes_nothing(world: World) -> None:
    await stamped(world, EXPIRES)
    old = await leased(world, FUTURE)
    await world.engine.handle(old)
    await pools.delete(world.do.azure, "demo-rg", "demo", "gpu")
    while await world.pool():  # noqa: ASYNC110 - Azure tells nobody
        await asyncio.sleep(LOOK_SECONDS)
    await world.make(world.ours(), nodes=1)
    new = await leased(world, FUTURE + 60, "again")
    assert old in await world.do.journal.overdue(), "it is not left until its own time comes"
    await world.engine.handle(old)
    assert (await world.look(old)).memo["outcome"] == "replaced"  # not "gone": what the new one costs is not settled
    await world.engine.handle(new)
    assert (await leases.lease_of(world.do, "demo/gpu")).id == new
    assert await deletions(world) == []


async def test_clusters_of_one_name_in_two_resource_groups_keep_a_lease_each(world: World) -> None:
    await world.make(world.ours(), group="other-rg")
    both = [await leased(world, FUTURE, group, Held(group, "demo")) for group in ("demo-rg", "other-rg")]
    for lease in both:
        await world.engine.handle(lease)
    assert [(await world.look(lease)).ended for lease in both] == [None, None]
