"""Node capacity: what is free, who holds the rest, and what there is of jobs."""

from __future__ import annotations

import re

from tests.journeys.jobs.acts import IMAGE
from tests.journeys.looking import Looking
from tests.playing import Playing, shown, wait_until


def test_nodes_show_what_is_free_who_holds_the_rest_since_when_and_at_what_price(play: Playing) -> None:
    play.command(f"run {IMAGE} --on lab --name holds --env PLAYGROUND_SECONDS=inf")
    holder = play.card(r"\Aholds on lab - (.|\n)*running on")
    play.command("nodes lab")
    answer = play.card(r"lab: 1 of 2 GPUs free on 2 nodes")
    assert "*1* of *2* GPUs free · largest free block: 1 GPU · $1.05/h" in shown(answer)
    (table,) = [block for block in answer["blocks"] if block["type"] == "table"]
    heading, *rows = [[cell["text"] for cell in row] for row in table["rows"]]
    assert heading == ["Free", "In use", "Allocatable", "Capacity", "GPU", "Node", "Held by", "State", "Age", "$/h"]
    assert [row[:5] for row in rows] == [["1", "0", "1", "1", "T4"], ["0", "1", "1", "1", "T4"]]
    assert re.fullmatch(r"holds \(alice, \d+ \w+.*\)", rows[1][6].lower())
    assert [row[7] for row in rows] == ["ready", "ready"]
    assert all(re.fullmatch(r"\d+ \w+( \d+ \w+)?", row[8]) for row in rows)
    assert [row[9] for row in rows] == ["0.53", "0.53"]
    play.command("jobs --on lab")
    jobs = play.card(r"\AJobs")
    assert re.search(r"holds\nrunning\n.*\n(?i:alice)\nlab", shown(jobs)), shown(jobs)
    play.click(holder, "cancel")
    play.reply(holder["ts"], "Cancelled")


def test_a_node_that_is_lost_is_named_and_has_nothing_free(play: Playing, lab: Looking) -> None:
    play.fault("kubernetes", "node_not_ready", match="vmss000001", seconds=8)

    def lost() -> bool:
        conditions = [one for node in lab.get("/api/v1/nodes")["items"] for one in node["status"]["conditions"] if one["type"] == "Ready"]
        return any(one["status"] != "True" for one in conditions)

    wait_until(lost)
    play.command("nodes lab")
    said = play.card(r"lab: 1 of \d GPUs free on 2 nodes(.|\n)*⚠️ `aks-gpu-\w+-vmss000001`: not Ready")
    assert "not Ready" in shown(said)
    wait_until(lambda: not lost())
