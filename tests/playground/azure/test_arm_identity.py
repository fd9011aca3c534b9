"""Tokens as the real azure-identity gets them: managed identity over http, client secret over TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from azure.identity.aio import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential
from azure.mgmt.containerservice.aio import ContainerServiceClient

from playground.azure import identity

SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630/.default"


@pytest.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    app = web.Application()
    identity.add_routes(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/msi/token"
    monkeypatch.setenv("IDENTITY_ENDPOINT", url)
    monkeypatch.setenv("IDENTITY_HEADER", identity.HEADER)
    yield url
    await runner.cleanup()


async def test_managed_identity_works_against_resource_manager(arm: Any, demo: str, endpoint: str) -> None:
    async with (
        ManagedIdentityCredential() as credential,
        ContainerServiceClient(credential, arm.subscription.id, base_url=arm.url, **arm.options) as client,
    ):
        assert [cluster.name async for cluster in client.managed_clusters.list()] == ["demo"]
        token = await credential.get_token(SERVER)
        assert identity.audience_of(token.token) == SERVER.removesuffix("/.default")


async def test_default_credential_narrowed_to_managed_identity(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
    async with DefaultAzureCredential(require_envvar=True) as credential:
        assert identity.audience_of((await credential.get_token("https://management.azure.com/.default")).token) == "https://management.azure.com"


async def test_wrong_header_gets_no_token(arm: Any, endpoint: str) -> None:
    async with arm.http.get(f"{endpoint}?resource=https://management.azure.com", headers={"X-IDENTITY-HEADER": "guess"}) as response:
        assert response.status == 401


async def test_client_secret_over_tls(arm: Any) -> None:
    credential = ClientSecretCredential(
        identity.TENANT, identity.PRINCIPAL, "secret", authority=arm.url, disable_instance_discovery=True, connection_verify=str(arm.ca)
    )
    async with credential:
        token = await credential.get_token("https://management.azure.com/.default")
    assert identity.audience_of(token.token) == "https://management.azure.com"
