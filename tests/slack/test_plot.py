"""The picture of a curve is a PNG that any viewer opens, whatever the numbers are."""

from __future__ import annotations

import math
import struct
import zlib

import pytest

from bot.slack.plot import HEIGHT, WIDTH, line_chart, ticks


def rows(picture: bytes) -> list[bytes]:
    """The pixel rows; fails on any chunk that is not as PNG wants it."""
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    at, data = 8, b""
    while at < len(picture):
        length, kind = struct.unpack(">I4s", picture[at : at + 8])
        body = picture[at + 8 : at + 8 + length]
        assert zlib.crc32(kind + body) == struct.unpack(">I", picture[at + 8 + length : at + 12 + length])[0]
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    raw = zlib.decompress(data)
    assert len(raw) == HEIGHT * (WIDTH * 3 + 1)
    return [raw[row * (WIDTH * 3 + 1) + 1 : (row + 1) * (WIDTH * 3 + 1)] for row in range(HEIGHT)]


@pytest.mark.parametrize(
    "points",
    [
        [(0.0, 0.1), (10.0, 0.9)],
        [(5.0, 0.5)],
        [(0.0, 0.5), (10.0, 0.5)],
        [(0.0, 1e300), (1e9, -1e300)],
        [(0.0, math.nan), (1.0, math.inf), (2.0, 3.0)],
        [],
    ],
    ids=["two points", "one point", "a flat line", "huge numbers", "not numbers", "nothing"],
)
def test_any_curve_makes_a_picture(points: list[tuple[float, float]]) -> None:
    picture = rows(line_chart("a job: \u00e4 metric", "step", "accuracy", [("run", points)]))
    assert len(set(picture)) > 1


def test_a_line_is_drawn_where_its_values_are() -> None:
    flat = rows(line_chart("", "", "", [("run", [(0.0, 0.0), (1.0, 0.0)]), ("other", [(0.0, 1.0), (1.0, 1.0)])]))
    blue, orange = bytes((32, 104, 220)), bytes((222, 92, 40))
    middle = WIDTH // 2 * 3
    column = [row[middle : middle + 3] for row in flat]
    assert column.index(orange) < column.index(blue)


def test_ticks_are_round_and_span_the_values() -> None:
    assert ticks(0.11, 0.97, 6) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(0, 490, 7)[:3] == [0.0, 100.0, 200.0]
    assert ticks(5, 5, 6)[0] < 5 < ticks(5, 5, 6)[-1]
