"""The public price list (Azure Retail Prices API, 2023-01-01-preview): no authentication, filters, pages of at most 1000, 200 for unknown sizes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web

from playground.azure.catalogue import REGIONS, SIZES, Region, Size
from playground.traffic import Traffic

Item = dict[str, Any]
PAGE: Final = 1000
TERM: Final = re.compile(r"^(\w+) eq (?:'([^']*)'|(true|false))$")
FIELDS: Final = {
    "armRegionName", "location", "meterId", "meterName", "productId", "skuId", "productName", "skuName", "serviceName", "serviceId",
    "serviceFamily", "priceType", "armSkuName", "currencyCode",
}  # fmt: skip
RATES: Final = {"USD": 1.0, "EUR": 0.86, "GBP": 0.74}
SPOT: Final = 0.35
LOW_PRIORITY: Final = 0.4
WINDOWS_PER_VCPU: Final = 0.046


def rows(size: Size, region: Region) -> Iterator[Item]:
    """All price rows of one size in one region, in US dollars."""
    series = size.name.removeprefix("Standard_").replace("_", " ")
    linux = round(size.usd * region.factor, 6)
    windows = round(linux + WINDOWS_PER_VCPU * size.vcpus, 6)
    for suffix, price in (("", linux), (" Windows", windows)):
        product = f"Virtual Machines {size.family.removesuffix('Family').strip()} Series{suffix}"
        yield _row(size, region, series, product, series, price)
        if size.low_priority:
            yield _row(size, region, f"{series} Spot", product, f"{series} Spot", round(price * SPOT, 6))
            yield _row(size, region, f"{series} Low Priority", product, f"{series} Low Priority", round(price * LOW_PRIORITY, 6))
    year = _row(size, region, series, f"Virtual Machines {size.family.removesuffix('Family').strip()} Series", series, round(linux * 8760 * 0.63, 2))
    yield year | {"type": "Reservation", "reservationTerm": "1 Year"}


def _row(size: Size, region: Region, sku: str, product: str, meter: str, price: float) -> Item:
    key = f"{size.name}/{region.name}/{sku}/{product}"
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": region.name,
        "location": region.price,
        "effectiveStartDate": "2026-06-01T00:00:00Z",
        "meterId": str(uuid.uuid5(uuid.NAMESPACE_URL, key)),
        "meterName": meter,
        "productId": f"DZH318Z0{uuid.uuid5(uuid.NAMESPACE_URL, product).hex[:4].upper()}",
        "skuId": f"DZH318Z0{uuid.uuid5(uuid.NAMESPACE_URL, key).hex[:8].upper()}",
        "productName": product,
        "skuName": sku,
        "serviceName": "Virtual Machines",
        "serviceId": "DZH313Z7MMC8",
        "serviceFamily": "Compute",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "isPrimaryMeterRegion": True,
        "armSkuName": size.name,
    }


ITEMS: Final = [
    row
    for size in SIZES
    for region in REGIONS.values()
    if size.retired or "*" in size.regions or region.name in size.regions
    for row in rows(size, region)
]


def selected(filter_text: str) -> list[Item]:
    """The rows that fulfil ``field eq 'value' and …``; values are case-sensitive. Raises ValueError for a filter that makes no sense."""
    terms = []
    for term in re.split(r"\s+and\s+", filter_text.strip()) if filter_text.strip() else []:
        found = TERM.match(term.strip())
        if found is None or found.group(1) not in FIELDS | {"isPrimaryMeterRegion"}:
            raise ValueError(term)
        terms.append(("type" if found.group(1) == "priceType" else found.group(1), found.group(2), found.group(3)))
    # The currency is no property of a row: it asks for a conversion.
    return [
        row
        for row in ITEMS
        if all(key == "currencyCode" or (row[key] is (flag == "true") if flag else row.get(key) == value) for key, value, flag in terms)
    ]


def _currency(request: web.Request) -> str:
    found = re.search(r"currencyCode eq '(\w+)'", request.query.get("$filter", ""))
    return (found.group(1) if found else request.query.get("currencyCode", "USD").strip("'")).upper()


def build(traffic: Traffic, *, public_url: str) -> web.Application:
    """The price list as an application; `public_url` without a trailing slash is what NextPageLink starts with."""

    async def prices(request: web.Request) -> web.Response:
        currency = _currency(request)
        try:
            found = selected(request.query.get("$filter", ""))
            skip = int(request.query.get("$skip", "0"))
            rate = RATES[currency]
        except (ValueError, KeyError) as error:
            return web.json_response({"Error": {"Code": "BadRequest", "Message": f"Invalid OData parameters supplied: {error}"}}, status=400)
        top = min(PAGE, int(request.query.get("$top", PAGE)))
        items = [
            row | {"currencyCode": currency, "retailPrice": round(row["retailPrice"] * rate, 6), "unitPrice": round(row["unitPrice"] * rate, 6)}
            for row in found[skip : skip + top]
        ]
        following = request.rel_url.update_query({"$skip": str(skip + top)}) if skip + top < len(found) else None
        return web.json_response(
            {
                "BillingCurrency": currency,
                "CustomerEntityId": "Default",
                "CustomerEntityType": "Retail",
                "Items": items,
                "NextPageLink": f"{public_url}{following}" if following else None,
                "Count": len(items),
            }
        )

    app = web.Application(middlewares=[traffic.middleware("prices")])
    app.add_routes([web.get("/api/retail/prices", prices)])
    return app
