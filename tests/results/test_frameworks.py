"""What each framework prints, and what a careful engineer reports from it."""

from __future__ import annotations

import pytest

from bot.results import RunSummary, summarise
from tests.results.case import Case
from tests.results.logs_failed import FAILED
from tests.results.logs_images import IMAGES
from tests.results.logs_kinds import KINDS
from tests.results.logs_language import LANGUAGE
from tests.results.logs_other import OTHER
from tests.results.logs_silent import SILENT

CASES = [*IMAGES, *KINDS, *LANGUAGE, *OTHER, *SILENT, *FAILED]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_headline_is_the_one_an_engineer_would_report(case: Case) -> None:
    summary = summarise(case.log)
    assert summary.metric == case.metric
    if case.metric is None:
        assert summary.final is None
        assert summary.best is None
        assert summary.points == ()
        return
    for told, expected in ((summary.final, case.final), (summary.best, case.best)):
        if expected is not None:
            assert told == pytest.approx(expected, rel=1e-9)
    assert case.split in (None, summary.split)
    assert case.step in (None, summary.best_step)
    assert case.unit in (None, summary.unit)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_only_what_ended_the_run_is_called_its_failure(case: Case) -> None:
    failure = summarise(case.log).failure
    if case.failure is None:
        assert failure is None
    else:
        assert failure is not None
        assert case.failure in failure
        assert failure in " ".join(case.log.split()) or failure in case.log


@pytest.mark.parametrize("case", [case for case in CASES if case.cpu is not None or case.device], ids=lambda case: case.name)
def test_the_device_is_told_and_a_run_on_the_cpu_is_noticed(case: Case) -> None:
    summary = summarise(case.log)
    assert case.cpu in (None, summary.ran_on_cpu)
    assert case.device in (None, summary.device)


def test_a_summary_is_plain_json_types() -> None:
    plain = summarise("epoch 1 val_acc 0.5\nepoch 2 val_acc 0.7\n").as_dict()
    assert plain["metric"] == "accuracy"
    assert plain["points"] == [[1.0, 0.5], [2.0, 0.7]]
    assert set(plain) == set(RunSummary.__dataclass_fields__)
