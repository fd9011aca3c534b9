from __future__ import annotations

from decimal import Decimal

import pytest

from bot.cluster.quantities import amount, checked_amount, devices
from bot.errors import Refused


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("500m", Decimal("0.5")),
        ("100n", Decimal("1e-7")),
        ("2k", 2000),
        ("1Ki", 1024),
        ("1.5Gi", 1610612736),
        ("1e3", 1000),
        ("1E3", 1000),
        ("12E", 12 * 10**18),
        (8, 8),
        ("-1", -1),
        ("101584140Ki", 101584140 * 1024),
    ],
)
def test_amounts_read_as_kubernetes_reads_them(text: object, value: object) -> None:
    assert amount(text) == value


@pytest.mark.parametrize("text", ["", "abc", "1 Gi", "1ki", "Infinity", "NaN", "1e9999", "0x10", "1Gi;", None, True])
def test_anything_else_is_an_error_and_never_zero(text: object) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        amount(text)


def test_an_absent_device_count_is_zero() -> None:
    assert devices(None) == 0
    assert devices("4") == 4


@pytest.mark.parametrize("text", ["0", "-1", "1n", "lots", "1e9999"])
def test_people_are_told_what_an_amount_looks_like(text: str) -> None:
    with pytest.raises(Refused) as caught:
        checked_amount("memory", text)
    assert "16Gi" in str(caught.value)
    assert checked_amount("cpu", "500m") == "500m"
