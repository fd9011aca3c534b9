"""The policy's limits: every one that is exceeded is told at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.approvals.limits import Ask, Place, alternatives, expiry_of, spoken, within_limits
from bot.approvals.policy import read
from bot.words import WORDS

POLICY = read(
    """
[roles]
requester = ["*"]
[[tiers]]
up_to_hourly = 1
approvals = 0
[limits]
max_nodes = 2
sizes = ["Standard_NC*_T4_v3", "standard_nc24ads_a100_v4"]
regions = ["eastus", "westus3"]
default_expiry = "8h"
longest_expiry = "3d"
gpus_per_user = 4
[jobs]
images = ["ghcr.io/our-team/*"]
namespaces = ["default", "ml"]
longest_timeout = "12h"
[fallback]
sizes = ["Standard_NC8as_T4_v3", "Standard_ND96asr_v4", "Standard_NC4as_T4_v3"]
zones = ["1", "2"]
regions = ["westus3", "brazilsouth", "eastus"]
attempts = 4
"""
)

CASES = [
    ("nothing asked, nothing found", Ask(), []),
    ("all within", Ask(size="Standard_NC4as_T4_v3", region="eastus", nodes=2, gpus=1, gpus_held=3, expiry=3 * 86400), []),
    ("a size in other capitals", Ask(size="STANDARD_NC24ADS_A100_V4"), []),
    ("one node too many", Ask(nodes=3), ["limits.max_nodes"]),
    ("a size that is not on the list", Ask(size="Standard_ND96asr_v4"), ["limits.sizes"]),
    ("another region", Ask(region="westeurope"), ["limits.regions"]),
    ("a second too long", Ask(expiry=3 * 86400 + 1), ["limits.longest_expiry"]),
    ("no time at all", Ask(expiry=0), ["limits.longest_expiry"]),
    ("one GPU too many", Ask(gpus=2, gpus_held=3), ["limits.gpus_per_user"]),
    ("an image from elsewhere", Ask(image="docker.io/someone/miner:1"), ["jobs.images"]),
    ("an image of a name that only begins alike", Ask(image="ghcr.io/our-team-evil/x:1"), ["jobs.images"]),
    ("another namespace", Ask(namespace="kube-system"), ["jobs.namespaces"]),
    ("a job for too long", Ask(timeout=12 * 3600 + 60), ["jobs.longest_timeout"]),
    (
        "everything at once",
        Ask(size="x", region="y", nodes=9, expiry=9**9),
        ["limits.max_nodes", "limits.sizes", "limits.regions", "limits.longest_expiry"],
    ),
]


@pytest.mark.parametrize(("ask", "keys"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_exceeds_a_limit_is_found(ask: Ask, keys: list[str]) -> None:
    assert [finding.key for finding in within_limits(POLICY, ask)] == keys


def test_a_finding_says_what_to_type_instead() -> None:
    nodes, expiry = within_limits(POLICY, Ask(nodes=3, expiry=10 * 86400))
    assert "--nodes 2" in nodes.next_step
    assert "--for 3d" in expiry.next_step


def test_each_finding_has_its_words() -> None:
    everything = Ask(size="x", region="y", nodes=9, gpus=9, expiry=9**9, image="z", namespace="q", timeout=9**9)
    found = within_limits(POLICY, everything)
    assert len(found) == 8
    for finding in found:
        assert f"approvals.{finding.key}" in WORDS
        assert "?" not in finding.sentence + finding.next_step, "a blank that nothing filled"


def test_without_a_word_the_default_expiry_holds() -> None:
    assert expiry_of(POLICY, None) == 8 * 3600
    assert expiry_of(POLICY, 60) == 60


@pytest.mark.parametrize(("seconds", "text"), [(0, "0m"), (30, "30s"), (5400, "1h30m"), (28800, "8h"), (86400 * 3, "3d"), (129600, "1d12h")])
def test_a_duration_is_spoken_as_it_is_typed(seconds: int, text: str) -> None:
    assert spoken(seconds) == text


def test_without_capacity_other_zones_come_first_then_sizes_then_regions() -> None:
    tried = Place("Standard_NC4as_T4_v3", "eastus", "1")
    assert alternatives(POLICY, tried, other_regions=True) == (
        Place("Standard_NC4as_T4_v3", "eastus", "2"),
        Place("Standard_NC8as_T4_v3", "eastus"),
        Place("Standard_NC4as_T4_v3", "westus3"),
        Place("Standard_NC8as_T4_v3", "westus3"),
    )


def test_a_fallback_never_leaves_the_limits_nor_the_clusters_region() -> None:
    tried = Place("Standard_NC4as_T4_v3", "eastus")
    assert alternatives(POLICY, tried, other_regions=False) == (Place("Standard_NC8as_T4_v3", "eastus"),)


def test_attempts_bound_the_search() -> None:
    once = replace(POLICY, fallback=replace(POLICY.fallback, attempts=1))
    assert len(alternatives(once, Place("Standard_NC4as_T4_v3", "eastus", "1"), other_regions=True)) == 1
