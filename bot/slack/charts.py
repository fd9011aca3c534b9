"""Curves: Slack's own chart block, and the same as one line of text for where charts are not shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.slack.blocks import Block, cut

POINTS: Final = 20
BARS: Final = "▁▂▃▄▅▆▇█"


def thinned(points: Sequence[tuple[float, float]], limit: int = POINTS) -> list[tuple[float, float]]:
    """At most `limit` of the points, evenly spread, the first and the last among them."""
    if len(points) <= limit:
        return list(points)
    last = len(points) - 1
    return [points[round(number * last / (limit - 1))] for number in range(limit)]


def curve(title: str, metric: str, points: Sequence[tuple[float, float]]) -> Block:
    """A line chart of (step, value) (Slack: data_visualization; 20 points, title 50, labels 20 characters)."""
    chosen = thinned(points)
    labels = [f"{step:g}" for step, _ in chosen]
    data = [{"label": label, "value": value} for label, (_, value) in zip(labels, chosen, strict=True)]
    return {
        "type": "data_visualization",
        "title": cut(title, 50),
        "chart": {
            "type": "line",
            "series": [{"name": cut(metric, 20), "data": data}],
            "axis_config": {"categories": labels, "x_label": "step", "y_label": cut(metric, 20)},
        },
    }


def sparkline(points: Sequence[tuple[float, float]]) -> str:
    """The curve in one line of block characters; '' for fewer than two points."""
    chosen = thinned(points, 30)
    if len(chosen) < 2:
        return ""
    values = [value for _, value in chosen]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(BARS[min(len(BARS) - 1, int((value - low) / span * len(BARS)))] for value in values)
