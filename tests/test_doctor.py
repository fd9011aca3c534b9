"""``python -m bot doctor`` as an operator runs it: against a healthy installation, and against each thing that can be wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_sync

from bot.azure.permissions import NEEDED, missing
from bot.doctor.store import judged, skewed
from bot.doctor.workspace import drift, manifest_drift, seconds_ahead, signing
from tests.playing import BOB, ROOT, Playing, playing

READER = {"actions": ["*/read"], "notActions": [], "dataActions": [], "notDataActions": []}
HEALTHY = {
    "redis_version": "7.2.4", "role": "master", "aof_enabled": 1, "aof_last_write_status": "ok", "maxmemory_policy": "noeviction", "maxmemory": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def play() -> Iterator[Playing]:
    with playing(speed=200) as running:
        running.command("cluster create sick --size Standard_NC4as_T4_v3 --for 8h")
        running.click(running.card("cluster sick(.|\n)*Waiting for approval"), "approve", BOB)
        running.card("cluster sick(.|\n)*Done", seconds=90)
        yield running


def examined(play: Playing, **changed: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Exit status, and by what was looked at: the mark with what was seen, and what to do."""
    env = {**os.environ, **play.ready["env"], **changed}
    ran = subprocess.run([sys.executable, "-m", "bot", "doctor"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in ran.stderr, ran.stderr
    for secret in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN", "SLACK_CONFIG_TOKEN"):
        assert env[secret] == "" or env[secret] not in ran.stdout + ran.stderr
    rows = re.findall(r"^(ok  |note|FAIL)  ([^:]+): (.*)\n(?:      (.*)\n)?", ran.stdout, re.MULTILINE)
    return ran.returncode, {what: (f"{mark.strip()}: {seen}", todo) for mark, what, seen, todo in rows}


def test_a_healthy_installation_is_all_well(play: Playing) -> None:
    status, found = examined(play)
    assert status == 0, found
    assert [what for what, (seen, _) in found.items() if seen.startswith("FAIL")] == []
    looked = {
        "Policy", "Job templates", "Slack bot token", "Slack scopes", "Slack app manifest", "Slack delivery",
        "User group S0PLATFORM of the policy", "Clock of Slack",
        "Redis version", "Redis role", "Redis durability", "Redis appendfsync", "Redis eviction", "Clock of Redis", "Azure sign-in", "Azure clusters",
        "Azure roles", "Azure quotas", "Azure prices", "Cluster sick",
    }  # fmt: skip
    assert looked <= set(found)
    assert found["Cluster sick"][0] == "ok: its API server answers; 1 or more nodes"


def test_wrong_tokens_and_a_wrong_policy_are_named_each_with_what_to_do(play: Playing, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("[roles]\nnobody = 3\n")
    status, found = examined(
        play, SLACK_BOT_TOKEN="xoxb-revoked", QUARTERMASTER_POLICY=str(tmp_path / "policy.toml"), IDENTITY_HEADER="wrong",
        REDIS_URL="redis://127.0.0.1:9/0",
    )  # fmt: skip
    assert status == 1
    assert found["Slack bot token"] == (
        "FAIL: invalid_auth", "Set SLACK_BOT_TOKEN to the app's xoxb token (reinstall the app if it was revoked).",
    )  # fmt: skip
    assert found["Policy"][0].startswith("FAIL")
    assert "policy.example.toml" in found["Policy"][1]
    assert found["Redis"][0] == "FAIL: does not answer (ConnectionError)"
    assert "REDIS_URL" in found["Redis"][1]
    assert found["Azure sign-in"][0].startswith("FAIL")
    assert found["Azure sign-in"][1]
    assert "Azure clusters" not in found


def test_what_is_missing_in_scopes_redis_roles_and_clusters_is_named_each_with_what_to_do(play: Playing) -> None:
    store = redis_sync.Redis.from_url(play.ready["redis"])
    play.call("POST", "/scopes", {"remove": ["files:write", "usergroups:read"]})
    play.fault("azure", "status", "Authorization/permissions", times=-1, status=200, body={"value": [READER]})
    play.fault("azure", "sync_error", "GET .*usages", code="AuthorizationFailed", status=403, message="no")
    play.fault("kubernetes", "reset_before", "GET .*nodes.*limit=1", times=-1)
    store.config_set("appendonly", "no")
    store.config_set("appendfsync", "no")
    store.config_set("maxmemory-policy", "allkeys-lru")
    try:
        status, found = examined(play, SLACK_APP_TOKEN="xapp-wrong")
    finally:
        for name, value in (("appendonly", "yes"), ("appendfsync", "everysec"), ("maxmemory-policy", "noeviction")):
            store.config_set(name, value)
        play.call("DELETE", "/faults")
    assert status == 1
    assert found["Slack scopes"][0] == "FAIL: missing: files:write, usergroups:read"
    assert "python -m bot manifest" in found["Slack scopes"][1]
    assert found["Slack delivery"] == (
        "FAIL: Socket Mode: invalid_auth", "Set SLACK_APP_TOKEN to an app token with connections:write, or leave it empty for HTTP.",
    )  # fmt: skip
    assert found["User group S0PLATFORM of the policy"][0] == "FAIL: missing_scope"
    assert found["Redis durability"] == ("FAIL: no append-only file", "Set `appendonly yes`: what was acked must survive a restart.")
    assert found["Redis eviction"][0] == "FAIL: allkeys-lru"
    assert "managedClusters/write" in found["Azure roles"][0]
    assert "managedClusters/read" not in found["Azure roles"][0]
    assert "azure-role.json" in found["Azure roles"][1]
    assert found["Azure quotas"][0].startswith("FAIL")
    assert found["Azure quotas"][1]
    assert found["Cluster sick"][0].startswith("FAIL")
    assert found["Cluster sick"][1]


def test_an_app_whose_manifest_differs_is_named_where_a_configuration_token_can_read_it(play: Playing) -> None:
    ours = json.loads((ROOT / "manifests" / "slack-app.json").read_text())
    theirs = json.loads(json.dumps(ours))
    theirs["settings"]["event_subscriptions"]["bot_events"].remove("app_mention")
    theirs["features"]["slash_commands"][0]["command"] = "/gpus"
    assert play.call("POST", "/manifest", {"manifest": theirs})["ok"]
    try:
        status, found = examined(play)
    finally:
        play.call("POST", "/manifest", {"manifest": ours})
    assert status == 1
    assert found["Slack app manifest"][0] == "FAIL: differs in: slash commands, events"
    assert "python -m bot manifest" in found["Slack app manifest"][1]
    seen, todo = examined(play, SLACK_CONFIG_TOKEN=play.ready["env"]["SLACK_BOT_TOKEN"])[1]["Slack app manifest"]
    assert seen == "FAIL: not_allowed_token_type"
    assert "12 hours" in todo


def test_each_part_of_a_manifest_counts() -> None:
    ours = json.loads((ROOT / "manifests" / "slack-app.json").read_text())
    assert manifest_drift(ours, ours) == []
    assert manifest_drift({}, ours) == ["slash commands", "shortcuts", "home tab", "scopes", "events", "interactivity", "Socket Mode"]
    assert manifest_drift({**ours, "settings": {**ours["settings"], "token_rotation_enabled": True}}, ours) == ["token rotation"]


def test_redis_is_judged_by_what_it_says() -> None:
    def wrong(fsync: str = "everysec", url: str = "unix:///r", **said: object) -> list[str]:
        return [one.what for one in judged({**HEALTHY, **said}, fsync, url) if one.todo]

    assert wrong() == []
    assert wrong(redis_version="6.0.16") == ["Redis version"]
    assert wrong(role="slave") == ["Redis role"]
    assert wrong(aof_last_write_status="err") == ["Redis durability"]
    assert wrong(fsync="no") == ["Redis appendfsync"]
    assert wrong(fsync="") == ["Redis appendfsync"]
    assert wrong(maxmemory=100, used_memory=95) == ["Redis memory"]
    assert wrong(url="redis://cache.example.com:6379") == ["Redis connection"]
    assert wrong(url="redis+sentinel://one.example.com,two.example.com/qm/0") == ["Redis connection"]
    assert wrong(url="rediss+sentinel://one.example.com/qm/0") == []


def test_clocks_that_differ_are_named() -> None:
    assert skewed("Slack", 3.0, 60.0).todo == ""
    assert "301.0 s behind" in skewed("Slack", -301.0, 60.0).seen
    assert "NTP" in skewed("Slack", -301.0, 60.0).todo
    assert seconds_ahead({"date": "Mon, 23 Nov 2026 12:05:00 GMT"}, 1795435200.0) == 300.0
    assert seconds_ahead({"date": "Mon, 23 Nov 2026 12:00:00 GMT"}, 1795435200.9) == 0.0


def test_scopes_beyond_the_manifest_and_an_odd_signing_secret_are_worth_a_note() -> None:
    wanted = ",".join(json.loads((ROOT / "manifests" / "slack-app.json").read_text())["oauth_config"]["scopes"]["bot"])
    assert [one.todo for one in drift(wanted)] == [""]
    assert [(one.seen, one.minor) for one in drift(wanted + ",admin")][1:] == [("admin", True)]
    assert signing("0123456789abcdef" * 2).todo == ""
    assert signing("xoxb-pasted-in-the-wrong-place").todo


def test_actions_are_granted_entry_by_entry_as_azure_does() -> None:
    assert missing([{"actions": ["*"], "notActions": []}]) == []
    # A notAction takes away within its own entry only (Azure RBAC: effective permissions are the sum of the assignments).
    without = {"actions": ["*"], "notActions": ["Microsoft.ContainerService/managedClusters/*"]}
    assert len(missing([without])) == sum("managedClusters" in action for action in NEEDED)
    assert missing([without, {"actions": ["microsoft.containerservice/MANAGEDCLUSTERS/*"]}]) == []
    assert missing([], ["a/read"]) == ["a/read"]


def test_the_role_that_is_shipped_grants_what_is_needed_and_no_more() -> None:
    role = json.loads((ROOT / "manifests" / "azure-role.json").read_text())
    assert sorted(role["Actions"]) == sorted(NEEDED)
