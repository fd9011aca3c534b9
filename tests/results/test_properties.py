"""What must hold for any text: no exception, no invented number, and the same answer however the text is cut."""

from __future__ import annotations

import math
import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.results import RunSummary, Summariser, summarise
from bot.results.grammar import Reading
from bot.results.reader import LogReader
from tests.results.test_frameworks import CASES

_VALUES = st.floats(0, 1).map(lambda value: f"{value:.4f}") | st.sampled_from(["nan", "1e-05", "97.5%", "-0.3", "12", "inf", "1,234", "9848/10000"])
_TEMPLATES = [
    "Epoch {n} step {m} loss: {a} accuracy: {b}",
    "[rank{r}]: step: {m}  loss: {a}  tps: {n}",
    "Test: [{n}/10]\tLoss {a} ({b})\tAcc@1 {a} ({b})",
    " *   Acc@1 {a} Acc@5 {b}",
    "{{'loss': {a}, 'learning_rate': 1e-05, 'epoch': {n}}}",
    "{{'eval_loss': {a}, 'eval_accuracy': {b}, 'epoch': {n}}}",
    "Epoch {n}:  {m}%|███ | {m}/100 [00:01<00:02, {n}.5it/s, loss={a}, val_acc={b}]",
    "Epoch {n}/10",
    "Evaluating on the test set...",
    "accuracy: {a}",
    "epoch  train_loss  valid_loss  accuracy",
    "{n}      {a}      {b}      {a}",
    "Traceback (most recent call last):",
    '  File "train.py", line {n}, in <module>',
    "ValueError: bad value {a}",
    "[pod/w-{r}/main] epoch {n} val_acc={b} best={a}",
    "2024-01-01 10:00:0{r},123 INFO fetched shard {n} in {a} s",
    "val_f1 {a}; top{r} {b}",
    "CUDA out of memory",
    "",
]
_LINE = st.builds(
    lambda template, n, m, r, a, b: template.format(n=n, m=m, r=r, a=a, b=b),
    st.sampled_from(_TEMPLATES), st.integers(0, 12), st.integers(0, 100), st.integers(0, 9), _VALUES, _VALUES,
)
_RUN = st.builds(lambda lines, times: lines * times, st.lists(_LINE, min_size=1, max_size=6), st.integers(1, 12))
_LOG = st.lists(_RUN, min_size=1, max_size=6).map(lambda runs: [line for run in runs for line in run])
_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def _fed(pieces: list[bytes]) -> RunSummary:
    summariser = Summariser()
    for piece in pieces:
        summariser.feed(piece)
    return summariser.summary()


@given(st.text())
@settings(max_examples=150)
def test_no_text_makes_it_raise(text: str) -> None:
    summarise(text)


@given(st.binary())
@settings(max_examples=100)
def test_no_bytes_make_it_raise(data: bytes) -> None:
    _fed([data])


@given(st.lists(st.sampled_from(CASES), min_size=1, max_size=3), st.integers(0, 5000), st.integers(0, 5000), st.text(max_size=40))
@settings(max_examples=100)
def test_a_log_cut_and_patched_anywhere_does_not_make_it_raise(cases: list, start: int, end: int, patch: str) -> None:  # type: ignore[type-arg]
    text = "".join(case.log for case in cases)
    summarise(text[start:end] + patch + text[end:])


@given(_LOG, _ENDS, st.lists(st.integers(0, 4000), max_size=8))
@settings(max_examples=100, deadline=None)
def test_pieces_cut_anywhere_give_the_same_as_the_whole(lines: list[str], end: str, cuts: list[int]) -> None:
    text = end.join(lines) + end
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = [text[a:b] for a, b in pairwise(places)]
    whole = summarise(text)
    assert summarise(pieces) == whole
    data = text.encode()
    assert _fed([data[at : at + 7] for at in range(0, len(data), 7)]) == whole


@given(_LOG)
@settings(max_examples=100, deadline=None)
def test_lines_with_and_without_ends_give_the_same_as_the_text(lines: list[str]) -> None:
    whole = summarise("\n".join(lines) + "\n")
    assert summarise(lines) == whole
    assert summarise([line + "\n" for line in lines]) == whole


class _EveryLine(LogReader):
    """Keeps no learned pattern: every line is read in detail."""

    def _keep(self, shape: bytes, whole: str, text: str, source: str, reading: Reading) -> None:
        return


@given(_LOG)
@settings(max_examples=100, deadline=None)
def test_learned_patterns_read_the_same_as_reading_every_line_in_detail(lines: list[str]) -> None:
    fast, slow = LogReader(), _EveryLine()
    for reader in (fast, slow):
        reader.feed(("\n".join(lines) + "\n").encode())
        reader.close()
    told = []
    for reader in (fast, slow):
        board = reader.collector.board
        board.headline()
        told.append({key: (s.count, s.final, s.best, s.best_step, s.nan, s.curve()) for key, s in board.series.items() if s.best is not None})
    assert told[0] == told[1]
    assert fast.failures.verdict() == slow.failures.verdict()
    assert fast.devices.verdict() == slow.devices.verdict()


def _printed(text: str) -> set[float]:
    numbers = [float(found) for found in re.findall(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text.replace(",", ""))]
    ratios = [float(a) / float(b) for a, b in re.findall(r"(\d+) ?/ ?(\d+)", text) if float(b)]
    return {round(value, 12) for number in [*numbers, *ratios] for value in (number, number / 100, number * 100)}


@given(_LOG)
@settings(max_examples=80, deadline=None)
def test_no_number_is_reported_that_does_not_stand_in_the_log(lines: list[str]) -> None:
    text = "\n".join(lines)
    summary = summarise(text)
    printed = _printed(text)
    for value in (summary.final, summary.best, *(value for _, value in summary.points)):
        if value is not None:
            assert math.isfinite(value)
            assert any(abs(value - number) <= 1e-9 * max(1.0, abs(value)) for number in printed)
    assert summary.failure is None or summary.failure in text


def test_every_number_of_the_framework_logs_stands_in_them() -> None:
    for case in CASES:
        summary, printed = summarise(case.log), _printed(case.log)
        for value in (summary.final, summary.best):
            assert value is None or any(abs(value - number) <= 1e-9 * max(1.0, abs(value)) for number in printed), case.name
