"""What a request costs and who did what: set aside before the first write, settled when it is gone, all of it in the audit log."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
import redis as redis_sync

from tests.playing import ALICE, BOB, CAROL, GINA, ROOT, Playing, shown, wait_until


@pytest.fixture(scope="module", autouse=True)
def one_month(play: Playing) -> None:
    """What is reserved here for half a day is reserved within one month."""
    play.begin_a_month(days=3)


def audit(play: Playing, *argv: str) -> subprocess.CompletedProcess[str]:
    """``python -m bot audit …`` against the playground's Redis."""
    env = {**play.ready["env"], "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-m", "bot", "audit", *argv], env=env, cwd=ROOT, capture_output=True, text=True, check=False)


def budget(play: Playing, user: str = ALICE) -> str:
    before = {one["ts"] for one in play.messages()}
    play.command("budget", user)
    return shown(wait_until(lambda: next((one for one in play.messages() if one["ts"] not in before and "Budget" in shown(one)), None)))


def deleted(play: Playing, cluster: str) -> None:
    play.command(f"cluster delete {cluster}")
    asked = play.card(f"delete cluster {cluster}(.|\n)*confirmation")
    play.click(asked, "confirm", ALICE)
    play.reply(asked["ts"], "deleted; ", seconds=120)


def test_money_is_set_aside_before_the_first_write_and_settled_at_the_end(play: Playing, tmp_path: Path) -> None:
    assert "$0.00 spent, $0.00 reserved" in budget(play)
    play.command("cluster create money --size Standard_NC4as_T4_v3 --for 8h")
    card = play.card("cluster money(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    play.card("cluster money(.|\n)*Done", seconds=120)
    assert "$0.00 spent, $5.74 reserved" in budget(play)
    deleted(play, "money")
    wait_until(lambda: "$0.00 reserved" in budget(play))

    play.command("cluster create guests --size Standard_NC4as_T4_v3", GINA)
    play.command("audit --limit 60", CAROL)
    told = shown(play.card("entries of the audit log"))
    for words in ("<@U0ALICE> asked for", "<@U0BOB> approved", "sent PUT", "sent DELETE", "confirmed"):
        assert words in told, words
    file = tmp_path / "audit.jsonl"
    assert audit(play, "export", str(file)).returncode == 0
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    events = [row["event"] for row in rows if row["cluster"] == "money"]
    assert events.index("approved") < events.index("granted") < events.index("write")
    assert audit(play, "verify", str(file)).returncode == 0
    assert audit(play, "verify").stdout.startswith("Intact")
    noted = {f"{row['detail']['method']} {row['detail']['resource']}" for row in rows if row["event"] == "write"}
    sent = {re.sub(r"/subscriptions/[^/]+", "", one).partition("?")[0] for one in play.writes("azure", "money")}
    assert len(sent) >= 5
    assert {one for one in sent if "/list" not in one} <= noted


def test_a_request_that_no_budget_holds_is_not_started_nor_put_before_approvers(play: Playing) -> None:
    play.command("cluster create huge --size Standard_NC24ads_A100_v4 --nodes 4 --for 14d")
    card = play.card("cluster huge(.|\n)*Not started")
    play.reply(card["ts"], r"Your budget of \$2,000.00 for .* Nothing was started")
    assert "Approve" not in [element["text"]["text"] for block in card["blocks"] if block["type"] == "actions" for element in block["elements"]]
    assert not play.writes("azure", "managedClusters/huge")


def test_what_is_taken_back_is_not_reserved_any_more(play: Playing) -> None:
    play.command("cluster create halfway --size Standard_NC4as_T4_v3 --for 8h")
    card = play.card("cluster halfway(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    wait_until(lambda: play.writes("azure", "managedClusters/halfway"))
    play.click(next(one for one in play.messages() if one["ts"] == card["ts"]), "cancel", ALICE)
    play.reply(card["ts"], "Cancelled", seconds=120)
    wait_until(lambda: "$0.00 reserved" in budget(play))


def test_an_extension_of_a_pool_that_ends_with_its_cluster_is_set_aside_for_both_and_freed_with_the_rest(play: Playing) -> None:
    play.command("cluster create longer --size Standard_NC4as_T4_v3 --for 8h")
    card = play.card("cluster longer(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    play.card("cluster longer(.|\n)*Done", seconds=120)
    assert "$5.74 reserved" in budget(play)
    play.command("pool extend longer/gpu --for 4h")
    play.reply(play.card("extend longer(.|\n)*Done")["ts"], "made with its cluster and ends with it, so both are extended")
    assert re.search(r"\$8\.6\d reserved", held := budget(play)), held  # 12 h of both
    play.command("extend longer --for 1h")
    play.reply(play.card(r"extend longer(.|\n)*Done(.|\n)*\(\$0\.72\)")["ts"], "`longer` now runs until")
    assert re.search(r"\$9\.3\d reserved", held := budget(play)), held
    deleted(play, "longer")
    wait_until(lambda: "$0.00 reserved" in budget(play))
    assert audit(play, "verify").stdout.startswith("Intact")


def test_scaling_reserves_what_it_adds_and_stopping_keeps_the_place(play: Playing) -> None:
    play.command("cluster create wider --size Standard_NC4as_T4_v3 --nodes 2 --for 8h")
    card = play.card("cluster wider(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    whole = f"${Decimal('0.192') + 2 * Decimal('0.526'):.2f}/h"
    plan = shown(play.reply(card["ts"], "Per hour"))
    assert re.findall(r"\* - (\$[\d.]+/h)", plan) == ["$0.19/h", "$1.05/h"]
    assert (whole in plan, whole in shown(card)) == (True, True), "the sum of what the parts cost, not of what is shown of them"
    play.card("cluster wider(.|\n)*Done", seconds=120)
    play.command("status")
    play.card(rf"\*wider\* .*gpu` 2 × NC4as_T4_v3\n.* · {re.escape(whole)} · until")
    play.command("pool list wider")
    listed = shown(play.card("Node pools(.|\n)*wider/gpu"))
    assert re.search("(?i)alice", listed), listed
    assert "U0ALICE" not in listed
    play.command("pool scale wider/gpu --nodes 3")
    card = play.card("scale node pool wider/gpu(.|\n)*(Waiting for approval|Done)", seconds=90)
    if "Waiting" in shown(card):
        play.click(card, "approve", BOB)
    play.card("scale node pool wider/gpu(.|\n)*Done", seconds=90)
    held = budget(play)
    assert re.search(r"\$14\.1\d reserved", held), held
    play.command("pool stop wider/gpu")
    play.card("stop node pool wider/gpu(.|\n)*Done", seconds=90)
    play.command("pool start wider/gpu")
    card = play.card("start node pool wider/gpu(.|\n)*(Waiting for approval|Done)", seconds=90)
    if "Waiting" in shown(card):
        play.click(card, "approve", BOB)
    play.card("start node pool wider/gpu(.|\n)*Done", seconds=90)
    assert re.findall(r"[\d.]+ reserved", budget(play)) == re.findall(r"[\d.]+ reserved", held)
    deleted(play, "wider")
    wait_until(lambda: "$0.00 reserved" in budget(play))


def test_what_runs_when_the_memory_was_wiped_counts_against_its_budget_again(play: Playing) -> None:
    play.command("cluster create kept --size Standard_NC4as_T4_v3 --for 8h")
    card = play.card("cluster kept(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    play.card("cluster kept(.|\n)*Done", seconds=120)
    store = redis_sync.Redis.from_url(play.ready["redis"], decode_responses=True)
    store.flushall()
    wait_until(lambda: store.get("{qm}:epoch"), 60, "the epoch")
    assert "$5.74 reserved" in budget(play)
    deleted(play, "kept")
    wait_until(lambda: "$0.00 reserved" in budget(play))
