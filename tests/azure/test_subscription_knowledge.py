"""Sizes, quotas, prices, features and credentials, as the simulated Azure tells them."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.azure import clusters, credentials, features, groups, operations, preflight, quotas, tags
from bot.azure.clusters import ClusterSpec, ClusterState, KubernetesVersion
from bot.azure.findings import ordered
from bot.azure.pools import PoolState
from bot.azure.poolspec import PoolSpec
from bot.azure.prices import PriceList, chosen
from bot.azure.quotas import Usage
from bot.azure.sizes import SIZES
from bot.azure.skus import SkuCatalogue, SkuRow, read
from bot.clock import Clock
from bot.errors import Refused, Temporary
from playground.azure import identity
from playground.azure import prices as price_service

T4 = SIZES["Standard_NC4as_T4_v3"]
USAGES = [
    Usage("cores", "Total Regional vCPUs", 90, 100),
    Usage("Standard NCASv3_T4 Family", "Standard NCASv3_T4 Family vCPUs", 0, 8),
    Usage("lowPriorityCores", "Total Regional Spot vCPUs", 0, 3),
]


async def test_sku_rows_are_fetched_once_and_kept_for_an_hour(cloud: Any, tmp_path: Path) -> None:
    offset = tmp_path / "offset"
    catalogue = SkuCatalogue(cloud.conn, Clock(offset))
    row = await catalogue.row("eastus", "standard_nc4as_t4_v3")
    assert row is not None
    assert (row.name, row.vcpus, row.family) == ("Standard_NC4as_T4_v3", 4, T4.family)
    assert row.memory_gib > 0
    await catalogue.rows("eastus")
    assert len(cloud.requests("GET", "skus")) == 1
    offset.write_text('{"offset": 3601}')
    await catalogue.rows("eastus")
    assert len(cloud.requests("GET", "skus")) == 2
    assert await catalogue.row("eastus", "Standard_NC6") is None


async def test_a_list_is_read_page_by_page_and_its_next_page_is_sought_with_azure_alone(cloud: Any) -> None:
    catalogue, after = SkuCatalogue(cloud.conn, Clock()), f"{cloud.url}/subscriptions/{cloud.conn.subscription_id}/providers/Microsoft.Compute/skus"
    first = {"name": "Standard_First", "resourceType": "virtualMachines", "locations": ["eastus"]}
    cloud.fault("status", "GET .*skus", status=200, body={"value": [first], "nextLink": f"{after}?api-version=2021-07-01"})
    assert {"standard_first", "standard_nc4as_t4_v3"} <= set(await catalogue.rows("eastus"))
    for body in ({"value": [], "nextLink": "https://example.com/usages"}, ["no page"]):
        cloud.fault("status", "GET .*usages", status=200, body=body)
        with pytest.raises(Temporary) as caught:
            await quotas.usage(cloud.conn, "eastus")
        assert caught.value.code == "azure.garbled"


async def test_every_size_that_the_cloud_offers_with_gpus_is_in_the_table_with_the_same_family(cloud: Any) -> None:
    rows = await SkuCatalogue(cloud.conn, Clock()).rows("eastus")
    for row in rows.values():
        known = SIZES.get(row.name)
        if known is not None:
            assert (known.family.lower(), known.vcpus) == (row.family.lower(), row.vcpus), row.name
        elif row.listed_gpus:
            assert preflight.size(row.name), row.name


async def test_usages_are_matched_in_any_spelling(cloud: Any) -> None:
    found = await quotas.usage(cloud.conn, "eastus")
    assert quotas.find(found, "standardncasv3_t4family") is quotas.find(found, "Standard NCASv3_T4 Family") is not None
    assert quotas.find(found, quotas.REGIONAL) is not None
    assert quotas.find(found, quotas.SPOT) is not None


def test_three_quotas_apply_together_and_spot_has_its_own() -> None:
    assert [(item.severity, item.code) for item in quotas.room(USAGES, T4, nodes=2, spot=False, region="eastus")] == [
        ("info", "azure.room"),
        ("info", "azure.room"),
    ]
    tight = quotas.room(USAGES, T4, nodes=3, spot=False, region="eastus")
    assert [item.severity for item in tight] == ["blocker", "blocker"]
    assert "8 of 8 vCPUs are free, 12 are needed" in tight[0].sentence
    assert "enough for 2" in tight[0].next_step
    spot = quotas.room(USAGES, T4, nodes=1, spot=True, region="eastus")
    assert [(item.severity, item.detail["fits"]) for item in spot] == [("blocker", 0)]
    assert quotas.nodes_that_fit(USAGES, T4, spot=False) == 2
    assert quotas.nodes_that_fit([], T4, spot=False) is None
    assert [item.severity for item in quotas.room([], T4, nodes=1, spot=True, region="eastus")] == ["warning"]


def wire(**changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "virtualMachines", "name": "Standard_NC24ads_A100_v4", "family": "StandardNCADSA100v4Family", "locations": ["EastUS"],
        "locationInfo": [{"location": "eastus", "zones": ["2", "1"]}],
        "capabilities": [{"name": "vCPUs", "value": "24"}, {"name": "GPUs", "value": "1"}, {"name": "LowPriorityCapable", "value": "True"}],
        "restrictions": [],
    } | changes  # fmt: skip


def test_restrictions_of_a_row_are_read() -> None:
    open_row = read(wire(), "eastus")
    assert open_row is not None
    assert (open_row.zones, open_row.closed, open_row.listed_gpus, open_row.vcpus) == (("1", "2"), False, 1, 24)
    zone = read(wire(restrictions=[{"type": "Zone", "restrictionInfo": {"zones": ["1"]}, "reasonCode": "NotAvailableForSubscription"}]), "eastus")
    assert zone is not None
    assert zone.open_zones == ("2",)
    assert [item.code for item in preflight.sku(zone, zone.name, "eastus", zones=["1"])] == ["azure.restricted_zone"]
    closed = read(wire(restrictions=[{"type": "Location", "values": ["eastus"], "reasonCode": "QuotaId"}]), "eastus")
    assert closed is not None
    assert [item.code for item in preflight.sku(closed, closed.name, "eastus")] == ["azure.restricted"]
    assert read(wire(resourceType="disks"), "eastus") is None
    assert read(wire(), "westus2") is None
    assert [item.code for item in preflight.sku(None, "Standard_NC24ads_A100_v4", "westus2")] == ["azure.size_not_offered"]


def test_a_gpu_count_that_lies_is_remarked() -> None:
    row = SkuRow("Standard_ND128isr_GB300_v6", "eastus", "f", 128, 900.0, listed_gpus=None)
    assert [item.severity for item in preflight.sku(row, row.name, "eastus")] == ["info"]


def test_kubernetes_versions() -> None:
    offered = [KubernetesVersion("1.37", ("1.37.0",), True, False), KubernetesVersion("1.36", ("1.36.2", "1.36.1"), False, True)]
    assert preflight.kubernetes_version(None, offered, "eastus") == []
    assert preflight.kubernetes_version("1.36", offered, "eastus") == []
    assert preflight.kubernetes_version("1.36.1", offered, "eastus") == []
    assert [item.severity for item in preflight.kubernetes_version("1.37", offered, "eastus")] == ["warning"]
    assert "Supported: 1.36." in preflight.kubernetes_version("1.36.9", offered, "eastus")[0].next_step
    assert preflight.kubernetes_version("1.20", offered, "eastus")[0].severity == "blocker"
    assert preflight.kubernetes_version("latest", offered, "eastus")[0].code == "name.invalid"


def state(**changes: Any) -> ClusterState:
    system = PoolState("", "rg", "demo", "system", "Standard_D2s_v5", "System", "Succeeded", "Running", 1)
    base: dict[str, Any] = {
        "id": "", "group": "rg", "name": "demo", "region": "eastus", "provisioning_state": "Succeeded", "power_state": "Running",
        "kubernetes_version": "1.36.2", "pools": (system,),
    }  # fmt: skip
    return ClusterState(**(base | changes))


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        (state(), []),
        (None, ["azure.cluster_unknown"]),
        (state(power_state="Stopped"), ["azure.cluster_stopped"]),
        (state(provisioning_state="Upgrading"), ["azure.cluster_busy"]),
        (state(pools=()), ["azure.no_system_pool"]),
    ],
)
def test_whether_a_cluster_can_take_a_pool(cluster: ClusterState | None, expected: list[str]) -> None:
    assert [item.code for item in preflight.cluster_for_pool(cluster, "demo", "gpu")] == expected


def test_names_that_are_taken() -> None:
    assert [item.code for item in preflight.cluster_for_pool(state(), "demo", "SYSTEM")] == ["azure.pool_exists"]
    assert preflight.cluster_name([state()], "RG", "Demo")[0].code == "azure.name_taken"
    assert preflight.cluster_name([state()], "other", "demo") == []


def test_the_managed_stack_needs_its_feature_and_findings_come_worst_first() -> None:
    spec = PoolSpec("rg", "demo", "gpu", T4.name, driver="managed")
    assert preflight.managed_gpu(spec, "Registered") == []
    needed = preflight.managed_gpu(spec, "NotRegistered")
    assert "/gpu feature register ManagedGPUExperiencePreview" in needed[0].next_step
    room = quotas.room(USAGES, T4, nodes=1, spot=False, region="eastus")
    assert [item.severity for item in ordered([*room, *needed, *needed])] == ["blocker", "info", "info"]


async def test_a_feature_is_registered_and_then_the_provider_again(cloud: Any, until: Any) -> None:
    assert await features.state(cloud.conn, features.MANAGED_GPU) == "NotRegistered"
    assert await features.state(cloud.conn, "NoSuchThing") is None
    assert await features.register(cloud.conn, features.MANAGED_GPU) == "Registering"
    await until(lambda: features.state(cloud.conn, features.MANAGED_GPU), lambda state: state == "Registered")
    assert await features.register_provider(cloud.conn) in ("Registered", "Registering")
    assert await features.provider_state(cloud.conn) == "Registered"
    assert features.read("REGISTERED") == "Registered"
    with pytest.raises(Refused) as caught:
        await features.register(cloud.conn, "NoSuchThing")
    assert caught.value.code == "azure.feature_unknown"


async def prices_at(cloud: Any, serve: Any, clock: Clock) -> PriceList:
    url = await serve(lambda url: price_service.build(cloud.traffic, public_url=url), plain=True)
    return PriceList(clock, url=f"{url}/api/retail/prices")


async def test_prices_on_demand_and_spot_are_read_once_and_kept(cloud: Any, serve: Any, tmp_path: Path) -> None:
    offset = tmp_path / "offset"
    listed = await prices_at(cloud, serve, Clock(offset))
    try:
        price = await listed.price("standard_nc4as_t4_v3", "eastus")
        assert (price.size, price.usd_per_hour, price.spot) == ("Standard_NC4as_T4_v3", Decimal("0.526"), False)
        assert price.since is not None
        spot = await listed.price("Standard_NC4as_T4_v3", "eastus", spot=True)
        assert Decimal(0) < spot.usd_per_hour < price.usd_per_hour
        assert len(cloud.traffic.listed("prices")) == 1
        with pytest.raises(Refused) as caught:
            await listed.price("Standard_NC999as_T4_v3", "eastus")
        assert caught.value.code == "azure.price_unknown"
        # the list is down: a price of the last week is given, an unknown one is not made up
        cloud.faults.add({"service": "prices", "match": "", "effect": "status", "times": -1, "status": 503})
        offset.write_text(f'{{"offset": {13 * 3600}}}')
        assert await listed.price("Standard_NC4as_T4_v3", "eastus") == price
        with pytest.raises(Temporary):
            await listed.price("Standard_NC8as_T4_v3", "eastus")
        offset.write_text(f'{{"offset": {8 * 86400}}}')
        with pytest.raises(Temporary):
            await listed.price("Standard_NC4as_T4_v3", "eastus")
    finally:
        await listed.close()


def item(**changes: Any) -> dict[str, Any]:
    return {
        "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": 0.526, "armRegionName": "eastus", "effectiveStartDate": "2026-01-01T00:00:00Z",
        "meterName": "NC4as T4 v3", "productName": "Virtual Machines NCasv3 T4 Series", "skuName": "NC4as T4 v3", "unitOfMeasure": "1 Hour",
        "type": "Consumption", "isPrimaryMeterRegion": True, "armSkuName": "Standard_NC4as_T4_v3",
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"productName": "Virtual Machines NCasv3 T4 Series Windows"}, {"meterName": "NC4as T4 v3 Low Priority"}, {"type": "Reservation"},
        {"reservationTerm": "1 Year"}, {"currencyCode": "EUR"}, {"unitOfMeasure": "1 GB"}, {"retailPrice": 0.0}, {"retailPrice": -1},
        {"retailPrice": "NaN"}, {"retailPrice": None}, {"armSkuName": "Standard_NC8as_T4_v3"}, {"armRegionName": "westus2"},
        {"effectiveStartDate": "2030-01-01T00:00:00Z"}, {"effectiveEndDate": "2026-02-01T00:00:00Z"}, {"tierMinimumUnits": 10.0},
    ],
)  # fmt: skip
def test_rows_that_are_no_hourly_price_of_a_linux_machine_are_left_out(changes: dict[str, Any]) -> None:
    assert chosen([item(**changes)], "Standard_NC4as_T4_v3", "eastus", datetime(2026, 11, 1, tzinfo=UTC)) == []


def test_of_several_rows_the_primary_then_the_newest_then_the_dearest_wins() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)

    def best(*items: dict[str, Any]) -> Decimal:
        return chosen(items, "Standard_NC4as_T4_v3", "eastus", now)[0].usd_per_hour

    assert best(item(), item(retailPrice=9.0, isPrimaryMeterRegion=False)) == Decimal("0.526")
    assert best(item(), item(retailPrice=0.6, effectiveStartDate="2026-06-01T00:00:00Z")) == Decimal("0.6")
    assert best(item(), item(retailPrice=0.7)) == Decimal("0.7")
    both = chosen([item(), item(skuName="NC4as T4 v3 Spot", retailPrice=0.1)], "Standard_NC4as_T4_v3", "eastus", now)
    assert {row.spot: row.usd_per_hour for row in both} == {False: Decimal("0.526"), True: Decimal("0.1")}


CONFIG = {
    "apiVersion": "v1", "kind": "Config", "current-context": "demo",
    "clusters": [{"name": "demo", "cluster": {"server": "https://demo:443", "certificate-authority-data": base64.b64encode(b"PEM").decode()}}],
    "users": [{"name": "me", "user": {"exec": {"command": "kubelogin", "args": ["get-token"]}}}],
    "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "me"}}],
}  # fmt: skip


def test_a_kubeconfig_that_would_run_a_program_loses_it() -> None:
    server, authority, plain, entra = credentials.sorted_out(CONFIG, "demo")
    assert (server, authority, entra) == ("https://demo:443", "PEM", True)
    assert "exec" not in yaml.safe_dump(plain)
    assert "exec" in CONFIG["users"][0]["user"]  # type: ignore[index]
    nobody = {"users": [{"name": "me", "user": None}]}
    broken: list[dict[str, Any]] = [{"clusters": []}, {"contexts": None}, {"current-context": "other"}, {"current-context": None}, nobody]
    for part in broken:
        with pytest.raises(Temporary, match="no credentials"):
            credentials.sorted_out(CONFIG | part, "demo")


async def test_credentials_of_an_entra_cluster_are_tokens_for_the_aks_server_and_nothing_shows_in_representations(cloud: Any, until: Any) -> None:
    await groups.ensure(cloud.conn, "rg", "eastus", {tags.OPERATION: "op1"})
    spec = ClusterSpec("rg", "demo", "eastus", system_size="Standard_D2s_v5", entra=True, disable_local_accounts=True)
    await clusters.put(cloud.conn, spec, {tags.OPERATION: "op1"})
    seen = await until(lambda: clusters.get(cloud.conn, "rg", "demo"), lambda state: operations.terminal(state.provisioning_state))
    assert (seen.entra, seen.local_accounts_disabled) == (True, True)
    with pytest.raises(Refused) as caught:
        await credentials.kubeconfig(cloud.conn, "rg", "demo", admin=True)
    assert caught.value.code == "azure.no_local_accounts"
    found = await credentials.credentials(cloud.conn, "rg", "demo")
    assert found.token is not None
    assert "exec" not in yaml.safe_dump(found.kubeconfig)
    first = await found.token.fetch()
    assert identity.audience_of(first) == "6dae42f8-4368-4678-94ff-3960e28e3630"
    assert first == await asyncio.to_thread(found.token) == found.token()
    assert first not in repr(found)


async def test_a_static_kubeconfig_is_handed_over_whole(cloud: Any) -> None:
    await groups.ensure(cloud.conn, "rg", "eastus", {tags.OPERATION: "op1"})
    await clusters.put(cloud.conn, ClusterSpec("rg", "demo", "eastus", system_size="Standard_D2s_v5"), {tags.OPERATION: "op1"})
    found = await credentials.credentials(cloud.conn, "rg", "demo")
    assert found.token is None
    assert found.kubeconfig["users"][0]["user"]["token"] == "playground-clusterUser"
    assert "playground-clusterUser" not in repr(found)
