"""Server-side apply: owners, conflicts, removal of what is no longer applied."""

from __future__ import annotations

from tests.playground.kubernetes.conftest import Json, Kube, plugin_set

PATH = "/apis/apps/v1/namespaces/kube-system/daemonsets/nvidia-device-plugin-daemonset"
MAP = "/api/v1/namespaces/default/configmaps/x"


def config_map(**data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}


def test_apply_creates_then_changes_nothing_when_repeated(kube: Kube) -> None:
    status, made = kube.apply(PATH, plugin_set())
    assert status == 201
    entry = made["metadata"]["managedFields"][0]
    assert (entry["manager"], entry["operation"], entry["fieldsType"]) == ("tester", "Apply", "FieldsV1")
    container = entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"nvidia-device-plugin-ctr"}']
    assert set(container) == {".", "f:name", "f:image", "f:env"}
    _, before = kube.call("GET", PATH)[:2]
    status, again = kube.apply(PATH, plugin_set())
    assert (status, again["metadata"]["generation"]) == (200, 1)
    assert again["spec"] == before["spec"]


def test_a_field_that_another_manager_holds_is_a_conflict_until_forced(kube: Kube) -> None:
    kube.apply(PATH, plugin_set(), manager="helm")
    status, answer = kube.apply(PATH, plugin_set(image="nvcr.io/nvidia/k8s-device-plugin:v0.99.0"), manager="bot")
    assert (status, answer["reason"]) == (409, "Conflict")
    field = '.spec.template.spec.containers[name="nvidia-device-plugin-ctr"].image'
    assert answer["message"] == f'Apply failed with 1 conflict: conflict with "helm": {field}'
    assert answer["details"]["causes"] == [{"reason": "FieldManagerConflict", "message": 'conflict with "helm"', "field": field}]
    status, forced = kube.apply(PATH, plugin_set(image="nvcr.io/nvidia/k8s-device-plugin:v0.99.0"), manager="bot", force=True)
    assert (status, forced["spec"]["template"]["spec"]["containers"][0]["image"][-7:]) == (200, "v0.99.0")
    status, _ = kube.apply(PATH, plugin_set(), manager="helm")
    assert status == 409


def test_several_conflicts_are_listed_by_manager(kube: Kube) -> None:
    kube.apply(MAP, config_map(a="1", b="1"), manager="one")
    kube.call("PATCH", MAP, {"data": {"c": "1"}}, kind="application/merge-patch+json", fieldManager="editor")
    _, answer = kube.apply(MAP, config_map(a="2", b="2", c="2"), manager="two")
    listed = 'conflicts with "editor" using v1:\n- .data.c\nconflicts with "one":\n- .data.a\n- .data.b'
    assert answer["message"] == f"Apply failed with 3 conflicts: {listed}"


def test_equal_values_are_shared_without_conflict(kube: Kube) -> None:
    kube.apply(MAP, config_map(a="1"), manager="one")
    assert kube.apply(MAP, config_map(a="1"), manager="two")[0] == 200
    _, left = kube.apply(MAP, config_map(), manager="one")
    assert left["data"] == {"a": "1"}


def test_what_is_no_longer_applied_goes_and_what_others_own_stays(kube: Kube) -> None:
    kube.apply(MAP, config_map(a="1", b="2"), manager="one")
    kube.apply(MAP, config_map(c="3"), manager="two")
    _, after = kube.apply(MAP, config_map(b="2"), manager="one")
    assert after["data"] == {"b": "2", "c": "3"}


def test_items_of_keyed_lists_come_and_go_with_their_applier(kube: Kube) -> None:
    kube.apply(PATH, plugin_set(MIG_STRATEGY="single"))
    _, after = kube.apply(PATH, plugin_set())
    assert [one["name"] for one in after["spec"]["template"]["spec"]["containers"][0]["env"]] == ["FAIL_ON_INIT_ERROR"]
    _, after = kube.apply(PATH, plugin_set(PASS_DEVICE_SPECS="true"))
    assert [one["name"] for one in after["spec"]["template"]["spec"]["containers"][0]["env"]] == ["FAIL_ON_INIT_ERROR", "PASS_DEVICE_SPECS"]


def test_plain_updates_own_fields_too(kube: Kube) -> None:
    kube.create("/api/v1/namespaces/default/configmaps", config_map(a="1"))
    status, answer = kube.apply(MAP, config_map(a="2"), manager="bot")
    assert status == 409
    assert 'conflict with "tester" using v1: .data.a' in answer["message"]


def test_apply_wants_a_manager_and_no_managed_fields(kube: Kube) -> None:
    apply_type = "application/apply-patch+yaml"
    status, answer, _ = kube.call("PATCH", MAP, config_map(), kind=apply_type)
    assert status == 422
    assert "fieldManager: Required value: is required for apply patch" in answer["message"]
    kube.apply(MAP, config_map(a="1"))
    with_owners = kube.get(MAP)
    assert kube.apply(MAP, with_owners)[0] == 400


def test_dry_run_apply_changes_nothing(kube: Kube) -> None:
    assert kube.apply(MAP, config_map(a="1"), dryRun="All")[0] == 201
    assert kube.call("GET", MAP)[0] == 404
