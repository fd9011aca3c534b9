"""What Resource Manager says before AKS is asked: who are you, what do you mean, not so fast."""

from __future__ import annotations

from typing import Any

import pytest

from playground.azure import identity


async def test_missing_unknown_and_foreign_tokens_are_challenged(arm: Any) -> None:
    url = f"{arm.url}{arm.root}/resourcegroups?api-version=2025-04-01"
    foreign, _ = identity.issue("6dae42f8-4368-4678-94ff-3960e28e3630/.default")
    expired, _ = identity.issue("https://management.azure.com", lifetime=-1)
    good, _ = identity.issue("https://management.azure.com")
    expected = {
        None: "AuthenticationFailed",
        "Bearer xyz": "InvalidAuthenticationToken",
        f"Bearer {expired}": "InvalidAuthenticationToken",
        f"Bearer {good[:-3]}abc": "InvalidAuthenticationToken",
        f"Bearer {foreign}": "InvalidAuthenticationTokenAudience",
    }
    for header, code in expected.items():
        async with arm.http.get(url, headers={"Authorization": header} if header else {}) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
            assert (await response.json())["error"]["code"] == code


async def test_api_version_is_required_but_any_will_do(arm: Any) -> None:
    status, body, _ = await arm.call("GET", f"{arm.url}{arm.root}/resourcegroups")
    assert (status, body["error"]["code"]) == (400, "MissingApiVersionParameter")
    status, _, _ = await arm.call("GET", f"{arm.url}{arm.root}/resourcegroups?api-version=1999-01-01")
    assert status == 200


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/resourcegroups/none", "ResourceGroupNotFound"),
        ("/resourcegroups/none/providers/Microsoft.ContainerService/managedClusters/c", "ResourceGroupNotFound"),
        ("/resourcegroups/rg/providers/Microsoft.ContainerService/managedClusters/none", "ResourceNotFound"),
        ("/resourcegroups/rg/providers/Microsoft.ContainerService/managedClusters/none/agentPools/p", "ParentResourceNotFound"),
        ("/resourcegroups/rg/providers/Microsoft.Sql/servers/x", "InvalidResourceType"),
    ],
)
async def test_not_found_names_what_is_missing_and_blames_the_gateway(arm: Any, path: str, code: str) -> None:
    await arm.call("PUT", f"{arm.root}/resourcegroups/rg", {"location": "eastus"})
    status, body, headers = await arm.call("GET", f"{arm.root}{path}")
    assert (status, body["error"]["code"], headers["x-ms-failure-cause"]) == (404, code, "gateway")


async def test_missing_pool_is_said_by_aks_in_the_flat_shape(arm: Any, demo: str) -> None:
    status, body, headers = await arm.call("GET", arm.pool("none"))
    assert (status, body["code"], headers["x-ms-failure-cause"]) == (404, "NotFound", "service")
    assert "error" not in body


async def test_another_subscription_is_not_found(arm: Any) -> None:
    status, body, _ = await arm.call("GET", "/subscriptions/11111111-0000-4000-8000-000000000001/resourcegroups")
    assert (status, body["error"]["code"]) == (404, "SubscriptionNotFound")


async def test_every_answer_carries_ids_and_what_remains(arm: Any) -> None:
    _, _, headers = await arm.call("PUT", f"{arm.root}/resourcegroups/rg", {"location": "eastus"}, x_ms_client_request_id="mine")
    assert headers["x-ms-client-request-id"] == "mine"
    assert headers["x-ms-request-id"]
    assert headers["x-ms-correlation-request-id"]
    assert headers["x-ms-ratelimit-remaining-subscription-writes"] == "199"
    assert headers["x-ms-ratelimit-remaining-subscription-global-writes"] == "2999"
    _, _, headers = await arm.call("GET", f"{arm.root}/resourcegroups/rg")
    assert headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "3749"


async def test_paths_match_in_any_case_and_with_a_trailing_slash(arm: Any, demo: str) -> None:
    status, body, _ = await arm.call("GET", arm.cluster().upper().replace("/SUBSCRIPTIONS", "/subscriptions") + "/")
    assert (status, body["name"]) == (200, "demo")
    assert "/resourcegroups/" in body["id"]
    assert body["type"] == "Microsoft.ContainerService/ManagedClusters"


async def test_ids_types_and_header_names_are_as_sloppy_as_the_real_ones(arm: Any, demo: str) -> None:
    _, cluster, _ = await arm.call("GET", arm.cluster().replace("resourceGroups", "RESOURCEGROUPS").replace("demo", "DEMO"))
    assert cluster["id"] == f"{arm.root}/resourcegroups/rg/providers/Microsoft.ContainerService/managedClusters/demo"
    assert cluster["type"] == "Microsoft.ContainerService/ManagedClusters"
    _, pools, _ = await arm.call("GET", f"{arm.cluster()}/agentPools")
    assert [pool["type"] for pool in pools["value"]] == ["Microsoft.ContainerService/managedClusters/agentPools"]
    token, _ = identity.issue("https://management.azure.com")
    url = f"{arm.url}{arm.pool('system')}?api-version=2026-08-01"
    async with arm.http.get(url, headers={"Authorization": f"Bearer {token}"}) as response:
        names = {name.decode() for name, _ in response.raw_headers}
    assert {"x-ms-request-id", "x-ms-ratelimit-remaining-subscription-reads", "etag", "strict-transport-security"} <= names


@pytest.mark.parametrize("path", ["managedClusters/none", "managedClusters/demo/agentPools/none"])
async def test_deleting_what_is_not_there_is_204(arm: Any, demo: str, path: str) -> None:
    status, body, headers = await arm.call("DELETE", f"{arm.root}/resourceGroups/rg/providers/Microsoft.ContainerService/{path}")
    assert (status, body, "azure-asyncoperation" in headers) == (204, None, False)


async def test_broken_json_is_invalid_request_content(arm: Any) -> None:
    token, _ = identity.issue("https://management.azure.com")
    url = f"{arm.url}{arm.root}/resourcegroups/rg?api-version=2025-04-01"
    for text in ("{", "[]"):
        async with arm.http.put(url, data=text, headers={"Authorization": f"Bearer {token}"}) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (400, "InvalidRequestContent")


async def test_unregistered_provider_refuses_writes_until_it_is_registered(arm: Any, cluster_body: Any, wait_until: Any) -> None:
    await arm.call("PUT", f"{arm.root}/resourcegroups/rg", {"location": "eastus"})
    status, _, _ = await arm.call("POST", f"{arm.root}/providers/Microsoft.ContainerService/unregister")
    assert status == 200
    status, body, _ = await arm.call("PUT", arm.cluster(), cluster_body)
    assert (status, body["error"]["code"]) == (409, "MissingSubscriptionRegistration")
    _, body, _ = await arm.call("POST", f"{arm.root}/providers/Microsoft.ContainerService/register")
    assert body["registrationState"] == "Registering"

    async def registered() -> bool:
        _, provider, _ = await arm.call("GET", f"{arm.root}/providers/microsoft.containerservice")
        return bool(provider["registrationState"] == "Registered")

    await wait_until(registered)
    assert (await arm.call("PUT", arm.cluster(), cluster_body))[0] == 201


async def test_sync_error_and_throttled_come_in_the_shape_asked_for(arm: Any, demo: str) -> None:
    arm.faults.add(
        {"service": "azure", "match": "PUT .*gpu", "effect": "sync_error", "status": 403, "code": "LinkedAuthorizationFailed", "message": "no"}
    )
    arm.faults.add({"service": "azure", "match": "PUT .*gpu", "effect": "sync_error", "status": 409, "code": "EtagMismatch", "flat": True})
    arm.faults.add({"service": "azure", "match": "PUT .*gpu", "effect": "throttled", "retry_after": 7})
    status, body, _ = await arm.put_pool("gpu")
    assert (status, body) == (403, {"error": {"code": "LinkedAuthorizationFailed", "message": "no"}})
    status, body, _ = await arm.put_pool("gpu")
    assert (status, body["code"]) == (409, "EtagMismatch")
    status, body, headers = await arm.put_pool("gpu")
    assert (status, body["code"], headers["Retry-After"]) == (429, "Throttled", "7")
    assert (await arm.put_pool("gpu"))[0] == 201
