"""The shape of a line: what is left of it without its digits and, where a log is full of them, without its identifiers.

Shapes are made for a whole block at once, because most lines of a log are told apart by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from bot.results.patterns import ANY_NUMBER, GROUP, NUMBER
from bot.results.words import INTEREST, OF_SEVERAL

_DIGITS: Final = b"0123456789"
_VARIED: Final = 8
_LONG: Final = rb"[A-Za-z0-9+/_\-]{64,}"
IDENTIFIER: Final = re.compile(rb"\b(?<!\.)(?:(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{8,}(?:-[0-9A-Fa-f]{4,})*|" + _LONG + rb")")
"""Commit hashes, request and container ids, encoded bytes; never a number, even in scientific notation."""
ANY_IDENTIFIER: Final = rb"(?:[0-9A-Fa-f]{8,}(?:-[0-9A-Fa-f]{4,})*|" + _LONG + rb")"


def shapes_of(block: bytes, known: Collection[bytes]) -> tuple[list[bytes], bool]:
    """The shape of each line, and whether identifiers were taken out.

    That costs time, so it is done only where one line in eight is of no `known` shape.
    """
    shapes = block.translate(None, _DIGITS).split(b"\n")
    if sum(shape not in known for shape in set(shapes)) * _VARIED <= len(shapes):
        return shapes, False
    return IDENTIFIER.sub(b"#", block).translate(None, _DIGITS).split(b"\n"), True


def interesting(shapes: Iterable[bytes]) -> set[bytes]:
    """Those of the shapes that hold a word of interest. A vocabulary is much smaller than what is written with it."""
    parts = {shape: shape.lower().split() for shape in shapes}
    words = {word for part in parts.values() for word in part}
    sure = {word for word in words if INTEREST.search(word)}
    perhaps = {word for word in words if OF_SEVERAL.search(word)}
    return {
        shape
        for shape, part in parts.items()
        if not sure.isdisjoint(part) or (not perhaps.isdisjoint(part) and INTEREST.search(shape.lower()))
    }


def line_pattern(text: str, needed: Collection[int], *, masked: bool) -> bytes | None:
    """A pattern for the lines that differ from the text in their numbers (if `masked`: and identifiers) only; None where that cannot be told.

    It has a group for each number whose position is `needed`.
    """
    whole = text.encode()
    hidden = [found.span() for found in IDENTIFIER.finditer(whole)] if masked else []
    pieces = [(a, b, ANY_IDENTIFIER) for a, b in hidden]
    for i, found in enumerate(NUMBER.finditer(text)):
        a, b = (len(text[:at].encode()) for at in found.span())
        if not any(a < stop and start < b for start, stop in hidden):
            pieces.append((a, b, GROUP if i in needed else ANY_NUMBER))
        elif i in needed:
            return None
    pattern, end = b"", 0
    for a, b, piece in sorted(pieces):
        pattern += re.escape(whole[end:a]) + piece
        end = b
    return pattern + re.escape(whole[end:])
