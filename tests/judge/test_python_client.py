"""The official Python client, synchronous, with the credentials that Resource Manager hands out: complete objects, watches, logs, apply, errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from playground.kubernetes.rbac import token_of
from tests.judge.clients import DEMO, GPU_POOL, Arm, kubeconfig_of
from tests.judge.kube import ApiException, client, config, watch
from tests.judge.manifests import PLUGIN, job
from tests.playing import Playing, wait_until

APPLY = {"_content_type": "application/apply-patch+yaml"}


@pytest.fixture(scope="module")
def kubeconfig(play: Playing, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kubeconfig_of(play, tmp_path_factory.mktemp("kube"))


@pytest.fixture
def api(kubeconfig: Path) -> Iterator[Any]:
    with config.new_client_from_config(str(kubeconfig)) as made:
        yield made


def names(items: Any) -> list[str]:
    return [one.metadata.name for one in items]


def made_job(api: Any, name: str, **options: Any) -> Any:
    return client.BatchV1Api(api).create_namespaced_job("default", yaml.safe_load(job(name, **options)))


def test_every_kind_is_complete_enough_for_the_models(api: Any) -> None:
    made_job(api, "listed")
    client.AppsV1Api(api).create_namespaced_daemon_set("kube-system", yaml.safe_load(PLUGIN))
    core = client.CoreV1Api(api)
    assert len(core.list_node().items) == 2
    wait_until(lambda: core.list_namespaced_pod("default").items, 20, "a pod")
    assert all(one.status.phase for one in core.list_pod_for_all_namespaces().items)
    assert "listed" in names(client.BatchV1Api(api).list_namespaced_job("default").items)
    assert "nvidia-device-plugin-daemonset" in names(client.AppsV1Api(api).list_daemon_set_for_all_namespaces().items)
    assert {"default", "kube-system"} <= set(names(core.list_namespace().items))
    assert core.list_event_for_all_namespaces().items
    assert client.VersionApi(api).get_code().git_version.startswith("v1.")


def test_an_autoscaled_pool_grows_while_pods_wait_and_shrinks_when_they_are_gone(play: Playing, api: Any) -> None:
    arm, path = Arm(play), f"{DEMO}/agentPools/auto"
    arm.made(path, {"properties": {**GPU_POOL["properties"], "count": 0, "enableAutoScaling": True, "minCount": 0, "maxCount": 2}})
    body = yaml.safe_load(job("crowd", gpus=1))
    body["spec"] |= {"parallelism": 5, "completions": 5}
    body["spec"]["template"]["spec"]["nodeSelector"] = {"agentpool": "auto"}
    client.BatchV1Api(api).create_namespaced_job("default", body)
    core = client.CoreV1Api(api)
    wait_until(lambda: len(core.list_node(label_selector="agentpool=auto").items) == 2, 30, "two nodes")
    assert arm("GET", path)[1]["properties"]["count"] == 2
    client.BatchV1Api(api).delete_namespaced_job("crowd", "default", propagation_policy="Background")
    wait_until(lambda: not core.list_node(label_selector="agentpool=auto").items, 30, "no node")
    assert arm("GET", path)[1]["properties"]["count"] == 0
    arm("DELETE", path)


def test_a_watch_goes_on_from_its_list_and_is_closed_in_time(api: Any) -> None:
    batch = client.BatchV1Api(api)
    version = batch.list_namespaced_job("default").metadata.resource_version
    made_job(api, "watched")
    seen = []
    for event in watch.Watch().stream(batch.list_namespaced_job, "default", resource_version=version, timeout_seconds=30):
        seen.append((event["type"], event["object"].metadata.name))
        if event["object"].status.succeeded:
            break
    assert seen[0] == ("ADDED", "watched")
    assert {kind for kind, _ in seen[1:]} == {"MODIFIED"}


def test_logs_are_followed_to_their_end(api: Any) -> None:
    made_job(api, "logged", steps=50)
    core = client.CoreV1Api(api)

    def started() -> Any:
        pods = core.list_namespaced_pod("default", label_selector="app=logged").items
        return pods if pods and pods[0].status.phase != "Pending" else None

    name = wait_until(started, 20, "the pod has started")[0].metadata.name
    lines = list(watch.Watch().stream(core.read_namespaced_pod_log, name, "default"))
    assert lines == core.read_namespaced_pod_log(name, "default").splitlines()


def test_before_it_starts_a_container_has_no_log(api: Any, play: Playing) -> None:
    play.fault("kubernetes", "stuck_creating", "default/early")
    made_job(api, "early")
    core = client.CoreV1Api(api)
    name = wait_until(lambda: names(core.list_namespaced_pod("default", label_selector="app=early").items), 20, "a pod")[0]
    wait_until(lambda: core.read_namespaced_pod(name, "default").spec.node_name, 20, "a node")
    with pytest.raises(ApiException) as refused:
        core.read_namespaced_pod_log(name, "default")
    assert (refused.value.status, "is waiting to start: ContainerCreating" in str(refused.value.body)) == (400, True)


def test_errors_have_the_status_and_the_words(api: Any, kubeconfig: Path) -> None:
    made_job(api, "twice")
    batch, changed = client.BatchV1Api(api), {"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}}
    attempts: list[tuple[Callable[[], Any], int, str]] = [
        (lambda: made_job(api, "twice"), 409, "already exists"),
        (lambda: batch.read_namespaced_job("nosuch", "default"), 404, 'jobs.batch \\"nosuch\\" not found'),
        (lambda: batch.patch_namespaced_job("twice", "default", changed), 422, "field is immutable"),
    ]
    for attempt, status, said in attempts:
        with pytest.raises(ApiException) as refused:
            attempt()
        assert (refused.value.status, said in str(refused.value.body)) == (status, True), refused.value.body


def test_a_nobody_is_forbidden(kubeconfig: Path) -> None:
    written = yaml.safe_load(kubeconfig.read_text())
    written["users"][0]["user"] = {"token": token_of("rg--demo", "nobody")}
    with config.new_client_from_config_dict(written) as api, pytest.raises(ApiException) as refused:
        client.CoreV1Api(api).list_namespaced_pod("default")
    assert refused.value.status == 403


def test_server_side_apply_is_idempotent_and_knows_conflicts(api: Any) -> None:
    batch, wanted = client.BatchV1Api(api), yaml.safe_load(job("applied"))
    first = batch.patch_namespaced_job("applied", "default", wanted, field_manager="one", **APPLY)
    again = batch.patch_namespaced_job("applied", "default", wanted, field_manager="one", **APPLY)
    assert first.metadata.uid == again.metadata.uid
    wanted["spec"]["backoffLimit"] = 4
    with pytest.raises(ApiException) as refused:
        batch.patch_namespaced_job("applied", "default", wanted, field_manager="two", **APPLY)
    assert refused.value.status == 409
    taken = batch.patch_namespaced_job("applied", "default", wanted, field_manager="two", force=True, **APPLY)
    assert taken.spec.backoff_limit == 4


def test_a_dry_run_leaves_nothing(api: Any) -> None:
    batch = client.BatchV1Api(api)
    assert batch.create_namespaced_job("default", yaml.safe_load(job("dry")), dry_run="All").metadata.uid
    assert "dry" not in names(batch.list_namespaced_job("default").items)
