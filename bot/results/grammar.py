"""Reads one clean line: which of its numbers are metric values, which is the epoch or step, and what else the line says.

A reading refers to numbers by position, so that one reading serves every line of the same shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

from bot.results import patterns as p
from bot.results.metrics import LOSS, SPLITS, Named, as_error, family_of, named, words_of
from bot.results.words import vocabulary

_MOST_NUMBERS: Final = 200
_LONGEST_LABEL: Final = 500
_LINK: Final = vocabulary(
    """
    is was of reached equals got are now score rate value percent pct average avg mean micro macro weighted
    """
)
_ONE: Final = "\ufffc"
"""In place of the name of an example."""
_MEAN: Final = frozenset(("avg", "mean", "average"))
_VERB: Final = frozenset(("is", "was", "are", "equals", "reached"))
_VALUE_ONLY: Final = frozenset(("value", "metricvalue", "bbox", "val", "score", "result", "current", "epoch"))


@dataclass(frozen=True, slots=True)
class Found:
    """One metric value of a line: number `at`, or the ratio of `at` and `of`, or the running average `average` behind it."""

    what: Named
    split: str | None
    at: int
    of: int = -1
    average: int = -1
    percent: bool = False
    default: str = "unknown"  # the split where neither the line nor those before it tell
    mean: bool = False


@dataclass(slots=True)
class Reading:
    """What one line shape says; positions count the numbers of the line, -1 stands for none."""

    found: list[Found] = field(default_factory=list)
    epoch: int = -1
    last_epoch: int = -1
    step: int = -1
    batch: int = -1
    batches: int = -1
    rate: int = -1
    rate_unit: str = ""
    bar: bool = False
    training: bool = False
    section: str | None = None

    @property
    def stepped(self) -> bool:
        """Whether the line names its own epoch or step (the count of a progress bar is none)."""
        return self.epoch >= 0 or (self.step >= 0 and not self.bar)


class LineReader:
    """Reads one line; a fresh one per line (it carries the label from number to number)."""

    def __init__(self, text: str) -> None:
        low = text.lower()
        saved = p.SAVED.search(low)
        self.text = text[: saved.start()] if saved else text
        self.low = low[: saved.start()] if saved else low
        self.spans: list[tuple[int, int]] = []
        self.reading = Reading()
        self.split: str | None = None
        self.carry = ""
        self.behind = self.best = self.files = False
        self.said: list[tuple[int, int]] = []

    def read(self) -> Reading:
        """The reading of the line."""
        low, reading = self.low, self.reading
        measured = p.METRIC_STEM.search(low) is not None and p.TITLE.search(low) is None
        stepped = p.STEP_STEM.search(low) is not None
        rated = p.RATE_STEM.search(low) is not None
        sectioned = p.SECTION_STEM.search(low) is not None
        if not (measured or stepped or rated or sectioned):
            return reading
        self.spans = [found.span() for found in p.NUMBER.finditer(self.text)][:_MOST_NUMBERS]
        told = p.reporting(low) if self.spans else 0
        if told and (stepped or not p.is_example(low)):
            self._shorten(told)
            if measured:
                reading.bar = p.BAR.search(self.text) is not None
                reading.training = reading.bar or p.LEARNING_RATE.search(low) is not None
                self.behind = p.BEHIND.search(self.text) is not None
                self.best = p.BEST_OF.search(low) is not None
                self.said = [found.span() for found in p.SAID.finditer(self.text)]
                self.files = p.EXAMPLE_FILE.search(self.text) is not None
                self.split = "val" if low.startswith(p.ESTIMATED) else None
            self._numbers(measured=measured, stepped=stepped, rated=rated)
        if reading.found:
            found = _averaged(reading.found)
            if p.TORCH7.match(low):
                found = [replace(one, what=as_error(one.what)) for one in found]
            reading.found = [replace(one, default="train") if self._trains(one) else one for one in found]
        elif sectioned or measured:
            self._section()
        return reading

    def _shorten(self, told: int) -> None:
        self.text, self.low = self.text[:told], self.low[:told]
        self.spans = [span for span in self.spans if span[1] <= told]

    def _trains(self, found: Found) -> bool:
        """Values beside a learning rate, a batch count or their own validation are those of training; so is the loss of a step."""
        reading, family = self.reading, found.what.family
        if reading.training or reading.batch >= 0 or (family.tier == LOSS and (reading.epoch >= 0 or reading.step >= 0)):
            return True
        return any(other.split in ("val", "test") and other.what.family is family for other in reading.found)

    def _numbers(self, *, measured: bool, stepped: bool, rated: bool) -> None:
        end, taken = 0, -1
        for k, (a, b) in enumerate(self.spans):
            gap = self.text[max(end, a - _LONGEST_LABEL) : a]
            end = b
            if k <= taken:
                continue
            if stepped:
                self._position(k, gap[-48:].lower(), a, b)
            if rated:
                self._rate(k, gap[-48:].lower(), b)
            if measured:
                measured = p.ONE_CLASS.search(gap[-24:].lower()) is None or not self.text[a:b].isdigit()
                taken = self._value(k, gap) if measured else -1

    def _position(self, k: int, gap: str, a: int, b: int) -> None:
        reading, text = self.reading, self.text
        if self._counts(p.EPOCH, gap, a):
            if reading.epoch < 0:
                reading.epoch = k
            else:
                reading.last_epoch = k
        elif reading.step < 0 and (self._counts(p.STEP, gap, a) or (k == 0 and self._leads(gap, b))):
            reading.step = k
            if reading.epoch >= 0 and p.STEP_OF_PASS.search(gap):
                reading.batch = k
        elif p.BATCH.search(gap):
            reading.batch = k
            reading.step = k if reading.step < 0 else reading.step
        if text.startswith("epoch", b) or (k == 0 and gap.endswith("train: ") and text[b : b + 2] == " ["):  # timm: `Train: 12 [40/500`
            reading.epoch = k
        if reading.epoch == k or text[b : b + 2].strip()[:1] != "/" or k + 1 >= len(self.spans):
            return
        if p.RATIO.fullmatch(text, b, self.spans[k + 1][0]) and (reading.step == k or reading.batch == k or gap.rstrip().endswith("[")):
            reading.batch, reading.batches = k, k + 1

    def _counts(self, pattern: re.Pattern[str], gap: str, a: int) -> bool:
        found = pattern.search(gap)
        if found is None or self.text[a] == ".":
            return False
        before = gap[: found.end("of")] if found["of"] else gap[: found.start() + 1]
        if pattern is p.EPOCH and before.rstrip().endswith("eval"):
            return True
        return p.NOT_A_STEP.search(before) is None

    def _leads(self, gap: str, b: int) -> bool:
        """`[12]  train-auc:…`, `s:12 trl:…`: the number at the head of the line is the step."""
        head, after = gap.strip(), self.text[b : b + 2]
        return (head == "[" and after in ("]\t", "] ")) or gap == "s:" or head == "steps:" or (not head and after == ": ")

    def _rate(self, k: int, gap: str, b: int) -> None:
        reading = self.reading
        unit = p.PER_SECOND.match(self.text, b)
        if unit and (reading.rate < 0 or not unit[1].lower().startswith("it")):
            reading.rate, reading.rate_unit = k, unit[1]
        elif reading.rate < 0 and (name := p.THROUGHPUT.search(gap)):
            reading.rate, reading.rate_unit = k, p.spelled(name["name"])

    def _value(self, k: int, gap: str) -> int:
        """Takes number `k` as a value if its label says so; returns the last number that belongs to it (or -1)."""
        if self.behind:
            end = self.spans[k][1]
            gap = self.text[end : self.spans[k + 1][0] if k + 1 < len(self.spans) else None].partition(",")[0] + ":"
        if self.files:
            gap = p.EXAMPLE_FILE.sub(_ONE, gap)
        pieces = p.STRONG.split(gap.rstrip(" "))
        label, cut = pieces[-1], len(pieces) > 1
        self._hear_split(gap)
        if cut and not p.LETTER.search(label) and p.CELL_END.search(gap):
            before = next((piece for piece in reversed(pieces) if p.LETTER.search(piece)), "")
            if _bare(before) and not self._counted(k, before):
                label, gap = before, before + "="
        words = set(words_of(label))
        if words and words <= _VALUE_ONLY:
            earlier = next((piece for piece in reversed(pieces[:-1]) if named(piece)), self.carry)
            label = earlier + " " + label if earlier else label
        elif self.carry and not cut:
            label = self.carry + " " + label
        what = named(label.strip())
        self.carry = label[-200:] if what else ""
        if what and k not in (self.reading.epoch, self.reading.step) and p.KEY.match(self.text, self.spans[k][1]):
            self.carry += self.text[slice(*self.spans[k])]
            return -1
        if what is None or _ONE in label or self._unfit(k, gap, label, what):
            return -1
        taken = self._take(k, what, label, gap)
        if taken >= 0:
            self.carry = ""
        return taken

    def _counted(self, k: int, name: str) -> bool:
        """Whether a cell tells how many parameters or samples there are: a whole number beside the name of a share or a loss."""
        what = named(name)
        return self.text[slice(*self.spans[k])].isdigit() and what is not None and (what.family.bounded or what.family.tier == LOSS)

    def _hear_split(self, gap: str) -> None:
        """`Val loss` tells of what follows too; `val_loss` says nothing about its neighbours."""
        if not p.SECTION_STEM.search(gap.lower()) and "learn" not in gap:
            return
        for word in words_of(gap[-200:]):
            if word in SPLITS and not re.search(rf"(?i){word}[_/.]\w|\w[_/.]{word}", gap):
                self.split = SPLITS[word]

    def _unfit(self, k: int, gap: str, label: str, what: Named) -> bool:
        if self.reading.epoch == k or self.reading.step == k or p.OVER.search(gap) or p.FLAG.search(gap) or p.SOURCE_LINE.search(gap):
            return True
        start, end = self.spans[k]
        if any(a < start < b for a, b in self.said) or p.AFTER.match(self.text, end) or p.LISTED.match(self.text, end):
            return True
        if p.is_of_one_class(label.lower()) or label.strip(" '\"=:,(") == "iou":
            return True
        if p.SET.search(gap):
            return len(what.tail) > 8
        if what.tail and what.tail[-1] in _VERB:
            return len(what.tail) > 4
        return not _LINK.issuperset(word for word in what.tail if not word.isdigit())

    def _take(self, k: int, what: Named, label: str, gap: str) -> int:
        text, last = self.text, k
        a, b = self.spans[k]
        end, of, average = b, -1, -1
        if k + 1 < len(self.spans):
            start, stop = self.spans[k + 1]
            if what.family.bounded and p.RATIO.fullmatch(text, b, start) and "." not in text[a:b] + text[start:stop]:
                of = last = k + 1
                end = stop
            elif text[stop : stop + 1] == ")" and p.RUNNING.fullmatch(text, b, start):
                average = last = k + 1
        percent = of < 0 and (p.PERCENT.match(text, end) is not None or p.PERCENT_NAME.search(label) is not None)
        decimal = of >= 0 or "." in text[a:b] or (percent and p.SET.search(gap) is not None)
        if (what.family.decimal and not decimal) or ("correct" in words_of(label) and of < 0 and not percent):
            return -1
        if self.best and not what.best:
            what = replace(what, best=True)
        mean = not _MEAN.isdisjoint(words_of(label))
        self.reading.found.append(Found(what, what.split or self.split, k, of, average, percent, mean=mean))
        return last

    def _section(self) -> None:
        text, low = self.text.strip(), self.low.strip()
        if not text or len(text) > 120 or any("." in self.text[a:b] for a, b in self.spans):
            return
        if p.EXAMPLES.match(low):
            self.reading.section = "examples"
            return
        if p.RESET.search(low):
            self.reading.section = "reset"
            return
        found = p.HEADER.match(p.BETWEEN_WORDS.sub(" ", low))
        stepped = self.reading.epoch >= 0 or self.reading.step >= 0
        short = len(text.split()) <= (4 if self.spans else 6)
        if found and (text[-1] in ".:*=-#>]" or text[0] in "*=-#[>" or short or stepped):
            split = next((SPLITS[word] for word in words_of(text) if word in ("test", "testing", "tst")), None)
            self.reading.section = split or SPLITS.get(found[1], "val")


def _averaged(found: list[Found]) -> list[Found]:
    """Of a single and an average value of one metric (`reward: -21, Avg. reward: -19.9`) only the average."""
    mean = {_same(one) for one in found if one.mean}
    return [one for one in found if one.mean or one.what.best or _same(one) not in mean]


def _same(found: Found) -> tuple[object, ...]:
    return found.what.family, found.what.name, found.split, found.what.extra


def _bare(piece: str) -> bool:
    words = words_of(piece)
    return 0 < len(words) <= 5 and any(family_of(word) for word in words)


def read_line(text: str) -> Reading:
    """The reading of one clean line."""
    return LineReader(text).read()
