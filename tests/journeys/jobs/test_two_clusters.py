"""Two clusters: the same job name on both, and where a job goes that names neither."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.journeys.jobs.acts import IMAGE, MANIFEST, posted, run_on_gpu
from tests.journeys.looking import Looking
from tests.playing import ALICE, BOB, Playing, shown, wait_until

FOREVER = "--env PLAYGROUND_SECONDS=inf"


@pytest.fixture(scope="module", autouse=True)
def zoo(play: Playing) -> Iterator[Looking]:
    """A second cluster, gone again afterwards."""
    play.command("cluster create zoo --region eastus --size Standard_NC4as_T4_v3 --nodes 1 --for 14d")
    card = play.card("cluster zoo(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    play.reply(card["ts"], "Proven: ", seconds=90)
    yield Looking(play, "zoo")
    play.command("cluster delete zoo")
    play.click(play.card("Delete cluster zoo(.|\n)*Waiting for your confirmation|zoo(.|\n)*Waiting for your confirmation"), "confirm")
    play.card(r"zoo(.|\n)*Done", seconds=90)


def test_one_name_on_two_clusters_is_two_jobs_and_the_question_which_is_asked_back(play: Playing, lab: Looking, zoo: Looking) -> None:
    for cluster in ("lab", "zoo"):
        play.command(f"run {IMAGE} --on {cluster} --name twin {FOREVER}")
    on_lab = play.card(r"\Atwin on lab - (.|\n)*running on")
    play.card(r"\Atwin on zoo - (.|\n)*running on")
    for command in ("job twin", "logs twin", "cancel twin", "clean twin"):
        play.command(command)
        answer = play.card(rf"There are several jobs `twin`: on `lab` \(running\), `zoo` \(running\)\. Say which: `/gpu {command} --on lab`")
        assert len(shown(answer)) < 200
    assert lab.job("twin")["metadata"].get("deletionTimestamp") is None
    assert zoo.job("twin")["metadata"].get("deletionTimestamp") is None
    play.command("job twin --on zoo")
    play.card(r"\*twin\* on zoo: running")
    play.command("cancel twin --cluster lab")
    play.reply(on_lab["ts"], "Cancelled by <@U0ALICE>")
    assert lab.job("twin") is None
    assert zoo.job("twin")["metadata"].get("deletionTimestamp") is None
    play.command("cancel twin --on zoo")
    wait_until(lambda: zoo.job("twin") is None)


def asked_where(play: Playing, name: str, args: str, **chosen: str) -> dict[str, Any]:
    """Run a manifest from a message; the modal that asks where, answered."""
    run_on_gpu(play, posted(play, f"```{MANIFEST.format(name=name, args=args, gpus=1)}```"))
    view = play.view()
    answer = play.call("POST", "/views/submit", {"user": ALICE, "view_id": view["id"], "values": chosen})
    assert answer["ok"], answer
    return view


def test_a_manifest_that_names_no_cluster_goes_where_there_is_room_and_says_why(play: Playing, lab: Looking, zoo: Looking) -> None:
    wait_until(lambda: not zoo.get("/api/v1/namespaces/default/pods")["items"])  # a pod that is being deleted still holds its GPU
    play.command(f"run {IMAGE} --on lab --pods 2 --name full {FOREVER}")
    full = play.card(r"full on lab(.|\n)*2 running", seconds=60)
    asked_where(play, "roams", "[]")
    card = play.card(r"roams-\w+ on zoo(.|\n)*of 2 clusters `zoo` is the first with room", seconds=60)
    wait_until(lambda: [job for job in zoo.jobs() if job["metadata"]["name"].startswith("roams-")])
    assert not [job for job in lab.jobs() if job["metadata"]["name"].startswith("roams-")]
    assert re.search(r"Ran on\*?\nzoo \(aks-gpu", shown(play.reply(card["ts"], "succeeded")))
    assert "of 2 clusters `zoo` is the first with room" in shown(play.card(r"roams-\w+ on zoo(.|\n)*Done"))
    play.click(full, "cancel")
    play.reply(full["ts"], "Cancelled")


def test_a_command_that_names_no_cluster_is_asked_which(play: Playing) -> None:
    play.command("run mnist --name nowhere")
    card = play.card(r"run mnist - ⚪ \*Not started\*(.|\n)*Which cluster\?")
    assert "`lab`, `zoo`" in shown(card)


def test_the_shortcut_asks_where_as_there_are_several_clusters(play: Playing, zoo: Looking) -> None:
    view = asked_where(play, "picky", "[]", cluster="zoo")
    offered = {block["block_id"]: [option["text"]["text"] for option in block["element"]["options"]] for block in view["blocks"]}
    assert offered == {
        "cluster": ["The first that has room", "lab", "zoo"],
        "namespace": ["The manifest's own, else default", "default", "gpu-jobs"],
    }
    card = play.card(r"picky-\w+ on zoo", seconds=60)
    assert "No cluster was named" not in shown(card)
    wait_until(lambda: [job for job in zoo.jobs() if job["metadata"]["name"].startswith("picky-")])
