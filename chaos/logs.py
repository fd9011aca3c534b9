"""Logs of training runs, generated: as frameworks print them, mixed, repeated, cut and patched; and what must hold of what is read from them."""

from __future__ import annotations

import math
import re
from typing import Final

from hypothesis import strategies as st

from bot.results import RunSummary, Summariser, summarise
from tests.results.test_frameworks import CASES

VALUES: Final = st.floats(0, 1).map(lambda value: f"{value:.4f}") | st.sampled_from(
    ("nan", "1e-05", "97.5%", "-0.3", "12", "inf", "1,234", "9848/10000")
)
_TEMPLATES: Final = [
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
_LINE: Final = st.builds(
    lambda template, n, m, r, a, b: template.format(n=n, m=m, r=r, a=a, b=b),
    st.sampled_from(_TEMPLATES), st.integers(0, 12), st.integers(0, 100), st.integers(0, 9), VALUES, VALUES,
)  # fmt: skip
_RUN: Final = st.builds(lambda lines, times: lines * times, st.lists(_LINE, min_size=1, max_size=6), st.integers(1, 12))
LOG: Final = st.lists(_RUN, min_size=1, max_size=6).map(lambda runs: [line for run in runs for line in run])
ENDS: Final = st.sampled_from(("\n", "\r\n", "\r"))
DAMAGED: Final = st.builds(
    lambda cases, start, end, patch: "".join(case.log for case in cases)[start:end] + patch + "".join(case.log for case in cases)[end:],
    st.lists(st.sampled_from(CASES), min_size=1, max_size=3), st.integers(0, 5000), st.integers(0, 5000), st.text(max_size=40),
)  # fmt: skip


def fed(pieces: list[bytes]) -> RunSummary:
    """What is read from a log that comes in pieces."""
    summariser = Summariser()
    for piece in pieces:
        summariser.feed(piece)
    return summariser.summary()


def printed(text: str) -> set[float]:
    """Every number that stands in a log, as it is, as a percentage and as a share."""
    numbers = [float(found) for found in re.findall(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text.replace(",", ""))]
    ratios = [float(a) / float(b) for a, b in re.findall(r"(\d+) ?/ ?(\d+)", text) if float(b)]
    return {round(value, 12) for number in [*numbers, *ratios] for value in (number, number / 100, number * 100)}


def judge(lines: list[str]) -> bool:
    """No number is told that does not stand in the log, and no failure either; whether one was told."""
    text = "\n".join(lines)
    summary, numbers = summarise(text), printed(text)
    for value in (summary.final, summary.best, *(value for _, value in summary.points)):
        if value is not None:
            assert math.isfinite(value)
            assert any(abs(value - number) <= 1e-9 * max(1.0, abs(value)) for number in numbers), f"{value} stands nowhere in {text[:2000]!r}"
    assert summary.failure is None or summary.failure in text
    return summary.final is not None
