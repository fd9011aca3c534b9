"""The table of GPU sizes: what a node promises, what was retired, what is near."""

from __future__ import annotations

from datetime import date

import pytest

from bot import names
from bot.azure import preflight
from bot.azure.sizes import RETIRED, SIZES, CpuSize, Retired, Size, Unknown, lookup, mig_profile, promised


def test_every_name_of_the_table_is_a_name_that_may_be_sent() -> None:
    assert all(names.valid("size", name) for name in (*SIZES, *RETIRED))
    assert all(isinstance(SIZES.get(row.replacement), Size) for row in RETIRED.values())


@pytest.mark.parametrize("typed", ["Standard_NC4as_T4_v3", "standard_nc4as_t4_v3", "NC4AS_T4_V3", " nc4as_t4_v3 "])
def test_a_size_is_found_in_any_case_and_without_its_prefix(typed: str) -> None:
    found = lookup(typed)
    assert isinstance(found, Size)
    assert (found.name, found.model, found.gpus, found.vcpus, found.family) == ("Standard_NC4as_T4_v3", "T4", 1, 4, "Standard NCASv3_T4 Family")


@pytest.mark.parametrize(
    ("typed", "model", "since", "replacement"),
    [
        ("Standard_NC6", "K80", date(2023, 9, 6), "Standard_NC4as_T4_v3"),
        ("standard_nc24r", "K80", date(2023, 9, 6), "Standard_NC64as_T4_v3"),
        ("Standard_NC6s_v3", "V100", date(2025, 9, 30), "Standard_NC24ads_A100_v4"),
        ("Standard_NC24rs_v3", "V100", date(2025, 9, 30), "Standard_NC96ads_A100_v4"),
        ("Standard_NV6", "M60", date(2023, 9, 6), "Standard_NV36ads_A10_v5"),
        ("Standard_NV12s_v3", "M60", date(2026, 9, 30), "Standard_NV36ads_A10_v5"),
        ("Standard_NV4as_v4", "MI25", date(2026, 9, 30), "Standard_NV6ads_A10_v5"),
    ],
)
def test_retired_sizes_name_their_day_and_what_replaced_them(typed: str, model: str, since: date, replacement: str) -> None:
    found = lookup(typed)
    assert isinstance(found, Retired)
    assert (found.model, found.since, found.replacement) == (model, since, replacement)
    finding = preflight.size(typed)[0]
    assert finding.severity == "blocker"
    assert replacement in finding.next_step


def test_sizes_without_a_gpu_unknown_and_unusable_ones_are_told_apart() -> None:
    assert lookup("standard_d4s_V5") == CpuSize("Standard_D4s_v5", 4)
    assert lookup("Standard_E16-4ds_v5") == CpuSize("Standard_E16-4ds_v5", 16)
    near = lookup("Standard_NC4as_T4_v4")
    assert isinstance(near, Unknown)
    assert near.nearest[0] == "Standard_NC4as_T4_v3"
    assert isinstance(lookup("Standard_NP10s"), Unknown)
    assert "FPGA" in preflight.size("Standard_NP10s")[0].sentence
    assert "no GPU" in preflight.size("Standard_D4s_v5")[0].sentence
    assert preflight.size("Standard_NC24ads_A100_v4") == []
    assert isinstance(lookup(".."), Unknown)


@pytest.mark.parametrize(
    ("size", "mig", "strategy", "resource", "count"),
    [
        ("Standard_NC4as_T4_v3", None, "single", "nvidia.com/gpu", 1),
        ("Standard_NC64as_T4_v3", None, "single", "nvidia.com/gpu", 4),
        ("Standard_NV6ads_A10_v5", None, "single", "nvidia.com/gpu", 1),
        ("Standard_ND96asr_v4", "MIG1g", "single", "nvidia.com/gpu", 56),
        ("Standard_ND96asr_v4", "MIG1g", "mixed", "nvidia.com/mig-1g.5gb", 56),
        ("Standard_NC24ads_A100_v4", "mig3g", "mixed", "nvidia.com/mig-3g.40gb", 2),
        ("Standard_NC40ads_H100_v5", "MIG7g", "single", "nvidia.com/gpu", 1),
        ("Standard_ND96isr_MI300X_v5", None, "single", "amd.com/gpu", 8),
        ("Standard_ND128isr_GB300_v6", None, "single", "nvidia.com/gpu", 4),
    ],
)
def test_what_a_node_must_advertise(size: str, mig: str | None, strategy: str, resource: str, count: int) -> None:
    assert promised(size, mig, strategy=strategy) == (resource, count)  # type: ignore[arg-type]


def test_mig_is_only_for_sizes_that_have_it_and_profiles_that_exist() -> None:
    with pytest.raises(KeyError):
        promised("Standard_NC4as_T4_v3", "MIG1g")
    with pytest.raises(KeyError):
        promised("Standard_NC24ads_A100_v4", "MIG5g")
    assert [mig_profile(text) for text in ("mig1g", "1g", "MIG-2g", "8g")] == ["MIG1g", "MIG1g", "MIG2g", None]
