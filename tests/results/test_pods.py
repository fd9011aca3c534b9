"""Logs as pods print them (`pods/*.txt`), and in one table (`pods/expected.tsv`) what a careful engineer reports from each.

In the logs ␍ stands for a carriage return, ␈ for a backspace and ␛ for escape. In the table: alternatives are parted by commas, `*` is anything,
`-` in `metric` is a log from which no number may be reported, `-` in `failure` a run that did not fail; the last columns may be left out.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.results import summarise

_PODS = Path(__file__).parent / "pods"
_MARK = "#### "


@dataclass(frozen=True)
class _Expected:
    name: str
    metric: str
    split: str
    final: str
    best: str
    best_step: str
    failure: str
    ran_on_cpu: str
    unit: str
    steps_seen: str
    device: str
    throughput: str


def _logs() -> dict[str, str]:
    logs: dict[str, str] = {}
    for path in sorted(_PODS.glob("*.txt")):
        for part in ("\n" + path.read_text(encoding="utf-8")).split("\n" + _MARK)[1:]:
            name, _, text = part.partition("\n")
            assert name not in logs
            logs[name] = text.replace("␍", "\r").replace("␛", "\x1b").replace("␈", "\b") + "\n"
    return logs


LOGS = _logs()
_ROWS = (_PODS / "expected.tsv").read_text(encoding="utf-8").splitlines()
_TABLE = [_Expected(**row) for row in csv.DictReader(_ROWS, delimiter="\t", quoting=csv.QUOTE_NONE, restval="*")]


def _is(told: float | None, expected: str) -> bool:
    if expected == "*":
        return True
    return told is not None and any(told == pytest.approx(float(one), rel=1e-6) for one in expected.split(","))


def test_every_log_has_its_row_in_the_table() -> None:
    assert sorted(LOGS) == sorted(row.name for row in _TABLE)


@pytest.mark.parametrize("row", _TABLE, ids=[row.name for row in _TABLE])
def test_the_log_of_a_pod_is_summed_up_as_an_engineer_would(row: _Expected) -> None:
    summary = summarise(LOGS[row.name])
    if row.metric == "-":
        assert (summary.metric, summary.final, summary.best) == (None, None, None)
    else:
        assert summary.metric in row.metric.split(",")
        assert row.split == "*" or summary.split in row.split.split(",")
        assert _is(summary.final, row.final)
        assert _is(summary.best, row.best)
        assert _is(summary.best_step, row.best_step)
    if row.failure == "-":
        assert summary.failure is None
    elif row.failure != "*":
        assert summary.failure is not None
        assert row.failure in summary.failure
    for field in ("ran_on_cpu", "unit", "steps_seen", "device", "throughput"):
        expected = getattr(row, field)
        assert expected == "*" or str(getattr(summary, field)) == expected


@pytest.mark.parametrize(
    "prefix", ["2024-01-01T00:00:00.000000000Z ", "2024-01-01T00:00:00.000000000Z stdout F ", "[pod/train-abc12/main] ", "trainer-1  | "], ids=repr
)
def test_the_prefix_of_a_log_collector_changes_nothing(prefix: str) -> None:
    for name, log in LOGS.items():
        prefixed = "\n".join(prefix + line for line in log.replace("\r", "\n").split("\n") if line)
        plain, told = summarise(log), summarise(prefixed)
        assert (name, told.metric, told.split, told.final, told.best) == (name, plain.metric, plain.split, plain.final, plain.best)
        assert (name, told.failure, told.ran_on_cpu) == (name, plain.failure, plain.ran_on_cpu)
