"""The log endpoint: what is there, what is asked for, and streams that follow."""

from __future__ import annotations

import re

import pytest
import urllib3

from tests.playground.kubernetes.conftest import Kube, container

LOG = "/api/v1/namespaces/default/pods/x/log"


@pytest.fixture
def trained(kube: Kube) -> Kube:
    """Pod x has trained 30 steps and is done."""
    kube.cpu_pool()
    kube.pod("x", image="samples-tf-mnist-demo:gpu", args=["--max_steps", "30"])
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Succeeded")
    return kube


def test_tail_bytes_and_timestamps(trained: Kube) -> None:
    whole = trained.log("x")
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 12
    assert trained.log("x", tailLines=2) == "".join(lines[-2:])
    assert trained.log("x", tailLines=0) == ""
    assert trained.log("x", limitBytes=10) == whole[:10]
    stamped = trained.log("x", timestamps="true", tailLines=1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z Accuracy at step 20: 0\.\d+\n", stamped)


def test_since_a_time_takes_up_where_a_stream_broke(trained: Kube) -> None:
    stamped = trained.log("x", timestamps="true").splitlines()
    moment = stamped[6].partition(" ")[0]
    rest = trained.log("x", sinceTime=moment[:26] + "Z", timestamps="true").splitlines()
    assert rest == [line for line in stamped if line[:26] >= moment[:26]]
    assert trained.log("x", sinceSeconds=3600) == trained.log("x")


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({"container": "nope"}, 400, "container nope is not valid for pod x"),
        ({"previous": "true"}, 400, 'previous terminated container "main" in pod "x" not found'),
        ({"sinceSeconds": "0"}, 422, "must be greater than 0"),
        ({"sinceSeconds": "1", "sinceTime": "2026-01-01T00:00:00Z"}, 400, "at most one of `sinceTime` or `sinceSeconds`"),
        ({"limitBytes": "0"}, 422, "must be greater than 0"),
        ({"tailLines": "-1"}, 400, "invalid syntax"),
    ],
)
def test_bad_questions_are_refused(trained: Kube, query: dict[str, str], status: int, text: str) -> None:
    got, answer, _ = trained.call("GET", LOG, **query)
    assert (got, text in answer["message"]) == (status, True)


def test_the_container_has_to_be_named_where_there_are_several(kube: Kube) -> None:
    kube.cpu_pool()
    kube.pod("x", containers=[container(name="a"), container(name="b")])
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert kube.call("GET", LOG)[1]["message"] == "a container name must be specified for pod x, choose one of: [a b]"
    assert kube.call("GET", "/api/v1/namespaces/default/pods/y/log")[0] == 404


def test_a_pod_on_no_node_has_an_empty_log(kube: Kube) -> None:
    kube.pod("x")
    assert kube.log("x") == ""


def test_following_ends_with_the_container(kube: Kube) -> None:
    kube.cpu_pool()
    kube.pod("x", image="samples-tf-mnist-demo:gpu", args=["--max_steps", "300"])
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Running")
    followed = kube.log("x", follow="true")
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert followed == kube.log("x")
    assert followed.splitlines()[-1] == "Adding run metadata for 299"


def test_a_cut_stream_looks_like_an_ended_container(kube: Kube) -> None:
    kube.cpu_pool()
    kube.fault("pods/x/log", "cut_log", lines=3)
    kube.pod("x", image="samples-tf-mnist-demo:gpu", args=["--max_steps", "100"])
    kube.pod_when("x", lambda pod: pod["status"]["phase"] != "Pending")
    assert len(kube.log("x", follow="true").splitlines()) == 3
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert len(kube.log("x").splitlines()) > 10


def test_following_ends_when_the_cluster_does(kube: Kube) -> None:
    kube.cpu_pool()
    kube.pod("x", args=["sleep", "infinity"])
    kube.pod_when("x", lambda pod: pod["status"]["phase"] == "Running")
    url = f"{kube.base}{LOG}?follow=true"
    answer = kube._pool.request("GET", url, headers={"Authorization": f"Bearer {kube.token}"}, preload_content=False, timeout=20)
    assert next(answer.stream(amt=None)) == b"sleep infinity\n"
    kube.server.do(lambda: kube.server.clusters.delete(kube.id))
    with pytest.raises((StopIteration, urllib3.exceptions.HTTPError)):
        next(answer.stream(amt=None))
