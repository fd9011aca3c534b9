"""Whatever reaches beyond a job's own containers is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.cluster.render import RunSpec, render
from bot.cluster.safety import Rules, image_allowed, unsafe
from bot.cluster.templates import from_image, load_templates

JOBS = Path(__file__).parents[2] / "manifests" / "jobs"


def rendered() -> dict[str, Any]:
    return render(RunSpec(template=from_image("ghcr.io/team/x:1"), name="a", op="o", owner="u"))


POD = [
    {"hostNetwork": True},
    {"hostPID": True},
    {"hostIPC": True},
    {"hostUsers": True},
    {"nodeName": "n"},
    {"serviceAccountName": "admin"},
    {"automountServiceAccountToken": True},
    {"priorityClassName": "system-node-critical"},
    {"schedulerName": "mine"},
    {"tolerations": [{"operator": "Exists"}]},
    {"tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]},
    {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
    {"volumes": [{"name": "v", "nfs": {"server": "a", "path": "/"}}]},
    {"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
    {"resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "eight"}]},
    {"initContainers": [{"name": "i", "image": "x", "resources": {"limits": {"nvidia.com/mig-1g.5gb": 1}}}]},
    {"initContainers": [{"name": "i", "image": "x", "env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}]},
    {"securityContext": {"sysctls": [{"name": "a", "value": "b"}]}},
    {"securityContext": {"windowsOptions": {"hostProcess": True}}},
    {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
    {"initContainers": [{"name": "i", "image": "x", "securityContext": {"privileged": True}}]},
]
CONTAINER = [
    {"securityContext": {"privileged": True}},
    {"securityContext": {"allowPrivilegeEscalation": True}},
    {"securityContext": {"procMount": "Unmasked"}},
    {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}},
    {"securityContext": {"capabilities": {"add": ["cap_net_raw"]}}},
    {"ports": [{"containerPort": 80, "hostPort": 80}]},
    {"volumeDevices": [{"name": "d", "devicePath": "/dev/x"}]},
    {"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]},
    {"env": [{"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "all"}]},
    {"image": ""},
    {"image": "a b"},
    {"image": "<!channel>"},
    {"image": "ghcr.io/team/../evil/x"},
    {"image": "ghcr.io/team/x\n"},
    {"resources": {"limits": {"nvidia.com/mig-<!channel>": 1}}},
    {"resources": {"limits": {"nvidia.com/gpu.shared": 8}}},
    {"resources": {"requests": {"amd.com/gpu": 8}, "limits": {"amd.com/gpu": 8}}},
    {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
    {"securityContext": {"seLinuxOptions": {"type": "spc_t"}}},
]
SPEC = [{"selector": {"matchLabels": {"a": "b"}}}, {"manualSelector": True}, {"managedBy": "x/y"}]


def test_a_plain_job_and_all_templates_of_ours_are_safe() -> None:
    assert unsafe(rendered(), Rules()) == []
    for template in load_templates([JOBS]).values():
        assert unsafe(render(RunSpec(template=template, name="a", op="o", owner="u")), Rules()) == []


@pytest.mark.parametrize("change", POD, ids=str)
def test_a_pod_that_reaches_for_the_node_is_found(change: dict[str, Any]) -> None:
    job = rendered()
    job["spec"]["template"]["spec"].update(change)
    assert len(unsafe(job, Rules())) == 1


@pytest.mark.parametrize("change", CONTAINER, ids=str)
def test_a_container_that_reaches_for_the_node_is_found(change: dict[str, Any]) -> None:
    job = rendered()
    job["spec"]["template"]["spec"]["containers"][0].update(change)
    assert len(unsafe(job, Rules())) == 1


@pytest.mark.parametrize("change", SPEC, ids=str)
def test_a_job_that_could_catch_other_pods_is_found(change: dict[str, Any]) -> None:
    job = rendered()
    job["spec"].update(change)
    assert len(unsafe(job, Rules())) == 1


def test_other_namespaces_and_metadata_hooks_are_found() -> None:
    job = rendered()
    job["metadata"] |= {"namespace": "kube-system", "finalizers": ["a/b"], "ownerReferences": [{}]}
    assert len(unsafe(job, Rules(namespaces=("default", "ml")))) == 3


def test_every_fault_is_told_at_once() -> None:
    job = rendered()
    job["spec"]["template"]["spec"] |= {"hostNetwork": True, "hostPID": True}
    assert unsafe(job, Rules(images=("mcr.microsoft.com/",))) == [
        "`hostNetwork`",
        "`hostPID`",
        "image `ghcr.io/team/x:1` (allowed: mcr.microsoft.com/)",
    ]


@pytest.mark.parametrize(
    ("image", "allowed"),
    [
        ("ghcr.io/team/x:1", True),
        ("ghcr.io/team/deep/x@sha256:" + "a" * 64, True),
        ("ghcr.io/teammate/x", False),
        ("ghcr.io/team", False),
        ("evil.io/ghcr.io/team/x", False),
        ("ubuntu", True),
        ("ubuntu:22.04", True),
        ("docker.io/library/ubuntu", True),
        ("library/ubuntu", True),
        ("evil/ubuntu", False),
        ("ghcr.io.evil.io/team/x", False),
        ("nvcr.io/nvidia/pytorch:24.01", True),
        ("nvcr.io/nvidia/pytorch-evil", False),
    ],
)
def test_prefixes_match_whole_segments_of_the_name_that_is_really_pulled(image: str, allowed: bool) -> None:
    assert image_allowed(image, ("ghcr.io/team/", "ubuntu", "nvcr.io/nvidia/pytorch")) is allowed
