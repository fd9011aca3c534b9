"""The journal is rebuilt whatever is odd about one answer or one cluster, and the worker lives on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from slack_sdk.web.async_client import AsyncWebClient

from bot.azure import tags
from bot.lifecycle import adoption
from bot.lifecycle.adoption import EPOCH, LOCK, LOCK_SECONDS, UNREAD, Adoption
from bot.operations import leases
from bot.slack.pacing import Pacing
from bot.slack.recall import Recall
from tests.cluster.conftest import ID, Rig, wait_until
from tests.operations.simulated import World, opened

NOWHERE = "http://127.0.0.1:9/"
"""No Slack: nothing here has a thread."""


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rig: Rig) -> AsyncIterator[World]:
    """A cluster of ours, of which the journal knows nothing."""
    clusters, _ = rig.simulated()
    async with opened(redis, redis_url, tmp_path, monkeypatch, clusters.kubeconfig(ID)) as made:
        await made.make(made.ours(**{tags.CHANNEL: "", tags.THREAD: ""}))
        yield made


@contextlib.asynccontextmanager
async def adopting(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """A worker that rebuilds, in a hurry; the event ends it."""
    for name in ("LOOK_SECONDS", "AGAIN_SECONDS"):
        monkeypatch.setattr(adoption, name, 0.05)
    policy = replace(world.policy, channels=frozenset(), digest_channel="")
    recall = Recall(AsyncWebClient(token="x", base_url=NOWHERE), Pacing(world.do.redis))
    stop = asyncio.Event()
    task = asyncio.create_task(Adoption(world.do, recall, policy).watch(stop))
    try:
        yield stop
    finally:
        stop.set()
        await task


def failed() -> float:
    return REGISTRY.get_sample_value("quartermaster_rounds_failed_total", {"name": "adopt"}) or 0.0


async def test_an_odd_answer_of_azure_costs_one_round_and_not_the_worker(world: World, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    before = failed()
    world.fault("status", r"GET .*/managedClusters\?", status=200, body={"value": [{"properties": {"agentPoolProfiles": 5}}]})
    async with adopting(world, monkeypatch):
        await wait_until(lambda: redis.exists(EPOCH), bool)
    assert failed() == before + 1
    assert await leases.lease_of(world.do, "demo")


async def test_an_odd_job_delays_its_cluster_and_keeps_no_lease_from_being_rebuilt(
    world: World, redis: Redis, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = failed()
    rig.fault("GET .*/jobs", "status", times=-1, status=200, body={"items": [5]})
    async with adopting(world, monkeypatch):
        await wait_until(lambda: redis.exists(EPOCH), bool)
        assert await leases.lease_of(world.do, "demo")
        assert await redis.smembers(UNREAD) == {"demo-rg/demo"}
        rig.simulated()[1].clear()
        await wait_until(lambda: redis.scard(UNREAD), lambda left: not left)
    assert failed() > before


async def test_a_lock_that_ran_out_and_is_another_workers_is_left_to_it(world: World, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    world.fault("delay", r"GET .*/managedClusters\?", seconds=0.5)
    async with adopting(world, monkeypatch) as stop:
        await wait_until(lambda: redis.exists(LOCK), bool)
        await redis.set(LOCK, "another", ex=60)
        stop.set()
    assert await redis.get(LOCK) == "another"
    assert await redis.ttl(LOCK) > LOCK_SECONDS
