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
    free, taken = (dict(zip(heading, row, strict=True)) for row in rows)
    # The order counts: on a phone the first three columns are seen.
    assert heading[:3] == ["Node", "Free", "Held by"]
    assert [(row["Free"], row["In use"], row["Allocatable"], row["Capacity"], row["GPU"]) for row in (free, taken)] == [
        ("1 of 1", "0", "1", "1", "T4"), ("0 of 1", "1", "1", "1", "T4"),
    ]  # fmt: skip
    assert {free["Node"], taken["Node"]} == {"gpu/0", "gpu/1"}
    assert re.fullmatch(r"alice: holds, \d+ \w+.*", taken["Held by"].lower())
    for row in (free, taken):
        assert (row["State"], row["$/h"]) == ("ready", "0.53")
        assert re.fullmatch(r"\d+ \w+( \d+ \w+)?", row["Age"])
        assert row["Name in Kubernetes"].startswith("aks-gpu-")
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
