"""Prices per hour from Azure's public retail price list, with their date; no price is no price, never zero.

Retail Prices API: values in the filter are case-sensitive, an unknown size is an empty list, Windows and Low Priority rows are mixed in, and
a price does not mean that the size can be had. The list is public, so nothing is signed in; links to further pages are followed only
to where the first page was.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import aiohttp

from bot import names
from bot.azure.errors import retry_after
from bot.azure.sizes import lookup
from bot.clock import Clock
from bot.errors import Refused, Temporary

RETAIL: Final = "https://prices.azure.com/api/retail/prices"
API_VERSION: Final = "2023-01-01-preview"
KEPT_SECONDS: Final = 12 * 3600.0
STALE_SECONDS: Final = 7 * 86400.0
TIMEOUT: Final = aiohttp.ClientTimeout(total=10.0)
MAX_PAGES: Final = 5


@dataclass(frozen=True)
class Price:
    """US dollars for one node of `size` for an hour. `since`: from when Azure says it holds; `fetched`: when it was read (epoch seconds)."""

    size: str
    region: str
    spot: bool
    usd_per_hour: Decimal
    since: date | None
    fetched: float


class PriceList:
    """The price list over HTTP, kept for half a day; where it cannot be reached, a price of the last week is given with its own date."""

    def __init__(self, clock: Clock, *, url: str = RETAIL, session: aiohttp.ClientSession | None = None, ca_file: Path | None = None) -> None:
        self._clock = clock
        self._url = url
        self._session = session
        self._mine = session is None
        self._ca_file = ca_file
        self._kept: dict[tuple[str, str], tuple[float, list[Price]]] = {}
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    async def price(self, size: str, region: str, *, spot: bool = False) -> Price:
        """The price of `size` in `region`. One request, or none from what is kept.

        Raises Refused (``azure.price_unknown``) where the list has none or zero, Temporary (``azure.price_source``) where it cannot be read.
        """
        names.checked("region", region)
        name = names.checked("size", lookup(size).name)
        for row in await self._rows(name, region):
            if row.spot == spot:
                return row
        raise Refused("azure.price_unknown", size=name, region=region, spot=" as Spot" if spot else "")

    def age(self, seconds: float) -> None:
        """Ask again for what was read longer ago than `seconds`; it is still given for as long as the list cannot be reached."""
        now = self._clock.now()
        self._kept = {key: (min(at, now - KEPT_SECONDS) if now - at > seconds else at, rows) for key, (at, rows) in self._kept.items()}

    async def close(self) -> None:
        """Close the session, if it is this object's own."""
        if self._mine and self._session is not None:
            await self._session.close()

    async def _rows(self, size: str, region: str) -> list[Price]:
        key = (size, region)
        async with self._locks.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)
            age = self._clock.now() - kept[0] if kept else None
            if kept is not None and age is not None and 0 <= age < KEPT_SECONDS:
                return kept[1]
            try:
                items = await self._fetch(size, region)
            except Temporary:
                if kept is not None and age is not None and 0 <= age < STALE_SECONDS:
                    return kept[1]
                raise
            found = chosen(items, size, region, self._clock.utc())
            self._kept[key] = (self._clock.now(), found)
            return found

    async def _fetch(self, size: str, region: str) -> list[Mapping[str, Any]]:
        terms = {"serviceName": "Virtual Machines", "armRegionName": region, "armSkuName": size, "priceType": "Consumption"}
        wanted = " and ".join(f"{name} eq '{text}'" for name, text in terms.items())
        joint = "&" if "?" in self._url else "?"
        url: str | None = f"{self._url}{joint}api-version={API_VERSION}&$filter={quote(wanted)}"
        items: list[Mapping[str, Any]] = []
        for _ in range(MAX_PAGES):
            if url is None:
                break
            body = await self._get(url)
            items += [item for item in body.get("Items") or () if isinstance(item, Mapping)]
            following = body.get("NextPageLink")
            url = following if isinstance(following, str) and following else None
            if url is not None and urlsplit(url)[:2] != urlsplit(self._url)[:2]:
                raise Temporary("azure.price_source", retry_after=60.0)
        return items

    async def _get(self, url: str) -> Mapping[str, Any]:
        from yarl import URL

        try:
            async with self._open().get(URL(url, encoded=True), timeout=TIMEOUT, allow_redirects=False) as response:
                if response.status != 200:
                    raise Temporary("azure.price_source", retry_after=retry_after(response.headers) or 10.0)
                body = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Temporary("azure.price_source", retry_after=10.0) from error
        if not isinstance(body, Mapping):
            raise Temporary("azure.price_source", retry_after=10.0)
        return body

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
            local = urlsplit(self._url).hostname in ("127.0.0.1", "localhost", "::1")
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=8), trust_env=not local)
        return self._session


def chosen(items: Iterable[Mapping[str, Any]], size: str, region: str, now: datetime) -> list[Price]:
    """At most one on-demand and one Spot price out of the rows of the list.

    Of several rows the primary meter's wins, then the latest to take effect, then the dearest: a plan should not promise too little.
    """
    found: dict[bool, tuple[tuple[bool, datetime, Decimal], Price]] = {}
    for item in items:
        price = _read(item, size, region, now)
        if price is None:
            continue
        since = _moment(item.get("effectiveStartDate")) or datetime.min.replace(tzinfo=UTC)
        rank = (item.get("isPrimaryMeterRegion") is not False, since, price.usd_per_hour)
        if price.spot not in found or rank > found[price.spot][0]:
            found[price.spot] = (rank, price)
    return [price for _, price in found.values()]


def _read(item: Mapping[str, Any], size: str, region: str, now: datetime) -> Price | None:
    """The price in a row of the list; None where the row is for something else (Windows, reservation, another unit, not in force)."""
    if str(item.get("armSkuName", "")).lower() != size.lower() or str(item.get("armRegionName", "")).lower() != region.lower():
        return None
    if str(item.get("productName", "")).endswith(" Windows") or str(item.get("meterName", "")).endswith(" Low Priority"):
        return None
    if item.get("type", "Consumption") != "Consumption" or item.get("reservationTerm") or item.get("currencyCode") != "USD":
        return None
    if item.get("unitOfMeasure") != "1 Hour" or item.get("tierMinimumUnits"):
        return None
    start, end = _moment(item.get("effectiveStartDate")), _moment(item.get("effectiveEndDate"))
    if (start and start > now) or (end and end <= now):
        return None
    try:
        amount = Decimal(str(item.get("retailPrice")))
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount <= 0:
        return None
    spot = str(item.get("skuName", "")).endswith(" Spot")
    return Price(size, region, spot, amount, start.date() if start else None, now.timestamp())


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
