"""Watches: history, selectors, expiry, ends, and the faults that befall them."""

from __future__ import annotations

import time
from typing import Any

import pytest
import urllib3
from kubernetes import client, watch
from kubernetes.client.exceptions import ApiException

from playground.kubernetes import watch as served
from playground.kubernetes.store import HISTORY
from tests.playground.kubernetes.conftest import Json, Kube

MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name: str, **labels: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}


def label(kube: Kube, name: str, **labels: str | None) -> None:
    kube.call("PATCH", f"{MAPS}/{name}", {"metadata": {"labels": labels}}, kind="application/merge-patch+json")


def seen(kube: Kube, **query: object) -> list[tuple[str, str]]:
    return [(one["type"], one["object"]["metadata"]["name"]) for one in kube.watch(MAPS, timeoutSeconds=1, **query)]


def test_a_watch_from_a_list_misses_and_repeats_nothing(kube: Kube) -> None:
    kube.create(MAPS, config_map("before"))
    version = kube.get(MAPS)["metadata"]["resourceVersion"]
    kube.create(MAPS, config_map("a"))
    label(kube, "a", x="1")
    kube.delete(f"{MAPS}/a")
    assert seen(kube, resourceVersion=version) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_without_a_version_what_is_there_comes_first(kube: Kube) -> None:
    kube.create(MAPS, config_map("b"))
    kube.create(MAPS, config_map("a"))
    assert seen(kube) == [("ADDED", "a"), ("ADDED", "b")]


def test_objects_enter_and_leave_a_selector(kube: Kube) -> None:
    version = kube.get(MAPS)["metadata"]["resourceVersion"]
    kube.create(MAPS, config_map("a"))
    label(kube, "a", team="ml")
    label(kube, "a", more="1")
    label(kube, "a", team=None)
    kube.delete(f"{MAPS}/a")
    assert seen(kube, resourceVersion=version, labelSelector="team=ml") == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_one_object_can_be_watched_by_name(kube: Kube) -> None:
    kube.create(MAPS, config_map("a"))
    kube.create(MAPS, config_map("b"))
    assert [one["object"]["metadata"]["name"] for one in kube.watch(MAPS, fieldSelector="metadata.name=b", timeoutSeconds=1)] == ["b"]


def test_history_is_bounded_and_older_versions_are_expired(kube: Kube) -> None:
    version = kube.get(MAPS)["metadata"]["resourceVersion"]
    kube.create(MAPS, config_map("a"))
    store = kube.server.clusters.by_id[kube.id].store
    from playground.kubernetes.resources import CONFIG_MAPS

    def churn() -> None:
        for number in range(HISTORY + 1):
            store.change(CONFIG_MAPS, ("default", "a"), lambda item, n=number: item.update(data={"n": str(n)}))  # type: ignore[misc]

    kube.server.do(churn)
    events = list(kube.watch(MAPS, resourceVersion=version, timeoutSeconds=1))
    assert [one["type"] for one in events] == ["ERROR"]
    status = events[0]["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith(f"too old resource version: {version} (")


def test_a_version_from_the_future_times_out(kube: Kube) -> None:
    status, answer, _ = kube.call("GET", MAPS, resourceVersion="99999999")
    assert (status, answer["reason"]) == (504, "Timeout")
    assert "Too large resource version" in answer["message"]


def test_bookmarks_tell_the_version_while_nothing_happens(kube: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "BOOKMARK_SECONDS", 0.2)
    monkeypatch.setattr(served, "LOOK_SECONDS", 0.1)
    version = kube.get(MAPS)["metadata"]["resourceVersion"]
    kube.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}})
    events = list(kube.watch(MAPS, resourceVersion=version, timeoutSeconds=1, allowWatchBookmarks="true"))
    assert {one["type"] for one in events} == {"BOOKMARK"}
    bookmark = events[0]["object"]
    assert (bookmark["kind"], set(bookmark["metadata"])) == ("ConfigMap", {"resourceVersion", "creationTimestamp"})
    assert int(bookmark["metadata"]["resourceVersion"]) > int(version)


def test_the_timeout_is_kept(kube: Kube) -> None:
    began = time.monotonic()
    assert seen(kube) == []
    assert 0.9 < time.monotonic() - began < 3


def test_a_dropped_watch_is_a_broken_connection(kube: Kube) -> None:
    kube.create(MAPS, config_map("a"))
    kube.fault("configmaps.*watch", "watch_drop", events=1)
    with pytest.raises(urllib3.exceptions.HTTPError):
        list(kube.watch(MAPS, timeoutSeconds=5))


def test_an_expired_watch_stays_expired_for_the_client_that_retries(kube: Kube) -> None:
    config = client.Configuration(host=kube.base, api_key={"BearerToken": f"Bearer {kube.token}"})
    config.ssl_ca_cert = str(kube.server.ca_file)
    api: Any = client.CoreV1Api(client.ApiClient(config))
    version = api.list_namespaced_config_map("default").metadata.resource_version
    kube.fault("configmaps.*watch", "watch_410")
    watcher: Any = watch.Watch
    with pytest.raises(ApiException) as raised:
        list(watcher().stream(api.list_namespaced_config_map, "default", resource_version=version, timeout_seconds=3))
    assert raised.value.status == 410
    assert raised.value.reason.startswith("Expired: too old")
    assert api.list_namespaced_config_map("default").metadata.resource_version != version


def test_a_half_open_watch_says_nothing_past_its_own_timeout(kube: Kube) -> None:
    kube.fault("configmaps.*watch", "half_open", seconds=1.5)
    began = time.monotonic()
    with pytest.raises(urllib3.exceptions.HTTPError):
        list(kube.watch(MAPS, timeoutSeconds=1))
    assert time.monotonic() - began > 1.4


def test_watches_end_with_their_cluster(kube: Kube) -> None:
    events = kube.watch(MAPS, timeoutSeconds=60)
    kube.create(MAPS, config_map("a"))
    assert next(events)["type"] == "ADDED"
    kube.server.do(lambda: kube.server.clusters.stop(kube.id))
    with pytest.raises(urllib3.exceptions.HTTPError):
        list(events)
    kube.server.do(lambda: kube.server.clusters.start(kube.id))
    assert [one["metadata"]["name"] for one in kube.get(MAPS)["items"]] == ["a"]
