"""The document's two manifests, small: the device plugin and a training job (AKS: GPU article)."""

from __future__ import annotations

from typing import Final

SAMPLE: Final = "mcr.microsoft.com/azuredocs/samples-tf-mnist-demo:gpu"
PLUGIN: Final = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: nvidia-device-plugin-daemonset, namespace: kube-system}
spec:
  selector: {matchLabels: {name: nvidia-device-plugin-ds}}
  template:
    metadata: {labels: {name: nvidia-device-plugin-ds}}
    spec:
      tolerations: [{key: sku, operator: Equal, value: gpu, effect: NoSchedule}]
      nodeSelector: {agentpool: gpu}
      containers:
      - name: nvidia-device-plugin-ctr
        image: nvcr.io/nvidia/k8s-device-plugin:v0.19.3
        env: [{name: FAIL_ON_INIT_ERROR, value: "false"}]
        volumeMounts: [{name: device-plugin, mountPath: /var/lib/kubelet/device-plugins}]
      volumes: [{name: device-plugin, hostPath: {path: /var/lib/kubelet/device-plugins}}]
"""


def job(name: str, *, gpus: int = 0, steps: int = 20, image: str = SAMPLE, retries: int = 0) -> str:
    """A Job that trains for `steps` steps, on `gpus` GPUs."""
    limits = f"resources: {{limits: {{nvidia.com/gpu: '{gpus}'}}}}" if gpus else ""
    return f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  backoffLimit: {retries}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      restartPolicy: Never
      tolerations: [{{key: sku, operator: Equal, value: gpu, effect: NoSchedule}}]
      containers:
      - name: main
        image: {image}
        args: ["--max_steps", "{steps}"]
        {limits}
"""
