"""kubectl, which we did not write, works unmodified against a cluster made through Resource Manager, with the credentials that it hands out."""

from __future__ import annotations

import re

import pytest

from tests.judge.clients import Kubectl
from tests.judge.manifests import PLUGIN, job
from tests.playing import Playing, wait_until

NODE = r"aks-gpu-\d+-vmss\w{6}"


@pytest.fixture(scope="module", autouse=True)
def gpus(kubectl: Kubectl) -> None:
    """The device plugin is applied and rolled out, and the node advertises its GPU."""
    assert kubectl("apply -f -", stdin=PLUGIN) == "daemonset.apps/nvidia-device-plugin-daemonset created\n"
    assert "successfully rolled out" in kubectl("rollout status -n kube-system ds/nvidia-device-plugin-daemonset --timeout=60s")
    wait_until(lambda: kubectl("get nodes -l agentpool=gpu -o jsonpath={.items[0].status.allocatable.nvidia\\.com/gpu}") == "1", 30, "a GPU")


@pytest.fixture
def slow(play: Playing) -> None:
    """Slow enough to look on."""
    play.call("POST", "/clock", {"speed": 100})


def table(text: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip()) for line in text.splitlines()]


def test_tables_have_the_columns_of_a_real_server(kubectl: Kubectl) -> None:
    nodes = table(kubectl("get nodes -l agentpool=gpu"))
    assert nodes[0] == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert re.fullmatch(NODE, nodes[1][0])
    assert nodes[1][1:3] == ["Ready", "<none>"]
    assert nodes[1][4].startswith("v1.")
    wide = table(kubectl("get nodes -o wide"))
    assert wide[0][5:] == ["INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME"]
    sets = table(kubectl("get ds -A"))
    assert sets[0] == ["NAMESPACE", "NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE SELECTOR", "AGE"]
    assert ["kube-system", "nvidia-device-plugin-daemonset", "1", "1", "1", "1", "1"] in [row[:7] for row in sets]
    assert table(kubectl("get namespaces"))[0] == ["NAME", "STATUS", "AGE"]
    assert table(kubectl("get events -n kube-system"))[0] == ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]


def test_a_job_is_applied_waited_for_read_and_deleted(kubectl: Kubectl) -> None:
    assert kubectl("apply -f -", stdin=job("mnist", gpus=1)) == "job.batch/mnist created\n"
    assert kubectl("apply -f -", stdin=job("mnist", gpus=1)) == "job.batch/mnist unchanged\n"
    assert kubectl("wait --for=condition=complete job/mnist --timeout=60s") == "job.batch/mnist condition met\n"
    assert table(kubectl("get job mnist"))[1][:3] == ["mnist", "Complete", "1/1"]
    pods = table(kubectl("get pods -l app=mnist"))
    assert pods[0] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert pods[1][1:4] == ["0/1", "Completed", "0"]
    assert "Tesla T4" in kubectl("logs job/mnist")
    assert kubectl("delete job mnist --wait=true") == 'job.batch "mnist" deleted from default namespace\n'
    assert "No resources found" in kubectl("get pods -l app=mnist") or kubectl("get pods -l app=mnist -o name") == ""


def test_a_changed_job_is_refused_by_field(kubectl: Kubectl) -> None:
    kubectl("apply -f -", stdin=job("fixed", steps=5))
    said = kubectl("apply -f -", stdin=job("fixed", steps=6), ok=False)
    assert "field is immutable" in said
    kubectl("delete job fixed --wait=false")


def test_descriptions_tell_what_happened(kubectl: Kubectl) -> None:
    kubectl("apply -f -", stdin=job("big", gpus=9))
    wait_until(lambda: "FailedScheduling" in kubectl("describe pods -l app=big"), 20, "an event")
    said = kubectl("describe pods -l app=big")
    assert re.search(r"Warning +FailedScheduling .*0/2 nodes are available: .*2 Insufficient nvidia\.com/gpu", said)
    node = kubectl("describe nodes -l agentpool=gpu")
    assert re.search(r"Taints: +sku=gpu:NoSchedule", node)
    assert re.search(r"nvidia\.com/gpu: +1", node)
    assert re.search(r"Allocated resources:", node)
    assert re.search(r"SuccessfulCreate .*Created pod: big-", kubectl("describe job big"))
    kubectl("delete job big")


def test_logs_are_followed_while_they_are_written(kubectl: Kubectl, slow: None) -> None:
    kubectl("apply -f -", stdin=job("followed", steps=200))
    kubectl("wait --for=jsonpath={.status.ready}=1 job/followed --timeout=60s")
    following = kubectl.begun("logs -f job/followed")
    assert following.stdout is not None
    first = following.stdout.readline()
    rest, _ = following.communicate(timeout=90)
    assert following.returncode == 0
    assert first
    assert kubectl("logs job/followed") == first + rest
    assert kubectl("logs job/followed --tail=1") == rest.splitlines(keepends=True)[-1]
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z ", kubectl("logs job/followed --timestamps --tail=1"))
    kubectl("delete job followed")


def test_a_watched_table_grows_as_things_change(kubectl: Kubectl, play: Playing) -> None:
    play.call("POST", "/clock", {"speed": 1})
    kubectl("apply -f -", stdin=job("watched"))
    watching = kubectl.begun("get jobs --watch")
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline().split() == ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"]
        states = [watching.stdout.readline().split()[1]]
        play.call("POST", "/clock", {"speed": 1000})
        while states[-1] != "Complete":
            states.append(watching.stdout.readline().split()[1])
        assert states[0] == "Running"
    finally:
        watching.terminate()
        watching.wait()
    kubectl("delete job watched")


def test_rights_are_asked_and_told(kubectl: Kubectl) -> None:
    assert kubectl("auth can-i create jobs") == "yes\n"
    reader, nobody = kubectl.as_role("reader"), kubectl.as_role("nobody")
    assert "no" in reader("auth can-i create jobs", ok=False)
    assert reader("auth can-i list pods") == "yes\n"
    assert "no" in nobody("auth can-i list pods", ok=False)
    assert 'cannot list resource "pods" in API group ""' in nobody("get pods", ok=False)
    assert '"playground-reader" cannot create resource "jobs" in API group "batch"' in reader("apply -f -", stdin=job("x"), ok=False)


def test_waiting_for_what_never_comes_times_out(kubectl: Kubectl) -> None:
    kubectl("apply -f -", stdin=job("never", gpus=9))
    assert "timed out waiting" in kubectl("wait --for=condition=complete job/never --timeout=1s", ok=False)
    kubectl("delete job never")


def test_an_update_of_the_plugin_is_rolled_out(kubectl: Kubectl) -> None:
    newer = PLUGIN.replace("v0.19.3", "v0.19.4")
    assert "configured" in kubectl("apply -f -", stdin=newer)
    assert "successfully rolled out" in kubectl("rollout status -n kube-system ds/nvidia-device-plugin-daemonset --timeout=60s")
    image = "{.items[*].spec.containers[0].image}"
    assert kubectl(f"get pods -n kube-system -l name=nvidia-device-plugin-ds -o jsonpath={image}").endswith(":v0.19.4")


def test_nodes_are_labelled_tainted_cordoned_and_drained(kubectl: Kubectl) -> None:
    node = kubectl("get nodes -l agentpool=gpu -o jsonpath={.items[0].metadata.name}")
    assert kubectl(f"label node {node} team=vision") == f"node/{node} labeled\n"
    assert kubectl("get nodes -l team=vision -o name") == f"node/{node}\n"
    assert kubectl(f"taint node {node} team=vision:NoSchedule") == f"node/{node} tainted\n"
    assert "team=vision:NoSchedule" in kubectl(f"describe node {node}")
    assert kubectl(f"taint node {node} team-") == f"node/{node} untainted\n"
    kubectl("apply -f -", stdin=job("held", gpus=1, steps=100_000))
    kubectl("wait --for=jsonpath={.status.ready}=1 job/held --timeout=60s")
    assert f"node/{node} drained" in kubectl(f"drain {node} --ignore-daemonsets --timeout=60s")
    assert "SchedulingDisabled" in kubectl(f"get node {node}")
    wait_until(lambda: "1 node(s) were unschedulable" in kubectl("describe pods -l app=held"), 20, "its successor waits")
    kubectl("delete job held")
    assert kubectl(f"uncordon {node}") == f"node/{node} uncordoned\n"


def test_things_are_made_without_a_manifest(kubectl: Kubectl) -> None:
    assert kubectl("create job made --image=busybox") == "job.batch/made created\n"
    assert kubectl("create configmap made --from-literal=a=b") == "configmap/made created\n"
    assert kubectl("create secret generic made --from-literal=a=b") == "secret/made created\n"
    assert kubectl("wait --for=condition=complete job/made --timeout=60s") == "job.batch/made condition met\n"
    assert kubectl("delete job made --cascade=orphan")
    assert kubectl("get pods -l job-name=made -o name").startswith("pod/made-")
    kubectl("delete pods -l job-name=made")


def test_what_does_not_fit_the_schema_is_refused(kubectl: Kubectl) -> None:
    said = kubectl("apply -f -", stdin=job("typo").replace("backoffLimit", "backOffLimit"), ok=False)
    assert 'unknown field "spec.backOffLimit"' in said
    assert kubectl("apply --dry-run=server -f -", stdin=job("dry")) == "job.batch/dry created (server dry run)\n"
    assert "not found" in kubectl("get job dry", ok=False)


def test_server_side_apply_tells_conflicts(kubectl: Kubectl) -> None:
    kubectl("apply --server-side --field-manager=one -f -", stdin=job("owned", steps=5))
    other = job("owned", steps=5, retries=3)
    said = kubectl("apply --server-side --field-manager=two -f -", stdin=other, ok=False)
    assert 'Apply failed with 1 conflict: conflict with "one"' in said
    assert "serverside-applied" in kubectl("apply --server-side --field-manager=two --force-conflicts -f -", stdin=other)
    kubectl("delete job owned")


def test_a_conflict_with_an_applier_names_no_version(kubectl: Kubectl) -> None:
    kubectl("apply --server-side --field-manager=one -f -", stdin=job("shared", steps=5))
    said = kubectl("apply --server-side --field-manager=two -f -", stdin=job("shared", steps=5, retries=3), ok=False)
    assert 'conflict with "one": .spec.backoffLimit' in said


def test_several_conflicts_are_listed_by_manager(kubectl: Kubectl) -> None:
    kubectl("apply --server-side --field-manager=one -f -", stdin=job("many", steps=5))
    other = job("many", steps=5, retries=3).replace("app: many", "app: other")
    said = kubectl("apply --server-side --field-manager=two -f -", stdin=other, ok=False)
    assert re.search(r'Apply failed with \d conflicts: conflicts with "one":\n- \.', said), said
    kubectl("delete job shared many")
