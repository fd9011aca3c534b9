"""Turns readings into curves: what earlier lines say about later ones, splits that lines leave out, running and final values."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.results.failures import Failures
from bot.results.grammar import Found, Reading
from bot.results.headline import Board, Key, Series
from bot.results.metrics import LOSS
from bot.results.spoken import Phrases, Spoken
from bot.results.tables import Tables

_MOST_SOURCES: Final = 256
EVALUATED: Final = ("val", "test")
EXAMPLES: Final = "examples"
"""In place of a split: values of single examples, which are no results."""
SLOW_UNITS: Final = ("it", "step", "batch", "It")


@dataclass(slots=True)
class Context:
    """What earlier lines of one source say about the next."""

    epoch: float | None = None
    step: float | None = None
    section: str | None = None
    inside: str | None = None  # the split of an evaluation pass whose batches were printed last
    tables: Tables = field(default_factory=Tables)


@dataclass(slots=True)
class Variant:
    """One shape of line as read from one source, and the curves that its values feed.

    `pattern` has a group for each number that the reading refers to; positions in `reading` count these groups.
    """

    reading: Reading
    source: str
    pattern: re.Pattern[bytes] | None = None
    many: re.Pattern[bytes] | None = None
    steady: bool = False
    keys: frozenset[tuple[str, str, str, tuple[str, ...]]] = frozenset()
    bound: dict[tuple[int, str, bool], Series] = field(default_factory=dict)


Number = str | bytes


def number(text: Number) -> float | None:
    """The number as printed (thousands separators allowed); None where it is none."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(text.replace(b",", b"") if isinstance(text, bytes) else text.replace(",", ""))
    except ValueError:
        return None


def place(text: Number) -> float | None:
    """An epoch or step as printed; None where it is none."""
    value = number(text)
    return value if value is not None and math.isfinite(value) else None


class Collector:
    """All that a log's lines add up to, apart from failures and devices."""

    def __init__(self, failures: Failures) -> None:
        self.board = Board()
        self.phrases = Phrases()
        self.failures = failures
        self._contexts: dict[str, Context] = {}
        self.rates: dict[bool, tuple[Number, str]] = {}

    @property
    def throughput(self) -> str | None:
        """The last throughput as printed, with its unit; samples over iterations."""
        found = self.rates.get(True) or self.rates.get(False)
        if found is None:
            return None
        value = found[0].decode() if isinstance(found[0], bytes) else found[0]
        return f"{value} {found[1]}"

    def context(self, source: str) -> Context:
        """The context of a source; beyond the most sources that are told apart, they share one."""
        found = self._contexts.get(source)
        if found is None:
            if len(self._contexts) >= _MOST_SOURCES:
                source = ""
            found = self._contexts.setdefault(source, Context())
        return found

    def speak(self, source: str, spoken: Spoken) -> None:
        """Takes a value of a table or a set phrase."""
        context, what = self.context(source), spoken.what
        value, step = number(spoken.value), place(spoken.step) if spoken.step else None
        if value is None or not math.isfinite(value) or (what.family.bounded and spoken.of is None and not 0 <= value <= 100):
            return
        if spoken.of is not None:
            whole = number(spoken.of)
            if not whole or value > whole:
                return
            value /= whole
        extra = what.extra
        if self.phrases.mask and what.family.name.startswith("mAP") and not {"bbox", "segm"} & set(extra):
            extra = (*extra, "segm")
        split = what.split or context.section or ("train" if what.family.tier == LOSS and step is not None else "unknown")
        series = self.board.of(Key(source, what.family, what.name, split, extra), signed=spoken.percent)
        if series is None:
            return
        if step is None:
            step = context.epoch if context.epoch is not None else context.step
        if spoken.best:
            series.decide(value, step)
        else:
            series.add(value, step)
        self.failures.progress(source)

    def apply(self, variant: Variant, numbers: Sequence[Number]) -> None:
        """Takes a line that was read: `numbers` are its numbers as text."""
        reading = variant.reading
        context = self.context(variant.source)
        epoch = place(numbers[reading.epoch]) if reading.epoch >= 0 else None
        step = place(numbers[reading.step]) if reading.step >= 0 else None
        follow(context, reading, epoch, step)
        if reading.rate_unit:
            self.rates[not reading.rate_unit.startswith(SLOW_UNITS)] = (numbers[reading.rate], reading.rate_unit)
        if not reading.found:
            return
        partial = partial_of(reading, numbers)
        at = _step(context, epoch, step, bar=reading.bar)
        around = context.section or (context.inside if reading.batch < 0 and not reading.stepped else None)
        for i, found in enumerate(reading.found):
            split = found.split or around or found.default
            if split == EXAMPLES:
                continue
            inside = partial and split in EVALUATED
            if partial:
                context.inside = split if inside else None
                if inside and found.split:
                    context.section = None  # the batches themselves tell what is evaluated
            series = variant.bound.get((i, split, inside)) or self.bind(variant, i, split, inside=inside)
            if series is not None:
                _take(series, found, numbers, at, reading)
        self.failures.progress(variant.source)

    def bind(self, variant: Variant, i: int, split: str, *, inside: bool) -> Series | None:
        """The curve of value `i` of the line."""
        found = variant.reading.found[i]
        what = found.what
        series = self.board.of(Key(variant.source, what.family, what.name, split, what.extra, inside), signed=found.percent)
        if series is not None:
            variant.bound[i, split, inside] = series
        return series


def partial_of(reading: Reading, numbers: Sequence[Number]) -> bool:
    """Whether the line tells of some batches of a pass, not of the pass."""
    if reading.batch < 0 or reading.bar:
        return False
    if reading.batches < 0:
        return True
    done, whole = number(numbers[reading.batch]), number(numbers[reading.batches])
    return done is not None and whole is not None and done < whole


def _step(context: Context, epoch: float | None, step: float | None, *, bar: bool) -> float | None:
    if epoch is not None:
        return epoch
    if step is not None and not bar:
        return step
    if context.epoch is not None:
        return context.epoch
    return step if step is not None else context.step


def follow(context: Context, reading: Reading, epoch: float | None, step: float | None) -> None:
    """What the line changes for the lines after it, and for itself."""
    if reading.section is not None:
        context.section = None if reading.section == "reset" else reading.section
    elif context.section is not None and reading.found and _leaves(context, reading, epoch, step):
        context.section = None
    if epoch is not None:
        context.epoch = epoch
    if step is not None:
        context.step = step


def _leaves(context: Context, reading: Reading, epoch: float | None, step: float | None) -> bool:
    """Whether a line shows that the evaluation announced before is over: training goes on."""
    if reading.training and not reading.bar:
        return True
    if epoch is not None:
        return context.epoch is not None and epoch != context.epoch
    plain_loss = any(found.split is None and found.what.family.tier == LOSS for found in reading.found)
    return step is not None and reading.batches < 0 and not reading.bar and plain_loss


def _take(series: Series, found: Found, numbers: Sequence[Number], at: float | None, reading: Reading) -> None:
    """One value into its curve, if it can be one at all."""
    averaged = found.average >= 0 and series.key.split in EVALUATED and reading.batch >= 0 and not reading.bar
    text = numbers[found.average if averaged else found.at]
    value = number(text)
    if value is None:
        return
    if not math.isfinite(value):
        series.nan = True
        return
    if found.of >= 0:
        whole = number(numbers[found.of])
        if not whole or not 0 <= value <= whole:
            return
        value /= whole
    family = found.what.family
    if (family.bounded and not 0 <= value <= 100) or (family.name == "perplexity" and value <= 0):
        return
    if found.percent != series.signed and value:
        value = _same_unit(value, series, percent=found.percent)
    elif family.bounded and series.pending is not None and _repeats(value, series.pending[1]):
        return
    if not found.what.best:
        series.add(value, at, passing=reading.bar)
        return
    digits = text.decode() if isinstance(text, bytes) else text
    decimals = len(digits.lower().partition("e")[0].partition(".")[2])
    when = place(numbers[reading.last_epoch]) if reading.last_epoch > found.at else at if reading.epoch > found.at else None
    series.note_best(value, when, 0.5 * 10.0**-decimals)


def _repeats(value: float, last: float) -> bool:
    """The same value as a percentage and as a fraction (`accuracy: 76.41`, then `eval_accuracy=0.76412`)."""
    small, large = min(value, last), max(value, last)
    return 0 < small <= 1 < large and abs(small * 100 - large) <= 5e-4 * large


def _same_unit(value: float, series: Series, *, percent: bool) -> float:
    """A curve printed now with and now without the percent sign stays one curve."""
    if percent:
        return value if max(series.largest, series.pending[1] if series.pending else 0.0) > 1.5 else value / 100
    return value * 100 if value <= 1 else value
