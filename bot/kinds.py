"""All kinds of operation: for each, the gates before its steps, the steps, and what takes them back."""

from __future__ import annotations

from collections.abc import Mapping

from bot.approvals.rules import Policy
from bot.approvals.steps import Gates
from bot.lifecycle import digests, home
from bot.operations import deeds, enabling, leases, provisioning, removal, running
from bot.operations.queries import QUESTIONS, asked
from bot.operations.steps import Kind, Step
from bot.plans.planner import plan_step
from bot.plans.threads import resolve_extend


def kinds(policy: Policy, gates: Gates) -> Mapping[str, Kind]:
    """Every kind by name."""
    plan = plan_step(policy)
    start = (gates.admit, gates.card, plan)
    enable = (enabling.PLUGIN, enabling.ROLLOUT, enabling.PROOF)
    lease = Step("lease", leases.begin)
    extend = Step("extend", leases.extend, "Move the expiry")
    listed = [
        Kind(
            "cluster.create", (*start, gates.approve, provisioning.GROUP, provisioning.CLUSTER, provisioning.POOL, *enable, lease), provisioning.UNDO
        ),
        Kind("pool.add", (*start, gates.approve, provisioning.POOL, *enable, lease), provisioning.UNDO),
        Kind("cluster.delete", (*start, gates.confirm, *removal.CLUSTER_STEPS)),
        Kind("pool.delete", (*start, gates.confirm, *removal.POOL_STEPS)),
        Kind("cluster.expire", (plan, *removal.CLUSTER_STEPS), card="none"),
        Kind("pool.expire", (plan, *removal.POOL_STEPS), card="none"),
        Kind("pool.extend", (*start, gates.approve, extend)),
        Kind("thread.extend", (gates.admit, Step("resolve", resolve_extend), plan_step(policy, "pool.extend"), extend), card="none"),
        Kind("plugin.install", (*start, enabling.PLUGIN, enabling.ROLLOUT, deeds.SAY_PLUGIN)),
        Kind("plugin.upgrade", (*start, enabling.PLUGIN, enabling.ROLLOUT, deeds.SAY_PLUGIN)),
        Kind("plugin.remove", (*start, gates.confirm, deeds.REMOVE_PLUGIN)),
        Kind("gpu.check", (*start, enabling.PROOF)),
        Kind("job.run", (*start, gates.approve, *running.STEPS), running.UNDO),
        Kind("job.cancel", (gates.admit, deeds.CANCEL), card="answer"),
        Kind("job.clean", (gates.admit, deeds.CLEAN), card="answer"),
        Kind("feature.register", (gates.admit, deeds.FEATURE), card="answer"),
        Kind("lease", leases.STEPS, card="none"),
        Kind("home", (gates.admit, home.PUBLISH), card="none"),
        Kind("digest", (digests.COMPOSE,), card="answer"),
        Kind("digest.now", (gates.admit, digests.COMPOSE), card="answer"),
        Kind("digest.set", (gates.admit, digests.SET), card="answer"),
        Kind("digest.off", (gates.admit, digests.OFF), card="answer"),
        Kind("query.digest", (gates.admit, digests.SHOW), card="answer"),
        *(Kind(name, (gates.admit, asked(question)), card="answer") for name, question in QUESTIONS.items()),
    ]
    return {kind.name: kind for kind in listed}
