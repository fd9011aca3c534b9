"""The gates that stand before the steps of an operation: who may ask, where the card is, who has to agree."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.approvals.decide import (
    Allowed,
    Approved,
    Click,
    Decision,
    Denied,
    DeniedBy,
    Pending,
    Reason,
    Verdict,
    approvers,
    may_break_glass,
    may_decide,
    outcome,
)
from bot.approvals.gate import Gate, person_of
from bot.azure import tags
from bot.errors import Refused
from bot.operations import jobindex
from bot.operations.present import duration
from bot.operations.record import DENIED, EXPIRED, REFUSED, WAITING_APPROVAL, WAITING_CONFIRMATION, Operation
from bot.operations.services import Services
from bot.operations.steps import Done, End, Outcome, Say, Step, Wait
from bot.slack.blocks import escaped
from bot.slack.people import People

NOBODY: Final = frozenset({Reason.BOT, Reason.OUTSIDER, Reason.GUEST, Reason.NOT_APPROVER, Reason.NO_BREAK_GLASS})
"""Why somebody's click never counts, whatever the card."""


def unreachable(reason: str) -> Refused:
    """What a person is told where Slack does not let the bot post."""
    outside = reason in ("not_in_channel", "channel_not_found")
    return Refused("slack.not_in_channel" if outside else "slack.unreachable", reason=reason)


class Gates:
    """The gate steps, bound to one policy."""

    def __init__(self, gate: Gate, people: People) -> None:
        self._gate, self._people = gate, people
        self.admit = Step("admit", self._admit)
        self.own_job = Step("own", self._own_job)
        self.own = Step("own", self._own)
        self.card = Step("card", self._card)
        self.approve = Step("approve", self._approve)
        self.confirm = Step("confirm", self._confirm)

    async def _admit(self, op: Operation, do: Services) -> Outcome:
        """Decide for good who may ask; nothing is shown in the channel before."""
        if op.memo.get("admitted"):
            return Done()
        profile = await self._people.fetch(op.user, self._gate.policy.user_groups)
        verdict = self._gate.admission(op.kind, profile, op.channel)
        if isinstance(verdict, Allowed):
            return Done(memo={"admitted": True})
        sentence = str(verdict) if isinstance(verdict, Denied) else "I could not find out who you are."
        return End(REFUSED, error={"code": "approvals", "sentence": sentence, "next_step": ""})

    async def _own_job(self, op: Operation, do: Services) -> Outcome:
        """Whoever asked for a job may end or delete it, and so may operators and approvers: by its name as by its card."""
        about = await jobindex.about(do, op)
        profile = await self._people.fetch(op.user, self._gate.policy.user_groups)
        refusal = self._gate.cancel_refusal(about, profile, op.user)
        return End(REFUSED, say=(Say("refused", refusal, private_to=op.user),)) if refusal else Done()

    async def _own(self, op: Operation, do: Services) -> Outcome:
        """Whoever has a cluster or a node pool may stop, change or delete it: by the owner in its tags, which outlives the journal."""
        if op.parent:
            return Done()  # the bot's own deed, such as stopping what is idle
        cluster = await do.cluster(op.values["cluster"])
        pool = next((one for one in cluster.pools if one.name == op.values.get("pool")), None)
        found = [tags.value(one.tags, tags.OWNER) for one in (pool, cluster) if one is not None]
        profile = await self._people.fetch(op.user, self._gate.policy.user_groups)
        refusal = self._gate.owner_refusal(
            f"{cluster.name}/{pool.name}" if pool else cluster.name, [one for one in dict.fromkeys(found) if one], profile, op.user
        )
        if refusal is None:
            return Done()
        # The card is for all to read and mentions nobody; whom to ask is for the one who asked.
        error = {"code": refusal.code, "sentence": str(Refused("approvals.others")), "next_step": ""}
        return End(REFUSED, say=(Say("refused", str(refusal), private_to=op.user),), error=error)

    async def _card(self, op: Operation, do: Services) -> Outcome:
        """Go on once the card stands in the channel: everything that follows refers to its thread."""
        if op.undeliverable:
            error = unreachable(op.undeliverable)
            say = Say("unreachable", str(error), private_to=op.user)
            return End(REFUSED, say=(say,), error={"code": error.code, "sentence": error.sentence, "next_step": error.next_step})
        return Done() if op.thread else Wait(30.0)

    async def _approve(self, op: Operation, do: Services) -> Outcome:
        """Wait until enough people have agreed to exactly this plan, or one has not."""
        plan = op.plan or {}
        needed, now = int(plan.get("approvals", 0)), do.clock.now()
        if needed == 0:
            return Done()
        asked = float(op.memo.get("asked_at", now))
        valid, strangers = await self._valid(op)
        decided = self._decided(op, valid, needed, asked, now)
        new = {by: why for by, why in strangers.items() if by not in op.memo.get("told", ())}
        says = [Say(f"stranger-{by}", str(why), private_to=by) for by, why in new.items()]
        return replace(decided, say=(*says, *decided.say), memo={**decided.memo, "told": [*op.memo.get("told", ()), *new]})

    def _decided(self, op: Operation, valid: list[Decision], needed: int, asked: float, now: float) -> Done | End | Wait:
        """What the decisions that count amount to."""
        verdict = outcome(valid, needed, digest=str((op.plan or {}).get("digest", "")), requester=op.user)
        if isinstance(verdict, DeniedBy):
            why = f": {escaped(verdict.reason)}" if verdict.reason else ""
            decided = f"🚫 Denied by <@{verdict.by}>{why}"
            return End(DENIED, {"decided": decided}, (Say("denied", f"🚫 <@{op.user}> your request was denied by <@{verdict.by}>{why}"),))
        if isinstance(verdict, Approved) and verdict.broke_glass:
            return self._broken(op, verdict.by[0], next(one.reason for one in valid if one.verdict == Verdict.BREAK_GLASS))
        if isinstance(verdict, Approved):
            by = " and ".join(f"<@{user}>" for user in verdict.by)
            return Done(
                memo={"decided": f"✅ Approved by {by}", "approved_by": list(verdict.by)},
                say=(Say(_numbered("approved", op), f"✅ Approved by {by}. Starting."),),
            )
        return self._pending(op, asked, now, verdict)

    def _broken(self, op: Operation, by: str, reason: str) -> Done:
        """Started without approval: everybody who approves is told, in the channel too."""
        text = (
            f"🚨 *Started without approval* by <@{by}>, who gave as the reason: {escaped(reason)}\nFor your attention: {approvers(self._gate.policy)}"
        )
        memo = {"decided": f"🚨 Started without approval by <@{by}>: {escaped(reason)}", "approved_by": [by], "broke_glass": True}
        return Done(memo=memo, say=(Say(_numbered("broke-glass", op), text, broadcast=True),))

    def _pending(self, op: Operation, asked: float, now: float, verdict: Pending) -> End | Wait:
        rules = self._gate.policy.approvals
        ends = asked + rules.expires
        if now >= ends:
            text = f"⌛ <@{op.user}> nobody approved within {duration(rules.expires)}; nothing was started. Ask again when somebody can look."
            return End(EXPIRED, say=(Say("expired", text),))
        times = [asked + after for after in rules.reminders]
        due = sum(at <= now for at in times)
        reminded = int(op.memo.get("reminded", 0))
        says = []
        if due > reminded:
            says.append(
                Say(_numbered(f"reminder-{due}", op), f"🔔 Still waiting for {verdict.missing} approval{'s' if verdict.missing > 1 else ''}.")
            )
        notes = {**op.memo.get("notes", {}), "approvals": f"✅ So far: {', '.join(f'<@{user}>' for user in verdict.by)}" if verdict.by else ""}
        memo = {"asked_at": asked, "break_glass": self._gate.policy.break_glass.enabled}
        upcoming = min([at for at in times if at > now] + [ends])
        return Wait(until=upcoming, status=WAITING_APPROVAL, memo={**memo, "reminded": due, "notes": notes}, say=says)

    async def _valid(self, op: Operation) -> tuple[list[Decision], dict[str, Denied]]:
        """The decisions of those who may decide, and who may not at all: people whose click came before they were known are looked up now."""
        valid, strangers = [], {}
        for fact in op.decisions:
            profile = await self._people.fetch(fact["by"], self._gate.policy.user_groups)
            click, person = Click(shown=str(fact["digest"]), current=str((op.plan or {}).get("digest", ""))), person_of(profile)
            if fact["verdict"] == Verdict.BREAK_GLASS:
                judged = may_break_glass(self._gate.policy, person, str(fact.get("reason", "")), click)
            else:
                judged = may_decide(self._gate.policy, op.user, person, click)
            if isinstance(judged, Allowed):
                valid.append(Decision(str(fact["by"]), str(fact["verdict"]), str(fact["digest"]), str(fact.get("reason", ""))))
            elif isinstance(judged, Denied) and judged.reason in NOBODY:
                strangers[str(fact["by"])] = judged
        return valid, strangers

    async def _confirm(self, op: Operation, do: Services) -> Outcome:
        """Wait for the requester's own yes to something that cannot be undone."""
        digest = (op.plan or {}).get("digest")
        if any(fact["verdict"] == "confirm" and fact["by"] == op.user and fact["digest"] == digest for fact in op.decisions):
            return Done()
        now = do.clock.now()
        asked = float(op.memo.get("asked_at", now))
        ends = asked + self._gate.policy.approvals.expires
        if now >= ends:
            return End(EXPIRED, say=(Say("expired", "⌛ Not confirmed in time; nothing was deleted."),))
        return Wait(until=ends, status=WAITING_CONFIRMATION, memo={"asked_at": asked})


def _numbered(event: str, op: Operation) -> str:
    """An event's name; what is asked again after a void approval is said again, too."""
    number = int(op.memo.get("round", 0))
    return f"{event}-again-{number}" if number else event
