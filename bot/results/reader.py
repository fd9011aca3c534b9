"""Reads a log as a stream of bytes, fast: lines of a known shape are read with a pattern learned from the first of them.

Most lines of a long log differ only in their digits. A line's shape is the line without digits; it is made for a whole block at once.
Shapes without any word of interest are passed over; for the others the first line is read in detail and the reading kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.results import failures as failure_words
from bot.results.devices import ANY as DEVICE_WORDS
from bot.results.devices import Devices
from bot.results.failures import Failures
from bot.results.grammar import NUMBER, Found, Reading, read_line
from bot.results.headline import Board, Key, Series
from bot.results.lines import LINE_LIMIT, clean_block, strip_prefix
from bot.results.metrics import LOSS
from bot.results.spoken import Phrases, Spoken
from bot.results.tables import Tables

_BLOCK: Final = 1 << 18
_DIGITS: Final = b"0123456789"
_MOST_SHAPES: Final = 20_000
_MOST_VARIANTS: Final = 8
_MOST_SOURCES: Final = 256
_GROUP: Final = rb"([-+]?(?:(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|NaN|NAN|inf|Inf|Infinity))"
_INTEREST: Final = re.compile(
    rb"acc|los|top|auc|prec|recall|map|\bap|bleu|rouge|iou|dice|dsc|hr@|hit|ndcg|mrr|scor|rew|ret|wer|cer|err|ppl|perp|xent|entropy|nll|cost|\bf\b|fb|_f|mae|mse|fid|psnr|ssim|pearson"
    rb"|spearm|kappa|matth|mcc|r2|\br\b|em\b|exact|correct|cider|meteor|te?l:|trl:|transl|perform|[pr]@|jacc|learn|epoch|\bep\b|iter|step|eval|valid|test|train|metric|e   +#"
    rb"|error|exception|trace|kill|fatal|abort|segm|signal|dump|cuda|nccl|nvml|nvidia|oom|memory|terminat|cancel|evict|admiss|fail|no such|not found|denied|interrupt|exit|what\(\)|xid|assert"
    rb"|bus |slurm|watchdog|no space|bad_alloc|illegal|floating|due to|handling|logging|reason|complet|finish|done|success|gpu|cpu|tesla|geforce|quadro|dlopen|could not|instinct|/s|sec|ips|wps|stopped|quit"
)


@dataclass(slots=True)
class _Context:
    """What earlier lines of one source say about the next."""

    epoch: float | None = None
    step: float | None = None
    section: str | None = None
    inside: str | None = None  # the split of an evaluation pass whose batches were printed last
    tables: Tables = field(default_factory=Tables)


@dataclass(slots=True)
class _Variant:
    pattern: re.Pattern[bytes]
    reading: Reading
    source: str
    bound: dict[tuple[int, str, bool], Series] = field(default_factory=dict)


_NEVER: Final = re.compile(rb"(?!)")
_UNSEEN: Final[list[_Variant]] = []


def number(text: str) -> float | None:
    """The number as printed (thousands separators allowed); None where it is none."""
    try:
        return float(text)
    except ValueError:
        try:
            return float(text.replace(",", ""))
        except ValueError:
            return None


class LogReader:
    """Feeds lines to the recognisers and collects what they find."""

    def __init__(self) -> None:
        self.board = Board()
        self.devices = Devices()
        self.failures = Failures()
        self._phrases = Phrases()
        self._rate: dict[bool, str] = {}
        self._contexts: dict[str, _Context] = {}
        self._shapes: dict[bytes, list[_Variant] | None] = {}
        self._held: list[bytes] = []
        self._size = 0
        self._dropping = False
        self._watch = False

    @property
    def throughput(self) -> str | None:
        """The last throughput as printed, with its unit; samples over iterations."""
        return self._rate.get(True) or self._rate.get(False)

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes of the log, cut anywhere."""
        self._held.append(piece)
        self._size += len(piece)
        if self._size >= _BLOCK:
            self._flush(last=False)

    def close(self) -> None:
        """Reads what is left."""
        self._flush(last=True)

    def _flush(self, *, last: bool) -> None:
        data = b"".join(self._held)
        self._held, self._size = [], 0
        if self._dropping:
            cut = _line_end(data, first=True)
            if cut < 0 and not last:
                return
            data, self._dropping = (data[cut:] if cut >= 0 else b""), False
        cut = len(data) if last else _line_end(data, first=False) + 1
        rest = data[cut:]
        if len(rest) > LINE_LIMIT:
            rest, self._dropping = rest[:LINE_LIMIT], True
        if rest:
            self._held, self._size = [rest], len(rest)
        if cut:
            self._read_block(data[:cut])

    def _read_block(self, block: bytes) -> None:
        block = clean_block(block)
        lines = block.split(b"\n")
        shapes = block.translate(None, _DIGITS).split(b"\n")
        known = self._shapes
        if len(known) > _MOST_SHAPES:
            known.clear()
        for at, shape in enumerate(shapes):
            variants = known.get(shape, _UNSEEN)
            if variants is _UNSEEN:
                variants = known[shape] = [] if _INTEREST.search(shape.lower()) else None
            if variants is None and not self._watch:
                continue
            line = lines[at]
            if variants and not self._watch:
                for variant in variants:
                    found = variant.pattern.fullmatch(line)
                    if found:
                        self._apply(variant, [group.decode() for group in found.groups()])
                        break
                else:
                    self._slow(line, variants)
            else:
                self._slow(line, variants)

    def _context(self, source: str) -> _Context:
        found = self._contexts.get(source)
        if found is None:
            if len(self._contexts) >= _MOST_SOURCES:
                source = ""
            found = self._contexts.setdefault(source, _Context())
        return found

    def _slow(self, raw: bytes, variants: list[_Variant] | None) -> None:
        if not raw.strip():
            return
        whole = raw[:LINE_LIMIT].decode("utf-8", "replace")
        source, text = strip_prefix(whole)
        context = self._context(source)
        was_watching = self._watch
        failed = self.failures.read(source, text)
        told = self.devices.read(text)
        if not failed:
            plain = self._metrics(context, source, text)
            if plain is not None and not told and not was_watching and not context.tables.open and variants is not None:
                self._keep(variants, whole, text, source, plain)
        self._watch = self.failures.watching or any(context.tables.open for context in self._contexts.values())

    def _metrics(self, context: _Context, source: str, text: str) -> Reading | None:
        """Reads one line for values; returns the reading if every line of its shape may be read by it."""
        spoken = self._phrases.read(text)
        if spoken is None:
            spoken = context.tables.read(text)
        if spoken is not None:
            for value in spoken:
                self._speak(context, source, value)
            return None
        reading = read_line(text)
        variant = _Variant(_NEVER, reading, source)
        self._apply(variant, NUMBER.findall(text))
        return None if failure_words.ANY.search(text) or DEVICE_WORDS.search(text) else reading

    def _keep(self, variants: list[_Variant], whole: str, text: str, source: str, reading: Reading) -> None:
        if len(variants) >= _MOST_VARIANTS or len(whole) > 2000:
            return
        prefix = whole[: len(whole) - len(text)]
        at = prefix.find(source) if source else -1
        head = _loosely(prefix[:at]) + re.escape(source) + _loosely(prefix[at + len(source) :]) if at >= 0 else _loosely(prefix)
        if len(NUMBER.findall(text)) > 90:
            return
        body = _GROUP.join(re.escape(gap).encode() for gap in NUMBER.split(text))
        variants.append(_Variant(re.compile(head.encode() + body, re.DOTALL), reading, source))

    def _speak(self, context: _Context, source: str, spoken: Spoken) -> None:
        value, step = number(spoken.value), number(spoken.step) if spoken.step else None
        what = spoken.what
        split = what.split or context.section or ("train" if what.family.name == "loss" and step is not None else "unknown")
        extra = what.extra
        if self._phrases.mask and what.family.name.startswith("mAP") and not {"bbox", "segm"} & set(extra):
            extra = (*extra, "segm")
        if value is None or not math.isfinite(value) or what.family.bounded and not 0 <= value <= 100:
            return
        series = self.board.of(Key(source, what.family, what.name, split, extra), signed=spoken.percent)
        if step is None:
            step = context.epoch if context.epoch is not None else context.step
        if series is None:
            return
        if spoken.best:
            series.note_best(value, step, 0.0)
        else:
            series.add(value, step)
        self.failures.progress(source)

    def _apply(self, variant: _Variant, numbers: Sequence[str]) -> None:
        reading, source = variant.reading, variant.source
        context = self._context(source)
        epoch = number(numbers[reading.epoch]) if reading.epoch >= 0 else None
        step = number(numbers[reading.step]) if reading.step >= 0 else None
        _follow(context, reading, epoch, step)
        if reading.rate >= 0 and reading.rate_unit:
            self._rate[not reading.rate_unit.startswith(("it", "step", "batch"))] = f"{numbers[reading.rate]} {reading.rate_unit}"
        if not reading.found:
            return
        passing = reading.bar
        partial = False
        if reading.batches >= 0 and not passing:
            done, of = number(numbers[reading.batch]), number(numbers[reading.batches])
            partial = done is not None and of is not None and done < of
        elif reading.batch >= 0 and not passing:
            partial = True
        at = epoch if epoch is not None else step if step is not None and not passing else None
        if at is None:
            at = context.epoch if context.epoch is not None else step if step is not None else context.step
        siblings = {found.what.family for found in reading.found if found.split in ("val", "test")}
        for i, found in enumerate(reading.found):
            split = found.split or context.section
            if split is None and not partial and epoch is None and step is None:
                split = context.inside
            if split is None:
                train = reading.training or partial or found.what.family in siblings or (found.what.family.tier == LOSS and (epoch is not None or step is not None))
                split = "train" if train else "unknown"
            inside = partial and split in ("val", "test")
            if partial:
                context.inside = split if inside else None
            series = variant.bound.get((i, split, inside))
            if series is None:
                what = found.what
                new = self.board.of(Key(source, what.family, what.name, split, what.extra, inside), signed=found.percent)
                if new is None:
                    continue
                series = variant.bound[i, split, inside] = new
            self._value(series, found, numbers, at, reading, passing=passing, inside=inside)

    def _value(self, series: Series, found: Found, numbers: Sequence[str], at: float | None, reading: Reading, *, passing: bool, inside: bool) -> None:
        text = numbers[found.average] if found.average >= 0 and (inside or reading.batches >= 0) and series.key.split in ("val", "test") else numbers[found.at]
        value = number(text)
        if value is None:
            return
        if not math.isfinite(value):
            series.nan = True
            return
        if found.of >= 0:
            whole = number(numbers[found.of])
            if not whole or value > whole:
                return
            value /= whole
        family = found.what.family
        if family.bounded and not 0 <= value <= 100:
            return
        if family.name == "perplexity" and value <= 0:
            return
        if found.percent != series.signed and value:
            value = _same_unit(value, series, percent=found.percent)
        if found.what.best:
            last = number(numbers[reading.last_epoch]) if reading.last_epoch > found.at else None
            decimals = len(text.split("e")[0].split("E")[0].partition(".")[2])
            series.note_best(value, last if last is not None else (at if reading.epoch > found.at else None), 0.5 * 10.0**-decimals)
        else:
            series.add(value, at, passing=passing)
        self.failures.progress(series.key.source)


def _follow(context: _Context, reading: Reading, epoch: float | None, step: float | None) -> None:
    """What the line changes for the lines after it, and for itself."""
    if reading.section is not None:
        context.section = None if reading.section == "reset" else reading.section
    elif context.section is not None and (
        reading.training and not reading.bar
        or (reading.found and epoch is not None and context.epoch is not None and epoch != context.epoch)
        or (step is not None and epoch is None and reading.batches < 0 and not reading.bar and any(f.what.family.tier == LOSS and f.split is None for f in reading.found))
    ):
        context.section = None
    if epoch is not None:
        context.epoch = epoch
    if step is not None:
        context.step = step


def _same_unit(value: float, series: Series, *, percent: bool) -> float:
    """A curve printed now with and now without the percent sign stays one curve."""
    if percent:
        return value if max(series.largest, series.pending[1] if series.pending else 0.0) > 1.5 else value / 100
    return value * 100 if value <= 1 else value


def _loosely(prefix: str) -> str:
    return re.sub(r"\d+", r"\\d+", re.escape(prefix))


def _line_end(data: bytes, *, first: bool) -> int:
    """Position of the first or last line end, or -1."""
    if first:
        found = [at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0]
        return min(found) if found else -1
    return max(data.rfind(b"\n"), data.rfind(b"\r"))


