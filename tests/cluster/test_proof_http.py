"""The proof over HTTP: each fault of the simulated cluster is named, and none is ever called ready."""

from __future__ import annotations

from dataclasses import replace

import pytest

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


async def test_a_taint_that_the_plugin_does_not_tolerate(rig: Rig) -> None:
    rig.simulated()
    rig.pool(taints=["team=vision:NoSchedule"])
    await nodes_ready(rig)
    await plugin.install(rig.access)
    verdict = await named(rig, "plugin_not_tolerating")
    assert "`team=vision:NoSchedule`" in verdict.sentence


async def test_the_plugins_image_cannot_be_pulled(rig: Rig) -> None:
    rig.fault("k8s-device-plugin", "image_pull", times=-1, message="dial tcp: i/o timeout")
    rig.pool()
    await nodes_ready(rig)
    await plugin.install(rig.access)
    assert not (await named(rig, "plugin_image")).waiting
    state = await plugin.state(rig.access)
    assert (state.kind, state.nodes[0].reason) == ("rolling", "the image cannot be pulled")


async def test_a_pool_without_a_driver(rig: Rig) -> None:
    rig.simulated()
    rig.pool(driver="None")
    await nodes_ready(rig)
    await plugin.install(rig.access)
    await named(rig, "driver_none", replace(EXPECTED, gpu_profile_driver="None"))


async def test_a_driver_that_does_not_load_is_told_by_the_plugins_own_log(rig: Rig) -> None:
    rig.simulated()
    rig.pool(driver="None")
    await nodes_ready(rig)
    await plugin.install(rig.access)
    await named(rig, "driver_missing")


async def test_a_gpu_that_falls_off_the_bus(rig: Rig) -> None:
    rig.simulated()
    rig.pool(vm_size="Standard_NC64as_T4_v3", gpu_count=4, vcpus=64)
    await plugin.install(rig.access)
    four = replace(EXPECTED, per_node=4, size="Standard_NC64as_T4_v3")
    await wait_until(lambda: verdict_of(rig, four), lambda verdict: verdict.ready)
    rig.fault("aks-gpu", "gpu_missing", count=1)
    await wait_until(lambda: capacity(rig.access), lambda seen: seen.total.allocatable == 3)
    verdict = await named(rig, "gpu_lost", four)
    assert "3 of 4" in verdict.sentence


async def test_all_gpus_lost_leaves_capacity_without_allocatable(rig: Rig) -> None:
    rig.simulated()
    rig.pool()
    await ready(rig)
    rig.fault("aks-gpu", "gpu_missing", times=-1)
    await wait_until(lambda: capacity(rig.access), lambda seen: seen.total.allocatable == 0)
    assert (await capacity(rig.access)).total.capacity == 1
    assert (await verdict_of(rig)).cause in ("not_allocatable", "gpus_arriving")


async def test_a_node_that_falls_silent(rig: Rig) -> None:
    rig.simulated()
    rig.pool()
    await ready(rig)
    rig.fault("aks-gpu", "node_not_ready", times=-1)
    await wait_until(lambda: capacity(rig.access), lambda seen: not seen.nodes[0].ready)
    verdict = await named(rig, "node_not_ready")
    assert not verdict.waiting
    assert "Kubelet stopped posting" in verdict.sentence


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


async def test_the_wrong_resource_name(rig: Rig) -> None:
    rig.simulated()
    size = "Standard_NC24ads_A100_v4"
    rig.pool(vm_size=size, gpu_model="A100", mig_profile="MIG1g", vcpus=24, memory_gib=220.0)
    await plugin.install(rig.access, mig="mixed")
    await wait_until(lambda: capacity(rig.access), lambda seen: seen.total.allocatable == 7)
    name = (await capacity(rig.access)).resources()[0]
    assert name.startswith("nvidia.com/mig-1g")
    await named(rig, "wrong_resource", Expectation(pool="gpu", nodes=1, per_node=7, size=size, mig="MIG1g"))


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


async def test_the_node_refuses_the_probe(rig: Rig) -> None:
    rig.simulated()
    rig.fault("default/gpu-probe-.*", "admission_error", times=-1)
    rig.pool()
    await plugin.install(rig.access)
    await named(rig, "probe_admission")


async def test_the_probes_image_cannot_be_pulled(rig: Rig) -> None:
    rig.fault("nvidia/cuda", "image_pull", times=-1, message="manifest unknown")
    rig.pool()
    await plugin.install(rig.access)
    await named(rig, "probe_image")


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
