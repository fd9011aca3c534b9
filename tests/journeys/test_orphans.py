"""Orphans: what carries our tags without an expiry that anybody keeps, and what somebody deleted by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest
import redis as redis_sync

from tests.faults.test_redis_wiped import arm, azure
from tests.journeys.test_money import now, waiting
from tests.journeys.test_money_and_memory import budget
from tests.playing import ALICE, BOB, CAROL, Playing, shown, wait_until


@pytest.fixture(scope="module")
def cards(play: Playing) -> dict[str, dict[str, Any]]:
    """Two proven clusters, made at the same time."""
    play.begin_a_month(days=4)
    found = {name: waiting(play, name, "3d") for name in ("stray", "handmade")}
    for card in found.values():
        play.click(card, "approve", BOB)
    for name in found:
        play.card(f"cluster {name}(.|\n)*Done", seconds=120)
    return found


def reserved(play: Playing, user: str) -> float:
    found = re.search(rf"{user}>.*\$([\d,.]+) reserved", budget(play, user))
    assert found, user
    return float(found[1].replace(",", ""))


def labels(play: Playing) -> list[dict[str, str]]:
    path = "/resourceGroups/quartermaster-stray/providers/Microsoft.ContainerService/managedClusters/stray"
    found = [azure(play, "GET", f"{path}{part}?api-version=2026-08-01") for part in ("", "/agentPools/gpu")]
    return [one.get("tags") or one["properties"]["tags"] for one in found]


def cancelled_half_way(play: Playing, report: dict[str, Any]) -> None:
    """Bob takes over, and has second thoughts when the node pool has his name on it already and the cluster has not."""
    before, hers = labels(play), reserved(play, ALICE)
    play.fault("azure", "status", "PATCH .*managedClusters/stray", times=-1, status=429, retry_after=1)
    play.click(report, "suggest_takeover", BOB)
    asked = play.card("take over stray(.|\n)*Waiting for approval")
    play.click(asked, "approve", CAROL)
    wait_until(lambda: labels(play)[1]["quartermaster-owner"] == BOB, 60, "his name on the pool")
    assert reserved(play, BOB) > 50
    assert reserved(play, ALICE) < hers - 50
    play.click(now(play, asked), "cancel", BOB)
    play.reply(asked["ts"], "Cancelled by <@U0BOB>(.|\n)*`stray` is as it was", seconds=60)
    play.call("DELETE", "/faults")
    assert labels(play) == before
    assert (reserved(play, BOB), round(reserved(play, ALICE))) == (0, round(hers))


def test_an_orphan_is_reported_once_with_buttons_and_taken_over(play: Playing, cards: dict[str, dict[str, Any]]) -> None:
    card = cards["stray"]
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    lease = str(store.hget("{qm}:leases", "stray"))
    store.srem("{qm}:active", lease)
    store.delete(f"{{qm}}:op:{lease}")
    report = play.reply(card["ts"], "`stray` carries my tags, but I keep no expiry for it", seconds=60)
    cancelled_half_way(play, report)
    tried = len(play.writes("azure", "^PATCH.*managedClusters/stray"))
    play.click(report, "suggest_takeover", BOB)
    asked = play.card("take over stray(.|\n)*Waiting for approval")
    assert "$0.72/h" in shown(play.reply(asked["ts"], "Per hour"))
    assert len(play.writes("azure", "^PATCH.*managedClusters/stray")) == tried
    play.click(asked, "approve", BOB)
    wait_until(lambda: any("your own request" in one for one in play.whispers(BOB)))
    play.click(asked, "approve", CAROL)
    play.reply(asked["ts"], "`stray` is <@U0BOB>'s now and ends", seconds=60)
    play.reply(card["ts"], "`stray` is <@U0BOB>'s now and ends", seconds=30)
    assert len(play.writes("azure", "^PATCH.*managedClusters/stray")) == tried + 1
    assert 51 < reserved(play, BOB) < 52  # 0.718 for three days
    play.click(report, "suggest_takeover", CAROL)
    late = play.card("take over stray(.|\n)*Not started(.|\n)*Somebody has taken `stray` over already")
    assert late["ts"] != asked["ts"]
    play.advance(5)
    assert sum("carries my tags" in shown(reply) for reply in now(play, card)["replies"]) == 1


def test_what_somebody_deleted_by_hand_is_noticed_and_said_once(play: Playing, cards: dict[str, dict[str, Any]]) -> None:
    card = cards["handmade"]
    arm(play, "DELETE", "quartermaster-handmade", "handmade")
    play.reply(card["ts"], "`handmade` is gone from Azure, and it was not I", seconds=60)
    play.advance(5)
    assert sum("is gone from Azure" in shown(reply) for reply in now(play, card)["replies"]) == 1
