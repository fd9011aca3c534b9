"""What is said of a run on its way."""

from __future__ import annotations

from bot.cluster.jobstate import judge_job
from bot.operations.report import live_line, setback_line, setbacks
from bot.results import summarise
from tests.cluster.build import job, pod


def test_what_went_wrong_several_times_alike_is_said_once() -> None:
    index = {"batch.kubernetes.io/job-completion-index": "1"}
    bad = [pod(f"p{number}", phase="Failed", reason="UnexpectedAdmissionError", annotations=index, age=50 - number) for number in range(3)]
    evicted = pod("p9", phase="Failed", reason="Evicted", annotations=index, age=20)
    state = judge_job(job(active=1, spec={"completions": 2}), [*bad, evicted, pod("p10", annotations=index, age=5)])
    assert setbacks(state) == (
        "pod 1: the node refused it: the GPU that it was promised could not be handed out (3×)",
        "pod 1: the node was short of something and evicted it",
    )
    assert setback_line(setbacks(state)).count("refused") == 1


def test_the_number_of_an_ended_run_is_its_last() -> None:
    summary = summarise("Epoch 1/2 val_acc: 0.5\nEpoch 2/2 val_acc: 0.6\n")
    assert live_line(summary).startswith("📈 so far: val accuracy *0.6*")
    assert live_line(summary, ended=True).startswith("📈 final val accuracy *0.6*")
