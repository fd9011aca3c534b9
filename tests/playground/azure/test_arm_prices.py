"""The price list: case-sensitive filters, pages, rows that are easily mistaken, 200 for the unknown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from playground.azure import prices
from playground.faults import Faults
from playground.traffic import Traffic

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
async def ask() -> AsyncIterator[Ask]:
    async with TestClient(TestServer(prices.build(Traffic(Faults()), public_url="http://127.0.0.1"))) as client:

        async def asking(status: int = 200, **query: str) -> Any:
            params = {f"${key}" if key in ("filter", "skip", "top") else key: value for key, value in query.items()}
            async with client.get("/api/retail/prices", params=params) as response:
                assert response.status == status
                return await response.json()

        yield asking


T4 = "serviceName eq 'Virtual Machines' and armRegionName eq 'eastus' and armSkuName eq 'Standard_NC4as_T4_v3' and priceType eq 'Consumption'"


async def test_one_size_has_linux_windows_spot_and_low_priority_rows(ask: Ask) -> None:
    rows = (await ask(filter=T4))["Items"]
    assert len(rows) == 6
    linux = [row for row in rows if not row["productName"].endswith(" Windows") and not row["meterName"].endswith(" Low Priority")]
    assert {row["skuName"].endswith(" Spot"): row["retailPrice"] for row in linux}[False] == 0.526
    assert all(row["unitOfMeasure"] == "1 Hour" and row["type"] == "Consumption" for row in rows)


async def test_reservations_look_alike_without_the_price_type(ask: Ask) -> None:
    rows = (await ask(filter=T4.removesuffix(" and priceType eq 'Consumption'")))["Items"]
    assert [row["reservationTerm"] for row in rows if row["type"] == "Reservation"] == ["1 Year"]


async def test_unknown_or_differently_spelled_size_is_an_empty_list(ask: Ask) -> None:
    for name in ("Standard_Nope", "standard_nc4as_t4_v3"):
        body = await ask(filter=f"armSkuName eq '{name}'")
        assert (body["Items"], body["Count"], body["NextPageLink"]) == ([], 0, None)


async def test_retired_sizes_still_have_a_price(ask: Ask) -> None:
    assert (await ask(filter="armSkuName eq 'Standard_NC6s_v3' and armRegionName eq 'eastus'"))["Count"] > 0


async def test_other_regions_and_currencies_cost_otherwise(ask: Ask) -> None:
    europe = (await ask(filter=T4.replace("eastus", "westeurope")))["Items"]
    assert max(row["retailPrice"] for row in europe if "Windows" not in row["productName"]) == pytest.approx(0.526 * 1.24)
    euro = await ask(filter=T4, currencyCode="'EUR'")
    assert (euro["BillingCurrency"], euro["Items"][0]["currencyCode"]) == ("EUR", "EUR")
    assert (await ask(filter=T4 + " and currencyCode eq 'EUR'"))["BillingCurrency"] == "EUR"


async def test_pages_of_a_thousand_are_linked_to_the_end(ask: Ask) -> None:
    first = await ask()
    assert first["Count"] == 1000
    assert first["NextPageLink"].startswith("http://127.0.0.1/api/retail/prices?")
    rest = await ask(skip="1000")
    assert rest["NextPageLink"] is None
    assert first["Count"] + rest["Count"] == len(prices.ITEMS)


async def test_filter_that_makes_no_sense_is_refused(ask: Ask) -> None:
    for text in ("armSkuName = 'x'", "nonsense eq 'x'", "armSkuName eq x"):
        assert "Invalid OData" in (await ask(400, filter=text))["Error"]["Message"]
