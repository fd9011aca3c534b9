"""Point 10: bad input is answered with what to type instead, and nothing is started."""

from __future__ import annotations

import pytest

from tests.playing import Playing, shown

IN_THE_ACK = [
    ("an unknown subcommand gets the nearest one", "cluter create demo", "cluster"),
    ("a missing value", "cluster create", "cluster create"),
    ("a malformed value", "cluster create demo --nodes many", "--nodes"),
    ("a name that would walk up the path", "pool delete demo/..", "pool"),
    ("capitals in a pool's name", "pool add demo/GPU --size Standard_NC4as_T4_v3", "gpu"),
    ("thirteen characters", "pool add demo/gpupoolnumber1 --size Standard_NC4as_T4_v3", "12"),
    ("a retired size names its successor", "cluster create demo --size Standard_NC6", "Standard_NC4as_T4_v3"),
    ("a size without a GPU", "cluster create demo --size Standard_D4s_v5", "GPU"),
    ("an endless life", "cluster create demo --size Standard_NC4as_T4_v3 --for 900d", "--for"),
    ("a retired header", "pool add demo/gpu --size Standard_NC4as_T4_v3 --header UseGPUDedicatedVHD=true", "retired"),
]


@pytest.mark.parametrize(("text", "instead"), [row[1:] for row in IN_THE_ACK], ids=[row[0] for row in IN_THE_ACK])
def test_bad_input_is_answered_at_once(play: Playing, text: str, instead: str) -> None:
    answer = play.command(text)
    assert instead in answer, answer
    assert "Traceback" not in answer


def test_smart_quotes_and_a_code_fence_are_understood(play: Playing) -> None:
    assert "On it" in play.command("```/gpu price “Standard_NC4as_T4_v3” --region eastus```")
    play.card(r"\$0\.53/h")


def test_a_cluster_that_does_not_exist_is_named_with_those_that_do(play: Playing) -> None:
    play.command("run mnist --on nowhere")
    assert "There is no cluster `nowhere`" in shown(play.card("run mnist(.|\n)*Not started"))


def test_what_cannot_be_cancelled_is_answered_in_the_channel(play: Playing) -> None:
    """It has no card whose thread could say so."""
    play.command("cancel nosuchjob")
    assert "nosuchjob" in shown(play.card("I know no job"))


def test_a_name_that_is_taken_is_refused_before_anything_is_written(play: Playing) -> None:
    play.command("cluster create taken --for 1h")
    first = play.card("cluster taken")
    play.reply(first["ts"], "Plan")
    play.card(r"cluster taken(.|\n)*(Azure|Done|ready)", seconds=60)
    play.command("cluster create taken --for 2h")
    assert "There is a cluster `taken` already" in shown(play.card(r"create taken(.|\n)*Not started"))
    assert len(play.writes("azure", "^PUT.*managedClusters/taken[?]")) == 1
