"""The step that plans: one plan for every command that changes something."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from bot.approvals.rules import Policy
from bot.errors import Refused
from bot.model import Plan
from bot.operations.history import usual
from bot.operations.present import duration, plan_file, plan_message
from bot.operations.record import EXTENDING, Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Step
from bot.plans import adopting, changing, existing, extending, fallback, provision, takeover, work
from bot.slack.people import names_of

Planning = Callable[[Operation, Services, Policy], Awaitable[Plan]]

PLANS: Final[Mapping[str, Planning]] = {
    "cluster.create": fallback.with_places(provision.cluster_create, moves=True),
    "cluster.adopt": adopting.adopt,
    "cluster.stop": changing.cluster_stop,
    "cluster.start": changing.cluster_start,
    "cluster.delete": existing.cluster_delete,
    "cluster.expire": existing.cluster_delete,
    "pool.add": fallback.with_places(provision.pool_add, moves=False),
    "pool.scale": changing.pool_scale,
    "pool.stop": changing.pool_stop,
    "pool.start": changing.pool_start,
    "pool.abort": changing.pool_abort,
    "pool.delete": existing.pool_delete,
    "pool.expire": existing.pool_delete,
    "pool.extend": extending.extend,
    "cluster.extend": extending.extend,
    "orphan.takeover": takeover.take_over,
    "plugin.install": existing.plugin,
    "plugin.upgrade": existing.plugin,
    "plugin.remove": existing.plugin,
    "gpu.check": existing.check,
    "job.run": work.job_run,
    "job.again": work.job_run,
}
QUIET: Final = frozenset({
    "job.run", "job.again", "pool.extend", "cluster.extend", "cluster.delete", "pool.delete",
    "cluster.expire", "pool.expire", "gpu.check",
})  # fmt: skip


def plan_step(policy: Policy, kind: str = "") -> Step:
    """The step, bound to one policy (and to the plan of another `kind`).

    A plan that cannot be carried out ends the operation before anything is written.
    """

    async def plan(op: Operation, do: Services) -> Outcome:
        made = await PLANS[kind or op.kind](op, do, policy)
        if made.blocked:
            raise Refused("plans.blocked", reasons=made.blocked, buttons=tuple(made.target.get("mend", ())))
        seconds = await usual(do.redis, op.kind)
        # A thread's extension (planned as a pool's) that needs approval is asked for by a request of its own, which shows the plan.
        quiet = (kind or op.kind) in QUIET and not (op.kind in EXTENDING and not kind and made.approvals)
        name = (await names_of(do.redis, [op.user])).get(op.user, "")
        say = () if quiet else (plan_message(made, f"about {duration(seconds)}" if seconds else ""), plan_file(made, op, name))
        return Done(plan={**made.as_json(), "digest": made.digest}, say=say)

    return Step("plan", plan)
