"""Each option of a node pool and of a cluster as it is typed, down to the request that Azure receives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.azure import features
from bot.commands import Reply, Request, parse
from bot.operations import provisioning
from bot.operations.record import Operation
from bot.operations.steps import Done, Kind, Outcome, Step
from bot.plans import provision
from tests.operations.simulated import World, code, findings, opened, planned

T4, A100 = "--size Standard_NC4as_T4_v3", "--size Standard_NC24ads_A100_v4"


@pytest.fixture
async def world(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A subscription; a pool or a cluster is planned and made, but nothing on it is enabled."""
    async with opened(redis, redis_url, tmp_path, monkeypatch) as made:
        pool = (planned(provision.pool_add, made.policy), provisioning.POOL)
        made.kinds["pool.add"] = Kind("pool.add", pool, provisioning.UNDO)
        cluster = (planned(provision.cluster_create, made.policy), provisioning.GROUP, provisioning.CLUSTER, provisioning.POOL)
        made.kinds["cluster.create"] = Kind("cluster.create", (*cluster, Step("lease", _end)), provisioning.UNDO)
        yield made


async def _end(op: Operation, do: Any) -> Outcome:
    return Done()


async def asked(world: World, text: str) -> Operation:
    """Type a command; the operation once it ended."""
    found = parse(text)
    assert isinstance(found, Request), found
    return await world.run(found.kind, **found.values)


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        (f"{T4} --nodes 2", {"count": 2, "enableAutoScaling": False, "vmSize": "Standard_NC4as_T4_v3", "mode": "User", "scaleDownMode": "Delete"}),
        (f"{T4} --min 0 --max 3", {"count": 0, "enableAutoScaling": True, "minCount": 0, "maxCount": 3}),
        (f"{T4} --spot", {"scaleSetPriority": "Spot", "scaleSetEvictionPolicy": "Delete", "spotMaxPrice": -1}),
        (f"{T4} --spot --eviction deallocate --max-price 0.25", {"scaleSetEvictionPolicy": "Deallocate", "spotMaxPrice": 0.25}),
        (f"{T4} --zone 1,2", {"availabilityZones": ["1", "2"]}),
        (f"{T4} --taint team=vision:NoExecute", {"nodeTaints": ["sku=gpu:NoSchedule", "team=vision:NoExecute"]}),
        (f"{T4} --label team=vision --label stage=dev", {"nodeLabels": {"team": "vision", "stage": "dev"}}),
        (f"{T4} --os-sku ubuntu2404", {"osSKU": "Ubuntu2404"}),
        (f"{T4} --kubernetes-version 1.35", {"orchestratorVersion": "1.35"}),
        (f"{A100} --mig 2g", {"gpuInstanceProfile": "MIG2g"}),
        (f"{T4}", {"gpuProfile": {"driver": "Install", "nvidia": {"managementMode": "Unmanaged"}}, "nodeTaints": ["sku=gpu:NoSchedule"]}),
        (f"{T4} --driver none", {"gpuProfile": {"driver": "None", "nvidia": {"managementMode": "Unmanaged"}}}),
        (f"{T4} --driver managed", {"gpuProfile": {"driver": "Install", "nvidia": {"managementMode": "Managed"}}}),
    ],
)  # fmt: skip
async def test_an_option_of_a_pool_reaches_azure_as_it_was_meant(world: World, options: str, sent: dict[str, Any]) -> None:
    provider = world.state.providers["microsoft.containerservice"]
    provider.features[features.MANAGED_GPU] = "Registered"
    provider.propagated.add(features.MANAGED_GPU)
    world.clock.speed = 20000.0
    await world.make(world.ours())
    op = await asked(world, f"pool add demo/gpu {options} --for 2h")
    assert op.status == "succeeded", op.error
    ((body, headers),) = world.bodies("/agentPools/gpu")
    assert {name: body["properties"].get(name) for name in sent} == sent
    assert headers["If-None-Match"] == "*"
    assert body["properties"]["tags"]["quartermaster-owner"] == "U0ALICE"


async def test_a_header_goes_along_and_the_retired_ones_are_refused_with_what_replaced_them(world: World) -> None:
    await world.make(world.ours())
    op = await asked(world, f"pool add demo/gpu {T4} --header AKSHTTPCustomFeatures=Some,Other=x")
    assert op.status == "succeeded", op.error
    ((_, headers),) = world.bodies("/agentPools/gpu")
    assert (headers["AKSHTTPCustomFeatures"], headers["Other"]) == ("Some", "x")
    for retired, instead in (("UseGPUDedicatedVHD", "--driver"), ("usegen2vm", "Generation 2")):
        said = parse(f"pool add demo/gpu {T4} --aks-custom-headers {retired}=true")
        assert isinstance(said, Reply)
        assert retired in said.text
        assert instead in said.text
        forged = await world.run("pool.add", cluster="demo", pool="other", size="Standard_NC4as_T4_v3", headers={retired: "true"})
        assert forged.status == "refused"
        assert f"`{retired}` is not sent" in str(forged.error)
    assert len(world.bodies("/agentPools/other")) == 0


async def test_nodes_newer_than_their_cluster_and_versions_that_nobody_offers_are_refused_before_the_first_write(world: World) -> None:
    await world.make(world.ours())
    newer = await asked(world, f"pool add demo/gpu {T4} --kubernetes-version 1.99")
    assert "newer than the cluster's own" in str(newer.error)
    gone = await asked(world, f"pool add demo/gpu {T4} --kubernetes-version 1.20")
    assert "1.20 is not supported in eastus" in str(gone.error)
    assert not world.bodies("/agentPools/gpu")


async def test_entra_local_accounts_version_and_system_size_of_a_cluster_reach_azure(world: World) -> None:
    op = await asked(world, "cluster create safe --entra --no-local-accounts --kubernetes-version 1.35 --system-size Standard_D2s_v5 --for 2h")
    assert op.status == "succeeded", op.error
    ((body, _),) = world.bodies("/managedClusters/safe")
    properties = body["properties"]
    assert properties["aadProfile"] == {"managed": True, "enableAzureRBAC": True}
    assert (properties["disableLocalAccounts"], properties["kubernetesVersion"]) == (True, "1.35")
    assert [(pool["mode"], pool["vmSize"]) for pool in properties["agentPoolProfiles"]] == [("System", "Standard_D2s_v5")]


async def test_a_managed_pool_without_its_feature_or_with_the_autoscaler_is_refused_with_the_way_there(world: World) -> None:
    await world.make(world.ours())
    missing = await asked(world, f"pool add demo/gpu {T4} --driver managed")
    assert "/gpu feature register ManagedGPUExperiencePreview" in str(missing.error)
    ranged = await asked(world, f"pool add demo/gpu {T4} --driver managed --min 0 --max 2")
    assert "cannot scale by itself" in str(ranged.error)
    assert code(missing) == "plans.blocked"
    assert not world.bodies("/agentPools/gpu")


async def test_spot_says_what_it_means_and_a_pool_that_outlives_its_cluster_too(world: World) -> None:
    await world.make(world.ours(**{"quartermaster-expires": "2020-01-01T00:00:00+00:00"}))
    op = await asked(world, f"pool add demo/gpu {T4} --spot --for 8h")
    assert "30 seconds' notice" in findings(op, "warn")
    assert "Its cluster `demo` ends before that" in findings(op, "warn")
