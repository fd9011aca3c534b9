"""Steps that make a pool's GPUs usable, and prove it: device plugin, rollout, proof, node capacity.

*Ready* is said only after the proof: Succeeded from Azure and Ready on a node do not mean a GPU that can be used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bot.azure import pools, tags
from bot.azure.pools import PoolState
from bot.cluster import nodes, plugin, probe, proof
from bot.cluster.access import Access
from bot.cluster.evidence import Verdict
from bot.cluster.proof import Expectation
from bot.cluster.verdict import outlasted
from bot.errors import Failed
from bot.operations import answers
from bot.operations.nodeview import View, attested, proven
from bot.operations.provisioning import driver_of, target
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Say, Step, Wait

LOOK_SECONDS: Final = 5.0
ROLLOUT_SECONDS: Final = 900.0
PROOF_SECONDS: Final = 900.0


async def access_of(op: Operation, do: Services) -> Access:
    """The cluster that the operation is about."""
    return await do.clusters.access(target(op)["group"], target(op)["cluster"])


def watched(op: Operation, do: Services, **memo: Any) -> Wait:
    """Wait for the cluster: woken by its watch, and looking by itself."""
    name = f"cluster:{target(op)['group']}/{target(op)['cluster']}".lower()
    return Wait(LOOK_SECONDS, on=name, memo=memo)


def late(op: Operation, do: Services, step: str, limit: float) -> bool:
    """Whether `step` has been at it for longer than `limit` seconds."""
    began = (op.memo.get("began") or {}).get(step)
    return began is not None and do.clock.now() - float(began) > limit


async def install_plugin(op: Operation, do: Services) -> Outcome:
    """Apply the device plugin - not where AKS brings its own, and not where the driver was left out on purpose."""
    pool = target(op).get("pool") or {}
    why = {"managed": "AKS installs and runs it on this managed pool", "none": "no driver was asked for, so there is nothing to plug in"}
    if pool.get("driver") in why:
        say = Say("not-installed", f"🔌 I do not install the device plugin: {why[pool['driver']]}.")
        return Done(goto="proof" if pool["driver"] == "managed" else "lease", say=(say,))
    await plugin.install(await access_of(op, do), op=op.id, mig="single" if pool.get("mig") else None)
    return Done()


async def await_plugin(op: Operation, do: Services) -> Outcome:
    """Follow the rollout node by node, on the nodes of the pool where there is one; what holds it up is said at once."""
    access, pool = await access_of(op, do), str((target(op).get("pool") or {}).get("name") or "")
    state = await plugin.state(access)
    rows = [node for node in state.nodes if pool in ("", node.pool)]
    ready = sum(node.ready for node in rows)
    lines = [f"{'●' if node.ready else '○'} {node.node}" + (f" ({node.reason})" if node.reason else "") for node in rows]
    details = {**op.memo.get("details", {}), "rollout": f"{ready} of {len(rows)} nodes: " + ", ".join(lines)}
    if state.updated and ready == len(rows) and (rows or not pool):
        return Done(memo={"details": details, "now": ""})
    wanted = Expectation(pool=pool, nodes=max(1, len(rows)), per_node=0, cluster=target(op)["cluster"])
    held_up = await proof.rollout(access, wanted, now=do.clock.utc())
    causes = first_seen(op, do, held_up)
    if held_up is not None and (not held_up.waiting or outlasted(held_up, causes[held_up.cause or ""], do.clock.now(), wanted)):
        raise Failed("operations.unproven", sentence=held_up.sentence, next_step=held_up.next_step)
    if late(op, do, "rollout", ROLLOUT_SECONDS):
        raise Failed("operations.rollout_stuck", lines="; ".join(lines) or "no GPU node is there")
    return watched(op, do, details=details, causes=causes, now=held_up.sentence if held_up else "the device plugin is starting on the nodes")


def first_seen(op: Operation, do: Services, verdict: Verdict | None) -> dict[str, float]:
    """When each cause that was waited for was first seen: one that comes and goes has not passed."""
    cause = (verdict.cause if verdict is not None else None) or ""
    return {cause: do.clock.now(), **op.memo.get("causes", {})}


async def expectation(op: Operation, do: Services) -> Expectation:
    """What the pool's size promises, and how Azure says that it is."""
    t = target(op)
    pool = t["pool"]
    state = await pools.get(do.azure, t["group"], t["cluster"], pool["name"])
    if state is None:
        raise Failed("operations.vanished", what=f"Node pool `{pool['name']}`")
    return Expectation(
        pool=pool["name"], nodes=state.count, per_node=int(pool["gpus_per_node"]), resource=pool["resource"],
        gpu_profile_driver=state.driver or "Install", managed=bool(state.managed), mig=pool.get("mig"), size=pool["size"], spot=state.spot,
        autoscaling=state.autoscaling, pool_state=state.provisioning_state, power_state=state.power_state,
        profile_difference=difference(state, pool.get("driver", "")), cluster=t["cluster"],
    )  # fmt: skip


def difference(state: PoolState, asked: str = "") -> str:
    """What Azure reads back otherwise than it was asked, by the pool's tag (`asked` where it has none); '' where nothing is, or nobody knows."""
    wanted = (tags.value(state.tags, tags.PROFILE) or asked).partition(" ")
    found = []
    if wanted[0] and driver_of(state) != wanted[0]:
        found.append(f"GPU driver `{driver_of(state)}` instead of `{wanted[0]}`")
    if wanted[0] and tags.value(state.tags, tags.PROFILE) and (state.mig or "") != wanted[2]:
        found.append(f"MIG profile `{state.mig or 'none'}` instead of `{wanted[2] or 'none'}`")
    return ", ".join(found)


async def prove(op: Operation, do: Services) -> Outcome:
    """Hold the nodes against the promise, run `nvidia-smi` on one, and only then show the node capacity."""
    return await _proved(op, do, lambda capacity, verdict: proven("proof", View(target(op)["cluster"], capacity, do.clock.now()), verdict))


async def prove_briefly(op: Operation, do: Services) -> Outcome:
    """The same after another operation: it shows no table, and does not wait for jobs that hold all GPUs."""
    return await _proved(op, do, lambda _, verdict: attested("proof", verdict), busy_is_fine=True)


async def _proved(op: Operation, do: Services, tell: Callable[[nodes.Capacity, Verdict], Say], *, busy_is_fine: bool = False) -> Outcome:
    access = await access_of(op, do)
    wanted = await expectation(op, do)
    verdict = await proof.prove(access, wanted, op.id, owner=op.user, now=do.clock.utc())
    details = {**op.memo.get("details", {}), "proof": verdict.sentence}
    causes = first_seen(op, do, verdict)
    over = late(op, do, "proof", PROOF_SECONDS) or outlasted(verdict, causes[verdict.cause or ""], do.clock.now(), wanted)
    if verdict.cause == "probe_no_room" and busy_is_fine:
        await probe.remove_probe(access, wanted.pool, op.id)
        words = f"⚪ {verdict.sentence.partition(';')[0]}: once one is free, `/gpu check {wanted.cluster}/{wanted.pool}` proves it."
        return Done(say=(Say("busy", words),))
    if verdict.waiting and not over:
        return watched(op, do, details=details, causes=causes, now=verdict.sentence)
    await probe.remove_probe(access, wanted.pool, op.id)
    if not verdict.ready:
        raise Failed("operations.unproven", sentence=verdict.sentence, next_step=verdict.next_step)
    capacity = await nodes.capacity(access, answers.prices_of(target(op)))
    return Done(memo={"details": details, "now": ""}, say=(tell(capacity, verdict),))


async def show_capacity(op: Operation, do: Services) -> Outcome:
    """Node capacity alone, where there is no pool to hold it against."""
    capacity = await nodes.capacity(await access_of(op, do))
    view = View(target(op)["cluster"], capacity, do.clock.now())
    return Done(say=(Say("capacity", view.headline(), view.blocks(), view.plain()),))


PLUGIN = Step("plugin", install_plugin, "NVIDIA device plugin")
ROLLOUT = Step("rollout", await_plugin, "Plugin on every GPU node")
PROOF = Step("proof", prove, "Proof that GPUs can be scheduled")
BRIEF_PROOF = Step("proof", prove_briefly)
