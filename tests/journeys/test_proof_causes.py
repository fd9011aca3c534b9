"""What keeps GPUs from being used is said in the thread, in plain words with what to do; and what the bot does about the device plugin.

Three clusters made by hand (with the bot's tag): `lab` has a pool for each cause, `fine` is well, AKS runs the GPU stack of `owned`.
"""

from __future__ import annotations

import json
import re
import ssl
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.journeys.looking import Looking
from tests.playing import ALICE, BOB, ROOT, Playing, playing, shown, wait_until

GPU_CHANNEL, ML_CHANNEL = "C0GPU", "C0ML"
XID = "Xid 79: GPU has fallen off the bus"
T4, A100 = "Standard_NC4as_T4_v3", "Standard_NC24ads_A100_v4"
GPU: dict[str, Any] = {"vmSize": T4, "count": 1, "mode": "User", "osType": "Linux", "nodeTaints": ["sku=gpu:NoSchedule"]}
SETS = "/apis/apps/v1/namespaces/kube-system/daemonsets"
OURS = "/apis/apps/v1/namespaces/gpu-resources/daemonsets/nvidia-device-plugin-daemonset"
MANIFEST = next(one for one in yaml.safe_load_all((ROOT / "manifests" / "device-plugin.yaml").read_text()) if one["kind"] == "DaemonSet")


@dataclass(frozen=True)
class Case:
    """A pool with something wrong: how Azure has it, the faults before its nodes come and after its GPUs came, and what is to be read."""

    pool: str
    words: str
    step: str
    made: dict[str, Any] | None = None
    first: dict[str, Any] | None = None
    later: dict[str, Any] | None = None


CASES = (
    Case("taint", r"does not tolerate the taint `team=vision:NoSchedule` of `aks-taint", "Add the pool again without that taint",
         made={"nodeTaints": ["team=vision:NoSchedule"]}),
    Case("nodriver", r"Pool `nodriver` was made with driver `None`", "GPU Operator", made={"gpuProfile": {"driver": "None"}}),
    Case("mismatch", r"parts are of different versions: .*Driver/library version mismatch", "Replace the node",
         first={"effect": "driver_mismatch", "match": "aks-mismatch", "times": -1}),
    Case("silent", r"`aks-silent-\S+` is not Ready: Kubelet stopped posting node status\. ", "replace the node",
         later={"effect": "node_not_ready", "match": "aks-silent", "times": -1}),
    Case("xid", r"`aks-xid-\S+` reports XIDErrors: Xid 79: GPU has fallen off the bus\. ", "Replace the node",
         later={"effect": "node_condition", "match": "aks-xid", "times": -1, "condition": "XIDErrors", "message": XID}),
    Case("lost", r"has 1 `nvidia\.com/gpu`, but none is allocatable", "restart its pod",
         later={"effect": "gpu_missing", "match": "aks-lost", "times": -1}),
    Case("admit", r"refused the probe: .*Allocate failed", "restart the plugin's pod",
         later={"effect": "admission_error", "match": "gpu-probe-admit"}),
    Case("runtime", r"driver on `aks-runtime-\S+` does not answer: nvidia-container-cli: .*driver not loaded", "Replace the node",
         later={"effect": "start_error", "match": "gpu-probe-runtime"}),
    Case("evicted", r"probe was evicted from `aks-evicted-\S+: The node was low on resource: memory", "`/gpu nodes lab`",
         later={"effect": "evict", "match": "gpu-probe-evicted"}),
    Case("stuck", r"probe's container on `aks-stuck-\S+ is not made: .*failed to request IP address", "Replace the node",
         later={"effect": "stuck_creating", "match": "gpu-probe-stuck", "times": -1}),
    Case("cordoned", r"`aks-cordoned-\S+ is cordoned", "`kubectl uncordon aks-cordoned"),
    Case("profile", r"another GPU profile than was asked for: GPU driver `none` instead of `driver-only`", "`/gpu pool delete lab/profile`",
         made={"vmSize": A100}),
    Case("spot", r"Only 0 of 1 Spot nodes of pool `spot` are there: Azure took the others back", "add a pool that is not Spot",
         made={"scaleSetPriority": "Spot", "scaleSetEvictionPolicy": "Delete", "spotMaxPrice": -1},
         later={"effect": "spot_evicted", "match": "aks-spot"}),
    Case("stopped", r"Pool `stopped` is stopped", "`/gpu pool start lab/stopped`"),
    Case("failed", r"AKS reports pool `failed` as Failed", "`/gpu pool show lab/failed`"),
)  # fmt: skip


class Hands(Looking):
    """Somebody with `az` and `kubectl`."""

    def __init__(self, play: Playing, name: str, pools: dict[str, dict[str, Any]]) -> None:
        env = play.ready["env"]
        self._cloud = ssl.create_default_context(cafile=env["SSL_CERT_FILE"])
        identity = urllib.request.Request(
            f"{env['IDENTITY_ENDPOINT']}?resource=https://management.azure.com/&api-version=2019-08-01",
            headers={"X-IDENTITY-HEADER": env["IDENTITY_HEADER"]},
        )
        with urllib.request.urlopen(identity, timeout=20) as answer:
            self._token = json.loads(answer.read())["access_token"]
        self._subscription = f"{env['AZURE_ARM_BASE_URL']}/subscriptions/{env['AZURE_SUBSCRIPTION_ID']}"
        group = f"/resourceGroups/quartermaster-{name}"
        self.path = f"{group}/providers/Microsoft.ContainerService/managedClusters/{name}"
        tags = {"quartermaster-operation": f"by-hand-{name}", "quartermaster-owner": ALICE}
        self.az("PUT", group, {"location": "eastus", "tags": tags})
        system = {"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4s_v5", "osType": "Linux"}
        profiles = [system, *({**GPU, "name": pool, **how} for pool, how in pools.items())]
        body = {"dnsPrefix": name, "agentPoolProfiles": profiles}
        self.az("PUT", self.path, {"location": "eastus", "tags": tags, "identity": {"type": "SystemAssigned"}, "properties": body})
        wait_until(lambda: self.az("GET", self.path)["properties"]["provisioningState"] == "Succeeded", 60, f"cluster {name}")
        super().__init__(play, name)

    def add(self, pool: str, how: dict[str, Any]) -> None:
        """A further GPU pool."""
        self.az("PUT", f"{self.path}/agentPools/{pool}", {"properties": {**GPU, **how}})
        assert self.settled(pool) == "Succeeded"

    def az(self, method: str, path: str, body: Any = None) -> Any:
        """One request to Resource Manager, below the subscription."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        return _sent(method, f"{self._subscription}{path}?api-version=2026-08-01", headers, self._cloud, body)

    def kubectl(self, method: str, path: str, body: Any, kind: str = "application/json") -> Any:
        """One write to the cluster."""
        return _sent(method, self._server + path, {**self._headers, "Content-Type": kind}, self._ca, body)

    def settled(self, pool: str) -> str:
        """The state of a pool once no operation runs on it."""

        def look() -> str | None:
            state = str(self.az("GET", f"{self.path}/agentPools/{pool}")["properties"]["provisioningState"])
            return state if state in ("Succeeded", "Failed") else None

        return wait_until(look, 30, f"pool {pool} settled")

    def gpus(self) -> int:
        """GPUs that can be allocated, of all nodes."""
        return sum(int(one["status"]["allocatable"].get("nvidia.com/gpu", 0)) for one in self.get("/api/v1/nodes")["items"])

    def node(self, pool: str) -> Any:
        """The first node of a pool."""
        return self.get(f"/api/v1/nodes?labelSelector=agentpool%3D{pool}")["items"][0]


def _sent(method: str, url: str, headers: dict[str, str], context: ssl.SSLContext, body: Any) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), context=context, timeout=20) as answer:
        return json.loads(answer.read() or b"null")


def asked(play: Playing, command: str, title: str, channel: str = GPU_CHANNEL) -> dict[str, Any]:
    """Type a command; its card."""
    known = {one["ts"] for one in play.messages(channel)}
    play.command(command, channel=channel)

    def look() -> dict[str, Any] | None:
        return next((one for one in play.messages(channel) if one["ts"] not in known and title in shown(one)), None)

    return wait_until(look, 60, f"a card {title}")


def failure(play: Playing, card: dict[str, Any], channel: str = GPU_CHANNEL) -> str:
    """What the thread says about the failure."""
    return shown(play.reply(card["ts"], "\\A🔴", channel))


def refusal(play: Playing, card: dict[str, Any]) -> str:
    """What the card says about a request that was not even begun."""
    return wait_until(lambda: next((text for one in play.messages() if one["ts"] == card["ts"] and "Not started" in (text := shown(one))), ""))


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    with playing(speed=400) as running:
        yield running


@pytest.fixture(scope="module")
def lab(play: Playing) -> Hands:
    for case in CASES:
        if case.first:
            play.fault("kubernetes", **case.first)
    return Hands(play, "lab", {case.pool: case.made or {} for case in CASES})


@pytest.fixture(scope="module")
def fine(play: Playing) -> Hands:
    return Hands(play, "fine", {"gpu": {"count": 2}})


def test_a_cluster_without_a_plugin_is_told_how_to_get_one(play: Playing, fine: Hands) -> None:
    said = failure(play, asked(play, "check fine", "check fine/gpu"))
    assert "The NVIDIA device plugin is not installed. `/gpu plugin install fine` installs it." in said
    assert len(said) < 200
    assert "Not installed: `/gpu plugin install fine`." in shown(asked(play, "plugin status fine", "Device plugin on fine"))


def test_the_plugin_is_refused_where_somebody_else_brought_one(play: Playing, fine: Hands) -> None:
    owner = {"apiVersion": "nvidia.com/v1", "kind": "ClusterPolicy", "name": "cluster-policy", "uid": "0a1b", "controller": True}
    fine.kubectl("POST", SETS, {**MANIFEST, "metadata": {"name": "operands", "namespace": "kube-system", "ownerReferences": [owner]}})
    assert "`fine` already has the NVIDIA GPU Operator" in refusal(play, asked(play, "plugin install fine", "install"))
    assert "the NVIDIA GPU Operator: I leave it alone" in shown(asked(play, "plugin status fine", "Device plugin on fine"))
    fine.delete(f"{SETS}/operands")


def test_the_plugin_is_refused_where_aks_runs_the_stack(play: Playing) -> None:
    owned = Hands(play, "owned", {})
    provider = "/providers/Microsoft.ContainerService"
    feature = f"/providers/Microsoft.Features{provider}/features/ManagedGPUExperiencePreview"
    owned.az("POST", f"{feature}/register")
    wait_until(lambda: owned.az("GET", feature)["properties"]["state"] == "Registered", 30, "the preview feature")
    owned.az("POST", f"{provider}/register")
    wait_until(lambda: owned.az("GET", provider)["registrationState"] == "Registered", 30, "the provider")
    owned.add("gpu", {"gpuProfile": {"driver": "Install", "nvidia": {"managementMode": "Managed"}}})
    assert "AKS" in refusal(play, asked(play, "plugin install owned", "install device plugin on owned"))
    assert "AKS installs and runs it on all 1 GPU nodes." in shown(asked(play, "plugin status owned", "Device plugin on owned"))


def test_a_missing_right_names_the_role(play: Playing, fine: Hands) -> None:
    play.fault("kubernetes", "forbidden", "fine", times=-1, role="reader")
    said = failure(play, asked(play, "plugin install fine", "install"))
    play.call("DELETE", "/faults")
    assert "I may not patch namespaces in `fine`" in said
    assert "Azure Kubernetes Service RBAC Cluster Admin" in said


def test_the_plugin_is_upgraded_node_by_node_and_removed(play: Playing, fine: Hands) -> None:
    older = json.loads(json.dumps(MANIFEST).replace(":v0.19.3", ":v0.17.0"))
    fine.kubectl("POST", "/api/v1/namespaces", {"metadata": {"name": "gpu-resources"}})
    fine.kubectl("PATCH", f"{OURS}?fieldManager=quartermaster", older, "application/apply-patch+yaml")
    told = shown(asked(play, "plugin status fine", "Device plugin on fine"))
    assert "An upgrade is there, v0.17.0 → v0.19.3: `/gpu plugin upgrade fine`." in told
    card = asked(play, "plugin upgrade fine", "upgrade device plugin on fine")
    play.reply(card["ts"], "runs on every GPU node of `fine`")
    assert "2 of 2 nodes: ● aks-gpu" in shown(play.card("upgrade device plugin on fine"))
    assert "Runs on 2 of 2 nodes. Version v0.19.3, the newest that I know." in shown(asked(play, "plugin status fine", "Device plugin on fine"))
    play.reply(card["ts"], "✅ 2 `nvidia.com/gpu` on 2 nodes of pool `gpu` can be scheduled")
    play.reply(asked(play, "check fine", "check fine/gpu")["ts"], "Proven: fine: 2 of 2 GPUs free")
    card = asked(play, "plugin remove fine", "remove device plugin on fine")
    play.click(card, "confirm")
    play.reply(card["ts"], "The device plugin is removed from `fine`")
    assert fine.get(OURS) is None


def test_what_somebody_changed_by_hand_is_not_changed_back(play: Playing, fine: Hands) -> None:
    play.reply(asked(play, "plugin install fine", "install device plugin on fine")["ts"], "runs on every GPU node of `fine`")
    change = {"spec": {"template": {"spec": {"tolerations": [{"operator": "Exists"}]}}}}
    fine.kubectl("PATCH", f"{OURS}?fieldManager=kubectl-edit", change, "application/merge-patch+json")
    said = failure(play, asked(play, "plugin upgrade fine", "upgrade device plugin on fine"))
    assert 'conflict with "kubectl-edit" using apps/v1: .spec.template.spec.tolerations' in said
    assert "`/gpu plugin remove fine`" in said
    assert fine.get(OURS)["spec"]["template"]["spec"]["tolerations"] == [{"operator": "Exists"}]


@pytest.fixture(scope="module")
def checked(play: Playing, lab: Hands) -> dict[str, str]:
    """What each thread says in the end, by pool; all pools are checked at once."""
    play.fault("azure", "other_profile", "PUT .*agentPools/odd", driver="None")
    odd = asked(play, f"pool add lab/odd --size {A100} --nodes 1 --for 1h", "node pool lab/odd", ML_CHANNEL)
    card = asked(play, "plugin install lab", "install device plugin on lab")
    play.click(play.card("node pool lab/odd(.|\n)*Waiting for approval", ML_CHANNEL), "approve", BOB, ML_CHANNEL)
    assert "does not tolerate the taint" in failure(play, card)
    wait_until(lambda: lab.gpus() == len(CASES) - len(("taint", "nodriver", "mismatch")), 30, "a GPU in all other pools")
    for case in CASES:
        if case.later:
            play.fault("kubernetes", **case.later)
    name = lab.node("cordoned")["metadata"]["name"]
    lab.kubectl("PATCH", f"/api/v1/nodes/{name}", {"spec": {"unschedulable": True}}, "application/merge-patch+json")
    lab.az("PUT", f"{lab.path}/agentPools/stopped", {"properties": {**GPU, "powerState": {"code": "Stopped"}}})
    lab.settled("stopped")
    play.fault("azure", "other_profile", "agentPools/profile", driver="None")
    lab.az("PUT", f"{lab.path}/agentPools/profile", {"properties": {**GPU, "vmSize": A100, "tags": {"quartermaster-gpu-profile": "driver-only"}}})
    play.fault("azure", "lro_failed", "agentPools/failed", code="AllocationFailed")
    lab.az("PUT", f"{lab.path}/agentPools/failed", {"properties": {**GPU, "count": 2}})
    lab.settled("failed")
    # Slack takes about one message a second in each channel.
    where = {case.pool: (GPU_CHANNEL, ML_CHANNEL)[number % 2] for number, case in enumerate(CASES)}
    cards = {pool: asked(play, f"check lab/{pool}", f"check lab/{pool}", channel) for pool, channel in where.items()}
    # Named on the card at once, and given up when it lasts.
    for pool, words in (("stuck", "is not made: failed to"), ("spot", "Only 0 of 1 Spot nodes")):
        play.card(f"check lab/{pool}(.|\\n)*{words}", where[pool])
    play.advance(181)
    return {pool: failure(play, card, where[pool]) for pool, card in cards.items()} | {"odd": failure(play, odd, ML_CHANNEL)}


@pytest.mark.parametrize("case", CASES, ids=[case.pool for case in CASES])
def test_the_thread_names_the_cause_and_what_to_do(checked: dict[str, str], case: Case) -> None:
    said = checked[case.pool]
    assert re.search(case.words, said), said
    assert case.step in said, said
    assert "Proven" not in said
    assert len(said) < 400, said


def test_a_pool_that_azure_made_otherwise_than_it_was_asked_is_not_kept(checked: dict[str, str], lab: Hands) -> None:
    assert "Azure made the pool with GPU driver `none` although `driver-only` was asked for." in checked["odd"]
    assert "Proven" not in checked["odd"]
    assert all(pool["name"] != "odd" for pool in lab.az("GET", f"{lab.path}/agentPools")["value"])
