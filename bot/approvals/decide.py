"""Decisions: who may ask, what it needs, who may decide, and what the decisions amount to.

Pure functions returning frozen records. Three answers, never two: *allowed*, *denied* with a reason and the words for it, and
*unknown* where the facts about the person are not there yet (the worker fetches them and decides again). Unknown is never allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from bot.approvals.rules import ROLES, Policy
from bot.errors import Refused
from bot.model import usd, usd_above


class Reason(StrEnum):
    """Why something was denied; each has its row ``approvals.<reason>`` in the table of words."""

    BOT = "bot"
    OUTSIDER = "outsider"
    GUEST = "guest"
    CHANNEL = "channel"
    NOWHERE = "nowhere"
    ROLE = "role"
    SELF = "self"
    NOT_APPROVER = "not_approver"
    STALE = "stale"
    DECIDED = "decided"
    EXPIRED = "expired"
    ENDED = "ended"
    PRICE_UNKNOWN = "price_unknown"
    TOO_DEAR = "too_dear"
    NO_BREAK_GLASS = "no_break_glass"
    NO_REASON = "no_reason"


@dataclass(frozen=True)
class Person:
    """What is known of somebody. `external`: from another workspace (Slack Connect); `known` False: the flags below are guesses."""

    id: str
    team: str = ""
    groups: frozenset[str] = frozenset()
    guest: bool = False
    external: bool = False
    bot: bool = False
    known: bool = True


@dataclass(frozen=True)
class Allowed:
    """Yes, and what it rests on: the role or rule."""

    by: str = ""


@dataclass(frozen=True)
class Denied:
    """No. `sentence` says why, `next_step` what to do instead (may be empty); both are ready for Slack."""

    reason: Reason
    sentence: str
    next_step: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.sentence, self.next_step) if part)


@dataclass(frozen=True)
class Unknown:
    """Not yet: what is missing has to be fetched first."""

    missing: str


def denied(reason: Reason, **detail: object) -> Denied:
    """A denial in the words of the table."""
    said = Refused(f"approvals.{reason}", **detail)
    return Denied(reason, said.sentence, said.next_step)


def roles_of(policy: Policy, person: Person) -> frozenset[str]:
    """The roles that `person` holds. Operators and approvers are requesters too, admins are everything. Strangers hold none."""
    if not person.known or person.bot or person.external or person.guest:
        return frozenset()
    held = {role for role, members in policy.roles.items() if members.everyone or person.id in members.users or members.groups & person.groups}
    if "admin" in held:
        return frozenset(ROLES)
    return frozenset(held | ({"requester"} if held else set()))


def may_request(policy: Policy, person: Person, role: str, channel: str) -> Allowed | Denied | Unknown:
    """Whether `person` may give a command that needs `role`, in `channel`."""
    if policy.channels and channel not in policy.channels:
        return denied(Reason.CHANNEL, channels=", ".join(f"<#{one}>" for one in sorted(policy.channels)))
    if not person.known:
        return Unknown(person.id)
    stranger = _stranger(person)
    if stranger:
        return stranger
    if role not in roles_of(policy, person):
        return denied(Reason.ROLE, role=role, holders=_holders(policy, role))
    return Allowed(role)


def _stranger(person: Person) -> Denied | None:
    if person.bot:
        return denied(Reason.BOT)
    if person.external:
        return denied(Reason.OUTSIDER)
    if person.guest:
        return denied(Reason.GUEST)
    return None


def _holders(policy: Policy, *roles: str) -> str:
    """Who could: mentions of the people and groups that hold one of `roles` (or admin)."""
    holders: list[str] = []
    for role in dict.fromkeys((*roles, "admin")):
        members = policy.roles.get(role)
        if members is not None:
            holders += [f"<!subteam^{group}>" for group in sorted(members.groups)] + [f"<@{user}>" for user in sorted(members.users)]
    return ", ".join(dict.fromkeys(holders)) or "your workspace's owner"


def operators(policy: Policy) -> str:
    """Mentions of everybody who may act on what belongs to others."""
    return _holders(policy, "operator")


def approvers(policy: Policy) -> str:
    """Mentions of everybody who approves: what is told to all of them begins with it."""
    return _holders(policy, "approver")


@dataclass(frozen=True)
class Needs:
    """How many approvals a request needs, and why: a sentence for the card."""

    approvals: int
    why: str


def tier(policy: Policy, hourly: Decimal | None, total: Decimal | None) -> Needs | Denied:
    """The first tier that holds both the price per hour and the total until expiry (US dollars).

    An unknown price (None, NaN, infinite, negative) is refused, never taken for zero; so is one above the last tier.
    """
    if hourly is None or total is None or not _real(hourly) or not _real(total):
        return denied(Reason.PRICE_UNKNOWN)
    over = ""
    for rule in policy.tiers:
        if hourly <= rule.up_to_hourly and (rule.up_to_total is None or total <= rule.up_to_total):
            return Needs(rule.approvals, _why(rule.approvals, hourly, total, over))
        by_the_hour = hourly > rule.up_to_hourly
        shown, limit = usd_above(hourly, rule.up_to_hourly) if by_the_hour else usd_above(total, rule.up_to_total or Decimal(0))
        over = f"{shown}/h is above {limit}/h" if by_the_hour else f"{shown} in total is above {limit}"
    return denied(Reason.TOO_DEAR, over=over or "the policy has no tier")


def _real(amount: Decimal) -> bool:
    return amount.is_finite() and amount >= 0


def _why(approvals: int, hourly: Decimal, total: Decimal, over: str) -> str:
    if approvals == 0:
        return f"{usd(hourly)}/h and {usd(total)} in total need no approval"
    needed = "one approval" if approvals == 1 else f"{approvals} approvals"
    return f"{over}: {needed} needed" if over else f"{usd(hourly)}/h: {needed} needed"


def price_moved(policy: Policy, approved: Decimal, now: Decimal) -> bool:
    """Whether the price per hour has moved by more than the tolerance, either way: then the approval no longer stands."""
    if not _real(approved) or not _real(now):
        return True
    return abs(now - approved) * 100 > approved * policy.approvals.price_tolerance


@dataclass(frozen=True)
class Click:
    """What is known when somebody presses Approve or Deny.

    `shown` is the digest of the plan on the card that was clicked, `current` that of the plan that would run; `decided_by`
    are those whose decision on it is recorded; `expired`: nobody decided in time; `ended`: it is no longer waiting.
    """

    shown: str
    current: str
    decided_by: frozenset[str] = frozenset()
    expired: bool = False
    ended: bool = False


def may_decide(policy: Policy, requester: str, person: Person, click: Click) -> Allowed | Denied | Unknown:
    """Whether this click of `person` counts.

    Who one is comes first, so that a stranger learns nothing about the request; that it is the requester needs no more facts.
    """
    if person.id == requester:
        return denied(Reason.SELF, holders=_holders(policy, "approver"))
    if not person.known:
        return Unknown(person.id)
    stranger = _stranger(person)
    if stranger:
        return stranger
    if "approver" not in roles_of(policy, person):
        return denied(Reason.NOT_APPROVER, holders=_holders(policy, "approver"))
    if late := lateness(click):
        return late
    return denied(Reason.DECIDED) if person.id in click.decided_by else Allowed("approver")


def lateness(click: Click) -> Denied | None:
    """Why nobody's click on that card counts any more; None where it may."""
    if click.ended:
        return denied(Reason.ENDED)
    if click.expired:
        return denied(Reason.EXPIRED)
    return denied(Reason.STALE) if not click.current or click.shown != click.current else None


def gives_reason(reason: str) -> bool:
    """Whether that is a sentence and not a keystroke."""
    return len(reason.split()) >= 2 and len(reason.strip()) >= 10


def may_break_glass(policy: Policy, person: Person, reason: str, click: Click) -> Allowed | Denied | Unknown:
    """Whether `person` may start without approval, their own request too. All approvers have to be told of it."""
    if not person.known:
        return Unknown(person.id)
    stranger = _stranger(person)
    if stranger:
        return stranger
    if not policy.break_glass.enabled or not policy.break_glass.roles & roles_of(policy, person):
        return denied(Reason.NO_BREAK_GLASS)
    if late := lateness(click):
        return late
    return Allowed("break-glass") if gives_reason(reason) else denied(Reason.NO_REASON)


class Verdict(StrEnum):
    """What somebody decided."""

    APPROVE = "approve"
    DENY = "deny"
    BREAK_GLASS = "break-glass"


@dataclass(frozen=True)
class Decision:
    """One recorded decision: by whom, on the plan with which digest, and the reason where one was given."""

    by: str
    verdict: str
    digest: str
    reason: str = ""


@dataclass(frozen=True)
class Pending:
    """So many approvals are still missing."""

    missing: int
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Approved:
    """Enough approvals, by these people; by nobody where none was needed."""

    by: tuple[str, ...] = ()
    broke_glass: bool = False


@dataclass(frozen=True)
class DeniedBy:
    """Somebody said no."""

    by: str
    reason: str = ""


def outcome(decisions: Iterable[Decision], needed: int, *, digest: str, requester: str = "") -> Pending | Approved | DeniedBy:
    """What the decisions on exactly the plan `digest` amount to.

    An explicit no beats any number of approvals, in whatever order they came; one person counts once; the requester's own
    approval counts for nothing, nor does a decision on another plan or with an unknown verdict.
    """
    valid = [one for one in decisions if one.digest == digest]
    for one in valid:
        if one.verdict == Verdict.DENY:
            return DeniedBy(one.by, one.reason)
    for one in valid:
        if one.verdict == Verdict.BREAK_GLASS:
            return Approved((one.by,), broke_glass=True)
    by = tuple(dict.fromkeys(one.by for one in valid if one.verdict == Verdict.APPROVE and one.by != requester))
    return Approved(by) if len(by) >= needed else Pending(needed - len(by), by)
