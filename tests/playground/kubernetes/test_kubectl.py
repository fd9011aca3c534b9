"""A client that we did not write: kubectl, over TLS, with the kubeconfig that Azure's side hands out."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.playground.kubernetes.conftest import SAMPLE, Kube, wait_until

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
Kubectl = Callable[..., subprocess.CompletedProcess[str]]

# The manifests of "Use GPUs for compute-intensive workloads on AKS".
PLUGIN = """
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: nvidia-device-plugin-daemonset
  namespace: gpu-resources
spec:
  selector:
    matchLabels:
      name: nvidia-device-plugin-ds
  updateStrategy:
    type: RollingUpdate
  template:
    metadata:
      annotations:
        scheduler.alpha.kubernetes.io/critical-pod: ""
      labels:
        name: nvidia-device-plugin-ds
    spec:
      tolerations:
      - key: CriticalAddonsOnly
        operator: Exists
      - key: nvidia.com/gpu
        operator: Exists
        effect: NoSchedule
      containers:
      - image: mcr.microsoft.com/oss/nvidia/k8s-device-plugin:1.11
        name: nvidia-device-plugin-ctr
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop: ["ALL"]
        volumeMounts:
          - name: device-plugin
            mountPath: /var/lib/kubelet/device-plugins
      volumes:
        - name: device-plugin
          hostPath:
            path: /var/lib/kubelet/device-plugins
"""
JOB = f"""
apiVersion: batch/v1
kind: Job
metadata:
  labels:
    app: samples-tf-mnist-demo
  name: samples-tf-mnist-demo
spec:
  template:
    metadata:
      labels:
        app: samples-tf-mnist-demo
    spec:
      containers:
      - name: samples-tf-mnist-demo
        image: {SAMPLE}
        args: ["--max_steps", "500"]
        imagePullPolicy: IfNotPresent
        resources:
          limits:
           nvidia.com/gpu: 1
      restartPolicy: OnFailure
"""


@pytest.fixture
def kubectl(kube: Kube, tmp_path: Path) -> Kubectl:
    config = tmp_path / "config"
    config.write_text(kube.server.do(lambda: kube.server.clusters.kubeconfig(kube.id)))

    def run(*arguments: str, stdin: str = "", ok: bool = True, role: str = "") -> subprocess.CompletedProcess[str]:
        path = config
        if role:
            path = tmp_path / role
            path.write_text(kube.server.do(lambda: kube.server.clusters.kubeconfig_for(kube.id, role)))
        env = {**os.environ, "KUBECONFIG": str(path), "HOME": str(tmp_path)}
        done = subprocess.run(["kubectl", *arguments], input=stdin, capture_output=True, text=True, timeout=60, env=env, check=False)
        assert (done.returncode == 0) is ok, done.stderr + done.stdout
        return done

    return run


def test_the_document_can_be_followed_command_by_command(kube: Kube, kubectl: Kubectl) -> None:
    node = kube.pool(taints=[])
    assert kubectl("create", "namespace", "gpu-resources").stdout == "namespace/gpu-resources created\n"
    assert "nvidia-device-plugin-daemonset created" in kubectl("apply", "-f", "-", stdin=PLUGIN).stdout
    assert "nvidia-device-plugin-daemonset unchanged" in kubectl("apply", "-f", "-", stdin=PLUGIN).stdout
    rolled = kubectl("rollout", "status", "-n", "gpu-resources", "ds/nvidia-device-plugin-daemonset", "--timeout=30s").stdout
    assert "successfully rolled out" in rolled
    wait_until(lambda: kube.gpus(node) == ("1", "1"))
    rows = kubectl("get", "nodes").stdout.splitlines()
    assert rows[0].split() == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert rows[1].split()[:3] + rows[1].split()[4:] == [node, "Ready", "<none>", "v1.34.2"]
    described = kubectl("describe", "node", node).stdout
    assert described.count("nvidia.com/gpu:     1") == 2
    assert "nvidia-device-plugin-daemonset" in described
    assert "job.batch/samples-tf-mnist-demo created" in kubectl("apply", "-f", "-", stdin=JOB).stdout
    kubectl("wait", "--for=condition=complete", "job/samples-tf-mnist-demo", "--timeout=30s")
    row = kubectl("get", "jobs", "samples-tf-mnist-demo").stdout.splitlines()[1].split()
    assert row[:3] == ["samples-tf-mnist-demo", "Complete", "1/1"]
    pods = kubectl("get", "pods", "--selector", "app=samples-tf-mnist-demo").stdout.splitlines()
    assert pods[1].split()[1:4] == ["0/1", "Completed", "0"]
    log = kubectl("logs", pods[1].split()[0]).stdout
    assert "name: Tesla T4" in log
    assert "Accuracy at step 490: 0.9" in log
    assert 'job.batch "samples-tf-mnist-demo" deleted' in kubectl("delete", "jobs", "samples-tf-mnist-demo").stdout
    wait_until(lambda: kube.get("/api/v1/namespaces/default/pods")["items"] == [])


def test_logs_are_followed_to_the_end(kube: Kube, kubectl: Kubectl) -> None:
    kube.cpu_pool()
    kube.job("mnist", image=SAMPLE, args=["--max_steps", "100"])
    wait_until(lambda: kube.pods_of("mnist"))
    kube.pod_when(kube.pods_of("mnist")[0]["metadata"]["name"], lambda pod: pod["status"]["phase"] != "Pending")
    assert kubectl("logs", "-f", "job/mnist").stdout.splitlines()[-1] == "Adding run metadata for 99"


def test_pods_are_described_with_their_events(kube: Kube, kubectl: Kubectl) -> None:
    kube.cpu_pool()
    kube.pod("x", gpus=1)
    wait_until(lambda: "FailedScheduling" in kube.reasons("x"))
    described = kubectl("describe", "pod", "x").stdout
    assert "0/1 nodes are available: 1 Insufficient nvidia.com/gpu." in described
    assert "Warning  FailedScheduling" in described
    wide = kubectl("get", "pods", "-o", "wide").stdout.splitlines()
    assert wide[0].split()[:5] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert "NODE" in wide[0]


def test_tables_can_be_watched(kube: Kube, kubectl: Kubectl) -> None:
    kube.cpu_pool()
    kube.job("x", env={"PLAYGROUND_SECONDS": "60"})
    watched = kubectl("get", "jobs", "--watch", "--request-timeout=3s", ok=True).stdout.splitlines()
    assert [line.split()[1] for line in watched[:1]] == ["STATUS"]
    assert watched[-1].split()[1:3] == ["Complete", "1/1"]


def test_server_side_apply_and_strict_validation(kube: Kube, kubectl: Kubectl) -> None:
    kubectl("create", "namespace", "gpu-resources")
    assert "serverside-applied" in kubectl("apply", "--server-side", "-f", "-", stdin=PLUGIN).stdout
    changed = PLUGIN.replace("k8s-device-plugin:1.11", "k8s-device-plugin:1.12")
    refused = kubectl("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=changed, ok=False).stderr
    assert 'conflict with "kubectl"' in refused
    wrong = kubectl("apply", "-f", "-", stdin=JOB.replace("restartPolicy", "restartPolice"), ok=False).stderr
    assert 'unknown field "spec.template.spec.restartPolice"' in wrong


def test_rights_are_told_and_kept(kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "create", "jobs").stdout == "yes\n"
    assert kubectl("auth", "can-i", "create", "jobs", role="reader", ok=False).stdout == "no\n"
    refused = kubectl("get", "pods", role="nobody", ok=False).stderr
    assert refused.startswith('Error from server (Forbidden): pods is forbidden: User "playground-nobody" cannot list')
    assert "playground-reader" in kubectl("auth", "whoami", role="reader").stdout


def test_everyday_commands(kube: Kube, kubectl: Kubectl) -> None:
    node = kube.cpu_pool()
    kubectl("create", "job", "hello", "--image=busybox", "--", "echo", "hi")
    kubectl("wait", "--for=condition=complete", "job/hello", "--timeout=30s")
    assert kubectl("logs", "job/hello").stdout == "echo hi\n"
    kubectl("create", "configmap", "c", "--from-literal=a=b")
    kubectl("create", "secret", "generic", "s", "--from-literal=token=t0ken")
    assert kubectl("get", "secret", "s", "-o", "jsonpath={.data.token}").stdout == "dDBrZW4="
    kubectl("label", "node", node, "team=ml")
    kubectl("annotate", "job", "hello", "note=x")
    kubectl("taint", "node", node, "a=b:NoSchedule")
    kubectl("taint", "node", node, "a:NoSchedule-")
    kubectl("cordon", node)
    assert "SchedulingDisabled" in kubectl("get", "node", node).stdout
    kubectl("uncordon", node)
    kubectl("patch", "configmap", "c", "-p", '{"data":{"a":"c"}}')
    assert "RESTARTS" in kubectl("get", "all", "-A").stdout
    kubectl("get", "events", "--sort-by=.lastTimestamp")
    kubectl("run", "p", "--image=busybox", "--restart=Never", "--", "sleep", "infinity")
    kubectl("wait", "--for=condition=Ready", "pod/p", "--timeout=30s")
    kubectl("delete", "pod", "p", "--wait=true")
    kubectl("drain", node, "--ignore-daemonsets", "--force")
    kubectl("delete", "namespace", "kube-system", ok=False)
    assert kubectl("get", "pods", "-A", "-o", "name").stdout
    assert "parallelism <integer>" in kubectl("explain", "job.spec.parallelism").stdout
