"""The app's own declaration, read with an app configuration token (Slack: apps.manifest.export; made at api.slack.com/apps, gone after 12 hours)."""

from __future__ import annotations

import re

from playground.slack.errors import ApiError
from playground.slack.model import APP_ID, Json
from playground.slack.webapi import CONFIG_TOKEN, Call, Methods

METHODS = Methods()


@METHODS.add("apps.manifest.export", "t3", required="app_id", token=CONFIG_TOKEN)
async def apps_manifest_export(call: Call) -> Json:
    """The manifest, with what Slack itself puts into every one."""
    app_id = call.text("app_id")
    if not re.fullmatch("A[A-Z0-9]+", app_id):
        raise ApiError("invalid_app_id")
    if app_id != APP_ID:
        raise ApiError("app_not_found")
    declared = call.workspace.declared
    own = {"org_deploy_enabled": False, "socket_mode_enabled": False, "is_hosted": False, "token_rotation_enabled": False}
    return {"manifest": {"_metadata": {"major_version": 1, "minor_version": 1}, **declared, "settings": {**own, **declared.get("settings", {})}}}
