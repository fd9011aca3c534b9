"""All kinds of operation: for each, the gates before its steps, the steps, and what takes them back."""

from __future__ import annotations

from collections.abc import Mapping

from bot.approvals.paying import Paying, audit
from bot.approvals.rules import Policy
from bot.approvals.steps import Gates
from bot.lifecycle import digests, home, lost, notices, orphans
from bot.lifecycle.idling import Idling
from bot.operations import adopting, again, capacityquestions, changing, deeds, enabling, fallback, jobquestions, leases, proving, removal, running
from bot.operations.attached import Fetch, attached_step
from bot.operations.queries import QUESTIONS, asked
from bot.operations.steps import Kind, Step
from bot.plans.planner import plan_step
from bot.plans.recheck import recheck_step
from bot.plans.room import room_step
from bot.plans.threads import ASK, RESOLVE


def kinds(policy: Policy, gates: Gates, fetch: Fetch, paying: Paying) -> Mapping[str, Kind]:
    """Every kind by name; `fetch` reads a file that somebody attached."""
    plan, recheck = plan_step(policy), recheck_step(policy)
    start = (gates.admit, gates.card, plan)
    asking = (paying.check, gates.approve, recheck, paying.reserve)
    approved = (*start, *asking)
    enable = (enabling.PLUGIN, enabling.ROLLOUT, enabling.PROOF)
    work = (plan, room_step(policy), gates.approve, *running.STEPS)
    questions = {**QUESTIONS, **capacityquestions.CAPACITY_QUESTIONS, **jobquestions.JOB_QUESTIONS}
    lease = Step("lease", leases.begin)
    extend = Step("extend", leases.extend, "Move the expiry")
    listed = [
        Kind(
            "cluster.create",
            (*approved, fallback.GROUP, fallback.CLUSTER, fallback.POOL, paying.follow, *enable, lease, fallback.CLEAR),
            (*fallback.UNDO, paying.unreserve),
        ),
        Kind("pool.add", (*approved, fallback.POOL, paying.follow, *enable, lease, fallback.CLEAR), (*fallback.UNDO, paying.unreserve)),
        Kind("cluster.adopt", (*start, gates.confirm, *asking, *adopting.ADOPT), (*adopting.UNDO, paying.unreserve)),
        Kind("cluster.stop", (*start, *changing.STOP, paying.reprice), changing.POWER_UNDO),
        Kind("cluster.start", (*approved, *changing.START, paying.reprice, proving.FOLLOW), changing.POWER_UNDO),
        Kind("pool.scale", (*approved, *changing.SCALE, paying.reprice, proving.FOLLOW), changing.SCALE_UNDO),
        Kind("pool.stop", (*start, *changing.STOP, paying.reprice), changing.POWER_UNDO),
        Kind("pool.start", (*approved, *changing.START, paying.reprice, proving.FOLLOW), changing.POWER_UNDO),
        Kind("pool.abort", (*start, *changing.ABORT)),
        Kind("cluster.delete", (*start, gates.confirm, *removal.CLUSTER_STEPS, paying.settle)),
        Kind("pool.delete", (*start, gates.confirm, *removal.POOL_STEPS, paying.settle)),
        Kind("cluster.expire", (plan, *removal.CLUSTER_STEPS, paying.settle), card="none"),
        Kind("pool.expire", (plan, *removal.POOL_STEPS, paying.settle), card="none"),
        Kind("pool.extend", (*start, *asking, extend)),
        Kind("cluster.extend", (*start, *asking, extend)),
        Kind("thread.extend", (gates.admit, RESOLVE, plan_step(policy, "pool.extend"), ASK, paying.reserve, extend), card="none"),
        Kind("plugin.install", (*start, enabling.PLUGIN, enabling.ROLLOUT, deeds.SAY_PLUGIN, proving.FOLLOW)),
        Kind("plugin.upgrade", (*start, enabling.PLUGIN, enabling.ROLLOUT, deeds.SAY_PLUGIN, proving.FOLLOW)),
        Kind("plugin.remove", (*start, gates.confirm, deeds.REMOVE_PLUGIN)),
        Kind("gpu.check", (*start, enabling.PROOF)),
        Kind("gpu.proof", (plan_step(policy, "gpu.check"), enabling.BRIEF_PROOF), card="none"),
        Kind("job.run", (gates.admit, gates.card, attached_step(fetch), *work), running.UNDO),
        Kind("job.again", (gates.admit, gates.card, again.RESOLVE, *work), running.UNDO),
        Kind("thread.curve", (gates.admit, jobquestions.CURVE), card="none"),
        Kind("job.cancel", (gates.admit, gates.own_job, deeds.CANCEL), card="answer"),
        Kind("job.clean", (gates.admit, gates.own_job, deeds.CLEAN), card="answer"),
        Kind("provider.register", (gates.admit, deeds.PROVIDER), card="answer"),
        Kind("feature.register", (gates.admit, deeds.FEATURE), card="answer"),
        Kind("lease", paying.watching(leases.STEPS), card="none"),
        Kind("pool.enable", enable),
        Kind("idle", Idling(policy.idle).steps, card="none"),
        Kind("idle.scale", (plan_step(policy, "pool.scale"), *changing.SCALE, paying.reprice), changing.SCALE_UNDO, card="none"),
        Kind("idle.stop", (plan_step(policy, "pool.stop"), *changing.STOP, paying.reprice), changing.POWER_UNDO, card="none"),
        Kind(
            "orphan.takeover",
            (*start, gates.approve, recheck, orphans.NOTE, paying.who_pays, paying.take_on, *orphans.TAKE_OVER),
            (adopting.PUT_BACK, paying.hand_back),
        ),
        Kind("lease.stamp", (lost.STAMP,), card="answer"),
        Kind("notice", (notices.TELL,), card="answer"),
        Kind("query.audit", (gates.admit, asked(audit)), card="answer"),
        Kind("query.budget", (gates.admit, asked(paying.budget)), card="answer"),
        Kind("home", (gates.admit, home.PUBLISH), card="none"),
        Kind("digest", (digests.COMPOSE,), card="answer"),
        Kind("digest.now", (gates.admit, digests.COMPOSE), card="answer"),
        Kind("digest.set", (gates.admit, digests.SET), card="answer"),
        Kind("digest.off", (gates.admit, digests.OFF), card="answer"),
        Kind("query.digest", (gates.admit, digests.SHOW), card="answer"),
        *(Kind(name, (gates.admit, asked(question)), card="answer") for name, question in questions.items()),
    ]
    return {kind.name: kind for kind in listed}
