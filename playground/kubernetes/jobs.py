"""The Job controller: parallelism, completions, indexes, retries, deadline, clean-up (Kubernetes: batch/v1)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from playground.kubernetes import defaults
from playground.kubernetes.deletion import remove
from playground.kubernetes.gpus import pod_ready
from playground.kubernetes.objects import Json, deleting, key_of, name_of, namespace_of, owner_reference, seconds_of, suffix, uid_of
from playground.kubernetes.resources import JOBS, PODS
from playground.kubernetes.store import Key

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster

_INDEX = "batch.kubernetes.io/job-completion-index"
# Kubernetes: failed pods are replaced after 10 s, doubled with each failure, at most 10 minutes.
_BACKOFF, _BACKOFF_MOST = 10.0, 600.0


class Jobs:
    """Reconciles Jobs of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._retry_at: dict[str, float] = {}
        cluster.loop.register("job", self._reconcile)

    def look(self, key: Key) -> None:
        """The Job, or one of its pods, has changed."""
        self._cluster.loop.add("job", key)

    def _reconcile(self, key: Key) -> None:
        job = self._cluster.store.get(JOBS, *key)
        if job is None or deleting(job):
            return
        if finished(job):
            self._expire(job)
            return
        pods = [pod for _, pod in self._cluster.store.dependents(uid_of(job))]
        tally = _Tally(job, pods)
        if job["spec"].get("suspend"):
            self._suspend(job, tally)
            return
        if not job["status"].get("startTime"):
            self._begin(job)
            return
        verdict = self._verdict(job, tally)
        if verdict is not None:
            for pod in tally.active:
                remove(self._cluster, PODS, pod)
            self._report(job, tally, verdict)
            return
        self._fill(job, tally)
        self._report(job, tally, None)

    def _begin(self, job: Json) -> None:
        def edit(item: Json) -> None:
            item["status"]["startTime"] = self._cluster.clock.iso()
            item["status"]["conditions"] = [one for one in item["status"].get("conditions") or [] if one["type"] != "Suspended"]
            if not item["status"]["conditions"]:
                del item["status"]["conditions"]

        deadline = job["spec"].get("activeDeadlineSeconds")
        if deadline is not None:
            self._cluster.loop.at(self._cluster.clock.now() + deadline + 0.001, "job", key_of(job))
        self._cluster.store.change(JOBS, key_of(job), edit)

    def _suspend(self, job: Json, tally: _Tally) -> None:
        for pod in tally.active:
            remove(self._cluster, PODS, pod)
        now = self._cluster.clock.iso()

        def edit(item: Json) -> None:
            item["status"].pop("startTime", None)
            item["status"]["active"] = 0
            item["status"]["ready"] = 0
            if not any(one["type"] == "Suspended" for one in item["status"].get("conditions") or []):
                item["status"].setdefault("conditions", []).append(_condition("Suspended", "JobSuspended", "Job suspended", now))

        self._cluster.store.change(JOBS, key_of(job), edit)

    def _verdict(self, job: Json, tally: _Tally) -> tuple[str, str, str] | None:
        """(condition, reason, message) once the Job is decided."""
        spec, limit = job["spec"], job["spec"]["backoffLimit"]
        if tally.failures > limit or (limit and tally.restarts >= limit) or (not limit and tally.restarts):
            return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        deadline = spec.get("activeDeadlineSeconds")
        started = job["status"]["startTime"]
        if deadline is not None and self._cluster.clock.now() - seconds_of(started) >= deadline:
            return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
        wanted = spec.get("completions")
        reached = tally.succeeded >= wanted if wanted is not None else tally.succeeded > 0 and not tally.active
        if reached:
            return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
        return None

    def _fill(self, job: Json, tally: _Tally) -> None:
        spec = job["spec"]
        wanted = spec.get("completions")
        most = spec["parallelism"]
        if wanted is not None:
            most = min(most, wanted - tally.succeeded)
        elif tally.succeeded:
            most = len(tally.active)
        for pod in tally.active[max(0, most) :]:
            remove(self._cluster, PODS, pod)
        missing = most - len(tally.active) - len(tally.going)
        if missing <= 0 or self._must_wait(job, tally):
            return
        indexes = tally.free_indexes(missing) if spec["completionMode"] == "Indexed" else [None] * missing
        for index in indexes:
            self._start(job, index)

    def _must_wait(self, job: Json, tally: _Tally) -> bool:
        """Whether a failed pod's back-off is still running; queues the job for its end."""
        if not tally.failures:
            return False
        uid, mark = uid_of(job), f"{uid_of(job)}/{tally.failures}"
        loop_now = self._cluster.clock.now()
        if mark not in self._retry_at:
            seconds = min(_BACKOFF * 2 ** (tally.failures - 1), _BACKOFF_MOST)
            self._retry_at[mark] = loop_now + self._cluster.clock.scaled(seconds)
            self._cluster.loop.later(seconds + 0.001, "job", key_of(job))
        if len(self._retry_at) > 1000:
            self._retry_at = {key: at for key, at in self._retry_at.items() if key.startswith(uid)}
        return loop_now < self._retry_at[mark]

    def _start(self, job: Json, index: int | None) -> None:
        template = copy.deepcopy(job["spec"]["template"])
        name, spec = name_of(job), template["spec"]
        base = f"{name}-" if index is None else f"{name}-{index}-"
        labels = dict(template["metadata"].get("labels") or {})
        annotations = dict(template["metadata"].get("annotations") or {})
        if index is not None:
            labels[_INDEX] = annotations[_INDEX] = str(index)
            spec["hostname"] = f"{name}-{index}"
            for container in [*spec["containers"], *(spec.get("initContainers") or [])]:
                env = container.setdefault("env", [])
                field = f"metadata.labels['{_INDEX}']"
                env.append({"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": field}}})
        meta: Json = {"name": f"{base[:57]}{suffix()}", "generateName": base, "namespace": namespace_of(job), "labels": labels}
        meta["ownerReferences"] = [owner_reference(job)]
        if annotations:
            meta["annotations"] = annotations
        pod: Json = {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": spec}
        defaults.pod(pod)
        self._cluster.store.create(PODS, pod)
        self._cluster.events.record(job, "Normal", "SuccessfulCreate", f"Created pod: {name_of(pod)}", "job-controller")

    def _report(self, job: Json, tally: _Tally, verdict: tuple[str, str, str] | None) -> None:
        now = self._cluster.clock.iso()
        pods = [pod for _, pod in self._cluster.store.dependents(uid_of(job))]
        after = _Tally(job, pods)

        def edit(item: Json) -> None:
            status = item["status"]
            for field in ("active", "ready", "terminating", "succeeded", "failed", "completedIndexes", "failedIndexes"):
                status.pop(field, None)
            counts = {
                "active": len(after.active),
                "succeeded": after.succeeded,
                "failed": after.failed + (len(tally.active) if verdict and verdict[0] == "Failed" else 0),
            }
            status |= {field: count for field, count in counts.items() if count}
            status["ready"] = 0 if verdict else sum(pod_ready(pod) for pod in after.active)
            status["terminating"] = len(after.going)
            status["uncountedTerminatedPods"] = {}
            if job["spec"]["completionMode"] == "Indexed" and after.done:
                status["completedIndexes"] = _ranges(after.done)
            if verdict:
                first = "SuccessCriteriaMet" if verdict[0] == "Complete" else "FailureTarget"
                status["conditions"] = [*(status.get("conditions") or []), _condition(first, *verdict[1:], now), _condition(*verdict, now)]
                if verdict[0] == "Complete":
                    status["completionTime"] = now

        self._cluster.store.change(JOBS, key_of(job), edit)
        if verdict:
            kind, reason = ("Normal", "Completed") if verdict[0] == "Complete" else ("Warning", verdict[1])
            text = "Job completed" if verdict[0] == "Complete" else verdict[2]
            self._cluster.events.record(job, kind, reason, text, "job-controller")

    def _expire(self, job: Json) -> None:
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return
        ended = max(seconds_of(one["lastTransitionTime"]) for one in job["status"]["conditions"])
        if self._cluster.clock.now() >= ended + ttl:
            remove(self._cluster, JOBS, job)
        else:
            self._cluster.loop.at(ended + ttl, "job", key_of(job))


class _Tally:
    """A Job's pods, counted."""

    def __init__(self, job: Json, pods: list[Json]) -> None:
        self.indexed = job["spec"].get("completionMode") == "Indexed"
        self.completions = job["spec"].get("completions") or 0
        phase = {name_of(pod): pod["status"].get("phase") for pod in pods}
        self.active = [pod for pod in pods if phase[name_of(pod)] not in ("Succeeded", "Failed") and not deleting(pod)]
        self.going = [pod for pod in pods if phase[name_of(pod)] not in ("Succeeded", "Failed") and deleting(pod)]
        self.failed = sum(phase[name_of(pod)] == "Failed" for pod in pods)
        self.failures = self.failed
        succeeded = [pod for pod in pods if phase[name_of(pod)] == "Succeeded"]
        self.done = sorted({_index_of(pod) for pod in succeeded}) if self.indexed else []
        self.succeeded = len(self.done) if self.indexed else len(succeeded)
        self.restarts = 0
        if job["spec"]["template"]["spec"].get("restartPolicy") == "OnFailure":
            statuses = [one for pod in self.active for one in pod["status"].get("containerStatuses") or []]
            self.restarts = sum(one["restartCount"] for one in statuses)

    def free_indexes(self, count: int) -> list[int]:
        """The lowest indexes that are neither done nor running."""
        taken = {*self.done, *(_index_of(pod) for pod in [*self.active, *self.going])}
        return [index for index in range(self.completions) if index not in taken][:count]


def _index_of(pod: Json) -> int:
    return int((pod["metadata"].get("annotations") or {}).get(_INDEX, -1))


def _ranges(done: list[int]) -> str:
    """Indexes as batch/v1 writes them: ``0-2,4``."""
    parts: list[list[int]] = []
    for index in done:
        if parts and parts[-1][1] == index - 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ",".join(str(low) if low == high else f"{low},{high}" if high == low + 1 else f"{low}-{high}" for low, high in parts)


def _condition(kind: str, reason: str, message: str, now: str) -> Json:
    return {"type": kind, "status": "True", "lastProbeTime": now, "lastTransitionTime": now, "reason": reason, "message": message}


def finished(job: Json) -> bool:
    """Whether the Job is Complete or Failed."""
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in job["status"].get("conditions") or [])
