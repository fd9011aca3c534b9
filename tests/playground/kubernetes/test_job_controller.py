"""Jobs: counts, indexes, retries, deadlines, clean-up, deletion."""

from __future__ import annotations

from tests.playground.kubernetes.conftest import Json, Kube, job, wait_until

JOBS = "/apis/batch/v1/namespaces/default/jobs"
FAILING = {"PLAYGROUND_EXIT_CODE": "3", "PLAYGROUND_SECONDS": "1"}


def why(found: Json, kind: str) -> tuple[str, str]:
    one = next(one for one in found["status"]["conditions"] if one["type"] == kind)
    return one["reason"], one["message"]


def test_a_job_completes_and_says_when(kube: Kube) -> None:
    kube.cpu_pool()
    kube.job("x", env={"PLAYGROUND_SECONDS": "1"})
    done = kube.job_when("x", "Complete")
    assert (done["status"]["succeeded"], done["status"]["ready"], done["status"].get("active")) == (1, 0, None)
    assert done["status"]["startTime"] <= done["status"]["completionTime"]
    assert [one["type"] for one in done["status"]["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert done["spec"]["selector"]["matchLabels"] == {"batch.kubernetes.io/controller-uid": done["metadata"]["uid"]}
    assert {"SuccessfulCreate", "Completed"} <= set(kube.reasons("x"))


def test_failing_pods_are_retried_up_to_the_limit(kube: Kube) -> None:
    kube.cpu_pool()
    kube.job("x", spec={"backoffLimit": 1}, env=FAILING)
    failed = kube.job_when("x", "Failed")
    assert why(failed, "Failed") == ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    assert failed["status"]["failed"] == 2
    assert [one["status"]["phase"] for one in kube.pods_of("x")] == ["Failed", "Failed"]


def test_on_failure_restarts_count_against_the_limit_and_take_the_pod_away(kube: Kube) -> None:
    kube.cpu_pool()
    kube.job("x", spec={"backoffLimit": 1}, restart="OnFailure", env=FAILING)
    failed = kube.job_when("x", "Failed")
    assert why(failed, "Failed")[0] == "BackoffLimitExceeded"
    wait_until(lambda: kube.pods_of("x") == [])


def test_a_deadline_ends_the_job_when_the_clock_reaches_it(kube: Kube) -> None:
    kube.cpu_pool()
    kube.job("x", spec={"activeDeadlineSeconds": 3600}, args=["sleep", "infinity"])
    wait_until(lambda: kube.get(f"{JOBS}/x")["status"].get("ready") == 1)
    kube.server.do(lambda: kube.server.clock.advance(3601))
    assert why(kube.job_when("x", "Failed"), "Failed") == ("DeadlineExceeded", "Job was active longer than specified deadline")
    wait_until(lambda: kube.pods_of("x") == [])


def test_a_finished_job_is_cleaned_up_after_its_ttl_with_its_pods(kube: Kube) -> None:
    kube.cpu_pool()
    kube.job("x", spec={"ttlSecondsAfterFinished": 600}, env={"PLAYGROUND_SECONDS": "1"})
    kube.job_when("x", "Complete")
    kube.server.do(lambda: kube.server.clock.advance(601))
    wait_until(lambda: kube.call("GET", f"{JOBS}/x")[0] == 404)
    wait_until(lambda: kube.pods_of("x") == [])


def test_indexed_pods_know_their_index_and_run_as_many_as_allowed(kube: Kube) -> None:
    kube.cpu_pool()
    kube.job("x", spec={"completionMode": "Indexed", "completions": 4, "parallelism": 2}, env={"PLAYGROUND_SECONDS": "20"})
    wait_until(lambda: len(kube.pods_of("x")) == 2)
    assert kube.get(f"{JOBS}/x")["status"]["active"] == 2
    done = kube.job_when("x", "Complete")
    assert (done["status"]["succeeded"], done["status"]["completedIndexes"]) == (4, "0-3")
    pods = kube.pods_of("x")
    assert sorted(one["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"] for one in pods) == list("0123")
    assert all(one["spec"]["containers"][0]["env"][-1]["name"] == "JOB_COMPLETION_INDEX" for one in pods)


def test_a_suspended_job_runs_only_when_resumed(kube: Kube) -> None:
    kube.cpu_pool()
    kube.job("x", spec={"suspend": True}, args=["sleep", "infinity"])
    kube.job_when("x", "Suspended")
    assert kube.pods_of("x") == []
    kube.call("PATCH", f"{JOBS}/x", {"spec": {"suspend": False}}, kind="application/merge-patch+json")
    wait_until(lambda: kube.pods_of("x"))
    kube.call("PATCH", f"{JOBS}/x", {"spec": {"suspend": True}}, kind="application/merge-patch+json")
    wait_until(lambda: kube.pods_of("x") == [])


def test_deleting_a_job_orphans_its_pods_unless_told_otherwise(kube: Kube) -> None:
    kube.cpu_pool()
    for name, options in (("kept", None), ("gone", {"propagationPolicy": "Background"}), ("first", {"propagationPolicy": "Foreground"})):
        kube.create(JOBS, job(name, args=["sleep", "infinity"]))
        wait_until(lambda name=name: [one["status"]["phase"] for one in kube.pods_of(name)] == ["Running"])  # type: ignore[misc]
        status, answer, headers = kube.call("DELETE", f"{JOBS}/{name}", options)
        assert status == 200
        if name == "first":
            assert answer["metadata"]["finalizers"] == ["foregroundDeletion"]
        if name == "kept":
            assert "child pods are preserved by default when jobs are deleted" in headers["Warning"]
    wait_until(lambda: kube.pods_of("gone") == [] and kube.pods_of("first") == [])
    wait_until(lambda: kube.call("GET", f"{JOBS}/first")[0] == 404)
    assert len(kube.pods_of("kept")) == 1
    assert kube.pods_of("kept")[0]["metadata"]["ownerReferences"] == []


def test_a_deleted_pod_of_a_running_job_is_replaced(kube: Kube) -> None:
    kube.cpu_pool()
    kube.job("x", args=["sleep", "infinity"])
    first = wait_until(lambda: kube.pods_of("x"))[0]["metadata"]["name"]
    kube.delete(f"/api/v1/namespaces/default/pods/{first}")
    wait_until(lambda: [one["metadata"]["name"] for one in kube.pods_of("x")] not in ([], [first]))
