"""The shape of a line: what is left of it without its digits and, where a log is full of them, without its identifiers.

Shapes are made for a whole block at once, because most lines of a log are told apart by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

from bot.results.metrics import SPLITS, family_of, words_of
from bot.results.patterns import ANY_NUMBER, EXAMPLE_FILES, GROUP, NUMBER
from bot.results.words import BARE_NAMES, COURSE_STEMS, INTEREST, NAME_ENDS, OF_SEVERAL, TOLD_ANYWHERE

_DIGITS: Final = b"0123456789"
_OF_NUMBERS: Final = b"+-.,eE"
_VARIED: Final = 8
_MOST_WORDS: Final = 100_000
_FEW: Final = 500
_UNSEEN: Final = 8
_MARK: Final = b"\0"  # control characters are gone from the lines
_HEX: Final = rb"[0-9A-Fa-f]{8,}(?:-[0-9A-Fa-f]{4,})*"
_LONG: Final = rb"[A-Za-z0-9+/_\-]{64,}"
_CODED: Final = rb"[A-Za-z0-9+/]{24,}={0,2}"
_FILE: Final = rb"[\w./\-]*\.(?i:" + EXAMPLE_FILES.encode() + rb")\b"
_NAMED: Final = re.compile(rb"(?<![\w./\-])" + _FILE)
_ENDING: Final = re.compile(rb"\.(?i:" + EXAMPLE_FILES.encode() + rb")\b")
IDENTIFIER: Final = re.compile(
    rb"(?<![\w.])(?:(?=[0-9\-]{0,64}[A-Fa-f])" + _HEX + rb"|(?=[A-Za-z0-9+/_\-]{24})(?:" + _LONG
    + rb"|(?=(?:[A-Za-z+/]{0,40}[0-9]+[A-Za-z+/]){3})" + _CODED + rb"))"
)
"""Commit hashes, request and container ids, encoded bytes; never a number, even in scientific notation."""
ANY_IDENTIFIER: Final = b"(?>" + b"|".join((_FILE, _HEX + rb"(?![\w+/=\-])", _LONG, _CODED, _HEX)) + b")"
"""Atomic: one identifier is of several of these kinds, and a line of twenty would be tried in every combination of them."""


def shapes_of(block: bytes, known: Collection[bytes]) -> tuple[list[bytes], bool]:
    """The shape of each line, and whether identifiers were taken out.

    That costs time, so it is done only where one line in eight is of no `known` shape.
    """
    shapes = _bare(block)
    if not _varied(shapes, known):
        return shapes, False
    if _ENDING.search(block):
        block = _NAMED.sub(b"#", block)
        shapes = _bare(block)
        if not _varied(shapes, known):
            return shapes, True
    return _bare(IDENTIFIER.sub(b"#", block)), True


def _bare(block: bytes) -> list[bytes]:
    return block.translate(None, _DIGITS).split(b"\n")


def _varied(shapes: list[bytes], known: Collection[bytes]) -> bool:
    return sum(shape not in known for shape in set(shapes)) * _VARIED > len(shapes)


class Words:
    """Which words of a log may tell anything: each is judged once, unless nearly all are new ones."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._telling: set[bytes] = set()
        self._perhaps: set[bytes] = set()
        self._new = 0  # blocks for which nearly all words are taken to be new ones

    def interesting(self, shapes: Collection[bytes]) -> set[bytes]:
        """Those of the shapes that hold a word of interest. A vocabulary is much smaller than what is written with it."""
        if self._new and len(shapes) > _FEW:
            self._new -= 1
            return searched(shapes)
        parts = {shape: shape.split() for shape in shapes}
        words = set().union(*parts.values())
        fresh = words - self._known
        if 2 * len(fresh) > len(words) > _FEW:
            self._new = _UNSEEN
            return searched(shapes)
        self._learn(fresh)
        telling, perhaps = self._telling, self._perhaps
        return {
            shape
            for shape, part in parts.items()
            if not telling.isdisjoint(part) or (not perhaps.isdisjoint(part) and INTEREST.search(shape.lower()))
        }

    def _learn(self, fresh: set[bytes]) -> None:
        if not fresh:
            return
        if len(self._known) > _MOST_WORDS:
            for kept in (self._known, self._telling, self._perhaps):
                kept.clear()
        words = list(fresh)
        text = b"\n".join(words).lower()
        self._telling.update(word for word, mark in zip(words, INTEREST.sub(_MARK, text).split(b"\n"), strict=True) if _MARK in mark and _tells(word))
        self._perhaps.update(word for word, mark in zip(words, OF_SEVERAL.sub(_MARK, text).split(b"\n"), strict=True) if _MARK in mark)
        self._known.update(words)


def searched(shapes: Collection[bytes]) -> set[bytes]:
    """The same, for shapes full of words that were never seen before: all are searched at once, and only what is found is judged."""
    marked = INTEREST.sub(_MARK, b"\n".join(shapes).lower()).split(b"\n")
    return {shape for shape, mark in zip(shapes, marked, strict=True) if _MARK in mark and _any_tells(shape, mark)}


def _any_tells(shape: bytes, mark: bytes) -> bool:
    words, marks = shape.split(b" "), mark.split(b" ")
    if len(words) != len(marks):  # what was found spans several words
        return True
    return any(_MARK in one and _tells(word) for word, one in zip(words, marks, strict=True))


@lru_cache(maxsize=16_384)
def _tells(word: bytes) -> bool:
    """Whether a word with some stem of interest in it is one: `val_closs` is, `closed` and `interval` are none."""
    if TOLD_ANYWHERE.search(word.lower()):
        return True
    parts = words_of(word.decode("utf-8", "replace"))
    return any(
        family_of(part) or part in SPLITS or part in BARE_NAMES or part.startswith(COURSE_STEMS) or part.endswith(NAME_ENDS) for part in parts
    )


def _hidden(line: bytes) -> list[tuple[int, int]]:
    """Where the identifiers of a line are, and the names of files of single examples."""
    files = [found.span() for found in _NAMED.finditer(line)]
    spans = (found.span() for found in IDENTIFIER.finditer(line))
    return files + [(a, b) for a, b in spans if not any(a < stop and start < b for start, stop in files)]


def line_pattern(text: str, needed: Collection[int], *, masked: bool) -> bytes | None:
    """A pattern for the lines that differ from the text in their numbers (if `masked`: and identifiers) only; None where that cannot be told.

    It has a group for each number whose position is `needed`. Nothing but commas between two numbers do not hold them apart: of such a line
    every way to part them would be tried.
    """
    whole = text.encode()
    hidden = _hidden(whole) if masked else []
    pieces = [(a, b, ANY_IDENTIFIER) for a, b in hidden]
    for i, found in enumerate(NUMBER.finditer(text)):
        a, b = (len(text[:at].encode()) for at in found.span())
        if not any(a < stop and start < b for start, stop in hidden):
            pieces.append((a, b, GROUP if i in needed else ANY_NUMBER))
        elif i in needed:
            return None
    pattern, end = b"", 0
    for a, b, piece in sorted(pieces):
        if end and a > end and not whole[end:a].strip(_OF_NUMBERS):
            return None
        pattern += re.escape(whole[end:a]) + piece
        end = b
    return pattern + re.escape(whole[end:])
