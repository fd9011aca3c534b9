"""Who may ask, what it needs, who may decide, and what the decisions amount to."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.approvals.decide import (
    Allowed,
    Approved,
    Click,
    Decision,
    Denied,
    DeniedBy,
    Needs,
    Pending,
    Person,
    Reason,
    Unknown,
    Verdict,
    may_break_glass,
    may_decide,
    may_request,
    outcome,
    price_moved,
    roles_of,
    tier,
)
from bot.approvals.policy import read
from bot.approvals.rules import ROLES
from bot.commands import Role
from bot.words import WORDS

POLICY = read(
    """
[roles]
requester = ["*"]
operator = ["U0OPAL"]
approver = ["S0PLATFORM", "U0ABE"]
admin = ["U0CAROL"]
[channels]
allowed = ["C0GPU"]
[[tiers]]
up_to_hourly = 0.40
up_to_total = 3.00
approvals = 0
[[tiers]]
up_to_hourly = 20
approvals = 1
[[tiers]]
up_to_hourly = 120
approvals = 2
[approvals]
price_tolerance = 5
[break_glass]
enabled = true
roles = ["admin"]
"""
)
CLOSED = replace(POLICY, roles={**POLICY.roles, "requester": replace(POLICY.roles["requester"], everyone=False, users=frozenset({"U0ALICE"}))})

ALICE = Person("U0ALICE", "T0")
BOB = Person("U0BOB", "T0", groups=frozenset({"S0PLATFORM", "S0OTHER"}))
CAROL = Person("U0CAROL", "T0")
OPAL = Person("U0OPAL", "T0")
ABE = Person("U0ABE", "T0")
GINA = Person("U0GINA", "T0", guest=True)
XAVI = Person("U0XAVI", "T9", external=True)
ROBOT = Person("U0ROBOT", "T0", bot=True)
NOBODY_YET = Person("U0NEW", known=False)

REQUESTS = [
    ("everyone who is not a guest may request", POLICY, ALICE, "requester", "C0GPU", None),
    ("an approver by group may request, too", POLICY, BOB, "requester", "C0GPU", None),
    ("a requester is no operator", POLICY, ALICE, "operator", "C0GPU", Reason.ROLE),
    ("an operator is", POLICY, OPAL, "operator", "C0GPU", None),
    ("an admin may do what operators may", POLICY, CAROL, "operator", "C0GPU", None),
    ("an approver is no operator", POLICY, BOB, "operator", "C0GPU", Reason.ROLE),
    ("a guest is refused, although everyone may", POLICY, GINA, "requester", "C0GPU", Reason.GUEST),
    ("a guest is refused, although named as admin", POLICY, replace(CAROL, guest=True), "requester", "C0GPU", Reason.GUEST),
    ("somebody from another workspace is refused", POLICY, XAVI, "requester", "C0GPU", Reason.OUTSIDER),
    ("a bot is refused", POLICY, ROBOT, "requester", "C0GPU", Reason.BOT),
    ("another channel is refused, whoever asks", POLICY, CAROL, "requester", "C0RANDOM", Reason.CHANNEL),
    ("where only some may request, others may not", CLOSED, replace(ALICE, id="U0DAVE"), "requester", "C0GPU", Reason.ROLE),
    ("where only some may request, an operator still may", CLOSED, OPAL, "requester", "C0GPU", None),
    ("a role that does not exist is nobody's, not even the admin's", POLICY, CAROL, "emperor", "C0GPU", Reason.ROLE),
]


@pytest.mark.parametrize(("policy", "person", "role", "channel", "reason"), [case[1:] for case in REQUESTS], ids=[case[0] for case in REQUESTS])
def test_who_may_request(policy, person, role, channel, reason) -> None:  # type: ignore[no-untyped-def]
    verdict = may_request(policy, person, role, channel)
    assert isinstance(verdict, Allowed) if reason is None else isinstance(verdict, Denied) and verdict.reason == reason


def test_who_is_not_known_yet_is_neither_allowed_nor_denied() -> None:
    """The worker looks them up and decides; until then nothing is planned."""
    assert may_request(POLICY, NOBODY_YET, "requester", "C0GPU") == Unknown("U0NEW")
    assert may_decide(POLICY, "U0ALICE", NOBODY_YET, Click("d", "d")) == Unknown("U0NEW")
    assert may_break_glass(POLICY, NOBODY_YET, "the cluster is on fire", Click("d", "d")) == Unknown("U0NEW")
    assert roles_of(POLICY, NOBODY_YET) == frozenset()


def test_a_wrong_channel_is_told_even_to_those_not_known_yet() -> None:
    verdict = may_request(POLICY, NOBODY_YET, "requester", "C0RANDOM")
    assert isinstance(verdict, Denied)
    assert "<#C0GPU>" in verdict.next_step


def test_a_denial_for_lack_of_a_role_says_whom_to_ask() -> None:
    verdict = may_request(POLICY, ALICE, "operator", "C0GPU")
    assert isinstance(verdict, Denied)
    assert "operator" in verdict.sentence
    assert "<@U0OPAL>" in verdict.next_step
    assert "<@U0CAROL>" in verdict.next_step


def test_the_grammar_and_the_policy_know_the_same_roles() -> None:
    assert set(Role) == set(ROLES)


def test_roles_include_each_other_as_documented() -> None:
    assert roles_of(POLICY, ALICE) == {"requester"}
    assert roles_of(POLICY, BOB) == {"requester", "approver"}
    assert roles_of(POLICY, OPAL) == {"requester", "operator"}
    assert roles_of(POLICY, CAROL) == set(ROLES)
    assert roles_of(POLICY, GINA) == roles_of(POLICY, XAVI) == roles_of(POLICY, ROBOT) == frozenset()


TIERS = [
    ("nothing costs nothing", "0", "0", 0),
    ("within the free tier", "0.40", "3.00", 0),
    ("a fraction of a cent above it", "0.4001", "3.00", 1),
    ("cheap by the hour, but for long", "0.40", "3.01", 1),
    ("the document's T4", "0.526", "4.21", 1),
    ("up to the second tier, however long", "20", "100000", 1),
    ("two approvals", "20.01", "20.01", 2),
    ("at the very top", "120", "120", 2),
    ("above everything", "120.01", "120.01", Reason.TOO_DEAR),
    ("a price that is not known", None, "1", Reason.PRICE_UNKNOWN),
    ("a total that is not known", "1", None, Reason.PRICE_UNKNOWN),
    ("a price that is no number", "NaN", "1", Reason.PRICE_UNKNOWN),
    ("a total without end", "1", "Infinity", Reason.PRICE_UNKNOWN),
    ("a negative price", "-1", "1", Reason.PRICE_UNKNOWN),
]


@pytest.mark.parametrize(("hourly", "total", "wanted"), [case[1:] for case in TIERS], ids=[case[0] for case in TIERS])
def test_what_a_price_needs(hourly: str | None, total: str | None, wanted: int | Reason) -> None:
    verdict = tier(POLICY, None if hourly is None else Decimal(hourly), None if total is None else Decimal(total))
    if isinstance(wanted, Reason):
        assert isinstance(verdict, Denied)
        assert verdict.reason == wanted
    else:
        assert isinstance(verdict, Needs)
        assert verdict.approvals == wanted


def test_why_an_approval_is_needed_is_said_in_money() -> None:
    assert tier(POLICY, Decimal("0.526"), Decimal("4.21")) == Needs(1, "$0.53/h is above $0.40/h: one approval needed")
    assert tier(POLICY, Decimal("0.3"), Decimal(7)) == Needs(1, "$7.00 in total is above $3.00: one approval needed")
    assert tier(POLICY, Decimal(50), Decimal(400)) == Needs(2, "$50.00/h is above $20.00/h: 2 approvals needed")
    assert tier(POLICY, Decimal("0.404"), Decimal(1)) == Needs(1, "$0.404/h is above $0.40/h: one approval needed"), "it also looks it"


@given(st.decimals(0, 500, places=3), st.decimals(0, 5000, places=3), st.decimals(0, 100, places=3))
def test_dearer_never_needs_less(hourly: Decimal, total: Decimal, more: Decimal) -> None:
    cheap, dear = tier(POLICY, hourly, total), tier(POLICY, hourly + more, total + more)
    if isinstance(dear, Needs):
        assert isinstance(cheap, Needs)
        assert cheap.approvals <= dear.approvals


PRICES = [
    ("unmoved", "1", "1", False),
    ("just within five percent", "1", "1.05", False),
    ("just beyond", "1", "1.0501", True),
    ("cheaper, but another price", "1", "0.94", True),
    ("from nothing to something", "0", "0.01", True),
    ("not known any more", "1", "NaN", True),
]


@pytest.mark.parametrize(("approved", "now", "moved"), [case[1:] for case in PRICES], ids=[case[0] for case in PRICES])
def test_when_a_price_has_moved_the_approval_is_void(approved: str, now: str, moved: bool) -> None:
    assert price_moved(POLICY, Decimal(approved), Decimal(now)) is moved


FRESH = Click(shown="d1", current="d1")
CLICKS = [
    ("an approver by group", BOB, FRESH, None),
    ("an approver by name", ABE, FRESH, None),
    ("an admin", CAROL, FRESH, None),
    ("the requester", ALICE, FRESH, Reason.SELF),
    ("the requester, not known yet", replace(ALICE, known=False), FRESH, Reason.SELF),
    ("a requester who is nobody's approver", replace(ALICE, id="U0DAVE"), FRESH, Reason.NOT_APPROVER),
    ("an operator is no approver", OPAL, FRESH, Reason.NOT_APPROVER),
    ("a guest", GINA, FRESH, Reason.GUEST),
    ("a guest who is in the approvers' group", replace(GINA, groups=frozenset({"S0PLATFORM"})), FRESH, Reason.GUEST),
    ("an outsider who is in the approvers' group", replace(XAVI, groups=frozenset({"S0PLATFORM"})), FRESH, Reason.OUTSIDER),
    ("a bot", ROBOT, FRESH, Reason.BOT),
    ("the plan has changed since", BOB, Click(shown="d1", current="d2"), Reason.STALE),
    ("a card without a plan", BOB, Click(shown="", current=""), Reason.STALE),
    ("a forged button", BOB, Click(shown="", current="d1"), Reason.STALE),
    ("a second click of the same person", BOB, replace(FRESH, decided_by=frozenset({"U0BOB"})), Reason.DECIDED),
    ("a second person's click", BOB, replace(FRESH, decided_by=frozenset({"U0CAROL"})), None),
    ("too late", BOB, replace(FRESH, expired=True), Reason.EXPIRED),
    ("over", BOB, replace(FRESH, ended=True), Reason.ENDED),
    ("over, and a guest is not told so", GINA, replace(FRESH, ended=True), Reason.GUEST),
]


@pytest.mark.parametrize(("person", "click", "reason"), [case[1:] for case in CLICKS], ids=[case[0] for case in CLICKS])
def test_whose_click_counts(person: Person, click: Click, reason: Reason | None) -> None:
    verdict = may_decide(POLICY, "U0ALICE", person, click)
    assert isinstance(verdict, Allowed) if reason is None else isinstance(verdict, Denied) and verdict.reason == reason


def test_an_approver_cannot_approve_their_own_request() -> None:
    verdict = may_decide(POLICY, BOB.id, BOB, FRESH)
    assert isinstance(verdict, Denied)
    assert verdict.reason == Reason.SELF
    assert "<!subteam^S0PLATFORM>" in verdict.next_step


GLASS = [
    ("an admin with a reason", CAROL, "customer demo in ten minutes", FRESH, None),
    ("an approver may not", BOB, "customer demo in ten minutes", FRESH, Reason.NO_BREAK_GLASS),
    ("a guest may not", GINA, "customer demo in ten minutes", FRESH, Reason.GUEST),
    ("without a reason", CAROL, "  ", FRESH, Reason.NO_REASON),
    ("a word is no reason", CAROL, "emergency!!!", FRESH, Reason.NO_REASON),
    ("on another plan", CAROL, "customer demo in ten minutes", Click("d1", "d2"), Reason.STALE),
    ("when it is over", CAROL, "customer demo in ten minutes", replace(FRESH, ended=True), Reason.ENDED),
]


@pytest.mark.parametrize(("person", "why", "click", "reason"), [case[1:] for case in GLASS], ids=[case[0] for case in GLASS])
def test_who_may_break_the_glass(person: Person, why: str, click: Click, reason: Reason | None) -> None:
    verdict = may_break_glass(POLICY, person, why, click)
    assert isinstance(verdict, Allowed) if reason is None else isinstance(verdict, Denied) and verdict.reason == reason


def test_nobody_breaks_the_glass_where_the_policy_has_none() -> None:
    closed = replace(POLICY, break_glass=replace(POLICY.break_glass, enabled=False))
    verdict = may_break_glass(closed, CAROL, "customer demo in ten minutes", FRESH)
    assert isinstance(verdict, Denied)
    assert verdict.reason == Reason.NO_BREAK_GLASS


def yes(by: str, digest: str = "d1") -> Decision:
    return Decision(by, Verdict.APPROVE, digest)


def no(by: str, digest: str = "d1", reason: str = "") -> Decision:
    return Decision(by, Verdict.DENY, digest, reason)


OUTCOMES = [
    ("nothing needed, nothing said", [], 0, Approved()),
    ("one needed, nothing said", [], 1, Pending(1)),
    ("one of one", [yes("U0BOB")], 1, Approved(("U0BOB",))),
    ("one of two", [yes("U0BOB")], 2, Pending(1, ("U0BOB",))),
    ("the same person twice is one", [yes("U0BOB"), yes("U0BOB")], 2, Pending(1, ("U0BOB",))),
    ("two of two", [yes("U0BOB"), yes("U0CAROL")], 2, Approved(("U0BOB", "U0CAROL"))),
    ("a no after enough approvals", [yes("U0BOB"), no("U0CAROL", reason="too dear")], 1, DeniedBy("U0CAROL", "too dear")),
    ("a no before the approval", [no("U0CAROL"), yes("U0BOB")], 1, DeniedBy("U0CAROL")),
    ("a no where nothing was needed", [no("U0CAROL")], 0, DeniedBy("U0CAROL")),
    ("a no beats broken glass", [Decision("U0ADA", Verdict.BREAK_GLASS, "d1", "fire"), no("U0BOB")], 2, DeniedBy("U0BOB")),
    ("broken glass", [Decision("U0CAROL", Verdict.BREAK_GLASS, "d1", "fire")], 2, Approved(("U0CAROL",), broke_glass=True)),
    ("an approval of the plan before", [yes("U0BOB", "d0")], 1, Pending(1)),
    ("a no to the plan before", [no("U0BOB", "d0"), yes("U0CAROL")], 1, Approved(("U0CAROL",))),
    ("the requester's own approval", [yes("U0ALICE")], 1, Pending(1)),
    ("a verdict that nobody knows", [Decision("U0BOB", "applaud", "d1")], 1, Pending(1)),
]


@pytest.mark.parametrize(("decisions", "needed", "wanted"), [case[1:] for case in OUTCOMES], ids=[case[0] for case in OUTCOMES])
def test_what_decisions_amount_to(decisions: list[Decision], needed: int, wanted: object) -> None:
    assert outcome(decisions, needed, digest="d1", requester="U0ALICE") == wanted


decisions = st.builds(
    Decision, st.sampled_from(["U0ALICE", "U0BOB", "U0CAROL", "U0DAN"]), st.sampled_from([*Verdict, "confirm"]), st.sampled_from(["d0", "d1"])
)


@given(st.lists(decisions, max_size=6), st.integers(0, 2), st.randoms())
def test_the_order_of_decisions_never_turns_a_no_into_a_yes(made, needed, random) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(made)
    random.shuffle(shuffled)
    one, other = (outcome(each, needed, digest="d1", requester="U0ALICE") for each in (made, shuffled))
    assert type(one) is type(other)
    if any(decision.verdict == Verdict.DENY and decision.digest == "d1" for decision in made):
        assert isinstance(one, DeniedBy)


def test_every_reason_has_its_words() -> None:
    for reason in Reason:
        assert WORDS[f"approvals.{reason}"].sentence
    assert get_args(Allowed | Denied | Unknown) == (Allowed, Denied, Unknown)
