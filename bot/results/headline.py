"""Collects the values of a run as series and chooses the one that a careful engineer would report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bot.results.metrics import ERROR, LOSS, Family

MOST_SERIES: Final = 600
KEPT_POINTS: Final = 200
SHOWN_POINTS: Final = 100
_SPLIT_ORDER: Final = {"test": 0, "val": 1, "unknown": 2, "train": 3}


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two values belong to one curve."""

    source: str
    family: Family
    name: str
    split: str
    extra: tuple[str, ...] = ()
    partial: bool = False  # a running value inside an evaluation pass


class Series:
    """One curve: last and best value in one pass and constant memory. Steps are epochs where the log names them."""

    __slots__ = (
        "best",
        "best_step",
        "count",
        "decided",
        "explicit",
        "explicit_step",
        "final",
        "key",
        "largest",
        "last_step",
        "lower",
        "nan",
        "order",
        "pending",
        "points",
        "signed",
        "smallest",
        "stride",
    )

    def __init__(self, key: Key, order: int, *, signed: bool) -> None:
        self.key, self.order, self.signed, self.lower = key, order, signed, key.family.lower
        self.count = 0
        self.final: float | None = None
        self.last_step: float | None = None
        self.best: float | None = None
        self.best_step: float | None = None
        self.explicit: tuple[float, float] | None = None  # a best-so-far value as printed, and half a unit of its last digit
        self.explicit_step: float | None = None
        self.decided: tuple[float, float | None] | None = None
        self.largest, self.smallest = -math.inf, math.inf
        self.nan = False
        self.pending: tuple[float | None, float, bool] | None = None
        self.points: list[tuple[float | None, float]] = []
        self.stride = 1

    def add(self, value: float, step: float | None, *, passing: bool = False) -> None:
        """One more value; a `passing` one (a progress bar's) gives way to the next value of the same step."""
        self.nan = False
        held = self.pending
        if held is not None and not (held[2] and held[0] == step):
            self._settle(held[0], held[1])
        self.pending = (step, value, passing)

    def _settle(self, step: float | None, value: float) -> None:
        best = self.best
        if self.count == 1 and best == 0 and self.key.family.tier == LOSS:
            best = None  # a loss of nothing at the first step was printed before there was one
        if best is None or (value < best if self.lower else value > best):
            self.best, self.best_step = value, step
        self.largest, self.smallest = max(self.largest, value), min(self.smallest, value)
        self.final, self.last_step = value, step
        if self.count % self.stride == 0:
            self._sample(step, value)
        self.count += 1

    def _sample(self, step: float | None, value: float) -> None:
        self.points.append((step, value))
        if len(self.points) >= KEPT_POINTS:
            self.points = self.points[::2]
            self.stride *= 2

    def extend(self, values: Sequence[float], steps: Sequence[float | None], *, passing: bool) -> None:
        """The same as :meth:`add` for each value (all finite), at once."""
        if not values:
            return
        if passing:
            kept = [i for i in range(len(values) - 1) if steps[i] != steps[i + 1]]
            kept.append(len(values) - 1)
            for i in kept:
                self.add(values[i], steps[i], passing=True)
            return
        self.add(values[0], steps[0])
        while self.count < 2 and len(values) > 1:
            values, steps = values[1:], steps[1:]
            self.add(values[0], steps[0])
        settled = values[:-1]
        if settled:
            top = min(settled) if self.lower else max(settled)
            if self.best is None or (top < self.best if self.lower else top > self.best):
                self.best, self.best_step = top, steps[settled.index(top)]
            self.largest, self.smallest = max(self.largest, max(settled)), min(self.smallest, min(settled))
            self.final, self.last_step = settled[-1], steps[len(settled) - 1]
            at = -self.count % self.stride
            while at < len(settled):
                self._sample(steps[at], settled[at])
                at += self.stride - (self.count + at) % self.stride
            self.count += len(settled)
        self.pending = (steps[-1], values[-1], False)

    def note_best(self, value: float, step: float | None, tolerance: float) -> None:
        """A value that the log itself calls the best so far."""
        if self.explicit is None or (value < self.explicit[0] if self.lower else value > self.explicit[0]):
            self.explicit, self.explicit_step = (value, tolerance), step

    def decide(self, value: float, step: float | None) -> None:
        """A best value of a curve whose direction only the program knows."""
        self.decided = (value, step)

    def close(self) -> None:
        """Counts the last value in; call once, at the end."""
        if self.pending is not None:
            self._settle(self.pending[0], self.pending[1])
            self.pending = None
        if self.decided is not None:
            self.best, self.best_step = self.decided
            if self.count > 1 and self.smallest < self.largest:
                self.lower = self.best - self.smallest < self.largest - self.best
            return
        if self.explicit is None:
            return
        value, tolerance = self.explicit
        if self.best is None or (value < self.best - tolerance if self.lower else value > self.best + tolerance):
            self.best, self.best_step = value, self.explicit_step
            self.largest = max(self.largest, value)

    @property
    def unit(self) -> str:
        """`percent`, `fraction`, or nothing for metrics that are plain numbers."""
        if self.signed:
            return "percent"
        name = self.key.family.name
        if name in ("bleu", "rouge", "translation") or (not self.key.family.bounded and name not in ("wer", "cer")):
            return ""
        return "percent" if self.largest > 1.5 or (self.largest > 1.0 and name not in ("wer", "cer")) else "fraction"

    def curve(self) -> list[tuple[float, float]]:
        """At most :data:`SHOWN_POINTS` points, first and last included; x is the step, or the order where steps repeat or lack."""
        points = list(self.points)
        if self.final is not None and self.count and (self.count - 1) % self.stride:
            points.append((self.last_step, self.final))
        steps = [step for step, _ in points]
        known = [step for step in steps[:-1] if step is not None]
        rising = len(known) >= len(points) - 1 and all(a < b for a, b in pairwise(known))
        last = steps[-1] if steps else None
        if not rising or last is None or (known and last <= known[-1]):
            points = [(1.0 + i * self.stride, value) for i, (_, value) in enumerate(points)]
        shown = [(float(step or 0.0), value) for step, value in points]
        if len(shown) <= SHOWN_POINTS:
            return shown
        pick = [round(i * (len(shown) - 1) / (SHOWN_POINTS - 1)) for i in range(SHOWN_POINTS)]
        return [shown[i] for i in pick]


class Board:
    """All series of a run."""

    def __init__(self) -> None:
        self.series: dict[Key, Series] = {}

    def of(self, key: Key, *, signed: bool) -> Series | None:
        """The series of `key`, made on first use; None where the log names more series than anyone could mean."""
        found = self.series.get(key)
        if found is None and len(self.series) < MOST_SERIES:
            found = self.series[key] = Series(key, len(self.series), signed=signed)
        return found

    def headline(self) -> Series | None:
        """The series to report, closed; None where nothing may be reported."""
        for series in self.series.values():
            series.close()
        ready = [series for series in self.series.values() if series.best is not None]
        if not ready:
            return None
        winner = min(ready, key=_preference)
        if winner.key.family.name == "loss" and any(word[0] != "#" for word in winner.key.extra) and _parts(ready, winner) > 1:
            return None
        return _spokesman(_same_by_name(winner, ready), ready)

    def split_of(self, series: Series) -> str:
        """A curve without a split is that of the validation data if the log names the same metric's training curve."""
        key = series.key
        if key.split != "unknown" or series.count < 2:
            return key.split
        trained = any(other.key.split == "train" and other.key.family is key.family and other.count for other in self.series.values())
        return "val" if trained else "unknown"


def _preference(series: Series) -> tuple[int | bool, ...]:
    key = series.key
    # XGBoost and LightGBM number their validation sets; the last one is the one that stops the training.
    number = max((int(word[1:]) for word in key.extra if word[0] == "#"), default=0)
    more = sum(word[0] != "#" for word in key.extra)
    return (key.family.tier, _SPLIT_ORDER[key.split], key.partial, series.count == 0, key.family.rank, more, -number, series.order)


def _same_by_name(winner: Series, ready: Iterable[Series]) -> Series:
    """MLPerf calls whatever it measures the accuracy: where an error ends at the very same value, that is what was measured."""
    if winner.key.family.name != "accuracy" or not winner.final or winner.final in (0.5, 1.0, 50.0, 100.0):
        return winner
    errors = (series for series in ready if series.key.family.tier == ERROR and series.key.split == winner.key.split and series.final)
    return next((series for series in errors if series.final in (winner.final, round(100 * winner.final, 8))), winner)


def _parts(ready: Iterable[Series], winner: Series) -> int:
    return len({s.key.extra for s in ready if s.key.family is winner.key.family and s.key.split == winner.key.split})


def _rank(source: str) -> tuple[int, str]:
    if re.search(r"(?i)chief|master|launcher", source):
        return (-1, source)
    found = re.search(r"(\d+)\D*$", source)
    return (int(found[1]) if found and len(found[1]) < 6 else 0, source)


def _spokesman(winner: Series, ready: Iterable[Series]) -> Series:
    """Several pods print the same metric: rank 0 speaks for all, unless it fell far behind."""
    same = [s for s in ready if (s.key.family, s.key.name, s.key.split, s.key.extra, s.key.partial) ==
            (winner.key.family, winner.key.name, winner.key.split, winner.key.extra, winner.key.partial)]
    most = max(s.count for s in same)
    return min((s for s in same if s.count * 2 >= most), key=lambda s: _rank(s.key.source))
