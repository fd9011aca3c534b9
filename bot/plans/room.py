"""The step for a job that has no room: it says why, and offers the pools that would make room, cheapest first, as buttons."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from bot.approvals.decide import Denied, tier
from bot.approvals.limits import Ask, within_limits
from bot.approvals.rules import Policy
from bot.azure import quotas
from bot.azure.quotas import Usage
from bot.azure.sizes import SIZES, Size
from bot.cluster.quantities import amount
from bot.errors import Refused
from bot.model import usd
from bot.operations.provisioning import target
from bot.operations.record import REFUSED, Operation
from bot.operations.report import again
from bot.operations.services import Services
from bot.operations.steps import Done, End, Outcome, Say, Step
from bot.slack.blocks import Button, actions, escaped, section

MOST_OFFERS: Final = 3


def room_step(policy: Policy) -> Step:
    """The step, bound to one policy: nothing for a job that fits; a hopeless one ends here, any other waits and says for what."""

    async def room(op: Operation, do: Services) -> Outcome:
        t = target(op)
        if not t.get("short"):
            return Done()
        found = await offers(op, do, policy)
        memo = {"offers": found}
        if not t["hopeless"]:
            return Done(memo=memo, say=(_message(op, found, ended=False),))
        refusal = Refused("plans.no_fit", cluster=t["cluster"], reason=str(t["short"]).rstrip("."))
        error = {"code": refusal.code, "sentence": refusal.sentence, "next_step": refusal.next_step}
        return End(REFUSED, memo, (_message(op, found, ended=True),), error=error)

    return Step("room", room)


async def offers(op: Operation, do: Services, policy: Policy) -> list[dict[str, Any]]:
    """At most three pools that would take the job: of sizes that the policy, the region and the quota allow and whose price is known."""
    t = target(op)
    gpus, pods, region = int(t["per_pod"]), int(t.get("lacking", t["pods"])), str(t["region"])
    if not gpus or op.values.get("pool"):  # a job that is bound to its pool finds no room in another
        return []
    usages, rows = await asyncio.gather(quotas.usage(do.azure, region), do.skus.rows(region))
    fitting = []
    for size in SIZES.values():
        row = rows.get(size.name.lower())
        nodes = _nodes(size, gpus, pods, str(t["resource"]), op.values)
        if nodes and row is not None and not row.closed and _permitted(policy, size, nodes, region, usages):
            fitting.append((size, nodes))
    prices = await asyncio.gather(*(_price(do, size, region) for size, _ in fitting))
    priced = sorted(((price * nodes, size, nodes) for (size, nodes), price in zip(fitting, prices, strict=True) if price), key=lambda one: one[0])
    hours = Decimal(policy.limits.default_expiry) / 3600
    cheap = [one for one in priced if not isinstance(tier(policy, one[0], one[0] * hours), Denied)][:MOST_OFFERS]
    name = pool_name(t.get("pools") or ())
    return [
        {"cluster": t["cluster"], "pool": name, "size": size.name, "nodes": nodes, "hourly": str(hourly), "gpus": size.gpus, "model": size.model,
         "share": size.share, "memory": size.gpu_memory_gib}
        for hourly, size, nodes in cheap
    ]  # fmt: skip


def pool_name(taken: Sequence[str]) -> str:
    """A name that no pool of the cluster has: ``gpu``, ``gpu2``, …"""
    return next(name for name in ("gpu", *(f"gpu{number}" for number in range(2, 1000))) if name not in taken)


def _nodes(size: Size, gpus: int, pods: int, resource: str, values: Mapping[str, Any]) -> int:
    """How many nodes of that size the pods need; 0 where not even one pod fits on a node."""
    if size.resource != resource or size.gpus < gpus:
        return 0
    # About a tenth of a node belongs to the system (AKS: node reservations), so a job that asks for all of it never fits.
    if values.get("cpu") and amount(values["cpu"]) > Decimal(size.vcpus) * 9 / 10:
        return 0
    if values.get("memory") and amount(values["memory"]) > Decimal(size.memory_gib) * 2**30 * 9 / 10:
        return 0
    return -(-pods // (size.gpus // gpus))


def _permitted(policy: Policy, size: Size, nodes: int, region: str, usages: Sequence[Usage]) -> bool:
    if within_limits(policy, Ask(size=size.name, region=region, nodes=nodes)):
        return False
    free = quotas.nodes_that_fit(usages, size, spot=False)
    return free is None or free >= nodes


async def _price(do: Services, size: Size, region: str) -> Decimal | None:
    try:
        return (await do.prices.price(size.name, region)).usd_per_hour
    except Refused:
        return None


def label(offer: Mapping[str, Any]) -> str:
    """What stands on an offer's button: ``1 × NC4as_T4_v3 (T4) · $0.53/h``."""
    share = "" if offer["share"] == "1" else f"{offer['share']} "
    gpus = f"{offer['gpus']} × " if int(offer["gpus"]) > 1 else ""
    return f"{offer['nodes']} × {str(offer['size']).removeprefix('Standard_')} ({gpus}{share}{offer['model']}) · {usd(offer['hourly'])}/h"


def _message(op: Operation, found: Sequence[Mapping[str, Any]], *, ended: bool) -> Say:
    """Why there is no room, and what would make some."""
    t = target(op)
    head = f"⚪ <@{op.user}> *{t['job']}* was not started" if ended else f"⏳ <@{op.user}> *{t['job']}* has to wait"
    lines = [f"{head}: {escaped(str(t['short']))}"]
    buttons = [Button(label(offer), "offer", f"{op.id}:{number}") for number, offer in enumerate(found)]
    if buttons:
        then = " Once it is there, run it again." if ended else ""
        lines.append(f"A new node pool on *{t['cluster']}* would make room; each button asks for one.{then}")
    elif op.values.get("pool"):
        scale = f"`/gpu pool scale {t['cluster']}/{op.values['pool']} --nodes N`"
        lines.append(f"It is bound to its pool: {scale} makes room there; without `--pool` it may run in another.")
    else:
        lines.append(f"No size that policy and quota of {t['region']} allow would make room. `/gpu nodes {t['cluster']}` shows who holds what.")
    if ended:
        buttons += again(op.id)
    blocks = [section("\n".join(lines))] + ([actions(buttons)] if buttons else [])
    return Say("room", f"{t['job']}: {escaped(str(t['short']))}", blocks)
