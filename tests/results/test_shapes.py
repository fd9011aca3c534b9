"""Lines that differ in numbers and identifiers only are read as one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.results import summarise
from bot.results.reader import LogReader
from bot.results.shapes import Words, searched
from bot.results.words import INTEREST, OF_SEVERAL

_WORDS = [
    "no", "such", "space", "hr", "=", "due", "to", "/", "s", "/s", "bus", "per", "sec", "accuracy", "Loss:", "rank", "e", "#", "could", "not", "x",
]


_LETTERS = str.maketrans("0123456789", "ghijklmnop")


class _Counted(LogReader):
    """Counts the lines that were read in detail."""

    detailed = 0

    def _read(self, raw: bytes, shape: bytes) -> None:
        self.detailed += 1
        super()._read(raw, shape)


def _commit(i: int) -> str:
    return f"step {i} commit {hashlib.sha256(str(i).encode()).hexdigest()} val_acc {i / 1000:.3f}"


def _trace(i: int) -> str:
    return f'{{"trace": "{hashlib.sha256(str(i).encode()).hexdigest()[:16]}", "step": {i}, "val_acc": {i / 1000:.3f}}}'


def _bar(i: int) -> str:
    return f"Epoch 1:  {i // 10}%|{'█' * (i // 90)}{' ' * (10 - i // 90)}| {i}/900 [00:10<00:20, 3.1it/s, val_acc={i / 1000:.3f}]"


def _picture(i: int) -> str:
    return f"step {i} val_acc {i / 1000:.3f} file {hashlib.sha256(str(i).encode()).hexdigest()[:12].translate(_LETTERS)}.jpg"


def _payload(i: int) -> str:
    return f"step {i} val_acc {i / 1000:.3f} payload {base64.b64encode(hashlib.sha256(str(i).encode()).digest()).decode()} accepted"


@pytest.mark.parametrize("line", [_commit, _trace, _bar, _picture, _payload])
def test_identifiers_and_drawn_bars_do_not_make_every_line_another(line: Callable[[int], str]) -> None:
    text = "\n".join(line(i) for i in range(900)) + "\n"
    reader = _Counted()
    reader.feed(text.encode())
    reader.close()
    assert reader.detailed < 60  # of 900
    assert summarise(text).best == 0.899


@given(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=8).map(" ".join))
def test_the_words_of_a_line_tell_the_same_interest_as_the_line(line: str) -> None:
    shape = line.encode()
    assert (shape in Words().interesting([shape])) == (INTEREST.search(shape.lower()) is not None)


def test_words_never_seen_before_are_judged_as_those_that_were() -> None:
    lines = {line.encode() for path in (Path(__file__).parent / "pods").glob("*.txt") for line in path.read_text(encoding="utf-8").splitlines()}
    shapes = {line.translate(None, b"0123456789\t") for line in lines}
    assert len(shapes) > 1_000
    words = Words()
    known = set().union(*(words.interesting([shape]) for shape in shapes))
    several = {shape for shape in shapes if any(OF_SEVERAL.search(word) for word in shape.lower().split())}
    assert searched(shapes) - several == known - several
    assert searched(shapes) <= known  # by single words it cannot be told whether `sec` belongs to `per sec`


def test_a_curve_that_ends_in_nan_is_read_at_once_as_line_by_line() -> None:
    lines = [f"step {i} loss {'nan' if i > 40 else i} acc 0.{i:03d}" for i in range(90)]
    assert summarise("\n".join(lines)).best == 0.089
    only = [line.partition(" acc")[0] for line in lines]
    summary = summarise("\n".join(only))
    assert (summary.metric, summary.final, summary.diverged, summary.steps_seen) == ("loss", 40.0, True, 41)
