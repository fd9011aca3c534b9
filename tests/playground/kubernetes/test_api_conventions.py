"""What every client may rely on: versions, conflicts, Statuses, selectors, paging, patches, validation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.playground.kubernetes.conftest import Json, Kube, job, pod

MAPS = "/api/v1/namespaces/default/configmaps"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
PODS = "/api/v1/namespaces/default/pods"


def config_map(name: str, labels: Json | None = None, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels or {}}, "data": data}


def test_each_write_has_a_newer_version_and_each_object_its_own_uid(kube: Kube) -> None:
    first, second = kube.create(MAPS, config_map("a")), kube.create(MAPS, config_map("b"))
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert int(first["metadata"]["resourceVersion"]) < int(second["metadata"]["resourceVersion"])
    assert int(kube.get(MAPS)["metadata"]["resourceVersion"]) >= int(second["metadata"]["resourceVersion"])
    kube.delete(f"{MAPS}/a")
    assert kube.create(MAPS, config_map("a"))["metadata"]["uid"] != first["metadata"]["uid"]


def test_a_write_that_changes_nothing_makes_no_version(kube: Kube) -> None:
    made = kube.create(MAPS, config_map("a", x="1"))
    status, again, _ = kube.call("PUT", f"{MAPS}/a", {**made})
    assert (status, again["metadata"]["resourceVersion"]) == (200, made["metadata"]["resourceVersion"])


def test_same_name_and_stale_version_are_conflicts(kube: Kube) -> None:
    made = kube.create(MAPS, config_map("a"))
    status, body, _ = kube.call("POST", MAPS, config_map("a"))
    assert (status, body["reason"], body["message"]) == (409, "AlreadyExists", 'configmaps "a" already exists')
    kube.call("PUT", f"{MAPS}/a", {**config_map("a", x="2"), "metadata": {"name": "a", "resourceVersion": made["metadata"]["resourceVersion"]}})
    status, body, _ = kube.call("PUT", f"{MAPS}/a", {**made, "data": {"x": "3"}})
    assert (status, body["reason"]) == (409, "Conflict")
    assert "the object has been modified; please apply your changes to the latest version" in body["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", f"{MAPS}/nothing", 404, 'configmaps "nothing" not found'),
        ("GET", "/api/v1/widgets", 404, "the server could not find the requested resource"),
        ("GET", "/apis/nvidia.com/v1/clusterpolicies", 404, "the server could not find the requested resource"),
        ("POST", "/api/v1/namespaces/nowhere/configmaps", 404, 'namespaces "nowhere" not found'),
        ("DELETE", f"{JOBS}/nothing", 404, 'jobs.batch "nothing" not found'),
        ("PUT", MAPS, 405, "the server does not allow this method on the requested resource"),
    ],
)
def test_what_is_not_there_is_said_in_a_status(kube: Kube, method: str, path: str, status: int, message: str) -> None:
    body = config_map("x") if method in ("POST", "PUT") else None
    got, answer, _ = kube.call(method, path, body)
    assert (got, answer["kind"], answer["status"], answer["code"], answer["message"]) == (status, "Status", "Failure", status, message)


def test_generate_name_makes_names(kube: Kube) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "run-"}}
    names = {kube.create(MAPS, body)["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("run-") and len(name) == 9 for name in names)


def test_dry_run_validates_and_keeps_nothing(kube: Kube) -> None:
    made = kube.create(MAPS, config_map("a"), dryRun="All")
    assert made["metadata"]["uid"]
    assert kube.call("GET", f"{MAPS}/a")[0] == 404
    assert kube.call("POST", JOBS, job("Bad_Name"), dryRun="All")[0] == 422
    kube.create(MAPS, config_map("a"))
    kube.delete(f"{MAPS}/a", dryRun="All")
    assert kube.call("GET", f"{MAPS}/a")[0] == 200
    assert kube.call("POST", MAPS, config_map("b"), dryRun="Some")[0] == 400


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"metadata": {"name": "UPPER"}}, "a lowercase RFC 1123 subdomain must consist of"),
        ({"metadata": {"name": ".."}}, "a lowercase RFC 1123 subdomain must consist of"),
        ({"metadata": {"name": "x", "labels": {"a": "not valid"}}}, "a valid label must be an empty string or consist of"),
        ({"container": {"resources": {"limits": {"nvidia.com/gpu": "0.5"}}}}, "must be an integer"),
        (
            {"container": {"resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "2"}}}},
            "must be equal to nvidia.com/gpu limit",
        ),
        ({"container": {"resources": {"requests": {"nvidia.com/gpu": "1"}}}}, "Limit must be set for non overcommitable resources"),
        ({"container": {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}}, "must be less than or equal to cpu limit of 1"),
        ({"container": {"image": ""}}, "spec.containers[0].image: Required value"),
        ({"container": {"volumeMounts": [{"name": "no", "mountPath": "/x"}]}}, 'volumeMounts[0].name: Not found: "no"'),
        ({"container": {"env": [{"name": "1 BAD"}]}}, "a valid environment variable name must consist of"),
        ({"spec": {"restartPolicy": "Sometimes"}}, 'Unsupported value: "Sometimes"'),
        ({"spec": {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}}, "value must be empty when `operator` is 'Exists'"),
        ({"spec": {"containers": []}}, "spec.containers: Required value"),
    ],
)
def test_a_pod_that_breaks_the_rules_is_refused_with_the_cause(kube: Kube, change: Json, text: str) -> None:
    body = pod("x")
    body["metadata"] |= change.get("metadata", {})
    body["spec"] |= change.get("spec", {})
    for one in body["spec"]["containers"]:
        one |= change.get("container", {})
    status, answer, _ = kube.call("POST", PODS, body)
    assert (status, answer["reason"]) == (422, "Invalid")
    assert text in answer["message"]
    assert answer["details"]["causes"]


def test_malformed_quantities_and_types_are_bad_requests(kube: Kube) -> None:
    assert kube.call("POST", PODS, pod("x", resources={"limits": {"cpu": "lots"}}))[0] == 400
    status, answer, _ = kube.call("POST", JOBS, job("x", spec={"parallelism": "two"}))
    assert (status, answer["reason"]) == (400, "BadRequest")
    assert "json: cannot unmarshal string into Go struct field .spec.parallelism of type int32" in answer["message"]
    assert kube.call("POST", PODS, config_map("x"))[0] == 400
    assert kube.call("POST", PODS, ["no object"])[0] == 400


def test_unknown_fields_are_dropped_with_a_warning_or_refused_when_strict(kube: Kube) -> None:
    body = job("x", spec={"paralelism": 2})
    status, answer, headers = kube.call("POST", JOBS, body)
    assert (status, "paralelism" in answer["spec"]) == (201, False)
    assert headers["Warning"] == '299 - "unknown field \\"spec.paralelism\\""'
    status, answer, _ = kube.call("POST", JOBS, body, fieldValidation="Strict")
    assert status == 400
    assert 'strict decoding error: unknown field "spec.paralelism"' in answer["message"]
    status, answer = kube.apply(f"{JOBS}/y", {**body, "metadata": {"name": "y"}})
    assert status == 500
    assert ".spec.paralelism: field not declared in schema" in answer["message"]


def test_numbers_given_as_quantities_come_back_as_text(kube: Kube) -> None:
    made = kube.create(PODS, pod("x", resources={"limits": {"nvidia.com/gpu": 1}}))
    assert made["spec"]["containers"][0]["resources"] == {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}}


def test_the_template_of_a_job_cannot_be_changed(kube: Kube) -> None:
    kube.create(JOBS, job("x"))
    status, answer = kube.apply(f"{JOBS}/x", job("x", image="busybox:2"), force=True)
    assert (status, answer["reason"]) == (422, "Invalid")
    assert answer["message"].startswith('Job.batch "x" is invalid: spec.template: Invalid value: ')
    assert answer["message"].endswith(": field is immutable")
    assert kube.call("POST", JOBS, job("y", restart="Always"))[1]["message"] == (
        'Job.batch "y" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    )


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("team=ml", "ab"), ("team!=ml", "cd"), ("team", "abc"), ("!team", "d"), ("team in (ml, web)", "abc"), ("team notin (ml),tier", "c"),
        ("size>3", "b"), ("size<3", "a"), ("team=ml,size=1", "a"), ("", "abcd"),
    ],
)  # fmt: skip
def test_label_selectors_of_both_kinds(kube: Kube, selector: str, names: str) -> None:
    for name, labels in {"a": {"team": "ml", "size": "1"}, "b": {"team": "ml", "size": "5"}, "c": {"team": "web", "tier": "1"}, "d": {}}.items():
        kube.create(MAPS, config_map(name, labels))
    assert "".join(one["metadata"]["name"] for one in kube.get(MAPS, labelSelector=selector)["items"]) == names


def test_field_selectors_know_their_fields(kube: Kube) -> None:
    kube.pod("a")
    assert len(kube.get(PODS, fieldSelector="status.phase=Pending,metadata.name=a")["items"]) == 1
    assert kube.get(PODS, fieldSelector="spec.nodeName!=")["items"] == []
    status, answer, _ = kube.call("GET", PODS, fieldSelector="spec.image=x")
    assert status == 400
    assert "field label not supported: spec.image" in answer["message"]
    assert kube.call("GET", PODS, labelSelector="a in b")[0] == 400


def test_pages_show_one_moment_even_while_objects_change(kube: Kube) -> None:
    for number in range(5):
        kube.create(MAPS, config_map(f"m{number}"))
    first = kube.get(MAPS, limit=2)
    assert (first["metadata"]["remainingItemCount"], len(first["items"])) == (3, 2)
    kube.delete(f"{MAPS}/m3")
    kube.create(MAPS, config_map("m2b"))
    second = kube.get(MAPS, limit=2, **{"continue": first["metadata"]["continue"]})
    third = kube.get(MAPS, limit=2, **{"continue": second["metadata"]["continue"]})
    names = [one["metadata"]["name"] for page in (first, second, third) for one in page["items"]]
    assert names == ["m0", "m1", "m2", "m3", "m4"]
    assert first["metadata"]["resourceVersion"] == third["metadata"]["resourceVersion"]
    kube.server.do(lambda: kube.server.clusters.by_id[kube.id].store.compact())
    status, answer, _ = kube.call("GET", MAPS, limit=2, **{"continue": first["metadata"]["continue"]})
    assert (status, answer["reason"]) == (410, "Expired")


@pytest.mark.parametrize(
    ("kind", "patch", "expected"),
    [
        ("json-patch", [{"op": "replace", "path": "/data/a", "value": "2"}, {"op": "add", "path": "/data/b", "value": "3"}], {"a": "2", "b": "3"}),
        ("json-patch", [{"op": "remove", "path": "/data/a"}], None),
        ("merge-patch", {"data": {"a": None, "c": "4"}}, {"c": "4"}),
        ("strategic-merge-patch", {"data": {"c": "4"}}, {"a": "1", "c": "4"}),
        ("strategic-merge-patch", {"data": {"$patch": "replace", "c": "4"}}, {"c": "4"}),
    ],
)
def test_patches(kube: Kube, kind: str, patch: Any, expected: Json | None) -> None:
    kube.create(MAPS, config_map("x", a="1"))
    status, answer, _ = kube.call("PATCH", f"{MAPS}/x", patch, kind=f"application/{kind}+json")
    assert (status, answer.get("data") or None) == (200, expected)


def test_patches_that_do_not_apply_are_refused(kube: Kube) -> None:
    kube.create(MAPS, config_map("x"))
    path = f"{MAPS}/x"
    assert kube.call("PATCH", path, [{"op": "test", "path": "/data", "value": 1}], kind="application/json-patch+json")[0] == 422
    assert kube.call("PATCH", path, {"a": 1}, kind="application/json-patch+json")[0] == 400
    assert kube.call("PATCH", path, {"a": 1}, kind="application/json")[0] == 415
    assert kube.call("PATCH", path, {"metadata": {"resourceVersion": "1"}}, kind="application/merge-patch+json")[0] == 409
    assert kube.call("PATCH", f"{MAPS}/y", {}, kind="application/merge-patch+json")[0] == 404


def test_containers_merge_by_name_and_tolerations_are_replaced(kube: Kube) -> None:
    path = "/apis/apps/v1/namespaces/default/daemonsets"
    labels = {"app": "x"}
    template = {"metadata": {"labels": labels}, "spec": {"tolerations": [{"operator": "Exists"}], "containers": [{"name": "a", "image": "a:1"}]}}
    kube.create(path, {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "x"},
                       "spec": {"selector": {"matchLabels": labels}, "template": template}})  # fmt: skip
    new = {"tolerations": [{"key": "sku", "operator": "Exists"}], "containers": [{"name": "b", "image": "b:1"}, {"name": "a", "image": "a:2"}]}
    _, answer, _ = kube.call("PATCH", f"{path}/x", {"spec": {"template": {"spec": new}}}, kind="application/strategic-merge-patch+json")
    spec = answer["spec"]["template"]["spec"]
    assert [(one["name"], one["image"]) for one in spec["containers"]] == [("a", "a:2"), ("b", "b:1")]
    assert spec["tolerations"] == [{"key": "sku", "operator": "Exists"}]
    assert answer["metadata"]["generation"] == 2


def test_status_is_written_only_through_its_subresource(kube: Kube) -> None:
    kube.create(JOBS, job("x", spec={"suspend": True}))
    merge = "application/merge-patch+json"
    _, answer, _ = kube.call("PATCH", f"{JOBS}/x", {"status": {"failed": 7}}, kind=merge)
    assert answer["status"].get("failed") is None
    _, answer, _ = kube.call("PATCH", f"{JOBS}/x/status", {"status": {"failed": 7}, "spec": {"parallelism": 9}}, kind=merge)
    assert (answer["status"]["failed"], answer["spec"]["parallelism"]) == (7, 1)


def test_a_namespace_takes_its_content_along(kube: Kube) -> None:
    kube.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gone"}})
    kube.create("/api/v1/namespaces/gone/configmaps", config_map("x"))
    assert kube.delete("/api/v1/namespaces/gone")["status"]["phase"] == "Terminating"
    from tests.playground.kubernetes.conftest import wait_until

    wait_until(lambda: kube.call("GET", "/api/v1/namespaces/gone")[0] == 404)
    assert kube.call("GET", "/api/v1/namespaces/gone/configmaps/x")[0] == 404
    assert kube.call("DELETE", "/api/v1/namespaces/default")[0] == 403


def test_finalizers_hold_an_object_until_they_are_taken_away(kube: Kube) -> None:
    kube.create(MAPS, {**config_map("x"), "metadata": {"name": "x", "finalizers": ["example.com/hold"]}})
    kube.delete(f"{MAPS}/x")
    assert kube.get(f"{MAPS}/x")["metadata"]["deletionTimestamp"]
    kube.call("PATCH", f"{MAPS}/x", {"metadata": {"finalizers": None}}, kind="application/merge-patch+json")
    assert kube.call("GET", f"{MAPS}/x")[0] == 404


def test_delete_obeys_preconditions(kube: Kube) -> None:
    kube.create(MAPS, config_map("x"))
    status, answer, _ = kube.call("DELETE", f"{MAPS}/x", {"preconditions": {"uid": "another"}})
    assert (status, answer["reason"]) == (409, "Conflict")
