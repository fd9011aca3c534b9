"""A manifest of a stranger's, whatever stands in its fields, ends as a Job or in words, never as a fault of ours."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from bot.cluster.render import RunSpec, gpus_of, render
from bot.cluster.safety import unsafe
from bot.cluster.templates import from_manifest
from bot.errors import Refused
from bot.plans.work import base_name, resource_of

FULL: dict[str, Any] = yaml.safe_load("""
apiVersion: batch/v1
kind: Job
metadata: {name: full, namespace: default, labels: {team: vision}, annotations: {note: "1"}}
spec:
  backoffLimit: 1
  completions: 2
  parallelism: 2
  activeDeadlineSeconds: 60
  template:
    metadata: {labels: {team: vision}, annotations: {note: "1"}}
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 30
      nodeSelector: {accelerator: nvidia}
      tolerations: [{key: sku, operator: Equal, value: gpu, effect: NoSchedule}]
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Exists}]}]}
      imagePullSecrets: [{name: registry}]
      securityContext: {runAsUser: 1000, seccompProfile: {type: RuntimeDefault}, supplementalGroups: [1]}
      volumes:
        - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
        - {name: all, projected: {sources: [{secret: {name: s}}, {configMap: {name: c}}]}}
        - {name: data, persistentVolumeClaim: {claimName: data}}
      initContainers:
        - {name: first, image: ubuntu, restartPolicy: Always, resources: {limits: {nvidia.com/gpu: 1}}}
      containers:
        - name: main
          image: ubuntu
          args: [a, b]
          env: [{name: A, value: b}, {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}]
          envFrom: [{secretRef: {name: s}}]
          ports: [{containerPort: 80}]
          resources: {limits: {nvidia.com/gpu: 1, memory: 1Gi}, requests: {cpu: 1}}
          volumeMounts: [{name: tmp, mountPath: /tmp}]
          securityContext: {capabilities: {drop: [ALL]}, allowPrivilegeEscalation: false}
          livenessProbe: {httpGet: {path: /, port: 80}}
          lifecycle: {preStop: {exec: {command: [a]}}}
        - {name: second, image: ubuntu, resources: {limits: {nvidia.com/gpu: 1}}}
""")
ODD: dict[str, Any] = {
    "nothing": None, "zero": 0, "text": "x", "no text": "", "list": [], "list of nothing": [None], "list of number": [0], "mapping": {},
    "mapping of nothing": {"x": None}, "true": True, "huge": 10**30, "infinite": float("inf"), "kilo": "1k",
}  # fmt: skip


def paths(node: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there is something, from the root on."""
    if at:
        yield at
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from paths(value, (*at, key))


def changed(at: tuple[Any, ...], value: Any) -> dict[str, Any]:
    job = copy.deepcopy(FULL)
    node: Any = job
    for key in at[:-1]:
        node = node[key]
    node[at[-1]] = value
    return job


def planned(text: str) -> dict[str, Any]:
    """All that is done to a manifest before anybody is asked. Raises Refused."""
    template = from_manifest(text)
    reasons = unsafe(template.manifest)
    resource = resource_of(template.manifest)
    job = render(RunSpec(template=template, name=base_name({}, template), op="o", owner="u", resource=resource, timeout=60))
    gpus_of(job)
    if reasons:
        raise Refused("plans.unsafe", reasons="; ".join(reasons))
    return job


def test_the_whole_of_it_runs() -> None:
    assert planned(yaml.safe_dump(FULL))


@pytest.mark.parametrize("odd", ODD)
def test_whatever_stands_in_any_field_ends_in_words(odd: str) -> None:
    for at in paths(FULL):
        with contextlib.suppress(Refused):
            json.dumps(planned(yaml.safe_dump(changed(at, ODD[odd]))), allow_nan=False)


EMPTY = ("resources:", "resources: {limits: }", "env:", "ports:", "volumeMounts:", "securityContext:")
EMPTY_POD = ("tolerations:", "nodeSelector:", "volumes:", "initContainers:", "affinity:", "volumes: [{name: a, projected: }]")
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: x, labels: , annotations: }
spec:
  backoffLimit:
  template:
    metadata:
    spec:
      %s
      containers:
        - name: main
          image: ubuntu
          %s
"""


@pytest.mark.parametrize(("pod", "container"), [*(("", field) for field in EMPTY), *((field, "") for field in EMPTY_POD)])
def test_a_field_that_is_left_empty_is_as_if_it_were_not_there(pod: str, container: str) -> None:
    assert planned(JOB % (pod, container))["spec"]["template"]["spec"]["containers"][0]["image"] == "ubuntu"


@pytest.mark.parametrize(
    "field",
    ["x: 2026-11-30", "x: !!set {a, b}", "x: !!binary aGVsbG8=", "x: .nan", "? [1, 2]\n          : x", "x: {2026-11-30: y}", 'x: "\\ud800"'],
)
def test_a_value_that_json_cannot_hold_is_told_as_such(field: str) -> None:
    with pytest.raises(Refused, match="manifest"):
        planned(JOB % ("", field))


@pytest.mark.parametrize("value", ["!!timestamp x", "!!bool x", "!!int ''", "!!float x", "1:" * 3000 + "1.0"])
def test_a_value_that_does_not_fit_its_tag_is_told_as_such(value: str) -> None:
    with pytest.raises(Refused, match="not YAML"):
        from_manifest(f"x: {value}")


@pytest.mark.parametrize("where", [("containers", 0), ("containers", 1), ("initContainers", 0)])
@pytest.mark.parametrize("count", ["1k", "-1", "1.5", "one", True])
def test_a_number_of_gpus_that_is_none_is_told_for_every_container(where: tuple[str, int], count: Any) -> None:
    job = changed(("spec", "template", "spec", *where, "resources", "limits", "nvidia.com/gpu"), count)
    with pytest.raises(Refused, match="not an amount of GPUs") as caught:
        planned(yaml.safe_dump(job))
    assert str(count) in str(caught.value)
