"""Many lines at once: values of plain lines are queued as rows and taken column by column.

It must come to the same as taking line after line. Lines are queued only if nothing that they mean depends on their neighbours
(:func:`prepared`), never beside lines that feed the same curve in another shape, and the queue is emptied before any other line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from bot.results.collect import EVALUATED, SLOW_UNITS, Collector, Context, Variant
from bot.results.grammar import Found, Reading
from bot.results.headline import Series

Row = tuple[bytes, ...]
_FEW = 4


def prepared(reading: Reading, source: str, pattern: re.Pattern[bytes]) -> Variant:
    """The variant of a shape, with what the queue needs to know of it."""
    keys = frozenset((source, found.what.family.name, found.what.name, found.what.extra) for found in reading.found)
    return Variant(reading, source, pattern, steady=_steady(reading), keys=keys)


def _steady(reading: Reading) -> bool:
    """Whether lines of the shape mean the same whatever their numbers and whatever stands between them."""
    if reading.section is not None or any(found.of >= 0 or found.what.best for found in reading.found):
        return False
    return reading.stepped or all(found.split or reading.batch >= 0 for found in reading.found)


def _clash(one: Variant, other: Variant) -> bool:
    """Whether the order of the lines of two shapes matters: they feed one curve, or one tells the epoch of the other."""
    if not one.keys.isdisjoint(other.keys):
        return True
    return one.source == other.source and one.reading.stepped != other.reading.stepped


class _Queued:
    __slots__ = ("last", "rows", "variant")

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self.rows: list[Row] = []
        self.last = 0


class Bulk:
    """The queue in front of a collector."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._queue: dict[int, _Queued] = {}
        self._count = 0

    def add(self, variant: Variant, rows: Sequence[Row]) -> None:
        """Takes lines of one shape in their order."""
        if not variant.steady:
            self.flush()
            for row in rows:
                self._collector.apply(variant, row)
            return
        queued = self._queue.get(id(variant))
        if queued is None:
            if any(_clash(variant, other.variant) for other in self._queue.values()):
                self.flush()
            queued = self._queue[id(variant)] = _Queued(variant)
        queued.rows.extend(rows)
        self._count += 1
        queued.last = self._count

    def flush(self) -> None:
        """Hands all queued lines to the collector, the shape that came last at last."""
        if not self._queue:
            return
        for queued in sorted(self._queue.values(), key=lambda queued: queued.last):
            if len(queued.rows) < _FEW or not _take_rows(self._collector, queued.variant, queued.rows):
                for row in queued.rows:
                    self._collector.apply(queued.variant, row)
        self._queue.clear()
        self._count = 0


def _take_rows(collector: Collector, variant: Variant, rows: list[Row]) -> bool:
    """Takes the rows as columns; False (and nothing taken) where a value needs a closer look."""
    reading, context = variant.reading, collector.context(variant.source)
    if context.section is not None:
        return False
    columns = list(zip(*rows, strict=True))
    try:
        numbers = {at: list(map(float, columns[at])) for at in _needed(reading)}
    except ValueError:
        return False
    if not all(math.isfinite(sum(numbers[one])) for one in (reading.epoch, reading.step) if one >= 0):
        return False
    at = _steps(context, reading, numbers, len(rows))
    partial = _partial(reading, numbers, len(rows))
    taken: list[tuple[Series, list[float], list[float | None], bool]] = []
    for i, found in enumerate(reading.found):
        values = numbers[_column(reading, found)]
        split = found.split or found.default
        for inside in (True, False) if split in EVALUATED else (False,):
            chosen = [k for k in range(len(rows)) if partial[k] == inside] if split in EVALUATED and any(partial) else None
            if chosen == [] or (inside and chosen is None):
                continue
            series = variant.bound.get((i, split, inside)) or collector.bind(variant, i, split, inside=inside)
            if series is None:
                continue
            ended = math.isfinite(values[-1 if chosen is None else chosen[-1]])
            if not math.isfinite(sum(values)):
                chosen = [k for k in (chosen or range(len(rows))) if math.isfinite(values[k])]
            kept = values if chosen is None else [values[k] for k in chosen]
            if not _plain(found, series, kept):
                return False
            taken.append((series, kept, at if chosen is None else [at[k] for k in chosen], ended))
    for series, values, steps, ended in taken:
        series.extend(values, steps, passing=reading.bar)
        series.nan = not ended
    if reading.epoch >= 0:
        context.epoch = numbers[reading.epoch][-1]
    if reading.step >= 0:
        context.step = numbers[reading.step][-1]
    if reading.found and any(partial):
        last = reading.found[-1].split or reading.found[-1].default
        context.inside = last if last in EVALUATED else None
    if reading.rate_unit:
        collector.rates[not reading.rate_unit.startswith(SLOW_UNITS)] = (columns[reading.rate][-1], reading.rate_unit)
    if reading.found:
        collector.failures.progress(variant.source)
    return True


def _steps(context: Context, reading: Reading, numbers: dict[int, list[float]], count: int) -> list[float | None]:
    if reading.epoch >= 0:
        return [*numbers[reading.epoch]]
    if reading.step >= 0 and (not reading.bar or context.epoch is None):
        return [*numbers[reading.step]]
    return [context.epoch if context.epoch is not None else context.step] * count


def _column(reading: Reading, found: Found) -> int:
    averaged = found.average >= 0 and found.split in EVALUATED and reading.batch >= 0 and not reading.bar
    return found.average if averaged else found.at


def _needed(reading: Reading) -> set[int]:
    needed = {at for at in (reading.epoch, reading.step, reading.batch, reading.batches) if at >= 0}
    return needed | {_column(reading, found) for found in reading.found}


def _partial(reading: Reading, numbers: dict[int, list[float]], count: int) -> list[bool]:
    """For each row: whether it tells of some batches of a pass, not of the pass."""
    if reading.batch < 0 or reading.bar:
        return [False] * count
    if reading.batches < 0:
        return [True] * count
    return [done < whole for done, whole in zip(numbers[reading.batch], numbers[reading.batches], strict=True)]


def _plain(found: Found, series: Series, values: list[float]) -> bool:
    if found.percent != series.signed:
        return False
    if not values:
        return True
    low, family = min(values), found.what.family
    return not (family.bounded and (low < 0 or max(values) > 100)) and not (family.name == "perplexity" and low <= 0)
