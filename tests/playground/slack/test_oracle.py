"""The oracle: Slack's published method specifications judge what the local Slack serves, asks for and answers."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from playground import slack
from playground.clock import Clock
from playground.faults import Faults
from playground.slack.events import NEEDED_SCOPE
from playground.slack.webapi import Method
from playground.traffic import Traffic

from .local import Json, Local
from .published import FOLDER, spec, wrong
from .receiver import Receiver

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the published method specifications are not beside this checkout")
NOT_SERVED = {"chat.unfurl"}
ELSEWHERE = {"apps.manifest.export"}  # its specification is not among those beside this checkout; test_manifest.py has its rules
HELLO: Json = {"type": "plain_text", "text": "Hello"}
MORE: Json = {"type": "actions", "elements": [{"type": "button", "text": HELLO, "action_id": "more"}]}
MODAL: Json = {"type": "modal", "title": HELLO, "blocks": [MORE]}
HOME: Json = {"type": "home", "blocks": [{"type": "section", "text": HELLO}]}


@pytest.fixture
def manifest() -> Json:
    """An app that was granted every scope that a served method asks for."""
    scopes = {scope for name in served() for scope in spec(name).get("scope", {}).get("bot", [])}
    return {
        "display_information": {"name": "Judge"},
        "features": {"app_home": {"home_tab_enabled": True}, "slash_commands": [{"command": "/gpu", "description": "x"}]},
        "oauth_config": {"scopes": {"bot": sorted(scopes | {"commands"})}},
        "settings": {"event_subscriptions": {"bot_events": []}},
    }


def published() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def methods() -> dict[str, Method]:
    app, _ = slack.build(Clock(), Traffic(Faults()), public_url="http://127.0.0.1:1", manifest=None)
    return app[slack.API].methods


def served() -> list[str]:
    return sorted(set(methods()) - ELSEWHERE)


async def call(local: Local, method: str, **args: Any) -> Json:
    """Call as a form, as the oldest clients do. Not through the SDK, which raises."""
    token = local.workspace.app_token if method == "apps.connections.open" else local.workspace.bot_token
    form = {key: value if isinstance(value, str) else json.dumps(value) for key, value in args.items()}
    async with local.session.post(f"{local.url}/api/{method}", data=form, headers={"Authorization": f"Bearer {token}"}) as answer:
        found: Json = await answer.json()
        return found


@pytest.mark.parametrize("name", published())
async def test_every_published_method_is_served_or_unknown(local: Local, name: str) -> None:
    answer = await call(local, name)
    assert (answer.get("error") == "unknown_method") == (name in NOT_SERVED)


@pytest.mark.parametrize("name", served())
def test_arguments_are_those_published(name: str) -> None:
    method, published_args = methods()[name], spec(name)["args"]
    assert set(method.args) <= set(published_args["properties"]) - {"token"}
    assert set(published_args.get("required", [])) - {"token"} <= set(method.required)


@pytest.mark.parametrize("name", served())
def test_the_tier_is_the_published_one(name: str) -> None:
    mine = methods()[name].tier
    assert {"special": "t5", "post": "t5"}.get(mine, mine) == spec(name)["rate_limits"]


@pytest.mark.parametrize("name", served())
async def test_the_scope_is_enforced(local: Local, name: str) -> None:
    wanted = spec(name).get("scope", {}).get("bot", [])
    local.workspace.token_scopes.clear()
    answer = await call(local, name, **dict.fromkeys(methods()[name].required, "C0GPU"))
    if wanted:
        assert answer["error"] == "missing_scope"
        assert answer["needed"] in wanted
    else:
        assert answer.get("error") != "missing_scope"


@pytest.mark.parametrize("name", served())
async def test_json_bodies_are_read_where_published(local: Local, name: str) -> None:
    assert methods()[name].json_body == bool(spec(name).get("json_input_supported"))


async def samples(local: Local, app: Receiver) -> dict[str, Json]:
    """One good call of every method."""
    posted = await call(local, "chat.postMessage", channel="C0GPU", text="hi", metadata={"event_type": "a", "event_payload": {"b": 1}})
    upload = await call(local, "files.getUploadURLExternal", filename="a.txt", length="2")
    async with local.session.post(upload["upload_url"], data=b"ok") as sent:
        assert sent.status == 200
    modal = await call(local, "views.open", trigger_id=await app.trigger(local), view=MODAL)
    pressed = await app.press(local, modal["view"]["id"])
    return {
        "api.test": {},
        "apps.connections.open": {},
        "assistant.threads.setStatus": {"channel_id": "C0GPU", "thread_ts": posted["ts"], "status": "is working"},
        "auth.test": {},
        "bots.info": {"bot": "B0QM"},
        "chat.getPermalink": {"channel": "C0GPU", "message_ts": posted["ts"]},
        "chat.postEphemeral": {"channel": "C0GPU", "user": "U0ALICE", "text": "psst"},
        "chat.postMessage": {"channel": "C0GPU", "text": "re", "thread_ts": posted["ts"]},
        "chat.scheduleMessage": {"channel": "C0GPU", "text": "later", "post_at": str(int(time.time()) + 3600)},
        "chat.update": {"channel": "C0GPU", "ts": posted["ts"], "text": "new"},
        "conversations.history": {"channel": "C0GPU"},
        "conversations.info": {"channel": "C0GPU"},
        "conversations.join": {"channel": "C0RANDOM"},
        "conversations.list": {"types": "public_channel,private_channel,im"},
        "conversations.members": {"channel": "C0GPU"},
        "conversations.open": {"users": "U0ALICE"},
        "conversations.replies": {"channel": "C0GPU", "ts": posted["ts"]},
        "files.completeUploadExternal": {"files": [{"id": upload["file_id"], "title": "A"}], "channel_id": "C0GPU"},
        "files.getUploadURLExternal": {"filename": "a.txt", "length": "2"},
        "files.info": {"file": upload["file_id"]},
        "reactions.add": {"channel": "C0GPU", "timestamp": posted["ts"], "name": "eyes"},
        "team.info": {},
        "usergroups.list": {"include_users": "true"},
        "usergroups.users.list": {"usergroup": "S0PLATFORM"},
        "users.info": {"user": "U0GINA"},
        "users.list": {},
        "views.open": {"trigger_id": await app.trigger(local), "view": MODAL},
        "views.publish": {"user_id": "U0ALICE", "view": HOME},
        "views.push": {"trigger_id": pressed["trigger_id"], "view": MODAL},
        "views.update": {"view_id": modal["view"]["id"], "view": MODAL},
        "chat.delete": {"channel": "C0GPU", "ts": posted["ts"]},
    }


async def test_every_answer_fits_the_published_schema(local: Local, app: Receiver) -> None:
    calls = await samples(local, app)
    first, last = ["views.update", "views.push", "files.completeUploadExternal"], ["chat.delete"]
    order = [*first, *(name for name in calls if name not in first + last), *last]
    assert set(calls) == set(served())
    for name in order:
        answer = await call(local, name, **calls[name])
        assert answer["ok"], (name, answer)
        assert wrong(name, answer) == []


def test_the_events_are_published_ones() -> None:
    known = {event["name"] for event in json.loads((FOLDER.parent / "slack-events.json").read_text())}
    assert {*NEEDED_SCOPE, "app_home_opened"} <= known


LONG = "x" * 4001
FULL: list[Json] = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2900}}]
MANY = [{"type": "divider"}] * 51
META: Json = {"event_type": "a", "event_payload": {"b": "x" * 20_000}}
REFUSALS: list[tuple[str, Json, str]] = [
    ("api.test", {"error": "invalid_arguments"}, "invalid_arguments"),
    ("assistant.threads.setStatus", {"channel_id": "C0NONE", "thread_ts": "{ts}", "status": "x"}, "channel_not_found"),
    ("assistant.threads.setStatus", {"channel_id": "C0GPU", "thread_ts": "{reply}", "status": "x"}, "invalid_thread_ts"),
    ("bots.info", {"bot": "B0NONE"}, "bot_not_found"),
    ("chat.delete", {"channel": "C0GPU", "ts": "1700000000.000001"}, "message_not_found"),
    ("chat.delete", {"channel": "C0GPU", "ts": "{alice}"}, "cant_delete_message"),
    ("chat.getPermalink", {"channel": "C0GPU", "message_ts": "1"}, "message_not_found"),
    ("chat.postEphemeral", {"channel": "C0RANDOM", "user": "U0ALICE", "text": "x"}, "not_in_channel"),
    ("chat.postEphemeral", {"channel": "C0ML", "user": "U0CAROL", "text": "x"}, "user_not_in_channel"),
    ("chat.postEphemeral", {"channel": "C0GPU", "user": "U0ALICE"}, "no_text"),
    ("chat.postEphemeral", {"channel": "C0GPU", "user": "U0ALICE", "text": "x", "thread_ts": "{reply}"}, "cannot_reply_to_message"),
    ("chat.postEphemeral", {"channel": "C0GPU", "user": "U0ALICE", "text": "x" * 40_001}, "msg_too_long"),
    ("chat.postMessage", {"channel": "C0NONE", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": "C0RANDOM", "text": "x"}, "not_in_channel"),
    ("chat.postMessage", {"channel": "C0GPU"}, "no_text"),
    ("chat.postMessage", {"channel": "C0GPU", "blocks": "{"}, "invalid_blocks_format"),
    ("chat.postMessage", {"channel": "C0GPU", "blocks": MANY}, "invalid_blocks"),
    ("chat.postMessage", {"channel": "C0GPU", "blocks": [{"type": "header", "text": HELLO}], "markdown_text": "x"}, "markdown_text_conflict"),
    ("chat.postMessage", {"channel": "C0GPU", "text": "x", "metadata": "{"}, "invalid_metadata_format"),
    ("chat.postMessage", {"channel": "C0GPU", "text": "x", "metadata": {"event_type": "a"}}, "invalid_metadata_schema"),
    ("chat.postMessage", {"channel": "C0GPU", "text": "x", "metadata": META}, "metadata_too_large"),
    ("chat.postMessage", {"channel": "C0GPU", "text": "x", "thread_ts": "{reply}"}, "cannot_reply_to_message"),
    ("chat.postMessage", {"channel": "C0GPU", "text": "x", "attachments": [{}] * 101}, "too_many_attachments"),
    ("chat.postMessage", {"channel": "C0GPU", "blocks": FULL * 5}, "msg_blocks_too_long"),
    ("chat.scheduleMessage", {"channel": "C0GPU", "text": "x", "post_at": "1"}, "time_in_past"),
    ("chat.scheduleMessage", {"channel": "C0GPU", "text": "x", "post_at": "soon"}, "invalid_time"),
    ("chat.scheduleMessage", {"channel": "C0GPU", "text": "x", "post_at": "99999999999"}, "time_too_far"),
    ("chat.update", {"channel": "C0GPU", "ts": "{ts}", "text": LONG}, "msg_too_long"),
    ("chat.update", {"channel": "C0GPU", "ts": "{ts}"}, "no_text"),
    ("chat.update", {"channel": "C0GPU", "ts": "{alice}", "text": "x"}, "cant_update_message"),
    ("chat.update", {"channel": "C0GPU", "ts": "{ephemeral}", "text": "x"}, "message_not_found"),
    ("chat.update", {"channel": "C0RANDOM", "ts": "{ts}", "text": "x"}, "channel_not_found"),
    ("conversations.history", {"channel": "C0RANDOM"}, "not_in_channel"),
    ("conversations.history", {"channel": "C0GPU", "oldest": "x"}, "invalid_ts_oldest"),
    ("conversations.history", {"channel": "C0GPU", "cursor": "?"}, "invalid_cursor"),
    ("conversations.info", {"channel": "G0NONE"}, "channel_not_found"),
    ("conversations.join", {"channel": "G0OPS"}, "method_not_supported_for_channel_type"),
    ("conversations.list", {"types": "secret"}, "invalid_types"),
    ("conversations.list", {"limit": "1001"}, "invalid_limit"),
    ("conversations.members", {"channel": "C0GPU", "limit": "-1"}, "invalid_limit"),
    ("conversations.open", {}, "users_list_not_supplied"),
    ("conversations.open", {"users": "U0NONE"}, "user_not_found"),
    ("conversations.replies", {"channel": "C0GPU", "ts": "1.2"}, "thread_not_found"),
    ("files.completeUploadExternal", {"files": [{"id": "F0NONE"}]}, "file_not_found"),
    ("files.getUploadURLExternal", {"filename": "a", "length": "1", "alt_txt": "x" * 1001}, "alt_txt_too_large"),
    ("files.info", {"file": "F0NONE"}, "file_not_found"),
    ("reactions.add", {"channel": "C0GPU", "timestamp": "1", "name": "eyes"}, "bad_timestamp"),
    ("reactions.add", {"channel": "C0GPU", "timestamp": "{ts}", "name": "!"}, "invalid_name"),
    ("team.info", {"team": "T0NONE"}, "team_not_found"),
    ("usergroups.users.list", {"usergroup": "S0NONE"}, "no_such_subteam"),
    ("users.info", {"user": "U0NONE"}, "user_not_found"),
    ("views.open", {"trigger_id": "nonsense", "view": MODAL}, "invalid_trigger_id"),
    ("views.open", {"trigger_id": "1.2.a", "view": {**MODAL, "private_metadata": "x" * 260_000}}, "view_too_large"),
    ("views.open", {"trigger_id": "1.2.a", "view": {**MODAL, "title": {"type": "plain_text", "text": "x" * 25}}}, "invalid_arguments"),
    ("views.publish", {"user_id": "U0NONE", "view": HOME}, "invalid_arguments"),
    ("views.update", {"view_id": "V0NONE", "view": MODAL}, "not_found"),
]


@pytest.mark.parametrize(("name", "args", "error"), REFUSALS, ids=[f"{name}-{error}" for name, _, error in REFUSALS])
async def test_refusals_carry_published_errors(local: Local, name: str, args: Json, error: str) -> None:
    posted = await call(local, "chat.postMessage", channel="C0GPU", text="parent")
    reply = await call(local, "chat.postMessage", channel="C0GPU", text="reply", thread_ts=posted["ts"])
    whisper = await call(local, "chat.postEphemeral", channel="C0GPU", user="U0ALICE", text="psst")
    alice = await local.post("messages", user="U0ALICE", channel="C0GPU", text="hello")
    known = {"{ts}": posted["ts"], "{reply}": reply["ts"], "{ephemeral}": whisper["message_ts"], "{alice}": alice["ts"]}
    answer = await call(local, name, **{key: known.get(value, value) if isinstance(value, str) else value for key, value in args.items()})
    assert (answer["ok"], answer.get("error")) == (False, error)
    assert wrong(name, answer) == []
