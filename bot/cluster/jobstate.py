"""What state a Job is in, judged from the Job, its pods and their events; pure.

A Job's own status lags and says little: "active: 1" is as true of a pod that waits for a GPU as of one that trains. So its pods are
read, and the Job's conditions only decide about the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from bot.cluster.objects import Json, condition, is_true, meta, name_of, restarts_of, statuses, when
from bot.cluster.waiting import image_cause, plain_pending, plain_reason

Phase = Literal["absent", "pending", "pulling", "running", "succeeded", "failed", "deleting"]

# Waiting reasons that do not mend themselves by waiting a little longer.
STUCK: Final = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "CrashLoopBackOff",
)
# Where Kubernetes' message names what the reason only hints at: the Secret, the volume, what the node was short of.
_DETAILED: Final = (
    "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "Evicted", "UnexpectedAdmissionError",
    "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox",
)  # fmt: skip
_IMAGE: Final = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


@dataclass(frozen=True)
class PodState:
    """One attempt of the Job. `reason` is Kubernetes' word, `detail` its message; `exit_code` that of the container whose log is read.

    `last_reason` is why the container's run before this one ended, where it was started again. `index` is the completion index of an
    Indexed Job. `log` says that there is something to read.
    """

    name: str
    phase: Phase
    node: str | None = None
    reason: str = ""
    detail: str = ""
    restarts: int = 0
    last_reason: str = ""
    exit_code: int | None = None
    index: int | None = None
    created: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    log: bool = False


@dataclass(frozen=True)
class JobState:
    """One look at a Job.

    `reason` is Kubernetes' own word (`OOMKilled`, `BackoffLimitExceeded`), `words` the same for people; while pending, `scheduler` holds
    the scheduler's own message. `stuck`: waiting will not help by itself (e.g. ImagePullBackOff). `pulling`: since when an image is
    pulled, while that is all that is waited for. `pods` oldest first.
    """

    namespace: str
    name: str
    phase: Phase
    reason: str = ""
    words: str = ""
    scheduler: str = ""
    stuck: bool = False
    pulling: datetime | None = None
    pods: tuple[PodState, ...] = ()
    restarts: int = 0
    succeeded: int = 0
    failed: int = 0
    completions: int = 1
    created: datetime | None = None
    started: datetime | None = None
    completed: datetime | None = None
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()

    @property
    def ended(self) -> bool:
        """Whether it is over, one way or the other."""
        return self.phase in ("succeeded", "failed", "absent")

    @property
    def pod(self) -> str | None:
        """The pod whose log tells most: one that runs, else the newest that has a log."""
        readable = [pod for pod in self.pods if pod.log]
        running = [pod for pod in readable if pod.phase == "running"]
        return (running or readable)[-1].name if readable else None

    @property
    def node(self) -> str | None:
        """The node of that pod, or of the newest that has one."""
        nodes = [pod.node for pod in self.pods if pod.node]
        return next((pod.node for pod in self.pods if pod.name == self.pod), nodes[-1] if nodes else None)

    def label(self, key: str) -> str | None:
        """A label of the Job."""
        return dict(self.labels).get(key)

    def annotation(self, key: str) -> str | None:
        """An annotation of the Job."""
        return dict(self.annotations).get(key)


def absent(namespace: str, name: str) -> JobState:
    """The state of a Job that is not there."""
    return JobState(namespace, name, "absent", reason="NotFound", words="it is not in the cluster (any more)")


def judge_job(job: Json, pods: Sequence[Json], events: Sequence[Json] = ()) -> JobState:
    """The state of `job`. `events` are those of its pods (and may be empty: they only add the progress of the image pull)."""
    found = sorted((judge_pod(pod, events) for pod in pods), key=lambda pod: (pod.created or datetime.min.replace(tzinfo=UTC), pod.name))
    status, spec = job.get("status") or {}, job.get("spec") or {}
    phase, reason, words, scheduler, stuck = _verdict(job, found)
    conditions = status.get("conditions") or ()
    ended = next((when(item.get("lastTransitionTime")) for item in conditions if item.get("type") in ("Failed", "Complete")), None)
    started = [pod.started for pod in found if pod.started]
    return JobState(
        namespace=str(meta(job).get("namespace") or "default"),
        name=name_of(job),
        phase=phase,
        reason=reason,
        words=words,
        scheduler=scheduler,
        stuck=stuck,
        pulling=_pulling(events) if phase == "pulling" else None,
        pods=tuple(found),
        restarts=sum(pod.restarts for pod in found),
        succeeded=int(status.get("succeeded") or 0),
        failed=int(status.get("failed") or 0),
        completions=int(spec.get("completions") or spec.get("parallelism") or 1),
        created=when(meta(job).get("creationTimestamp")),
        started=min(started, default=None),
        completed=when(status.get("completionTime")) or ended,
        labels=tuple((str(key), str(value)) for key, value in (meta(job).get("labels") or {}).items()),
        annotations=tuple((str(key), str(value)) for key, value in (meta(job).get("annotations") or {}).items()),
    )


def judge_pod(pod: Json, events: Sequence[Json] = ()) -> PodState:
    """The state of one pod of a Job."""
    phase, reason, detail = _pod_phase(pod, events)
    status = pod.get("status") or {}
    main: Json = next(iter(status.get("containerStatuses") or ()), {})
    state, last = main.get("state") or {}, main.get("lastState") or {}
    over, before = state.get("terminated") or {}, last.get("terminated") or {}
    running = state.get("running") or {}
    index = (meta(pod).get("annotations") or {}).get("batch.kubernetes.io/job-completion-index")
    code = over.get("exitCode", before.get("exitCode"))
    return PodState(
        name=name_of(pod),
        phase=phase,
        node=(pod.get("spec") or {}).get("nodeName"),
        reason=reason,
        detail=detail,
        restarts=restarts_of(pod),
        last_reason=str(before.get("reason") or ""),
        exit_code=int(code) if code is not None else None,
        index=int(str(index)) if str(index or "").isdigit() else None,
        created=when(meta(pod).get("creationTimestamp")),
        started=when(running.get("startedAt")) or when(over.get("startedAt")) or when(before.get("startedAt")),
        ended=when(over.get("finishedAt")),
        log=bool(running or over or before),
    )


def _pod_phase(pod: Json, events: Sequence[Json]) -> tuple[Phase, str, str]:
    status = pod.get("status") or {}
    phase = status.get("phase")
    if phase == "Succeeded":
        return "succeeded", "Completed", ""
    if phase == "Failed":
        return "failed", *_why_failed(pod)
    if meta(pod).get("deletionTimestamp"):
        return "deleting", *_why_failed(pod)
    if status.get("reason") == "NodeLost" or (phase == "Running" and is_true(pod, "DisruptionTarget")):
        return "running", *_why_failed(pod)
    for state in statuses(pod):
        waits = (state.get("state") or {}).get("waiting") or {}
        if waits.get("reason") in STUCK:
            # A container that ended badly and waits for its next start says why it ended in its last state.
            before = ((state.get("lastState") or {}).get("terminated") or {}).get("reason")
            reason = str(before) if waits["reason"] == "CrashLoopBackOff" and before == "OOMKilled" else str(waits["reason"])
            return "pending" if phase == "Pending" else "running", reason, str(waits.get("message") or "")
    if phase == "Running":
        return "running", "", ""
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return "pending", str(scheduled.get("reason") or "Unschedulable"), str(scheduled.get("message") or "")
    return _starting(pod, events)


def _starting(pod: Json, events: Sequence[Json]) -> tuple[Phase, str, str]:
    """A pod that has a node (or will have one in a moment) and no running container."""
    mine = [event for event in events if (event.get("involvedObject") or {}).get("name") == name_of(pod)]
    mine.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp") or ""))
    for event in reversed(mine):
        if event.get("reason") == "Pulling":
            return "pulling", "Pulling", str(event.get("message") or "")
        if event.get("reason") in ("FailedScheduling", "FailedMount", "FailedCreatePodSandBox", "FailedAttachVolume"):
            return "pending", str(event["reason"]), str(event.get("message") or "")
        if event.get("reason") in ("Pulled", "Created", "Started"):
            break
    waits = next(((item.get("state") or {}).get("waiting") or {} for item in statuses(pod)), {})
    return "pending", str(waits.get("reason") or ""), str(waits.get("message") or "")


def _why_failed(pod: Json) -> tuple[str, str]:
    """Kubernetes' reason and message for a pod that failed or is being taken away; the most telling of several places."""
    status = pod.get("status") or {}
    if status.get("reason"):
        return str(status["reason"]), str(status.get("message") or "")
    disrupted = condition(pod, "DisruptionTarget")
    if disrupted.get("status") == "True":
        return str(disrupted.get("reason") or "Evicted"), str(disrupted.get("message") or "")
    ends = [(item.get("state") or {}).get("terminated") or {} for item in statuses(pod)]
    bad = next((end for end in ends if end.get("exitCode")), None)
    if bad is None:
        return "", ""
    code = int(bad["exitCode"])
    return str(bad.get("reason") or "Error"), str(bad.get("message") or f"exit code {code}")


def _verdict(job: Json, pods: Sequence[PodState]) -> tuple[Phase, str, str, str, bool]:
    """phase, reason, words, scheduler's words, stuck."""
    if is_true(job, "Complete") or is_true(job, "SuccessCriteriaMet"):
        return "succeeded", "Completed", "", "", False
    for kind in ("Failed", "FailureTarget"):
        if is_true(job, kind):
            return _failure(condition(job, kind), pods)
    if meta(job).get("deletionTimestamp"):
        return "deleting", "", "it is being deleted", "", False
    if (job.get("spec") or {}).get("suspend"):
        return "pending", "Suspended", "it is suspended", "", False
    live = [pod for pod in pods if pod.phase in ("pending", "pulling", "running", "deleting")]
    running = [pod for pod in live if pod.phase == "running"]
    if running:
        bad = next((pod for pod in running if pod.reason), None)
        return "running", bad.reason if bad else "", _words(bad) if bad else "", "", bool(bad and bad.reason in STUCK)
    shown = next((pod for pod in live if pod.phase == "pulling"), live[0] if live else None)
    if shown is None:
        words = f"the last pod failed ({_words(pods[-1])}); another follows" if pods else "its pods have not been made yet"
        return "pending", pods[-1].reason if pods else "", words, "", False
    if shown.phase == "pulling":
        return "pulling", "Pulling", _quoted(shown.detail), "", False
    scheduler = shown.detail if shown.reason in ("Unschedulable", "FailedScheduling", "SchedulingGated") else ""
    return "pending", shown.reason, _words(shown), scheduler, shown.reason in STUCK


def _failure(ended: Json, pods: Sequence[PodState]) -> tuple[Phase, str, str, str, bool]:
    reason = str(ended.get("reason") or "Failed")
    bad = next((pod for pod in reversed(pods) if pod.phase in ("failed", "deleting") and pod.reason), None)
    bad = bad or next((pod for pod in reversed(pods) if pod.exit_code or pod.reason), None)
    if reason == "DeadlineExceeded":
        waiting = next((pod for pod in pods if pod.reason and not pod.started), None)
        return "failed", reason, plain_reason(reason) + (f" without having started: {_words(waiting)}" if waiting else ""), "", False
    if bad is None:
        return "failed", reason, plain_reason(reason), "", False
    # The pod's reason is the cause; the Job's only says that it gave up.
    return "failed", bad.reason or reason, _words(bad), "", False


def _words(pod: PodState) -> str:
    if pod.reason in ("Unschedulable", "FailedScheduling"):
        return plain_pending(pod.detail)
    words = plain_reason(pod.reason) if pod.reason else "it waits for a node"
    if pod.exit_code not in (None, 0) and pod.reason in ("Error", ""):
        words = f"the program ended with exit code {pod.exit_code}"
    if pod.reason in _IMAGE and pod.detail:
        words += f": {image_cause(pod.detail)}"
    elif pod.reason in _DETAILED and pod.detail:
        words += f": {pod.detail[:200]}"
    return words


def _pulling(events: Sequence[Json]) -> datetime | None:
    """Since when the image is pulled: the first of the events (of the few pods that were looked at) that says so."""
    pulls = [event for event in events if event.get("reason") == "Pulling"]
    began = [when(event.get("firstTimestamp") or event.get("eventTime") or event.get("lastTimestamp")) for event in pulls]
    return min((at for at in began if at), default=None)


def _quoted(message: str) -> str:
    """The image in ``Pulling image "x"``; '' where the kubelet says it otherwise."""
    return message.split('"')[1] if message.count('"') >= 2 else ""
