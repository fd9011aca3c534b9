"""azure-cli, which we did not write, works unmodified against the local Resource Manager; what it sends is what the oracle keeps."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.judge.clients import Az, az_configured, tool
from tests.judge.oracle import kept, sent_body
from tests.playing import Playing, wait_until

Json = dict[str, Any]
IN = "-g rg --cluster-name demo"
T4 = "--node-vm-size Standard_NC4as_T4_v3 --node-count 1"
ADDED: dict[str, Json] = {  # of each kept `nodepool add`: what the pool that it makes shows
    "pool-add": {"vmSize": "Standard_NC4as_T4_v3", "nodeTaints": ["sku=gpu:NoSchedule"], "nodeLabels": {"a": "b"}, "tags": {"owner": "U0ALICE"}},
    "pool-add-autoscaler": {"enableAutoScaling": True, "minCount": 0, "maxCount": 2},
    "pool-add-custom-header": {"vmSize": "Standard_D2s_v5"},
    "pool-add-driver-none": {"gpuProfile": {"driver": "None"}},
    "pool-add-mig": {"gpuInstanceProfile": "MIG1g"},
    "pool-add-spot": {
        "scaleSetPriority": "Spot", "scaleSetEvictionPolicy": "Delete", "spotMaxPrice": -1.0,
        "nodeTaints": ["kubernetes.azure.com/scalesetpriority=spot:NoSchedule"],
    },
    "pool-add-zones": {"availabilityZones": ["1", "2"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(az: Az) -> str:
    """A group ``rg`` with a cluster ``demo``, both made by azure-cli; what it logged while it created the cluster."""
    az("group create -n rg -l eastus")
    logged: str = az(f"{kept('cluster-create')['command'].removeprefix('az ')} --no-wait", debug=True)
    az("aks wait --created -g rg -n demo --interval 1")
    return logged


def added(az: Az, name: str, options: str = T4) -> None:
    """A pool in the cluster ``demo``, ready."""
    az(f"aks nodepool add {IN} -n {name} {options} --no-wait")
    az(f"aks nodepool wait --created {IN} -n {name} --interval 1")


def test_a_group_is_made_found_and_listed(az: Az) -> None:
    logged = az(kept("group-create")["command"].removeprefix("az "), debug=True)
    assert sent_body(logged, "PUT") == kept("group-create")["body"]
    assert az("group exists -n rg") is True
    assert [group["name"] for group in az("group list")] == ["rg"]


def test_groups_are_listed_by_tag(az: Az) -> None:
    az(kept("group-create")["command"].removeprefix("az "))
    assert [group["name"] for group in az("group list --tag owner=U0ALICE")] == ["rg"]


def test_a_cluster_is_created_shown_stopped_started_and_deleted(az: Az) -> None:
    az("group create -n lives -l eastus")
    az("aks create -g lives -n once --no-ssh-key --node-count 1 --node-vm-size Standard_D2s_v5 --no-wait")
    az("aks wait --created -g lives -n once --interval 1")
    shown = az("aks show -g lives -n once")
    assert (shown["provisioningState"], shown["powerState"]["code"], shown["currentKubernetesVersion"][:2]) == ("Succeeded", "Running", "1.")
    az("aks stop -g lives -n once")
    assert az("aks show -g lives -n once")["powerState"]["code"] == "Stopped"
    az("aks start -g lives -n once --no-wait")
    az("aks wait --updated -g lives -n once --interval 1")
    assert az("aks show -g lives -n once")["powerState"]["code"] == "Running"
    az("aks delete -g lives -n once -y")
    assert "ResourceNotFound" in az.refused("aks show -g lives -n once")
    az("group delete -n lives -y")
    assert az("group exists -n lives") is False


def test_the_body_of_a_new_cluster_is_the_kept_one(demo: str) -> None:
    assert sent_body(demo, "PUT") == kept("cluster-create")["body"]


@pytest.mark.parametrize("name", ADDED)
def test_a_pool_is_added_as_asked_with_the_kept_body(az: Az, demo: str, name: str) -> None:
    request = kept(name)
    pool = request["name"]
    logged = az(f"{request['command'].removeprefix('az ')} {IN} --no-wait", debug=True)
    assert sent_body(logged, "PUT") == request["body"]
    az(f"aks nodepool wait --created {IN} -n {pool} --interval 1")
    shown = az(f"aks nodepool show {IN} -n {pool}")
    assert {key: shown[key] for key in ADDED[name]} == ADDED[name]
    az(f"aks nodepool delete {IN} -n {pool} --no-wait")


def test_custom_headers_are_plain_headers_and_the_retired_one_is_refused(az: Az, demo: str) -> None:
    size = "--node-vm-size Standard_NC4as_T4_v3"
    said = az.refused(f"aks nodepool add {IN} -n vhd {size} --node-count 1 --aks-custom-headers UseGPUDedicatedVHD=true --no-wait --debug")
    assert re.search(r"'UseGPUDedicatedVHD': 'true'", said)
    assert "UseGPUDedicatedVHD" in said.rpartition("\nERROR")[2]


def test_a_pool_is_scaled_updated_stopped_started_and_deleted(az: Az, demo: str) -> None:
    added(az, "changes", f"{T4} --node-taints sku=gpu:NoSchedule --labels a=b --tags owner=U0ALICE")
    for name, verb, shows in (
        ("pool-scale", "scale -c 2", {"count": 2}),
        ("pool-update-labels", "update --labels x=y", {"nodeLabels": {"x": "y"}}),
        ("pool-stop", "stop", {"powerState": {"code": "Stopped"}}),
        ("pool-start", "start", {"powerState": {"code": "Running"}}),
    ):
        logged = az(f"aks nodepool {verb} {IN} -n changes --no-wait", debug=True)
        body, expected = sent_body(logged, "PUT")["properties"], kept(name)["body"]["properties"]
        assert set(body) == set(expected)
        assert {key: body[key] for key in shows} == shows
        az(f"aks nodepool wait --updated {IN} -n changes --interval 1")
        shown = az(f"aks nodepool show {IN} -n changes")
        assert {key: shown[key] for key in shows} == shows
    az(f"aks nodepool delete {IN} -n changes")
    assert "changes" not in [pool["name"] for pool in az(f"aks nodepool list {IN}")]


def test_an_autoscaler_range_is_changed(az: Az, demo: str) -> None:
    added(az, "ranges", f"{T4} --enable-cluster-autoscaler --min-count 0 --max-count 2")
    logged = az(f"aks nodepool update {IN} -n ranges --update-cluster-autoscaler --min-count 1 --max-count 2 --no-wait", debug=True)
    assert set(sent_body(logged, "PUT")["properties"]) == set(kept("pool-update-autoscaler")["body"]["properties"])
    assert "autoscaler" in az.refused(f"aks nodepool scale {IN} -n ranges -c 2")
    az(f"aks nodepool delete {IN} -n ranges")


def test_a_running_operation_refuses_another_and_is_aborted(az: Az, demo: str, play: Playing) -> None:
    added(az, "busy")
    play.call("POST", "/clock", {"speed": 10})
    az(f"aks nodepool scale {IN} -n busy -c 2 --no-wait")
    said = az.refused(f"aks nodepool update {IN} -n busy --labels x=y --no-wait")
    assert "(OperationNotAllowed)" in said
    assert "in progress" in said
    az(f"aks nodepool operation-abort {IN} -n busy --no-wait")
    play.call("POST", "/clock", {"speed": 1000})

    def canceled() -> bool:
        return bool(az(f"aks nodepool show {IN} -n busy")["provisioningState"] == "Canceled")

    wait_until(canceled, 30, "the aborted pool is Canceled")
    az(f"aks nodepool delete {IN} -n busy --no-wait")


def test_a_cluster_operation_is_aborted(az: Az, demo: str, play: Playing) -> None:
    play.call("POST", "/clock", {"speed": 10})
    az("aks create -g rg -n halfway --no-ssh-key --node-count 1 --no-wait")
    az("aks operation-abort -g rg -n halfway --no-wait")
    play.call("POST", "/clock", {"speed": 1000})

    def canceled() -> bool:
        return bool(az("aks show -g rg -n halfway")["provisioningState"] == "Canceled")

    wait_until(canceled, 30, "the aborted cluster is Canceled")
    az("aks delete -g rg -n halfway -y --no-wait")


def test_refusals_reach_the_person_in_azures_words(az: Az, demo: str) -> None:
    retired = az.refused(f"aks nodepool add {IN} -n old --node-vm-size Standard_NC6 --node-count 1")
    assert "is not allowed in your subscription in location 'eastus'" in retired
    quota = az.refused(f"aks nodepool add {IN} -n big --node-vm-size Standard_NC24ads_A100_v4 --node-count 100")
    assert "(ErrCode_InsufficientVCPUQuota)" in quota
    gone = az.refused(f"aks nodepool show {IN} -n nosuch")
    assert "nosuch" in gone


def test_a_failed_operation_is_told_by_its_code(az: Az, demo: str, play: Playing) -> None:
    play.fault("azure", "no_capacity", "agentPools/scarce")
    az(f"aks nodepool add {IN} -n scarce {T4} --no-wait")

    def failed() -> Json | None:
        shown: Json = az(f"aks nodepool show {IN} -n scarce")
        return shown if shown["provisioningState"] == "Failed" else None

    shown = wait_until(failed, 30, "the pool has failed")
    assert shown["status"]["provisioningError"]["code"] == "AllocationFailed"
    az(f"aks nodepool delete {IN} -n scarce --no-wait")


def test_tags_of_a_cluster_are_changed(az: Az, demo: str) -> None:
    logged = az("aks update -g rg -n demo --tags owner=U0BOB --no-wait", debug=True)
    body, expected = sent_body(logged, "PUT"), kept("cluster-update-tags")["body"]
    assert (body["tags"], set(body), set(body["properties"])) == (expected["tags"], set(expected), set(expected["properties"]))
    az("aks wait --updated -g rg -n demo --interval 1")


def test_credentials_are_written_for_users_and_administrators(az: Az, demo: str) -> None:
    for options, user in (("", "clusterUser_rg_demo"), ("--admin", "clusterAdmin_rg_demo")):
        az(f"aks get-credentials -g rg -n demo -f kubeconfig --overwrite-existing {options}")
        config = yaml.safe_load((az.folder / "kubeconfig").read_text())
        assert user in [one["name"] for one in config["users"]]
        assert "/clusters/rg--demo" in config["clusters"][0]["cluster"]["server"]


def test_entra_clusters_have_no_static_credentials(az: Az, demo: str) -> None:
    logged = az(f"{kept('cluster-create-entra')['command'].removeprefix('az ')} -g rg --no-wait", debug=True)
    assert sent_body(logged, "PUT") == kept("cluster-create-entra")["body"]
    az("aks wait --created -g rg -n entra --interval 1")
    az("aks get-credentials -g rg -n entra -f entra --overwrite-existing")
    config = yaml.safe_load((az.folder / "entra").read_text())
    assert config["users"][0]["user"]["exec"]["command"] == "kubelogin"
    assert "Getting static credential is not allowed" in az.refused("aks get-credentials -g rg -n entra -f entra --admin")
    az("aks delete -g rg -n entra -y --no-wait")


def test_a_feature_is_registered_and_then_its_provider(az: Az) -> None:
    feature = "--namespace Microsoft.ContainerService -n ManagedGPUExperiencePreview"
    assert az(f"feature show {feature}")["properties"]["state"] == "NotRegistered"
    assert az(f"feature register {feature}")["properties"]["state"] == "Registering"

    def registered() -> bool:
        return bool(az(f"feature show {feature}")["properties"]["state"] == "Registered")

    wait_until(registered, 30, "the feature is Registered")
    az("provider register -n Microsoft.ContainerService")
    assert az("provider show -n Microsoft.ContainerService")["registrationState"] in ("Registering", "Registered")


def test_sizes_and_quotas_are_listed(az: Az) -> None:
    sizes = {row["name"]: row for row in az("vm list-skus -l eastus --size NC")}
    capabilities = {one["name"]: one["value"] for one in sizes["Standard_NC4as_T4_v3"]["capabilities"]}
    assert (capabilities["GPUs"], capabilities["vCPUs"]) == ("1", "4")
    usages = {row["name"]["value"]: row for row in az("vm list-usage -l eastus")}
    assert {"cores", "lowPriorityCores", "Standard NCASv3_T4 Family"} <= set(usages)
    assert all(int(row["limit"]) >= int(row["currentValue"]) for row in usages.values())


def test_versions_are_listed(az: Az) -> None:
    versions = az("aks get-versions -l eastus")["values"]
    assert sum(bool(row["isDefault"]) for row in versions) == 1


def test_a_service_principal_signs_in_over_tls(play: Playing, tmp_path: Path) -> None:
    az = az_configured(tool("azure-cli/bin/az"), play, tmp_path)
    az("config set core.instance_discovery=false")
    az("login --service-principal -u 00000000-0000-4000-8000-00000000000c -p secret -t 00000000-0000-4000-8000-00000000000a")
    assert json.dumps(az("group list")) is not None
