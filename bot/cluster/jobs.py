"""Jobs in the cluster: try, create once, look, list, delete, and say beforehand whether one can fit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, Literal

from bot.cluster.access import Access, at
from bot.cluster.jobstate import JobState, absent, judge_job
from bot.cluster.nodes import Capacity, Count
from bot.cluster.objects import GPU, OP_LABEL, Json, labels_of, meta, name_of, owner_name
from bot.errors import Failed, Refused, Temporary

_NAMESPACED: Final = "/apis/batch/v1/namespaces"
_PODS: Final = "/api/v1/namespaces"
_WITH_EVENTS: Final = 3


async def dry_run(access: Access, manifest: Json) -> None:
    """Let the server validate and admit the Job without keeping it (Kubernetes: dryRun=All, strict field validation).

    Raises :class:`bot.errors.Refused` (``cluster.invalid``, ``cluster.admission_denied``, ``cluster.quota_exceeded``) or what access raises.
    A name that is taken is no fault here: :func:`apply` decides whose it is.
    """
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    answer = await access.create(_collection(manifest), manifest, query, expect=(400, 409))
    if answer.status == 400:
        raise Failed("cluster.bad_request", status=400, cluster=access.cluster, reason=str(answer.body.get("message") or "")[:400])


async def apply(access: Access, manifest: Json) -> Literal["created", "exists"]:
    """Create the Job under its name. Repeating it is safe: one with the same operation label is ours already ("exists").

    A Job's template is immutable, so a changed Job is a new name, never an update. Raises :class:`bot.errors.Refused`
    (``cluster.name_taken``) where the name belongs to something else, :class:`bot.errors.Temporary` while a namesake of an earlier run is
    still being deleted.
    """
    answer = await access.create(_collection(manifest), manifest, expect=(409,))
    if answer.status != 409:
        return "created"
    name = name_of(manifest)
    there = await access.find(at(_collection(manifest), name))
    if there is None:
        raise Temporary("cluster.conflict", retry_after=1.0, cluster=access.cluster, reason=f"a Job {name} came and went")
    if labels_of(there).get(OP_LABEL) == labels_of(manifest).get(OP_LABEL) and labels_of(there).get(OP_LABEL):
        return "exists"
    if meta(there).get("deletionTimestamp"):
        raise Temporary("cluster.conflict", retry_after=2.0, cluster=access.cluster, reason=f"the former Job {name} is still being deleted")
    raise Refused("cluster.name_taken", cluster=access.cluster, reason=f"there is already a Job {name}")


async def observe(access: Access, namespace: str, name: str) -> JobState:
    """The Job's state now; phase "absent" where it is not there. Events are read only while no container of it runs."""

    def read() -> tuple[Json | None, list[Json], list[Json]]:
        job = access.find_now(at(_NAMESPACED, namespace, "jobs", name))
        if job is None:
            return None, [], []
        uid = str(meta(job).get("uid") or "")
        # Pods of an earlier Job of the same name may linger; the owner's uid tells them apart.
        query = {"labelSelector": f"batch.kubernetes.io/job-name={name}"}
        pods = [pod for page in access.pages_now(at(_PODS, namespace, "pods"), query) for pod in page.get("items") or () if _owned(pod, name, uid)]
        pending = [name_of(pod) for pod in pods if (pod.get("status") or {}).get("phase") == "Pending"]
        path = at(_PODS, namespace, "events")
        # Asked for by pod: a busy namespace has thousands of events. A few pods tell enough of an Indexed Job's pull.
        events = [
            event
            for pod_name in pending[:_WITH_EVENTS]
            for page in access.pages_now(path, {"fieldSelector": f"involvedObject.name={pod_name}"})
            for event in page.get("items") or ()
        ]
        return job, pods, events

    job, pods, events = await access.run(read)
    return absent(namespace, name) if job is None else judge_job(job, pods, events)


async def list_jobs(access: Access, selector: str = OP_LABEL, namespace: str | None = None) -> tuple[JobState, ...]:
    """The states of all Jobs that match a label selector (default: all of the bot's), newest first; two reads in all."""

    def read() -> tuple[list[Json], dict[tuple[str, str], list[Json]]]:
        jobs_path = at(_NAMESPACED, namespace, "jobs") if namespace else "/apis/batch/v1/jobs"
        pods_path = at(_PODS, namespace, "pods") if namespace else "/api/v1/pods"
        query = {"labelSelector": selector}
        jobs = [item for page in access.pages_now(jobs_path, query) for item in page.get("items") or ()]
        by_job: dict[tuple[str, str], list[Json]] = defaultdict(list)
        for page in access.pages_now(pods_path, query):
            for pod in page.get("items") or ():
                owner = owner_name(pod, "Job")
                if owner:
                    by_job[(str(meta(pod).get("namespace")), owner)].append(pod)
        return jobs, by_job

    jobs, by_job = await access.run(read)
    states = [judge_job(job, by_job[(str(meta(job).get("namespace")), name_of(job))]) for job in jobs]
    return tuple(sorted(states, key=lambda state: state.created.timestamp() if state.created else 0.0, reverse=True))


async def delete(access: Access, namespace: str, name: str) -> bool:
    """Delete the Job and its pods (the document's `kubectl delete jobs`); False where it was gone already."""
    return await access.delete(at(_NAMESPACED, namespace, "jobs", name))


def fits(capacity: Capacity, gpus: int, *, resource: str = GPU, pods: int = 1, pool: str | None = None) -> str | None:
    """Why `pods` pods of `gpus` GPUs each cannot start now, as a sentence; None if they can. Pure.

    Counts GPUs on nodes that are Ready and not cordoned; what else a pod may need (CPU, memory) is left to the scheduler.
    """
    if gpus <= 0:
        return None
    nodes = [node for node in capacity.nodes if pool is None or node.pool == pool]
    where = f"pool `{pool}`" if pool else "the cluster"
    counts = [node.resources.get(resource, Count()) for node in nodes]
    if not any(count.allocatable for count in counts):
        return _nothing(capacity, nodes, resource, where)
    largest = max(count.allocatable for count in counts)
    if largest < gpus:
        return f"No node of {where} has {gpus} {_unit(resource, gpus)}: the largest has {largest}."
    room = places(capacity, gpus, resource=resource, pool=pool)
    if room >= pods:
        return None
    free, total = sum(count.free for count in counts), sum(count.allocatable for count in counts)
    if pods > 1:
        return f"Only {room} of {pods} pods with {gpus} {_unit(resource, gpus)} each fit now: {free} of {total} are free in {where}."
    most = max(count.free for count in counts)
    return f"{free} of {total} {_unit(resource, total)} are free in {where}, at most {most} on one node; {gpus} wanted."


def places(capacity: Capacity, gpus: int, *, resource: str = GPU, pool: str | None = None) -> int:
    """How many pods of `gpus` GPUs each could start now. Pure."""
    nodes = [node for node in capacity.nodes if pool is None or node.pool == pool]
    return sum(node.resources.get(resource, Count()).free // gpus for node in nodes)


def _nothing(capacity: Capacity, nodes: Iterable[object], resource: str, where: str) -> str:
    others = [name for name in capacity.resources() if name != resource and capacity.largest_free(name)]
    if others:
        return f"No node of {where} offers `{resource}`, but there is `{others[0]}`."
    if any(True for _ in nodes):
        return f"The GPU nodes of {where} do not offer `{resource}` yet: the device plugin does not run, or the GPUs are not healthy."
    return f"There is no GPU node in {where}."


def _unit(resource: str, count: int) -> str:
    if resource != GPU:
        return f"`{resource}`"
    return "GPU" if count == 1 else "GPUs"


def _collection(manifest: Json) -> str:
    return at(_NAMESPACED, str(meta(manifest).get("namespace") or "default"), "jobs")


def _owned(pod: Json, name: str, uid: str) -> bool:
    owners = meta(pod).get("ownerReferences") or ()
    return any(owner.get("kind") == "Job" and owner.get("name") == name and (not uid or owner.get("uid") == uid) for owner in owners)
