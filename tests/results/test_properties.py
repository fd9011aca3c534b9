"""What must hold for any text: no exception, no invented number, and the same answer however the text is cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.results import summarise
from bot.results.grammar import Reading
from bot.results.reader import LogReader
from chaos.logs import DAMAGED, ENDS, LOG, fed, judge, printed
from tests.results.test_frameworks import CASES


@given(st.text())
@settings(max_examples=150)
def test_no_text_makes_it_raise(text: str) -> None:
    summarise(text)


@given(st.binary())
@settings(max_examples=100)
def test_no_bytes_make_it_raise(data: bytes) -> None:
    fed([data])


@given(DAMAGED)
@settings(max_examples=100)
def test_a_log_cut_and_patched_anywhere_does_not_make_it_raise(text: str) -> None:
    summarise(text)


@given(LOG, ENDS, st.lists(st.integers(0, 4000), max_size=8))
@settings(max_examples=100, deadline=None)
def test_pieces_cut_anywhere_give_the_same_as_the_whole(lines: list[str], end: str, cuts: list[int]) -> None:
    text = end.join(lines) + end
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    pieces = [text[a:b] for a, b in pairwise(places)]
    whole = summarise(text)
    assert summarise(pieces) == whole
    data = text.encode()
    assert fed([data[at : at + 7] for at in range(0, len(data), 7)]) == whole


@given(LOG)
@settings(max_examples=100, deadline=None)
def test_lines_with_and_without_ends_give_the_same_as_the_text(lines: list[str]) -> None:
    whole = summarise("\n".join(lines) + "\n")
    assert summarise(lines) == whole
    assert summarise([line + "\n" for line in lines]) == whole


class _EveryLine(LogReader):
    """Keeps no learned pattern: every line is read in detail."""

    def _keep(self, shape: bytes, whole: str, text: str, source: str, reading: Reading) -> None:
        return


@given(LOG)
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


@given(LOG)
@settings(max_examples=80, deadline=None)
def test_no_number_is_reported_that_does_not_stand_in_the_log(lines: list[str]) -> None:
    judge(lines)


def test_every_number_of_the_framework_logs_stands_in_them() -> None:
    for case in CASES:
        summary, numbers = summarise(case.log), printed(case.log)
        for value in (summary.final, summary.best):
            assert value is None or any(abs(value - number) <= 1e-9 * max(1.0, abs(value)) for number in numbers), case.name
