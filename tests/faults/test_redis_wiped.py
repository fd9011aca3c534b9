"""Redis wiped (FLUSHALL): what Azure, Kubernetes and Slack tell is rebuilt, nothing is said twice, the rest is listed to the admins."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import ssl
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import redis as redis_sync

from tests.playing import ALICE, BOB, GPU, Playing, playing, shown, wait_until

OPS = "G0OPS"
SIZE = "Standard_NC4as_T4_v3"
HOUR = 3600
EXPIRES = "quartermaster-expires"


@pytest.fixture
def play() -> Iterator[Playing]:
    with playing(speed=100) as running:
        yield running


def store(play: Playing) -> redis_sync.Redis:
    return redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)


def wipe(play: Playing) -> None:
    """Everything is gone; wait until the bot has rebuilt what it can."""
    redis = store(play)
    assert wait_until(lambda: redis.get("{qm}:epoch"), 20)
    redis.flushall()
    wait_until(lambda: redis.get("{qm}:epoch"), 60, "the epoch")


def made(play: Playing, name: str, more: str = "") -> dict[str, Any]:
    play.command(f"cluster create {name} {more}")
    card = play.card(f"cluster {name}(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    play.reply(card["ts"], "Approved by")
    return card


def said_once(play: Playing) -> None:
    for channel in (GPU, OPS):
        for parent in play.messages(channel):
            texts = Counter(re.sub(r"\s+", " ", shown(reply)) for reply in parent["replies"])
            assert [text for text, count in texts.items() if count > 1] == []


def ended(play: Playing, job: str) -> bool:
    """Whether the rebuilt record of a job has come to its end."""
    redis = store(play)
    found = redis.hvals(f"{{qm}}:jobs:{job}")
    return [redis.hget(f"{{qm}}:op:{one!s}", "status") for one in found] == ["succeeded"]


def now(play: Playing, card: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in play.messages(GPU) if one["ts"] == card["ts"])


def test_a_running_job_a_lease_and_a_pending_approval_when_everything_is_forgotten(play: Playing) -> None:
    cluster = made(play, "kept", f"--size {SIZE} --for 8h")
    play.reply(cluster["ts"], "Proven: ", seconds=90)
    play.card("cluster kept(.|\n)*Done")
    play.call("POST", "/clock", {"speed": 1})
    play.command("run mnist --on kept -- --max_steps 3000")
    job = play.card(r"mnist-\w+ on kept")
    wait_until(lambda: play.writes("kubernetes", "^POST.*/jobs(\\?|$)"), 30)
    play.command(f"cluster create wanted --size {SIZE}")
    pending = play.card("cluster wanted(.|\n)*Waiting for approval")
    wipe(play)
    notice = shown(play.card("I had lost my memory", OPS))
    assert "`kept`" in notice
    assert "cluster wanted" in notice
    assert "<@U0ALICE>" in notice
    assert "digest set" in notice
    play.reply(pending["ts"], "Please give the command again")
    closed = wait_until(lambda: one if "Lost" in shown(one := now(play, pending)) else None)
    assert not [block for block in closed["blocks"] if block["type"] == "actions"]
    play.call("POST", "/clock", {"speed": 100})
    play.reply(job["ts"], "succeeded: final", seconds=120)
    wait_until(lambda: "Done" in shown(now(play, job)))
    assert sum("succeeded: final" in shown(reply) for reply in now(play, job)["replies"]) == 1
    assert sum("Proven: " in shown(reply) for reply in now(play, cluster)["replies"]) == 1
    said_once(play)
    # The lease is the former one: it warns in the thread, and at the end it deletes.
    play.advance(7 * HOUR + 60)
    warning = play.reply(cluster["ts"], "`kept` expires in", seconds=30)
    play.click(warning, "extend", ALICE)
    play.reply(cluster["ts"], "`kept` now runs until", seconds=30)
    play.advance(6 * HOUR)
    play.reply(cluster["ts"], "has expired and is being deleted", seconds=30)
    play.reply(cluster["ts"], "Cluster `kept`.* deleted", seconds=90)
    said_once(play)


def test_what_was_said_before_is_not_said_again_and_a_second_wipe_changes_nothing(play: Playing) -> None:
    cluster = made(play, "twice", f"--size {SIZE} --for 8h")
    play.reply(cluster["ts"], "Proven: ", seconds=90)
    play.card("cluster twice(.|\n)*Done")
    play.command("run mnist --on twice")
    job = play.card(r"mnist-\w+ on twice")
    play.reply(job["ts"], "succeeded: final", seconds=120)
    play.advance(7 * HOUR + 60)
    play.reply(cluster["ts"], "`twice` expires in", seconds=30)
    for _ in range(2):
        wipe(play)
        name = shown(job).split(" on twice")[0].split()[-1]
        wait_until(functools.partial(ended, play, name), 60, "the job's record to end again")
    said_once(play)
    assert sum("succeeded: final" in shown(reply) for reply in now(play, job)["replies"]) == 1
    assert sum("expires in" in shown(reply) for reply in now(play, cluster)["replies"]) == 1
    play.mention(cluster["ts"], "extend 3h")
    play.reply(cluster["ts"], "`twice` now runs until", seconds=30)


def test_a_pool_that_is_being_made_is_seen_to_its_end(play: Playing) -> None:
    base = made(play, "base", "--for 3d")
    play.card("cluster base(.|\n)*Done", seconds=90)
    play.command(f"pool add base/gpu --size {SIZE} --for 8h")
    asked = play.card("node pool base/gpu(.|\n)*Waiting for approval")
    play.call("POST", "/clock", {"speed": 8})
    play.click(asked, "approve", BOB)
    wait_until(lambda: play.writes("azure", "^PUT.*agentPools/gpu"), 60)
    wipe(play)
    play.reply(asked["ts"], "My memory was lost while I was making `base/gpu`", seconds=30)
    play.call("POST", "/clock", {"speed": 100})
    play.reply(asked["ts"], "Proven: ", seconds=120)
    wait_until(lambda: "Done" in shown(now(play, asked)), 30)
    assert len(play.writes("azure", "^PUT.*agentPools/gpu")) == 1
    said_once(play)
    play.advance(7 * HOUR + 100)
    play.reply(asked["ts"], "`base/gpu` expires in", seconds=30)
    assert base


def test_no_pool_lives_for_ever_because_its_expiry_cannot_be_read(play: Playing) -> None:
    cluster = made(play, "endless", f"--size {SIZE} --for 8h")
    play.card("cluster endless(.|\n)*Done", seconds=90)
    untag(play, "quartermaster-endless", "endless", EXPIRES)
    wipe(play)
    play.reply(cluster["ts"], "had no expiry that I could read", seconds=30)
    wait_until(lambda: play.writes("azure", "^PATCH.*managedClusters/endless"), 30)
    play.advance(8 * HOUR + 60)
    play.reply(cluster["ts"], "has expired and is being deleted", seconds=30)


def test_a_thread_that_slack_will_not_show_keeps_no_lease_from_being_rebuilt(play: Playing) -> None:
    cluster = made(play, "hidden", f"--size {SIZE} --for 8h")
    play.card("cluster hidden(.|\n)*Done", seconds=90)
    play.fault("slack", "error", "conversations.replies", times=-1, error="access_denied")
    wipe(play)
    assert "`hidden`" in shown(play.card("I had lost my memory", OPS))
    play.advance(8 * HOUR + 60)
    play.reply(cluster["ts"], "has expired and is being deleted", seconds=30)


def test_no_pool_lives_for_ever_because_its_own_expiry_cannot_be_read(play: Playing) -> None:
    """Pools that were added have expiries of their own; the cluster's is well and far away."""
    made(play, "long", "--for 3d")
    play.card("cluster long(.|\n)*Done", seconds=90)
    threads = {pool: made_pool(play, f"long/{pool}") for pool in ("untagged", "garbled")}
    retag(play, "long", "untagged", None)
    retag(play, "long", "garbled", "when it is done")
    wipe(play)
    for pool, card in threads.items():
        play.reply(card["ts"], f"`long/{pool}` had no expiry that I could read", seconds=60)
        wait_until(functools.partial(expiry_of_pool, play, "long", pool), 60, f"an expiry on {pool}")
    play.advance(8 * HOUR + 60)
    for pool, card in threads.items():
        play.reply(card["ts"], f"`long/{pool}` has expired and is being deleted", seconds=60)
        wait_until(functools.partial(play.writes, "azure", f"^DELETE.*agentPools/{pool}"), 60, f"{pool} to be deleted")
    assert not play.writes("azure", "^DELETE.*managedClusters/long[?]")


def made_pool(play: Playing, name: str) -> dict[str, Any]:
    """A node pool that was added to a cluster, proven; its card."""
    play.command(f"pool add {name} --size {SIZE} --for 8h")
    card = play.card(f"node pool {name}(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    play.card(f"node pool {name}(.|\n)*Done", seconds=120)
    return card


def retag(play: Playing, cluster: str, pool: str, expires: str | None) -> None:
    """Change (None: take off) a pool's expiry, as somebody does in the portal; once Azure is at rest."""
    found = agent_pool(play, "GET", cluster, pool)
    kept = {name: value for name, value in found["properties"]["tags"].items() if name != EXPIRES}
    found["properties"]["tags"] = kept | ({EXPIRES: expires} if expires else {})
    agent_pool(play, "PUT", cluster, pool, {"properties": found["properties"]})
    wait_until(lambda: agent_pool(play, "GET", cluster, pool)["properties"]["provisioningState"] == "Succeeded", 30, f"{pool} to be at rest")


def expiry_of_pool(play: Playing, cluster: str, pool: str) -> bool:
    """Whether a pool has an expiry on Azure that can be read."""
    text = str(agent_pool(play, "GET", cluster, pool)["properties"]["tags"].get(EXPIRES, ""))
    with contextlib.suppress(ValueError):
        return bool(datetime.fromisoformat(text))
    return False


def agent_pool(play: Playing, method: str, cluster: str, pool: str, body: Any = None) -> Any:
    """A request about a node pool, by somebody who is not the bot."""
    where = f"/resourceGroups/quartermaster-{cluster}/providers/Microsoft.ContainerService/managedClusters/{cluster}/agentPools/{pool}"
    return azure(play, method, f"{where}?api-version=2025-05-01", body)


def untag(play: Playing, group: str, cluster: str, tag: str) -> None:
    """Take a tag off a cluster, as somebody does in the portal."""
    tags = {name: value for name, value in arm(play, "GET", group, cluster)["tags"].items() if name != tag}
    arm(play, "PATCH", group, cluster, {"tags": tags})


def arm(play: Playing, method: str, group: str, cluster: str, body: Any = None) -> Any:
    """A request about a cluster, by somebody who is not the bot."""
    path = f"/resourceGroups/{group}/providers/Microsoft.ContainerService/managedClusters/{cluster}?api-version=2025-05-01"
    return azure(play, method, path, body)


def azure(play: Playing, method: str, path: str, body: Any = None) -> Any:
    """A request to Azure by somebody who is not the bot; `path` within the subscription."""
    env = play.ready["env"]
    asked = urllib.request.Request(
        f"{env['IDENTITY_ENDPOINT']}?resource=https://management.azure.com&api-version=2019-08-01",
        headers={"X-IDENTITY-HEADER": env["IDENTITY_HEADER"], "Metadata": "true"},
    )
    with urllib.request.urlopen(asked) as answer:
        token = json.loads(answer.read())["access_token"]
    url = f"{play.ready['azure']}/subscriptions/{env['AZURE_SUBSCRIPTION_ID']}{path}"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, headers=headers, method=method, data=json.dumps(body).encode() if body is not None else None)
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=play.ready["ca"])) as answer:
        return json.loads(answer.read() or b"null")
