"""All kinds of operation: for each, the gates before its steps, the steps, and what takes them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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

ENABLE: Final = (enabling.PLUGIN, enabling.ROLLOUT, enabling.PROOF)


def kinds(policy: Policy, gates: Gates, fetch: Fetch, paying: Paying) -> Mapping[str, Kind]:
    """Every kind by name; `fetch` reads a file that somebody attached."""
    listed = [*_azure(policy, gates, paying), *_jobs(policy, gates, fetch), *_own_accord(policy, paying), *_answers(gates, paying)]
    return {kind.name: kind for kind in listed}


def _azure(policy: Policy, gates: Gates, paying: Paying) -> list[Kind]:
    """What changes clusters and node pools, or looks at them for a proof."""
    plan, recheck = plan_step(policy), recheck_step(policy)
    start = (gates.admit, gates.card, plan)
    asking = (paying.check, gates.approve, recheck, paying.reserve)
    approved = (*start, *asking)
    owned = (gates.admit, gates.card, gates.own, plan)
    lease = Step("lease", leases.begin)
    extend = Step("extend", leases.extend, "Move the expiry")
    scale_back, start_back = paying.taking_back(changing.SCALE_UNDO, "scale"), paying.taking_back(changing.POWER_UNDO, "power")
    return [
        Kind(
            "cluster.create",
            (*approved, fallback.GROUP, fallback.CLUSTER, fallback.POOL, paying.follow, *ENABLE, lease, fallback.CLEAR),
            (*fallback.UNDO, paying.unreserve),
        ),
        Kind("pool.add", (*approved, fallback.POOL, paying.follow, *ENABLE, lease, fallback.CLEAR), (*fallback.UNDO, paying.unreserve)),
        Kind("cluster.adopt", (*start, gates.confirm, *asking, *adopting.ADOPT), (*adopting.UNDO, paying.unreserve)),
        Kind("cluster.stop", (*owned, *changing.STOP, paying.reprice), changing.POWER_UNDO),
        Kind("cluster.start", (*approved, *changing.START, paying.reprice, proving.FOLLOW), changing.POWER_UNDO),
        Kind("pool.scale", (*owned, *asking, *changing.SCALE, paying.reprice, proving.FOLLOW), scale_back),
        Kind("pool.stop", (*owned, *changing.STOP, paying.reprice), changing.POWER_UNDO),
        Kind("pool.start", (*approved, *changing.START, paying.reprice, proving.FOLLOW), start_back),
        Kind("pool.abort", (*owned, *changing.ABORT)),
        Kind("cluster.delete", (*owned, gates.confirm, *paying.deleting(removal.CLUSTER_STEPS))),
        Kind("pool.delete", (*owned, gates.confirm, *paying.deleting(removal.POOL_STEPS))),
        Kind("cluster.expire", (plan, *paying.deleting(removal.CLUSTER_STEPS)), card="none"),
        Kind("pool.expire", (plan, *paying.deleting(removal.POOL_STEPS)), card="none"),
        Kind("pool.extend", (*start, *asking, extend)),
        Kind("cluster.extend", (*start, *asking, extend)),
        Kind("thread.extend", (gates.admit, RESOLVE, plan_step(policy, "pool.extend"), ASK, paying.reserve, extend), card="none"),
        Kind("plugin.install", (*start, enabling.PLUGIN, enabling.ROLLOUT, deeds.SAY_PLUGIN, proving.FOLLOW)),
        Kind("plugin.upgrade", (*start, enabling.PLUGIN, enabling.ROLLOUT, deeds.SAY_PLUGIN, proving.FOLLOW)),
        Kind("plugin.remove", (*owned, gates.confirm, deeds.REMOVE_PLUGIN)),
        Kind("gpu.check", (*start, enabling.PROOF)),
        Kind("gpu.proof", (plan_step(policy, "gpu.check"), enabling.BRIEF_PROOF), card="none"),
        Kind(
            "orphan.takeover",
            (*start, gates.approve, recheck, orphans.NOTE, paying.who_pays, paying.take_on, *orphans.TAKE_OVER),
            (adopting.PUT_BACK, paying.hand_back),
        ),
        Kind("provider.register", (gates.admit, deeds.PROVIDER), card="answer"),
        Kind("feature.register", (gates.admit, deeds.FEATURE), card="answer"),
    ]


def _jobs(policy: Policy, gates: Gates, fetch: Fetch) -> list[Kind]:
    work = (plan_step(policy), room_step(policy), gates.approve, *running.STEPS)
    return [
        Kind("job.run", (gates.admit, gates.card, attached_step(fetch), *work), running.UNDO),
        Kind("job.again", (gates.admit, gates.card, again.RESOLVE, *work), running.UNDO),
        Kind("thread.curve", (gates.admit, jobquestions.CURVE), card="none"),
        Kind("job.cancel", (gates.admit, gates.own_job, deeds.CANCEL), card="answer"),
        Kind("job.clean", (gates.admit, gates.own_job, deeds.CLEAN), card="answer"),
    ]


def _own_accord(policy: Policy, paying: Paying) -> list[Kind]:
    """What the bot begins by itself, with no gate for people."""
    return [
        Kind("lease", paying.watching(leases.STEPS), card="none"),
        Kind("pool.enable", ENABLE),
        Kind("idle", Idling(policy.idle).steps, card="none"),
        Kind("idle.scale", (plan_step(policy, "pool.scale"), *changing.SCALE, paying.reprice), changing.SCALE_UNDO, card="none"),
        Kind("idle.stop", (plan_step(policy, "pool.stop"), *changing.STOP, paying.reprice), changing.POWER_UNDO, card="none"),
        Kind("lease.stamp", (lost.STAMP,), card="answer"),
        Kind("notice", (notices.TELL,), card="answer"),
        Kind("digest", (digests.COMPOSE,), card="answer"),
    ]


def _answers(gates: Gates, paying: Paying) -> list[Kind]:
    """Questions, and what people set for themselves."""
    questions = {**QUESTIONS, **capacityquestions.CAPACITY_QUESTIONS, **jobquestions.JOB_QUESTIONS}
    return [
        Kind("query.audit", (gates.admit, asked(audit)), card="answer"),
        Kind("query.budget", (gates.admit, asked(paying.budget)), card="answer"),
        Kind("home", (gates.admit, home.PUBLISH), card="none"),
        Kind("digest.now", (gates.admit, digests.COMPOSE), card="answer"),
        Kind("digest.set", (gates.admit, digests.SET), card="answer"),
        Kind("digest.off", (gates.admit, digests.OFF), card="answer"),
        Kind("query.digest", (gates.admit, digests.SHOW), card="answer"),
        *(Kind(name, (gates.admit, asked(question)), card="answer") for name, question in questions.items()),
    ]
