"""The proof that a pool's GPUs can be scheduled: collecting the evidence, judging it, and the one call that moves a proof forward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bot.cluster.access import Access, at
from bot.cluster.evidence import Evidence, Expectation, NodeEvidence, PluginEvidence, ProbeEvidence, Verdict
from bot.cluster.hardware import POOL_LABELS, UNHEALTHY, pool_of, size_of, wants_gpus
from bot.cluster.jobstate import judge_pod
from bot.cluster.objects import (
    TERMINAL,
    Json,
    condition,
    gpu_requests,
    is_gpu,
    is_ready,
    is_true,
    labels_of,
    meta,
    name_of,
    restarts_of,
    when,
)
from bot.cluster.plugin import is_device_plugin, is_managed, selects, untolerated
from bot.cluster.probe import NAMESPACE, probe_result, read_end, start_probe
from bot.cluster.quantities import devices
from bot.cluster.verdict import judge, judge_rollout
from bot.errors import Refused

__all__ = ["Evidence", "Expectation", "Verdict", "collect", "evidence_of", "judge", "nodes_of_pool", "prove", "rollout"]

_LINES = 40
# Of how many pods that are still in the making the events are read: more would tell nothing new.
_TOLD = 3


async def collect(
    access: Access, expected: Expectation, *, op: str | None = None, namespace: str = NAMESPACE, now: datetime | None = None
) -> Evidence:
    """Everything that the verdict rests on, read afresh. `op` names the probe (None: there is none).

    `now` is the time on the cluster's clock (default: this machine's). Raises what access raises.
    """
    moment = now or datetime.now(UTC)

    def read() -> tuple[list[Json], list[Json], list[Json], list[Json]]:
        nodes = [item for page in access.pages_now("/api/v1/nodes") for item in page.get("items") or ()]
        sets = [item for page in access.pages_now("/apis/apps/v1/daemonsets") for item in page.get("items") or () if is_device_plugin(item)]
        pods: list[Json] = []
        for daemonset in sets:
            selector = ((daemonset.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
            query = {"labelSelector": ",".join(f"{key}={value}" for key, value in selector.items())}
            path = at("/api/v1/namespaces", str(meta(daemonset).get("namespace")), "pods")
            pods += [item for page in access.pages_now(path, query) for item in page.get("items") or ()]
        names = {name_of(node) for node in nodes_of_pool(nodes, expected.pool)}
        pending = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Pending" and (pod.get("spec") or {}).get("nodeName") in names]
        return nodes, sets, pods, [event for pod in pending[:_TOLD] for event in _events_now(access, pod)]

    nodes, sets, pods, events = await access.run(read)
    mine = nodes_of_pool(nodes, expected.pool)
    probe = await probe_result(access, expected.pool, op, namespace=namespace) if op else None
    in_use = 0
    if probe is not None and probe.phase == "pending" and probe.node is None:
        in_use = await _in_use(access, {name_of(node) for node in mine}, expected.resource)
    evidence = evidence_of(mine, sets, pods, events, at_time=moment, probe=probe, gpus_in_use=in_use)
    return await _with_logs(access, evidence, expected.resource)


async def rollout(access: Access, expected: Expectation, *, now: datetime | None = None) -> Verdict | None:
    """What keeps the device plugin from running on the pool's nodes (no pool named: on all GPU nodes); None where nothing does."""
    return judge_rollout(await collect(access, expected, now=now), expected)


async def prove(
    access: Access,
    expected: Expectation,
    op: str,
    *,
    owner: str = "",
    namespace: str = NAMESPACE,
    now: datetime | None = None,
) -> Verdict:
    """One look, and the probe started once nothing else is missing; call it again while the verdict is `waiting`.

    Afterwards, whatever the verdict, :func:`bot.cluster.probe.remove_probe` cleans up. Raises what access raises.
    """
    evidence = await collect(access, expected, op=op, namespace=namespace, now=now)
    verdict = judge(evidence, expected)
    if verdict.cause != "probe_missing":
        return verdict
    try:
        await start_probe(access, expected, op, owner=owner, namespace=namespace)
    except Refused as error:
        refused = ProbeEvidence("refused", detail=error.sentence)
        return judge(replace(evidence, probe=refused), expected)
    return verdict


def nodes_of_pool(nodes: Sequence[Json], pool: str) -> list[Json]:
    """The nodes of an AKS node pool; without a name, and outside AKS, where no node carries a pool label, all that should have our plugin."""
    if pool and any(label in labels_of(node) for node in nodes for label in POOL_LABELS):
        return [node for node in nodes if pool_of(node) == pool]
    return [node for node in nodes if wants_gpus(node) and not is_managed(node)]


def evidence_of(
    nodes: Sequence[Json],
    sets: Sequence[Json],
    pods: Sequence[Json],
    events: Sequence[Json] = (),
    *,
    at_time: datetime,
    probe: ProbeEvidence | None = None,
    gpus_in_use: int = 0,
) -> Evidence:
    """Evidence from plain objects: the pool's nodes, all device-plugin DaemonSets, their pods and those pods' events. Pure."""
    names = {name_of(node) for node in nodes}
    plugins = [_plugin(pod, events) for pod in pods if (pod.get("spec") or {}).get("nodeName") in names and not meta(pod).get("deletionTimestamp")]
    return Evidence(
        at=at_time,
        nodes=tuple(_node(node, sets) for node in sorted(nodes, key=name_of)),
        plugin_installed=bool(sets),
        plugins=tuple(plugins),
        probe=probe,
        gpus_in_use=gpus_in_use,
    )


def _node(node: Json, sets: Sequence[Json]) -> NodeEvidence:
    status, ready = node.get("status") or {}, condition(node, "Ready")
    specs = [daemonset["spec"]["template"]["spec"] for daemonset in sets]
    chosen = [spec for spec in specs if selects(spec, node)]
    # One DaemonSet that would run here is enough; the taints reported are those of the best of them.
    barred = min((untolerated(spec, node) for spec in chosen), key=len, default=[])
    return NodeEvidence(
        name=name_of(node),
        ready=ready.get("status") == "True",
        ready_status=str(ready.get("status") or "Unknown" if ready else "False"),
        ready_detail=str(ready.get("message") or ready.get("reason") or ""),
        size=size_of(node),
        created=when(meta(node).get("creationTimestamp")),
        cordoned=bool((node.get("spec") or {}).get("unschedulable")),
        bad={kind: str(condition(node, kind).get("message") or "") for kind in UNHEALTHY if is_true(node, kind)},
        capacity={name: devices(value) for name, value in (status.get("capacity") or {}).items() if is_gpu(name)},
        allocatable={name: devices(value) for name, value in (status.get("allocatable") or {}).items() if is_gpu(name)},
        selected=bool(chosen) or not sets,
        untolerated=tuple(barred),
    )


def _plugin(pod: Json, events: Sequence[Json]) -> PluginEvidence:
    state = judge_pod(pod, events)
    ready = is_ready(pod)
    since = when(condition(pod, "Ready").get("lastTransitionTime")) if ready else None
    return PluginEvidence(
        node=str((pod.get("spec") or {}).get("nodeName")),
        pod=name_of(pod),
        ready=ready,
        reason="" if ready else state.reason,
        detail=state.detail,
        restarts=restarts_of(pod),
        since=since or when(meta(pod).get("creationTimestamp")),
        made=when(meta(pod).get("creationTimestamp")),
        namespace=str(meta(pod).get("namespace") or ""),
    )


async def _with_logs(access: Access, evidence: Evidence, resource: str) -> Evidence:
    """The plugin's own words, where it crashes, or runs and its node offers nothing: it says whether it found a driver."""
    empty = {node.name for node in evidence.nodes if not node.allocatable.get(resource)}
    told = []
    for pod in evidence.plugins:
        asked = pod.node in empty and (pod.ready or pod.restarts > 0)
        text = await read_end(access, pod.namespace, pod.pod, _LINES) if asked else ""
        told.append(replace(pod, text=text or ""))
    return replace(evidence, plugins=tuple(told))


def _events_now(access: Access, pod: Json) -> list[Json]:
    """The events of one pod: why it is not made."""
    path = at("/api/v1/namespaces", str(meta(pod).get("namespace")), "events")
    query = {"fieldSelector": f"involvedObject.name={name_of(pod)}"}
    return [item for page in access.pages_now(path, query) for item in page.get("items") or ()]


async def _in_use(access: Access, names: set[str], resource: str) -> int:
    def read() -> int:
        live = {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}
        return sum(
            gpu_requests(pod).get(resource, 0)
            for page in access.pages_now("/api/v1/pods", live)
            for pod in page.get("items") or ()
            if (pod.get("spec") or {}).get("nodeName") in names and (pod.get("status") or {}).get("phase") not in TERMINAL
        )

    return await access.run(read)
