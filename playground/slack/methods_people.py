"""Who is who: auth.test, users, user groups, the bot, the team; and api.test."""

from __future__ import annotations

from playground.slack import posting
from playground.slack.errors import ApiError
from playground.slack.methods_conversations import page
from playground.slack.model import APP_ID, BOT_ID, BOT_USER, TEAM, Json
from playground.slack.webapi import ANY_TOKEN, Call, Methods

METHODS = Methods()


@METHODS.add("api.test", "t4", "error", token=ANY_TOKEN)
async def api_test(call: Call) -> Json:
    """Answers what it was asked; ``error`` makes it fail with that."""
    if call.given("error"):
        raise ApiError(call.text("error"), args={"error": call.text("error")})
    return {"args": call.args}


@METHODS.add("auth.test", "special")
async def auth_test(call: Call) -> Json:
    """Whose token this is."""
    workspace = call.workspace
    return {
        "url": f"{workspace.public_url}/", "team": workspace.team["name"], "team_id": TEAM, "user": workspace.app.bot_name, "user_id": BOT_USER,
        "bot_id": BOT_ID, "app_id": APP_ID, "app_name": workspace.app.name, "is_enterprise_install": False,
    }  # fmt: skip


@METHODS.add("users.info", "t4", "include_locale", scope="users:read", required="user", json_body=False)
async def users_info(call: Call) -> Json:
    """One person, with the flags of guests and strangers."""
    user = call.workspace.users.get(call.text("user"))
    if user is None:
        raise ApiError("user_not_found")
    return {"user": user.as_json()}


@METHODS.add("users.list", "t2", "cursor include_locale limit team_id", scope="users:read", json_body=False)
async def users_list(call: Call) -> Json:
    """Everybody."""
    shown, cursor = page(call, list(call.workspace.users.values()), 200, 1000, error="invalid_arguments")
    return {"members": [user.as_json() for user in shown], "cache_ts": int(call.workspace.clock.now()), "response_metadata": {"next_cursor": cursor}}


@METHODS.add("usergroups.list", "t2", "include_count include_disabled include_users team_id", scope="usergroups:read", json_body=False)
async def usergroups_list(call: Call) -> Json:
    """All user groups."""
    users, count = call.flag("include_users"), call.flag("include_count")
    return {"usergroups": [group.as_json(users=users, count=count) for group in call.workspace.usergroups.values()]}


@METHODS.add("usergroups.users.list", "t2", "include_disabled team_id", scope="usergroups:read", required="usergroup", json_body=False)
async def usergroups_users_list(call: Call) -> Json:
    """Who is in a user group."""
    group = call.workspace.usergroups.get(call.text("usergroup"))
    if group is None:
        raise ApiError("no_such_subteam")
    return {"users": list(group.users)}


@METHODS.add("bots.info", "t3", "bot team_id", scope="users:read", json_body=False)
async def bots_info(call: Call) -> Json:
    """The bot itself; it is the only one."""
    if call.text("bot", BOT_ID) != BOT_ID:
        raise ApiError("bot_not_found")
    profile = posting.bot_profile(call.workspace)
    return {"bot": {key: value for key, value in profile.items() if key != "team_id"}}


@METHODS.add("team.info", "t3", "domain team", scope="team:read")
async def team_info(call: Call) -> Json:
    """The workspace."""
    if call.text("team", TEAM) != TEAM:
        raise ApiError("team_not_found")
    return {"team": call.workspace.team}
