"""The policy file: what is written is used exactly or refused with the key's name; nothing is guessed."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from bot.approvals.policy import PolicyError, load, read
from chaos.policies import EXAMPLE, changes, files, judge, texts

HOUSE = Path(__file__).resolve().parents[2]
PLAYGROUND = HOUSE / "playground" / "policy.toml"

SMALL = """
[roles]
requester = ["*"]
approver = ["U0BOB"]
[[tiers]]
up_to_hourly = 1
approvals = 1
"""


def problems(text: str) -> str:
    """What the loader has against `text`."""
    with pytest.raises(PolicyError) as caught:
        read(text)
    return "\n".join(caught.value.problems)


def test_the_example_and_the_playgrounds_policy_can_be_used() -> None:
    assert load(EXAMPLE).tiers[-1].approvals == 2
    playground = load(PLAYGROUND)
    assert playground.roles["approver"].groups == {"S0PLATFORM"}
    assert playground.roles["admin"].users == {"U0CAROL"}
    assert playground.roles["requester"].everyone
    assert playground.limits.default_expiry == 8 * 3600
    assert playground.limits.longest_expiry == 14 * 86400
    assert playground.user_groups == {"S0PLATFORM"}
    assert {"C0GPU", "C0ML", "G0OPS"} <= playground.channels


def test_the_example_shows_every_key_there_is() -> None:
    """The loader lists the keys that it knows when it meets one that it does not: each of them is in the example."""
    example: dict[str, Any] = tomllib.loads(EXAMPLE.read_text())
    assert _known("") == set(example)
    for table, content in example.items():
        if isinstance(content, dict):
            assert _known(f"[{table}]") == set(content), table
    assert _known("[[tiers]]") == {key for tier in example["tiers"] for key in tier}


def _known(header: str) -> set[str]:
    found = re.search(r"qqqqqqqq: unknown key; known are (.*)", problems(f"{header}\nqqqqqqqq = 1\n"))
    assert found
    return set(found[1].split(", "))


def test_a_small_policy_leans_to_the_cautious_side() -> None:
    policy = read(SMALL)
    assert policy.limits.max_nodes == 4
    assert policy.limits.longest_expiry == 7 * 86400
    assert not policy.break_glass.enabled
    assert not policy.break_glass.roles
    assert policy.idle.action == "warn"
    assert policy.fallback.sizes == ()
    assert policy.jobs.namespaces == ("default",)
    assert policy.channels == frozenset()


def test_money_is_exact() -> None:
    policy = read(
        SMALL.replace("up_to_hourly = 1", "up_to_hourly = 0.1\nup_to_total = 0.3") + "[budgets]\nper_user = 100.10\n[budgets.users]\nU0BOB = 7\n"
    )
    assert policy.tiers[0].up_to_hourly + policy.tiers[0].up_to_hourly * 2 == policy.tiers[0].up_to_total
    assert policy.budgets.of_user("U0ANN") == Decimal("100.10")
    assert policy.budgets.of_user("U0BOB") == 7
    assert policy.budgets.of_channel("C0ML") is None


# What is wrong · what is added to (or put in the place of) the small policy · the key and what is said of it
WRONG = [
    ("a misspelt table", "[limit]\n", "limit: unknown key; did you mean limits?"),
    ("a misspelt limit would be no limit", "[limits]\nmax_node = 2\n", "limits.max_node: unknown key; did you mean max_nodes?"),
    ("a number as text", '[limits]\nmax_nodes = "2"\n', 'limits.max_nodes: must be a whole number from 1 to 1000, not "2"'),
    ("a truth for a number", "[limits]\nmax_nodes = true\n", "limits.max_nodes: must be a whole number from 1 to 1000, not true"),
    ("a number for a truth", "[break_glass]\nenabled = 1\n", "break_glass.enabled: must be true or false, not 1"),
    ("beyond the grammar's thirty days", '[limits]\nlongest_expiry = "900d"\n', 'limits.longest_expiry: must be a duration such as "90m"'),
    ("a duration as a number", "[limits]\ndefault_expiry = 8\n", 'limits.default_expiry: must be a duration such as "90m"'),
    ("the default is longer than the longest", '[limits]\ndefault_expiry = "8d"\n', "limits.default_expiry: must not be longer than longest_expiry"),
    ("one text for a list", '[limits]\nregions = "eastus"\n', "limits.regions: must be a list of regions"),
    ("a region as the portal writes it", '[limits]\nregions = ["East US"]\n', "limits.regions: must be a list of regions"),
    ("a channel by its name", '[channels]\nallowed = ["#gpu"]\n', "channels.allowed: must be a list of channel ids"),
    ("no channel at all", "[channels]\nallowed = []\n", "channels.allowed: must be a list of at least one channel"),
    ("an unknown action", '[idle]\naction = "shame"\n', 'idle.action: must be one of "warn"'),
    ("negative money", "[budgets]\nper_user = -1\n", "budgets.per_user: must be an amount of US dollars"),
    ("money without end", "[budgets]\ntotal = inf\n", "budgets.total: must be an amount of US dollars"),
    ("money that is no number", "[budgets]\ntotal = nan\n", "budgets.total: must be an amount of US dollars"),
    ("a budget for a name", "[budgets.users]\nbob = 1\n", "budgets.users.bob: the key must be a Slack user id"),
    ("a tolerance above everything", "[approvals]\nprice_tolerance = 101\n", "approvals.price_tolerance: must be a percentage from 0 to 100"),
    ("three approvals", "[[tiers]]\nup_to_hourly = 2\napprovals = 3\n", "tiers[1].approvals: must be a whole number from 0 to 2, not 3"),
    ("a tier without a price", "[[tiers]]\napprovals = 2\n", "tiers[1].up_to_hourly: must be an amount of US dollars such as 12.50 (it is missing)"),
    ("a tier without approvals", "[[tiers]]\nup_to_hourly = 2\n", "tiers[1].approvals: must be a whole number from 0 to 2 (it is missing)"),
    ("tiers that fall", "[[tiers]]\nup_to_hourly = 0.5\napprovals = 2\n", "tiers[1].up_to_hourly: tiers must rise"),
    ("a dearer tier needs fewer", "[[tiers]]\nup_to_hourly = 5\napprovals = 0\n", "tiers[1].up_to_hourly: tiers must rise"),
    ("a table where a list of tables is meant", "", "tiers: must be a list of tables: [[tiers]]"),
    ("no tiers", "", "tiers: must hold at least one tier"),
    ("nobody who approves", "", "roles.approver: must name somebody, because tiers need approvals"),
    ("everyone is admin", "", "roles.admin: must be a list of user and group ids; not everyone can be admin"),
    ("a person by name", "", "roles.requester: must be a list of Slack user ids"),
    ("nobody at all", "", "roles.requester: must name somebody"),
    ("a later version", "", "version: must be a whole number from 1 to 1, not 2"),
    ("no TOML", "[limits\n", "the file is not TOML: "),
    ("a number with thousands of digits", "[limits]\nmax_nodes = " + "9" * 5000, "the file is not TOML: "),
    ("an exponent beyond all decimals", "[budgets]\ntotal = 1e99999999999999999999\n", "budgets.total: must be an amount"),
    ("nested without end", "[x]\na = " + "[" * 5000, "the file is nested too deeply"),
]
WHOLE = {
    "a table where a list of tables is meant": '[roles]\nrequester=["*"]\n[tiers]\nup_to_hourly = 1\n',
    "no tiers": '[roles]\nrequester=["*"]\n',
    "nobody who approves": '[roles]\nrequester=["*"]\n[[tiers]]\nup_to_hourly=1\napprovals=1\n',
    "everyone is admin": SMALL.replace("[roles]", '[roles]\nadmin=["*"]'),
    "a person by name": SMALL.replace('"*"', '"@bob"'),
    "nobody at all": "[[tiers]]\nup_to_hourly=1\napprovals=0\n",
    "a later version": "version = 2\n" + SMALL,
}


@pytest.mark.parametrize(("name", "added", "said"), WRONG, ids=[case[0] for case in WRONG])
def test_what_is_wrong_is_named_with_what_is_allowed(name: str, added: str, said: str) -> None:
    assert said in problems(WHOLE.get(name, SMALL + added))


def test_every_problem_is_told_at_once() -> None:
    assert len(problems(SMALL + '[limits]\nmax_nodes = 0\nsizes = [1]\n[idle]\nafter = "x"\nfoo = 1\n').splitlines()) == 4


def test_a_file_that_cannot_be_read_is_a_policy_error(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml")
    with pytest.raises(PolicyError, match="cannot be read"):
        load(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError, match="UTF-8"):
        load(tmp_path / "binary.toml")


@given(files)
@settings(max_examples=300, deadline=None)
def test_any_toml_is_used_or_refused(text: str) -> None:
    judge(text)


@given(changes)
@settings(max_examples=300, deadline=None)
def test_any_single_change_of_the_example_is_used_or_refused(text: str) -> None:
    judge(text)


@given(texts)
@settings(max_examples=200, deadline=None)
def test_any_text_is_used_or_refused(text: str) -> None:
    judge(text)
