"""Plans for jobs: where it runs, what it holds, what the policy says to it, and whether it can fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from bot.approvals.limits import Ask, spoken, within_limits
from bot.approvals.rules import Policy
from bot.azure.clusters import ClusterState
from bot.azure.pools import PoolState
from bot.azure.sizes import promised
from bot.cluster import jobs, nodes
from bot.cluster.nodes import Capacity, Count
from bot.cluster.objects import GPU, Json, is_gpu
from bot.cluster.render import gpus_of
from bot.cluster.safety import unsafe
from bot.cluster.templates import Template
from bot.errors import QuartermasterError, Refused
from bot.model import Change, Finding, Plan
from bot.names import valid
from bot.operations.answers import pool_prices
from bot.operations.record import Operation
from bot.operations.running import manifest_of, template_of
from bot.operations.services import Services, one_of
from bot.slack.blocks import escaped

MOST_PODS: Final = 100


@dataclass(frozen=True)
class Place:
    """A cluster with what it has: its node pools as Azure lists them and its GPUs as Kubernetes counts them."""

    cluster: ClusterState
    capacity: Capacity
    chosen: str = ""
    """Why this cluster, where the request named none and there were several."""


async def job_run(op: Operation, do: Services, policy: Policy) -> Plan:
    """A Job on a cluster of ours; runs on what is paid for already, so it needs no approval."""
    values = op.values
    template = template_of(values, do)
    _declared(values, template)
    _allowed(values, template, policy)
    base = base_name(values, template)
    timeout = _timeout(values, template, policy)
    target: dict[str, Any] = {
        "namespace": _namespace(values, template, policy), "base": base, "job": values.get("name") or f"{base}-{op.id[:6]}", "timeout": timeout,
        "expires": int(op.created) + timeout,
    }  # fmt: skip
    manifest = manifest_of(op, do, {**target, "resource": resource_of(template.manifest)})
    foreign = foreign_images(manifest, policy)  # as they are once the parameters are filled in: `image: ${image}` is whatever was typed
    if foreign:
        raise Refused("plans.unsafe", reasons="; ".join(dict.fromkeys(foreign)))
    resource, gpus, pods = gpus_of(manifest)
    whole = await _place(values, do, gpus, resource, pods)
    place = _within(whole, str(values.get("pool") or ""))
    held = sum(one.count for node in whole.capacity.nodes for one in node.holders if one.owner == op.user)
    over = within_limits(policy, Ask(gpus=gpus * pods, gpus_held=held))
    if over:
        raise Refused("plans.blocked", reasons=f"{over[0].sentence} {over[0].next_step}")
    short = jobs.fits(place.capacity, gpus, resource=resource, pods=pods, pool=values.get("pool")) or ""
    findings = (Finding("warn", f"It has to wait: {escaped(short)}"),) if short else ()
    hourly = gpu_price(place.capacity, resource) * gpus * pods  # 0 is unknown, and then nothing is said of costs
    target |= {
        "cluster": place.cluster.name, "group": place.cluster.group, "region": place.cluster.region, "gpus": gpus * pods, "resource": resource,
        "per_pod": gpus, "pods": pods, "gpu_hourly": str(hourly or ""), "short": short,
        "lacking": pods - min(pods - 1, jobs.places(place.capacity, gpus, resource=resource)) if gpus else 0,
        "hopeless": bool(short) and hopeless(place, gpus, resource), "pools": [pool.name for pool in whole.cluster.pools],
        "chosen": place.chosen,
    }  # fmt: skip
    several = f" in {pods} pods" if pods > 1 else ""
    detail = f"{gpus * pods} × `{resource}`{several} in namespace {target['namespace']}" if gpus else f"no GPU, in namespace {target['namespace']}"
    title = f"{target['job']} on {place.cluster.name}"
    return Plan(title=title, changes=(Change("run", f"job {target['job']}", detail),), findings=findings, target=target)


def _within(place: Place, pool: str) -> Place:
    """The part of a place that is one node pool. Raises ``plans.no_pool``."""
    if not pool:
        return place
    pools_there = tuple(one for one in place.cluster.pools if one.name == pool)
    if not pools_there:
        known = ", ".join(f"`{one.name}`" for one in place.cluster.pools if one.mode != "System") or "none with GPUs"
        raise Refused("plans.no_pool", cluster=place.cluster.name, name=pool, known=known)
    nodes_there = tuple(node for node in place.capacity.nodes if node.pool == pool)
    return replace(place, cluster=replace(place.cluster, pools=pools_there), capacity=replace(place.capacity, nodes=nodes_there))


def base_name(values: Mapping[str, Any], template: Template) -> str:
    """What runs of the same thing have in common: the template, the image's last part, or the manifest's own name."""
    if values.get("template"):
        return str(values["template"])
    name = re.split(r"[:@]", str(values["image"]).rpartition("/")[2])[0] if values.get("image") else template.name
    return re.sub(r"[^a-z0-9-]+", "-", name.lower())[:40].strip("-") or "job"


def gpu_price(capacity: Capacity, resource: str) -> Decimal:
    """What one GPU costs an hour on the cheapest node that has some; 0 where no price is known."""
    each = [
        node.price / node.resources[resource].capacity
        for node in capacity.nodes
        if node.price and resource in node.resources and node.resources[resource].capacity
    ]
    return min(each, default=Decimal(0))


def hopeless(place: Place, gpus: int, resource: str) -> bool:
    """Whether no waiting helps: no node has as many GPUs, none is still on its way, and no pool grows by one that has."""
    counts = [node.resources.get(resource, Count()) for node in place.capacity.nodes]
    if any(count.allocatable >= gpus for count in counts) or any(not node.total.allocatable for node in place.capacity.nodes):
        return False
    return not any(_may_bring(pool, gpus, resource) for pool in place.cluster.pools)


def _may_bring(pool: PoolState, gpus: int, resource: str) -> bool:
    coming = pool.provisioning_state not in ("Succeeded", "Failed", "Deleting", "Canceled")
    grows = pool.autoscaling and pool.power_state == "Running" and pool.count < (pool.max_nodes or 0)
    if not (coming or grows):
        return False
    try:
        offered, count = promised(pool.size, pool.mig)
    except KeyError:
        return False
    return offered == resource and count >= gpus


def _declared(values: Mapping[str, Any], template: Template) -> None:
    """Refuse a parameter that the template does not know: it would be passed on to a program that may not know it either."""
    several = {"at_once"} if values.get("pods") else set()
    unknown = [name for name in values.get("parameters") or {} if name.replace("-", "_") not in {*template.parameters, *several}]
    if values.get("template") and unknown:
        known = ", ".join(f"`{name}`" for name in template.parameters) or "none"
        raise Refused("plans.no_parameter", template=values["template"], names=", ".join(f"`{name}`" for name in unknown), known=known)


def _allowed(values: Mapping[str, Any], template: Template, policy: Policy) -> None:
    """Refuse, with all reasons at once, what the policy does not let run. Templates are the installation's own: only their images are judged."""
    found = within_limits(
        policy, Ask(image=values.get("image"), namespace=_namespace(values, template, policy), timeout=values.get("timeout_seconds"))
    )
    problems = [finding.sentence.rstrip(".") for finding in found]
    if values.get("manifest"):
        problems += unsafe(template.manifest, _namespace(values, template, policy))  # which is judged above, as that of every request
        problems += foreign_images(template.manifest, policy)
        problems += _too_much(template.manifest, policy)
    if problems:
        raise Refused("plans.unsafe", reasons="; ".join(dict.fromkeys(problems)))


def foreign_images(manifest: Json, policy: Policy) -> list[str]:
    """What is wrong with the images of a Job, in words: no form of a name, or not on the policy's list."""
    images = [str(container.get("image")) for container in _containers(manifest)]
    malformed = [f"`{image[:80]}` is no proper image" for image in images if not valid("image", image)]
    return malformed or [finding.sentence.rstrip(".") for image in images for finding in within_limits(policy, Ask(image=image))]


def _containers(manifest: Json) -> list[Json]:
    """All containers, the first of the main ones at the head."""
    pod = manifest["spec"]["template"]["spec"]
    return [*pod["containers"], *(pod.get("initContainers") or ())]


def _own_timeout(manifest: Json) -> int | None:
    own = manifest["spec"].get("activeDeadlineSeconds")
    return int(own) if isinstance(own, int) and own > 0 else None


def _too_much(manifest: Json, policy: Policy) -> list[str]:
    """Longer, or more pods, than anybody may ask for by an option."""
    own, most, spec = _own_timeout(manifest), policy.jobs.longest_timeout, manifest["spec"]
    found = [f"`activeDeadlineSeconds` of {spoken(own)} (at most {spoken(most)})"] if own and own > most else []
    for field, limit in (("parallelism", MOST_PODS), ("completions", 100 * MOST_PODS)):
        if isinstance(spec.get(field), int) and not 0 < spec[field] <= limit:
            found.append(f"`{field}: {spec[field]}` (1 to {limit})")
    return found


def resource_of(manifest: Json) -> str:
    """The GPU resource that a manifest asks for by itself; whole GPUs where it names none. Raises ``cluster.amount`` for no whole number."""
    asked: list[str] = []
    for container in _containers(manifest):
        resources = container.get("resources") or {}
        for name, count in (*(resources.get("requests") or {}).items(), *(resources.get("limits") or {}).items()):
            if is_gpu(name):
                if not re.fullmatch(r"\d{1,4}|\$\{\w+\}", str(count)):
                    raise Refused("cluster.amount", kind="GPUs", value=str(count)[:40])
                asked.append(str(name))
    return asked[0] if asked else GPU


def _timeout(values: Mapping[str, Any], template: Template, policy: Policy) -> int:
    """Nothing runs for ever: what was asked for, else the manifest's own limit, else the longest that the policy allows."""
    return int(values.get("timeout_seconds") or min(_own_timeout(template.manifest) or policy.jobs.longest_timeout, policy.jobs.longest_timeout))


def _namespace(values: Mapping[str, Any], template: Template, policy: Policy) -> str:
    own = (template.manifest.get("metadata") or {}).get("namespace") if values.get("manifest") else None
    return str(values.get("namespace") or own or policy.jobs.namespaces[0])


async def _place(values: Mapping[str, Any], do: Services, gpus: int, resource: str, pods: int) -> Place:
    """Where it runs: the cluster that was named or the only one. A manifest names none, so of several the first that has room is taken."""
    ours = await do.ours()
    if values.get("cluster") or not values.get("manifest") or len(ours) <= 1:
        return await _look(do, one_of(ours, values.get("cluster", "")))
    seen = []
    for cluster in ours[:8]:
        try:
            seen.append(await _look(do, cluster))
        except QuartermasterError:
            continue  # one that is stopped or being made does not keep the others from being asked
    if not seen:
        return await _look(do, one_of(ours, ""))
    free = [place for place in seen if jobs.fits(place.capacity, gpus, resource=resource, pods=pods) is None]
    place = (free or [place for place in seen if not hopeless(place, gpus, resource)] or seen)[0]
    why = "is the first with room" if free else "is where it can wait" if not hopeless(place, gpus, resource) else "is no better or worse"
    return replace(place, chosen=f"No cluster was named; of {len(seen)} clusters `{place.cluster.name}` {why}.")


async def _look(do: Services, cluster: ClusterState) -> Place:
    return Place(cluster, await nodes.capacity(await do.reach(cluster), pool_prices(cluster.pools)))
