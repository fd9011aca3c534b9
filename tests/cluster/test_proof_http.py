"""The plugin and the proof over HTTP: what they pass through on the way to ready, and what they leave alone."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from bot.cluster import plugin, probe, proof
from bot.cluster.evidence import Verdict
from bot.cluster.nodes import capacity
from bot.cluster.proof import Expectation
from bot.errors import Failed, Refused
from tests.cluster.conftest import Rig, wait_until

EXPECTED = Expectation(pool="gpu", nodes=1, per_node=1, size="Standard_NC4as_T4_v3")


async def verdict_of(rig: Rig, expected: Expectation = EXPECTED) -> Verdict:
    return await proof.prove(rig.access, expected, "op1")


async def named(rig: Rig, cause: str, expected: Expectation = EXPECTED) -> Verdict:
    """Prove until that cause is named; nothing on the way may be called ready."""

    async def look() -> Verdict:
        verdict = await verdict_of(rig, expected)
        assert not verdict.ready
        return verdict

    return await wait_until(look, lambda verdict: verdict.cause == cause)


async def nodes_ready(rig: Rig) -> None:
    await wait_until(lambda: capacity(rig.access), lambda seen: bool(seen.nodes) and all(node.ready for node in seen.nodes))


async def ready(rig: Rig) -> Verdict:
    await plugin.install(rig.access)
    return await wait_until(lambda: verdict_of(rig), lambda verdict: verdict.ready)


async def test_booting_missing_plugin_arriving_probe_ready_in_this_order(rig: Rig) -> None:
    rig.simulated()
    causes: list[str | None] = []

    async def look() -> Verdict:
        verdict = await verdict_of(rig)
        if not causes or causes[-1] != verdict.cause:
            causes.append(verdict.cause)
        if verdict.cause == "plugin_missing":
            await plugin.install(rig.access)
        return verdict

    await wait_until(look, lambda verdict: verdict.cause == "nodes_missing")
    rig.pool()
    verdict = await wait_until(look, lambda verdict: verdict.ready)
    assert causes[0] == "nodes_missing"
    assert "plugin_missing" in causes
    assert causes.index("plugin_missing") < causes.index("probe_missing")
    assert verdict.model == "Tesla T4"


async def test_what_holds_the_rollout_up_is_named_and_becomes_final_if_it_lasts(rig: Rig) -> None:
    rig.fault("k8s-device-plugin", "image_pull", times=-1, message="dial tcp: i/o timeout")
    rig.pool()
    await nodes_ready(rig)
    await plugin.install(rig.access)
    everywhere = Expectation("", nodes=1, per_node=0, cluster="demo")
    found = await wait_until(lambda: proof.rollout(rig.access, everywhere), lambda found: found and found.cause == "plugin_image")
    assert found
    assert found.waiting
    assert "dial tcp: i/o timeout" in found.sentence
    state = await plugin.state(rig.access)
    assert (state.kind, state.nodes[0].reason) == ("rolling", "the image cannot be pulled")
    lasting = await proof.rollout(rig.access, everywhere, now=datetime.now(UTC) + timedelta(seconds=59))
    assert lasting
    assert not lasting.waiting
    rig.simulated()[1].clear()
    await wait_until(lambda: proof.rollout(rig.access, everywhere), lambda found: found is None)


async def test_an_older_plugin_is_told_and_brought_up_to_date(rig: Rig) -> None:
    rig.simulated()
    rig.pool(count=2)
    await nodes_ready(rig)
    old = yaml.safe_load_all(plugin.MANIFEST.read_text().replace(":v0.19.3", ":v0.17.0"))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump_all(old, file)
        await plugin.install(rig.access, manifest=Path(file.name))
    state = await wait_until(lambda: plugin.state(rig.access), lambda state: state.kind == "ready" and state.ready == 2)
    assert state.outdated
    assert plugin.described(state, "demo") == "Runs on 2 of 2 nodes. An upgrade is there, v0.17.0 → v0.19.3: `/gpu plugin upgrade demo`."
    await plugin.install(rig.access)
    state = await wait_until(lambda: plugin.state(rig.access), lambda state: state.kind == "ready" and state.ready == 2)
    assert plugin.described(state, "demo") == "Runs on 2 of 2 nodes. Version v0.19.3, the newest that I know."


async def test_mig_slices_need_the_strategy_that_the_pool_was_made_for(rig: Rig) -> None:
    rig.simulated()
    size = "Standard_NC24ads_A100_v4"
    rig.pool(vm_size=size, gpu_model="A100", mig_profile="MIG1g", vcpus=24, memory_gib=220.0)
    await nodes_ready(rig)
    await plugin.install(rig.access)
    expected = Expectation(pool="gpu", nodes=1, per_node=7, size=size, mig="MIG1g")
    await named(rig, "mig_not_applied", expected)
    await plugin.install(rig.access, mig="single")
    verdict = await wait_until(lambda: verdict_of(rig, expected), lambda verdict: verdict.ready)
    assert "A100" in str(verdict.model)
    # Installed again for some other pool: the slices stay.
    await plugin.install(rig.access)
    state = await wait_until(lambda: plugin.state(rig.access), lambda state: state.kind == "ready")
    assert state.mig == "single"
    assert (await capacity(rig.access)).total.allocatable == 7


async def test_a_busy_pool_is_not_called_ready_but_in_use(rig: Rig) -> None:
    rig.simulated()
    rig.pool()
    await ready(rig)
    await probe.remove_probe(rig.access, "gpu", "op1")
    await probe.start_probe(rig.access, EXPECTED, "blocker")
    body = probe.manifest(EXPECTED, "holder")
    body["spec"]["containers"][0] |= {"image": "busybox", "command": ["sleep", "infinity"]}
    await probe.remove_probe(rig.access, "gpu", "blocker")
    await wait_until(lambda: capacity(rig.access), lambda seen: seen.total.free == 1)
    await rig.access.create("/api/v1/namespaces/default/pods", body)
    await wait_until(lambda: capacity(rig.access), lambda seen: seen.total.free == 0)
    assert (await named(rig, "probe_no_room")).waiting


async def test_a_managed_pool_is_proven_without_a_plugin_of_ours(rig: Rig) -> None:
    rig.simulated()
    rig.pool(managed=True)
    verdict = await wait_until(lambda: verdict_of(rig, replace(EXPECTED, managed=True)), lambda verdict: verdict.ready)
    assert verdict.driver
    with pytest.raises(Refused) as caught:
        await plugin.install(rig.access)
    assert caught.value.code == "cluster.plugin_managed"


async def test_somebody_elses_plugin_is_left_alone(rig: Rig) -> None:
    rig.simulated()
    rig.pool()
    await nodes_ready(rig)
    _, theirs = plugin.objects()
    theirs["metadata"] = {"name": "nvdp-nvidia-device-plugin", "namespace": "kube-system"}
    await rig.access.create("/apis/apps/v1/namespaces/kube-system/daemonsets", theirs)
    with pytest.raises(Refused) as caught:
        await plugin.install(rig.access)
    assert "`nvdp-nvidia-device-plugin`" in caught.value.sentence


async def test_the_gpu_operator_is_named_and_left_alone(rig: Rig) -> None:
    rig.simulated()
    rig.pool()
    await nodes_ready(rig)
    _, theirs = plugin.objects()
    owner = {"apiVersion": "nvidia.com/v1", "kind": "ClusterPolicy", "name": "cluster-policy", "uid": "0a1b", "controller": True}
    labels = {"app": "nvidia-device-plugin-daemonset", "app.kubernetes.io/managed-by": "gpu-operator"}
    theirs["metadata"] = {"name": "nvidia-device-plugin-daemonset", "namespace": "kube-system", "labels": labels, "ownerReferences": [owner]}
    await rig.access.create("/apis/apps/v1/namespaces/kube-system/daemonsets", theirs)
    with pytest.raises(Refused) as caught:
        await plugin.install(rig.access)
    assert "already has the NVIDIA GPU Operator" in caught.value.sentence
    assert "the NVIDIA GPU Operator: I leave it alone" in plugin.described(await plugin.state(rig.access), "demo")


async def test_removing_the_plugin_takes_the_gpus_away_and_is_safe_to_repeat(rig: Rig) -> None:
    rig.simulated()
    rig.pool()
    await ready(rig)
    assert await plugin.remove(rig.access)
    await wait_until(lambda: capacity(rig.access), lambda seen: seen.total.allocatable == 0)
    assert not await plugin.remove(rig.access)
    await named(rig, "plugin_missing")


@pytest.mark.parametrize(("role", "words"), [("nobody", "list daemonsets"), ("reader", "patch namespaces")])
async def test_a_missing_right_is_told_with_the_role_to_ask_for(rig: Rig, role: str, words: str) -> None:
    access = rig.access_as(role)
    with pytest.raises(Failed) as caught:
        await plugin.install(access)
    assert f"I may not {words} in `demo`" in caught.value.sentence
    assert "Azure Kubernetes Service RBAC Cluster Admin" in caught.value.next_step
