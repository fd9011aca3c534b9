"""What the subscription itself says against a plan, before anything is written: each finding from a real answer of the simulated Azure."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.azure import clusters
from bot.commands import Request, parse
from bot.operations.record import Operation
from bot.operations.steps import Done, Kind, Outcome, Step
from bot.plans import provision
from tests.operations.simulated import World, findings, opened, plan, planned

T4 = "--size Standard_NC4as_T4_v3"


async def _end(op: Operation, do: object) -> Outcome:
    return Done()


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A subscription; requests are only planned."""
    async with opened(redis, redis_url, tmp_path, monkeypatch) as made:
        for name, planning in (("pool.add", provision.pool_add), ("cluster.create", provision.cluster_create)):
            made.kinds[name] = Kind(name, (planned(planning, made.policy), Step("end", _end)))
        yield made


async def asked(world: World, text: str) -> Operation:
    found = parse(text)
    assert isinstance(found, Request), found
    before = world.writes()
    op = await world.run(found.kind, **found.values)
    assert world.writes() == before, "planning writes nothing"
    return op


async def test_each_of_the_three_quotas_blocks_with_what_is_left(world: World) -> None:
    for quota, option, words in (
        ("standard ncasv3_t4 family", "", "NCASv3_T4"), ("cores", "", "Regional"), ("lowprioritycores", "--spot", "Spot"),
    ):  # fmt: skip
        world.state.quota_overrides["eastus", quota] = 3
        op = await asked(world, f"cluster create demo {T4} {option}")
        assert op.status == "refused"
        assert words in str(op.error)
        assert "3 of 3 vCPUs are free, 4 are needed" in str(op.error) or "of 3 vCPUs are free" in str(op.error)
        del world.state.quota_overrides["eastus", quota]
    assert (await asked(world, f"cluster create demo {T4}")).status == "succeeded"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cluster create demo --size Standard_ND96isr_H200_v5", "is restricted for this subscription in eastus"),
        ("cluster create demo --size Standard_NC64as_T4_v3 --zone 2", "zone"),
        ("cluster create demo --region westus2 --size Standard_ND96asr_v4", "not offer|too small"),
        ("cluster create demo --size Standard_NC6", "retired by Azure on(.|\n)*Standard_"),
        ("cluster create demo --size Standard_NC6s_v3", "retired by Azure on(.|\n)*Standard_"),
        ("cluster create demo --size Standard_D4s_v5", "has no GPU"),
        (f"cluster create demo {T4} --mig 1g", "cannot be cut into MIG slices"),
        (f"cluster create demo {T4} --kubernetes-version 1.20", "Supported: 1"),
    ],
)
async def test_what_this_subscription_cannot_have_is_refused_with_what_it_can(world: World, text: str, words: str) -> None:


    op = await asked(world, text)
    assert op.status == "refused", plan(op)
    assert re.search(words, str(op.error)), op.error


async def test_names_that_are_taken_and_clusters_that_are_busy_stopped_or_without_system_pool_are_told(world: World) -> None:
    await world.make(world.ours(), nodes=1)
    assert "There is a cluster `demo` already" in str((await asked(world, f"cluster create demo {T4}")).error)
    assert "has a node pool `gpu` already" in str((await asked(world, f"pool add demo/gpu {T4}")).error)
    world.clock.speed = 20.0
    await world.do.azure.containers.managed_clusters.begin_update_tags("demo-rg", "demo", {"tags": {**world.ours(), "by": "hand"}})
    op = await asked(world, f"pool add demo/more {T4}")
    assert "I wait until it is done" in findings(op, "warn")
    world.clock.speed = 2000.0
    while (state := await world.cluster()) is None or state.provisioning_state != "Succeeded":  # noqa: ASYNC110
        await asyncio.sleep(0.5)  # AKS grants few GETs at once


    await clusters.stop(world.do.azure, "demo-rg", "demo")
    assert "The cluster `demo` is stopped" in str((await asked(world, f"pool add demo/more {T4}")).error)


async def test_a_plan_shows_the_price_at_its_fewest_and_most_nodes_until_its_end_with_its_date(world: World) -> None:
    await world.make(world.ours(**{"quartermaster-expires": "2099-01-01T00:00:00+00:00"}))
    op = await asked(world, f"pool add demo/gpu {T4} --min 1 --max 3 --for 10h")
    made = plan(op)
    assert (made["hourly_min"], made["hourly_max"], made["total_min"], made["total_max"]) == ("0.526", "1.578", "5.26", "15.78")
    assert made["price_date"].count("-") == 2
    assert {"VM size", "GPU driver profile", "taints", "zones"} <= set(made["one_way"])
    assert [change["action"] for change in made["changes"]] == ["create"]
    spot = plan(await asked(world, f"pool add demo/gpu {T4} --spot --for 10h"))
    assert float(spot["hourly_max"]) < 0.53
