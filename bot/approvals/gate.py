"""The policy applied to people and clicks: what the receiving side refuses at once, and what the worker decides for good.

A refusal is a text for that person alone; an empty text means "go on" - which for somebody whose profile is not known yet
means that the worker decides before anything is planned or started.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.approvals.decide import (
    Allowed,
    Click,
    Denied,
    Person,
    Reason,
    Unknown,
    denied,
    lateness,
    may_break_glass,
    may_decide,
    may_request,
    operators,
    roles_of,
)
from bot.approvals.policy import load
from bot.approvals.rules import Policy
from bot.clock import Clock
from bot.commands.definitions import BY_KIND
from bot.errors import Refused
from bot.operations.record import WAITING_APPROVAL, WAITING_CONFIRMATION, Operation
from bot.slack.people import Profile

UNKNOWN_CLICKS: Final = 20
"""On one plan, beyond which nobody's click is kept who is not known yet: a channel full of people must not fill the record."""

INTERNAL_ROLES: Final = {
    "lease": "requester", "home": "requester", "reply": "requester", "orphan.takeover": "operator", "provider.register": "operator"
}  # fmt: skip


@dataclass(frozen=True)
class Gate:
    """One policy, in force for the life of the process."""

    policy: Policy
    clock: Clock

    @classmethod
    def open(cls, path: Path, clock: Clock) -> Gate:
        """With the policy in `path`. Raises :class:`bot.approvals.policy.PolicyError`."""
        return cls(load(path), clock)

    def refusal(self, kind: str, profile: Profile | None, channel: str) -> str:
        """Why this person may not give a command of `kind` here; '' if it may go on."""
        verdict = self.admission(kind, profile, channel)
        return str(verdict) if isinstance(verdict, Denied) else ""

    def admission(self, kind: str, profile: Profile | None, channel: str) -> Allowed | Denied | None:
        """The verdict on a request; None where the person is not known yet. What is asked nowhere could be answered nowhere."""
        if not channel and kind != "home":
            return denied(Reason.NOWHERE)
        person = person_of(profile) if profile else Person("", known=False)
        command = BY_KIND.get(kind)
        role = command.role.value if command else INTERNAL_ROLES.get(kind, "requester")
        somewhere = channel or next(iter(sorted(self.policy.channels)), "")
        verdict = may_request(self.policy, person, role, somewhere)
        return verdict if isinstance(verdict, Allowed | Denied) else None

    def click_refusal(self, op: Operation, profile: Profile | None, user: str, digest: str, verdict: str, reason: str = "") -> str:
        """Why this click does not count; '' if it is written down."""
        if verdict == "confirm":
            return self._confirm_refusal(op, user, digest)
        person = person_of(profile) if profile else Person(user, known=False)
        click = self.click(op, digest)
        glass = verdict == "break-glass"
        decided = may_break_glass(self.policy, person, reason, click) if glass else may_decide(self.policy, op.user, person, click)
        if isinstance(decided, Unknown):
            # What is so of the request itself stands for people who are not known yet, too: their click could not count.
            crowded = len(click.decided_by - {user}) >= UNKNOWN_CLICKS
            return str(lateness(click) or (Refused("approvals.crowded") if crowded else ""))
        return str(decided) if isinstance(decided, Denied) else ""

    def glass_refusal(self, op: Operation, profile: Profile | None, user: str, digest: str) -> str:
        """Why this person is not even asked for a reason; '' where the reason decides."""
        person = person_of(profile) if profile else Person(user, known=False)
        verdict = may_break_glass(self.policy, person, "", self.click(op, digest))
        return str(verdict) if isinstance(verdict, Denied) and verdict.reason != Reason.NO_REASON else ""

    def click(self, op: Operation, digest: str) -> Click:
        """What `may_decide` needs to know of a click on the card of `op`."""
        started = float(op.memo.get("asked_at", self.clock.now()))
        return Click(
            shown=digest,
            current=str((op.plan or {}).get("digest", "")),
            decided_by=frozenset(fact["by"] for fact in op.decisions if fact["digest"] == digest),
            expired=self.clock.now() > started + self.policy.approvals.expires,
            ended=op.status != WAITING_APPROVAL,
        )

    def _confirm_refusal(self, op: Operation, user: str, digest: str) -> str:
        if user != op.user:
            return str(Refused("approvals.not_yours", user=op.user))
        if op.status != WAITING_CONFIRMATION or digest != (op.plan or {}).get("digest"):
            return str(Refused("approvals.stale"))
        return ""

    def owner_refusal(self, name: str, owners: Collection[str], profile: Profile | None, user: str) -> Refused | None:
        """Whoever has it may act on it, and so may operators, approvers and admins; what is nobody's is for these alone."""
        if user in owners or (profile and {"operator", "approver"} & roles_of(self.policy, person_of(profile))):
            return None
        owner = next(iter(owners), "")
        return Refused("approvals.not_owner" if owner else "approvals.no_owner", name=name, owner=owner, holders=operators(self.policy))

    def cancel_refusal(self, op: Operation, profile: Profile | None, user: str) -> str:
        """Who asked may cancel, and so may operators, approvers and admins."""
        if user == op.user:
            return ""
        if profile and {"operator", "approver"} & roles_of(self.policy, person_of(profile)):
            return ""
        return str(Refused("approvals.not_yours", user=op.user))


def person_of(profile: Profile) -> Person:
    """A Slack profile as the decisions want it."""
    return Person(
        id=profile.id,
        team=profile.team,
        groups=frozenset(profile.groups),
        guest=profile.guest,
        external=profile.external,
        bot=profile.bot,
    )
