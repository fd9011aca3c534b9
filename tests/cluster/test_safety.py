"""Whatever reaches beyond a job's own containers is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.cluster.render import RunSpec, render
from bot.cluster.safety import unsafe
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
    {"terminationGracePeriodSeconds": 31536000},
    {"priorityClassName": "gpu-high"},
    {"runtimeClassName": "kata"},
    {"overhead": {"cpu": "1"}},
    {"schedulingGates": [{"name": "a/b"}]},
    {"priority": 1_000_000},
    {"schedulingGroup": {"podGroupName": "a"}},
    {"brandNew": {"of": "tomorrow"}},
    {"nodeSelector": {"kubernetes.azure.com/mode": "system"}},
    {"nodeSelector": {"kubernetes.io/hostname": "aks-gpu-1"}},
    {"nodeSelector": {"node-role.kubernetes.io/control-plane": ""}},
    {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}]}]}}}},
    {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "preference": {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]}}]}}},
    {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": {}, "topologyKey": "a"}]}}},
    {"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]},
    {"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "x"}}},
    {"securityContext": {"seLinuxOptions": {"user": "system_u"}}},
    {"securityContext": {"brandNew": True}},
    {"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "32Ti"}}}}}}]},
    {"volumes": [{"name": "v", "projected": {"sources": [{"podCertificate": {"signerName": "a/b", "keyType": "ED25519"}}]}}]},
    {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}, {"clusterTrustBundle": {"name": "a"}}]}}]},
    {"volumes": [{"name": "v", "image": {"reference": "evil"}}]},
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
CONTAINER += [
    {"livenessProbe": {"httpGet": {"host": "169.254.169.254", "path": "/", "port": 80}}},
    {"readinessProbe": {"tcpSocket": {"host": "10.0.0.1", "port": 80}}},
    {"startupProbe": {"exec": {"command": ["a"]}, "terminationGracePeriodSeconds": 86400}},
    {"lifecycle": {"preStop": {"httpGet": {"host": "10.0.0.1", "port": 80}}}},
    {"lifecycle": {"brandNew": {"of": "tomorrow"}}},
    {"securityContext": {"seLinuxOptions": {"role": "system_r"}}},
    {"securityContext": {"seccompProfile": {"type": "Localhost"}}},
    {"securityContext": {"windowsOptions": {"runAsUserName": "ContainerAdministrator"}}},
    {"securityContext": {"brandNew": True}},
    {"resources": {"claims": [{"name": "gpu"}], "limits": {"nvidia.com/gpu": 1}}},
    {"ports": [{"containerPort": 80, "hostIP": "10.0.0.4"}]},
    {"env": [{"name": "A", "valueFrom": {"fileKeyRef": {"path": "/etc/x"}}}]},
    {"volumeMounts": [{"name": "v", "mountPath": "/var/run/nvidia-container-devices/all"}]},
    {"volumeMounts": [{"name": "v", "mountPath": "/x", "mountPropagation": "Bidirectional"}]},
    {"brandNew": {"of": "tomorrow"}},
]
SPEC = [{"selector": {"matchLabels": {"a": "b"}}}, {"manualSelector": True}, {"managedBy": "x/y"}, {"brandNew": 1}]
TEMPLATE = [
    {"finalizers": ["example.com/never"]},
    {"annotations": {"container.apparmor.security.beta.kubernetes.io/main": "unconfined"}},
    {"annotations": {"sidecar.istio.io/userVolume": '[{"name": "root", "hostPath": {"path": "/"}}]'}},
    {"annotations": {"cdi.k8s.io/gpus": "nvidia.com/gpu=all"}},
    {"labels": {"azure.workload.identity/use": "true"}},
]
PERMITTED = [
    {"imagePullSecrets": [{"name": "registry"}]},
    {"terminationGracePeriodSeconds": 300},
    {"hostNetwork": False, "hostUsers": False, "serviceAccountName": "default", "schedulerName": "default-scheduler", "priorityClassName": ""},
    {"nodeSelector": {"kubernetes.azure.com/agentpool": "gpu", "nvidia.com/gpu.product": "T4", "kubernetes.azure.com/mode": "user"}},
    {"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": {"topologyKey": "a"}}]}}},
    {"tolerations": [{"key": "team", "operator": "Exists"}, {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}]},
    {"securityContext": {"runAsUser": 1000, "fsGroup": 1000, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}},
    {"volumes": [
        {"name": "a", "emptyDir": {"medium": "Memory"}}, {"name": "b", "secret": {"secretName": "s"}}, {"name": "c", "configMap": {"name": "c"}},
        {"name": "d", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "e", "projected": {"sources": [{"secret": {"name": "s"}}]}},
    ]},
    {"initContainers": [{
        "name": "i", "image": "busybox", "restartPolicy": "Always", "envFrom": [{"secretRef": {"name": "s"}}],
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "securityContext": {"capabilities": {"drop": ["ALL"], "add": ["IPC_LOCK"]}, "allowPrivilegeEscalation": False, "privileged": False},
        "livenessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 5}, "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    }]},
]  # fmt: skip


def test_a_plain_job_and_all_templates_of_ours_are_safe() -> None:
    assert unsafe(rendered()) == []
    for template in load_templates([JOBS]).values():
        assert unsafe(render(RunSpec(template=template, name="a", op="o", owner="u"))) == []


@pytest.mark.parametrize("change", POD, ids=str)
def test_a_pod_that_reaches_for_the_node_is_found(change: dict[str, Any]) -> None:
    job = rendered()
    job["spec"]["template"]["spec"].update(change)
    assert len(unsafe(job)) == 1


@pytest.mark.parametrize("change", CONTAINER, ids=str)
def test_a_container_that_reaches_for_the_node_is_found(change: dict[str, Any]) -> None:
    job = rendered()
    job["spec"]["template"]["spec"]["containers"][0].update(change)
    assert len(unsafe(job)) == 1


@pytest.mark.parametrize("change", SPEC, ids=str)
def test_a_job_that_could_catch_other_pods_is_found(change: dict[str, Any]) -> None:
    job = rendered()
    job["spec"].update(change)
    assert len(unsafe(job)) == 1


def test_other_namespaces_and_metadata_hooks_are_found() -> None:
    job = rendered()
    job["metadata"] |= {"namespace": "kube-system", "finalizers": ["a/b"], "ownerReferences": [{}]}
    assert len(unsafe(job)) == 3


def test_every_fault_is_told_at_once() -> None:
    job = rendered()
    job["spec"]["template"]["spec"] |= {"hostNetwork": True, "hostPID": True}
    assert unsafe(job) == ["`hostNetwork`", "`hostPID`"]


@pytest.mark.parametrize("change", TEMPLATE, ids=str)
def test_orders_to_controllers_in_the_pods_metadata_are_found(change: dict[str, Any]) -> None:
    job = rendered()
    for key, value in change.items():
        there = job["spec"]["template"]["metadata"].get(key)
        job["spec"]["template"]["metadata"][key] = {**there, **value} if there else value
    assert len(unsafe(job)) == 1


@pytest.mark.parametrize("change", PERMITTED, ids=str)
def test_what_reaches_no_further_than_its_own_containers_is_permitted(change: dict[str, Any]) -> None:
    job = rendered()
    job["spec"]["template"]["spec"].update(change)
    job["spec"]["template"]["metadata"]["labels"] |= {"app.kubernetes.io/name": "a", "example.com/team": "vision", "plain": "1"}
    job["spec"]["template"]["metadata"]["annotations"] |= {"plain": "1", "cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    assert unsafe(job) == []
