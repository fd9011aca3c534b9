"""apps.manifest.export: for an app configuration token alone, and for half a day (Slack: apps.manifest.export, app configuration tokens)."""

from __future__ import annotations

from slack_sdk.web.async_client import AsyncWebClient

from playground.slack.manifest import DEFAULT
from playground.slack.model import APP_ID

from .local import Local

HALF_A_DAY = 12 * 3600


def asking(local: Local, token: str) -> AsyncWebClient:
    return AsyncWebClient(token, base_url=f"{local.url}/api/", session=local.session, retry_handlers=[])


async def test_the_manifest_is_as_declared_with_what_slack_puts_into_every_one(local: Local) -> None:
    client = asking(local, local.workspace.config_token)
    manifest = (await client.apps_manifest_export(app_id=APP_ID))["manifest"]
    assert manifest["features"] == DEFAULT["features"]
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert (manifest["settings"]["is_hosted"], manifest["settings"]["token_rotation_enabled"]) == (False, False)
    await local.post("manifest", manifest={**DEFAULT, "display_information": {"name": "Renamed"}})
    assert (await client.apps_manifest_export(app_id=APP_ID))["manifest"]["display_information"]["name"] == "Renamed"


async def test_only_a_configuration_token_that_is_not_half_a_day_old_reads_it(local: Local) -> None:
    client, space = asking(local, local.workspace.config_token), local.workspace
    assert await local.refusal(asking(local, space.bot_token).apps_manifest_export(app_id=APP_ID)) == "not_allowed_token_type"
    assert await local.refusal(asking(local, space.app_token).apps_manifest_export(app_id=APP_ID)) == "not_allowed_token_type"
    assert await local.refusal(asking(local, "xoxe.xoxp-1-other").apps_manifest_export(app_id=APP_ID)) == "invalid_auth"
    assert await local.refusal(client.api_call("apps.manifest.export")) == "invalid_arguments"
    assert await local.refusal(client.apps_manifest_export(app_id="quartermaster")) == "invalid_app_id"
    assert await local.refusal(client.apps_manifest_export(app_id="A0ANOTHER")) == "app_not_found"
    local.clock.advance(HALF_A_DAY)
    assert await local.refusal(client.apps_manifest_export(app_id=APP_ID)) == "token_expired"
