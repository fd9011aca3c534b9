"""The step that plans: one plan for every command that changes something."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from bot.approvals.rules import Policy
from bot.errors import Refused
from bot.model import Plan
from bot.operations.history import usual
from bot.operations.present import duration, plan_message
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Step
from bot.plans import existing, provision, work

Planning = Callable[[Operation, Services, Policy], Awaitable[Plan]]

PLANS: Final[Mapping[str, Planning]] = {
    "cluster.create": provision.cluster_create,
    "cluster.delete": existing.cluster_delete,
    "cluster.expire": existing.cluster_delete,
    "pool.add": provision.pool_add,
    "pool.delete": existing.pool_delete,
    "pool.expire": existing.pool_delete,
    "pool.extend": existing.pool_extend,
    "plugin.install": existing.plugin,
    "plugin.upgrade": existing.plugin,
    "plugin.remove": existing.plugin,
    "gpu.check": existing.check,
    "job.run": work.job_run,
}
QUIET: Final = frozenset({"job.run", "pool.extend", "cluster.delete", "pool.delete", "cluster.expire", "pool.expire", "gpu.check"})


def plan_step(policy: Policy, kind: str = "") -> Step:
    """The step, bound to one policy (and to the plan of another `kind`).

    A plan that cannot be carried out ends the operation before anything is written.
    """

    async def plan(op: Operation, do: Services) -> Outcome:
        made = await PLANS[kind or op.kind](op, do, policy)
        if made.blocked:
            raise Refused("plans.blocked", reasons=made.blocked)
        seconds = await usual(do.redis, op.kind)
        say = () if (kind or op.kind) in QUIET else (plan_message(made, f"about {duration(seconds)}" if seconds else ""),)
        return Done(plan={**made.as_json(), "digest": made.digest}, say=say)

    return Step("plan", plan)
