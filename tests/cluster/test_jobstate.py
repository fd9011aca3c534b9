"""What a Job's objects mean, in Kubernetes' word and in plain ones."""

from __future__ import annotations

from typing import Any

import pytest

from bot.cluster.jobstate import judge_job
from bot.cluster.waiting import plain_pending
from bot.operations.report import now_line
from tests.cluster.build import NOW, container, event, job, pod, unschedulable

FAILED = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"}]
COMPLETE = [{"type": "Complete", "status": "True", "lastTransitionTime": "2026-11-20T09:00:00Z"}]
ENDED: dict[str, Any] = {"startedAt": "2026-11-20T08:00:00Z", "finishedAt": "2026-11-20T08:01:00Z"}


def failed_pod(**fields: Any) -> dict[str, Any]:
    return pod(phase="Failed", **fields)


def test_pending_in_the_schedulers_words_and_in_plain_ones() -> None:
    said = "0/3 nodes are available: 1 node(s) had untolerated taint {sku: gpu}, 2 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available."
    state = judge_job(job(active=1), [pod(on=None, phase="Pending", conditions=unschedulable(said))])
    assert (state.phase, state.scheduler, state.stuck) == ("pending", said, False)
    assert state.words == "no free GPU on 2 nodes; 1 node kept for others by taint `sku=gpu`"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("0/2 nodes are available: 2 Insufficient nvidia.com/gpu.", "no free GPU on 2 nodes"),
        ("0/1 nodes are available: 1 Insufficient nvidia.com/mig-1g.5gb.", "no free nvidia.com/mig-1g.5gb on 1 node"),
        ("0/1 nodes are available: 1 node(s) had untolerated taint(s).", "1 node kept for others by taint"),
        ("0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.", "a node is not Ready"),
        (
            "0/4 nodes are available: 4 node(s) didn't match Pod's node affinity/selector.",
            "no node carries the labels the pod asks for (wrong pool?)",
        ),
        (
            "0/4 nodes are available: 1 Insufficient cpu, 3 Insufficient memory.",
            "not enough CPU on any node that would do; not enough memory on any node that would do",
        ),
        ("no nodes available to schedule pods", "the cluster has no nodes"),
        ("something new", "something new"),
        ("", ""),
    ],
)
def test_the_schedulers_message_in_plain_words(message: str, words: str) -> None:
    assert plain_pending(message).startswith(words)


def test_a_message_full_of_digits_is_read_to_its_end() -> None:
    assert plain_pending("1" * 300_000 + " 2 Insufficient nvidia.com/gpu.") == "no free GPU on 2 nodes"


def test_pulling_is_seen_in_the_events() -> None:
    waits = container("waiting", reason="ContainerCreating")
    item = pod(phase="Pending", container=waits)
    assert judge_job(job(active=1), [item]).words == "the container is being made"
    assert judge_job(job(active=1), [item], [event("train-abcde", "Pulling", "Pulling image x")]).phase == "pulling"
    pulled = judge_job(job(active=1), [item], [event("train-abcde", "Pulling", 'Pulling image "nvcr.io/nvidia/pytorch:25.01"', age=200)])
    assert pulled.words == "nvcr.io/nvidia/pytorch:25.01"
    assert now_line(pulled, now=NOW.timestamp()) == "pulling the image `nvcr.io/nvidia/pytorch:25.01` to `aks-gpu-1`, 3 min so far"
    both = [event("train-abcde", "Pulling", "x", age=20), event("train-abcde", "Pulled", "x", age=5)]
    assert judge_job(job(active=1), [item], both).phase == "pending"


def test_running_names_its_pod_and_start() -> None:
    state = judge_job(job(active=1), [pod(container=container("running", startedAt="2026-11-20T08:30:00Z", restarts=2))])
    assert (state.phase, state.pod, state.restarts, state.node) == ("running", "train-abcde", 2, "aks-gpu-1")
    assert state.started is not None


def test_succeeded_has_its_completion_time() -> None:
    done = pod(phase="Succeeded", container=container("terminated", exitCode=0, reason="Completed", **ENDED))
    state = judge_job(job(conditions=COMPLETE, succeeded=1, completionTime="2026-11-20T08:01:02Z"), [done])
    assert state.phase == "succeeded"
    assert state.completed is not None
    assert state.completed.second == 2
    assert state.pod == "train-abcde"


@pytest.mark.parametrize(
    ("broken", "reason", "words"),
    [
        (failed_pod(container=container("terminated", exitCode=3, reason="Error", **ENDED)), "Error", "the program ended with exit code 3"),
        (failed_pod(container=container("terminated", exitCode=137, reason="OOMKilled", **ENDED)), "OOMKilled", "more memory than it may"),
        (failed_pod(reason="Evicted", message="The node was low on resource: ephemeral-storage."), "Evicted", "ephemeral-storage"),
        (
            failed_pod(reason="UnexpectedAdmissionError", message="Allocate failed due to no healthy devices"),
            "UnexpectedAdmissionError",
            "no healthy",
        ),
        (failed_pod(reason="NodeShutdown", message="Pod was terminated"), "NodeShutdown", "its node was shut down"),
        (failed_pod(reason="OutOfnvidia.com/gpu", message="Node didn't have enough resource"), "OutOfnvidia.com/gpu", "no GPU left"),
        (
            failed_pod(conditions=[{"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": "x"}]),
            "DeletionByTaintManager",
            "its node was lost or drained",
        ),
    ],
)
def test_a_failure_is_named_by_the_pod_that_failed(broken: dict[str, Any], reason: str, words: str) -> None:
    state = judge_job(job(conditions=FAILED, failed=1), [broken])
    assert (state.phase, state.reason) == ("failed", reason)
    assert words in state.words


def test_a_failed_job_whose_pods_are_gone_still_has_a_reason() -> None:
    state = judge_job(job(conditions=FAILED, failed=1), [])
    assert (state.reason, state.words) == ("BackoffLimitExceeded", "it failed as often as it may be retried")


def test_a_deadline_that_passed_while_pending_says_what_it_waited_for() -> None:
    late = [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]
    waiting = pod(on=None, phase="Pending", conditions=unschedulable("0/1 nodes are available: 1 Insufficient nvidia.com/gpu."))
    state = judge_job(job(conditions=late), [waiting])
    assert state.words == "it ran into its time limit and was stopped without having started: no free GPU on 1 node"


def test_an_image_that_cannot_be_pulled_is_stuck_and_says_why() -> None:
    for detail, words in (
        ("401 Unauthorized", "asks for a login"),
        ("manifest unknown", "no such image"),
        ("dial tcp: i/o timeout", "cannot be reached"),
    ):
        waits = container("waiting", reason="ImagePullBackOff", message=detail)
        state = judge_job(job(active=1), [pod(phase="Pending", container=waits)])
        assert (state.phase, state.stuck, state.reason) == ("pending", True, "ImagePullBackOff")
        assert words in state.words


def test_a_crash_loop_by_lack_of_memory_is_named_by_its_cause() -> None:
    waits = container("waiting", reason="CrashLoopBackOff", restarts=4, last={"exitCode": 137, "reason": "OOMKilled", **ENDED})
    state = judge_job(job(active=1), [pod(phase="Running", container=waits, restart="OnFailure")])
    assert (state.phase, state.reason, state.restarts) == ("running", "OOMKilled", 4)
    assert state.pod == "train-abcde"


def test_between_two_attempts_the_last_failure_is_told() -> None:
    state = judge_job(job(failed=1), [failed_pod(container=container("terminated", exitCode=1, reason="Error", **ENDED))])
    assert (state.phase, state.words) == ("pending", "the last pod failed (the program ended with exit code 1); another follows")


def test_several_pods_are_told_apart_by_their_index() -> None:
    running = container("running", startedAt="2026-11-20T08:30:00Z")
    pods = [pod(f"p{n}", container=running, age=100 - n, annotations={"batch.kubernetes.io/job-completion-index": str(n)}) for n in range(3)]
    state = judge_job(job(active=3, spec={"completions": 3, "parallelism": 3}), pods)
    assert [item.index for item in state.pods] == [0, 1, 2]
    assert state.completions == 3


def test_a_suspended_and_a_deleted_job_say_so() -> None:
    assert judge_job(job(spec={"suspend": True}), []).words == "it is suspended"
    gone = job()
    gone["metadata"]["deletionTimestamp"] = "2026-11-20T09:00:00Z"
    assert judge_job(gone, []).phase == "deleting"


def test_what_is_missing_is_named_in_the_kubelets_words_after_plain_ones() -> None:
    waits = container("waiting", reason="CreateContainerConfigError", message='secret "team-keys" not found')
    state = judge_job(job(active=1), [pod(phase="Pending", container=waits)])
    assert (state.phase, state.reason, state.stuck) == ("pending", "CreateContainerConfigError", True)
    assert state.words == 'a Secret or ConfigMap that it refers to is missing: secret "team-keys" not found'
    mount = event("train-abcde", "FailedMount", 'MountVolume.SetUp failed for volume "keys": secret "team-keys" not found')
    state = judge_job(job(active=1), [pod(phase="Pending", container=container("waiting", reason="ContainerCreating"))], [mount])
    assert state.words == 'a volume that it refers to cannot be mounted: MountVolume.SetUp failed for volume "keys": secret "team-keys" not found'
