"""A line chart as a PNG: title, grid, named axes, one line for each series, the last value written beside its end. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final

from bot.slack.png import Canvas, Colour, text_width

WIDTH, HEIGHT = 1200, 675
_LEFT, _RIGHT, _TOP, _BOTTOM = 150, 150, 120, 100
_INK: Final[Colour] = (40, 44, 52)
_SOFT: Final[Colour] = (120, 126, 138)
_GRID: Final[Colour] = (228, 231, 236)
_TINT: Final[Colour] = (236, 243, 253)
_LINES: Final[tuple[Colour, ...]] = (
    (32, 104, 220), (222, 92, 40), (26, 152, 108), (148, 76, 196), (196, 150, 16), (200, 48, 96), (20, 150, 180), (110, 110, 110),
)  # fmt: skip

Series = tuple[str, Sequence[tuple[float, float]]]


def line_chart(title: str, x_label: str, y_label: str, series: Sequence[Series]) -> bytes:
    """The chart as a PNG. Each series is a name and its (x, y) points, at least one of them with two points or more; at most eight are drawn."""
    drawn = [(name, [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]) for name, points in series[: len(_LINES)]]
    drawn = [(name, points) for name, points in drawn if points]
    xs = [x for _, points in drawn for x, _ in points] or [0.0]
    ys = [y for _, points in drawn for _, y in points] or [0.0]
    x_ticks, y_ticks = ticks(min(xs), max(xs), 7), ticks(min(ys), max(ys), 6)
    frame = _Frame(min(xs), max(max(xs), min(xs) + 1e-9), min(y_ticks[0], min(ys)), max(y_ticks[-1], max(ys)))
    canvas = Canvas(WIDTH, HEIGHT)
    canvas.text(_LEFT, 28, _fitting(title, WIDTH - _LEFT - 40, 4), _INK, 4)
    if len(drawn) == 1:
        _shade(canvas, frame, drawn[0][1])
    _axes(canvas, frame, x_ticks, y_ticks, x_label, y_label)
    for number, (name, points) in enumerate(drawn):
        path = [frame.at(x, y) for x, y in points]
        canvas.line(path, _LINES[number], 5.0)
        canvas.line(path[-1:], _LINES[number], 15.0)
        if len(drawn) == 1:
            canvas.text(round(path[-1][0]) + 16, round(path[-1][1]) - 10, f"{points[-1][1]:.5g}", _LINES[number])
        else:
            _legend(canvas, number, name)
    return canvas.png()


class _Frame:
    """Where values lie on the picture."""

    def __init__(self, low_x: float, high_x: float, low_y: float, high_y: float) -> None:
        self._low_x, self._low_y = low_x, low_y
        self._per_x = (WIDTH - _LEFT - _RIGHT) / ((high_x - low_x) or 1.0)
        self._per_y = (HEIGHT - _TOP - _BOTTOM) / ((high_y - low_y) or 1.0)

    def at(self, x: float, y: float) -> tuple[float, float]:
        return _LEFT + (x - self._low_x) * self._per_x, HEIGHT - _BOTTOM - (y - self._low_y) * self._per_y


def ticks(low: float, high: float, wanted: int) -> list[float]:
    """Round values from at most `low` to at least `high`, about `wanted` of them, 1, 2 or 5 times a power of ten apart."""
    if high <= low:
        low, high = low - (abs(low) or 1.0) * 0.1, high + (abs(high) or 1.0) * 0.1
    rough = (high - low) / max(1, wanted - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _axes(canvas: Canvas, frame: _Frame, x_ticks: Sequence[float], y_ticks: Sequence[float], x_label: str, y_label: str) -> None:
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    for value in y_ticks:
        y = round(frame.at(0, value)[1])
        canvas.box(_LEFT, y, right - _LEFT, 2, _GRID)
        shown = f"{value:g}"
        canvas.text(_LEFT - 14 - text_width(shown), y - 10, shown, _SOFT)
    for value in x_ticks:
        x = round(frame.at(value, 0)[0])
        if _LEFT - 1 <= x <= right + 1:
            canvas.box(x, bottom, 2, 8, _SOFT)
            shown = f"{value:g}"
            canvas.text(x - text_width(shown) // 2, bottom + 18, shown, _SOFT)
    canvas.box(_LEFT, bottom, right - _LEFT, 2, _SOFT)
    canvas.text(_LEFT, _TOP - 40, _fitting(y_label, 500, 3), _SOFT)
    canvas.text(right - text_width(x_label), HEIGHT - 44, x_label, _SOFT)


def _shade(canvas: Canvas, frame: _Frame, points: Sequence[tuple[float, float]]) -> None:
    """A light area under a single line."""
    bottom = HEIGHT - _BOTTOM
    path = [frame.at(x, y) for x, y in points]
    for (x1, y1), (x2, y2) in itertools.pairwise(path):
        for x in range(round(x1), round(x2)):
            y = round(y1 + (y2 - y1) * (x - x1) / ((x2 - x1) or 1.0))
            canvas.box(x, y, 1, bottom - y, _TINT)


def _legend(canvas: Canvas, number: int, name: str) -> None:
    left, top = WIDTH - _RIGHT + 24, _TOP + number * 34
    canvas.box(left, top, 20, 20, _LINES[number])
    canvas.text(left + 28, top, _fitting(name, WIDTH - left - 34, 3), _INK)


def _fitting(text: str, width: int, scale: int) -> str:
    """As much of the text as fits."""
    most = max(1, (width // scale + 1) // 6)
    return text if len(text) <= most else text[: most - 2] + ".."
