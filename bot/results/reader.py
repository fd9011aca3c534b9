"""Reads a log fast: lines of a known shape are read with a pattern learned from the first of them.

Most lines of a long log differ only in their digits. A line's shape is the line without digits; it is made for a whole block at once.
Shapes without any word of interest are passed over; for the others the first line is read in detail and its reading kept.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby
from typing import Final

from bot.results.bulk import Bulk, prepared
from bot.results.collect import Collector, Context, Variant
from bot.results.devices import Devices
from bot.results.failures import Effect, Failures
from bot.results.grammar import Reading, read_line
from bot.results.lines import clean_block, strip_prefix
from bot.results.patterns import NUMBER
from bot.results.shapes import Words, line_pattern, shapes_of
from bot.results.stream import Blocks
from bot.results.words import METRIC_NAMES

_MOST_SHAPES: Final = 20_000
_MOST_VARIANTS: Final = 16
_MANY: Final = 8
_SIGHTINGS: Final = 2
_DEARER: Final = 64
_LONGEST_VARIANT: Final = 2_000
_MOST_GROUPS: Final = 90
_PROSE: Final = re.compile(r"[A-Za-z][A-Za-z'\-]*(?:[,;.]? [A-Za-z][A-Za-z'\-]*){8,}[.!?]?")
"""A sentence without a number: neither a title nor the head of a table."""
_DIGIT_MATTERS: Final = re.compile(r"exit|return|terminat|signal|code|available|count|fail|error", re.IGNORECASE)


class LogReader:
    """Feeds lines to the recognisers and holds what they find."""

    def __init__(self) -> None:
        self.devices = Devices()
        self.failures = Failures()
        self.collector = Collector(self.failures)
        self._blocks = Blocks()
        self._bulk = Bulk(self.collector)
        self._shapes: dict[bytes, list[Variant] | None] = {}  # None: of no interest
        self._seen: dict[bytes, int] = {}
        self._words = Words()
        self._learned = 0
        self._open_tables: set[int] = set()
        self._masked = False  # shapes are without identifiers
        self._watch = False  # the next lines matter even without any word of interest

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes of the log, cut anywhere."""
        block = self._blocks.feed(piece)
        if block:
            self._read_block(block)

    def close(self) -> None:
        """Reads what is left."""
        self._read_block(self._blocks.close())

    def _read_block(self, block: bytes) -> None:
        block = clean_block(block)
        lines = block.split(b"\n")
        known = self._shapes
        if len(known) > _MOST_SHAPES:
            known.clear()
            self._seen.clear()
        end = 0
        shapes, masked = shapes_of(block, known)
        fresh = {shape for shape in set(shapes) if shape not in known}
        hot = self._words.interesting(fresh)
        known.update({shape: [] if shape in hot else None for shape in fresh})
        self._masked = masked
        for shape, same in groupby(shapes):
            at, end = end, end + len(list(same))
            variants = known[shape]
            if self._watch:
                while at < end and self._watch:
                    self._read(lines[at], shape)
                    at += 1
                variants = known.get(shape)
            if variants is not None and at < end:
                self._read_alike(lines, at, end, shape, variants)
        self._bulk.flush()

    def _read_alike(self, lines: list[bytes], at: int, end: int, shape: bytes, variants: list[Variant]) -> None:
        """Reads lines of one shape: many at once by a known variant, or one by one."""
        tried = False
        while at < end:
            if end - at >= _MANY and variants and not tried:
                tried = True  # once: otherwise lines of several sources would cost the square of their number
                rows = _rows(variants[0], b"\n".join(lines[at:end]), end - at)
                if rows is not None:
                    self._bulk.add(variants[0], rows)
                    return
            for variant in variants:
                found = variant.pattern and variant.pattern.fullmatch(lines[at])
                if found:
                    self._bulk.add(variant, (found.groups(),))
                    break
            else:
                self._read(lines[at], shape)
                if self._shapes.get(shape) is None and not self._watch:
                    return
            at += 1

    def _read(self, raw: bytes, shape: bytes) -> None:
        """Reads one line in detail, and keeps its reading where every line of its shape may be read by it."""
        whole = raw.decode("utf-8", "replace")
        if not whole.strip():
            return
        self._bulk.flush()
        source, text = strip_prefix(whole)
        low = text.lower()
        context = self.collector.context(source)
        watched = self._watch
        effect = self.failures.read(source, text, low)
        told = self.devices.read(text, low)
        reading = None if effect is Effect.PART else self._metrics(context, source, text)
        if context.tables.open:
            self._open_tables.add(id(context))
        else:
            self._open_tables.discard(id(context))
        self._watch = self.failures.watching or bool(self._open_tables)
        if reading is not None and effect is Effect.NONE and not (told or watched or self._watch):
            self._keep(shape, whole, text, source, reading)

    def _metrics(self, context: Context, source: str, text: str) -> Reading | None:
        if _PROSE.fullmatch(text):
            return Reading()
        spoken = self.collector.phrases.read(text)
        if spoken is None:
            spoken = context.tables.read(text)
        if spoken is not None:
            for value in spoken:
                self.collector.speak(source, value)
            return None
        reading = read_line(text)
        self.collector.apply(Variant(reading, source), NUMBER.findall(text))
        return reading

    def _keep(self, shape: bytes, whole: str, text: str, source: str, reading: Reading) -> None:
        variants = self._shapes.get(shape)
        if variants is None or len(variants) >= _MOST_VARIANTS or _DIGIT_MATTERS.search(text):
            return
        if _inert(reading) and not METRIC_NAMES.search(shape.lower()):
            self._shapes[shape] = None
            return
        # A pattern costs more than reading a few lines: it waits for more of its shape, the longer the more patterns there are.
        seen = self._seen[shape] = self._seen.get(shape, 0) + 1
        if seen < _SIGHTINGS + self._learned // _DEARER:
            return
        if len(whole) > _LONGEST_VARIANT or len(NUMBER.findall(text)) >= _MOST_GROUPS or "\ufffd" in whole:
            return
        prefix = whole[: len(whole) - len(text)]
        at = prefix.rfind(source) if source else -1
        head = _loosely(prefix)
        if at >= 0:
            head = _loosely(prefix[:at]) + re.escape(source) + _loosely(prefix[at + len(source) :])
        needed, reading = _condensed(reading)
        pattern = line_pattern(text, needed, masked=self._masked)
        if pattern is not None:
            self._learned += 1
            variants.append(prepared(reading, source, re.compile(head.encode() + pattern)))


def _rows(variant: Variant, text: bytes, count: int) -> list[tuple[bytes, ...]] | None:
    """The numbers of `count` lines, None where not all of them are of the variant."""
    if variant.many is None:
        if variant.pattern is None:
            return None
        variant.many = re.compile(b"^" + variant.pattern.pattern + b"$", re.MULTILINE)
    found = variant.many.findall(text)
    if len(found) != count:
        return None
    if variant.many.groups > 1:
        return found
    return [(one,) for one in found] if variant.many.groups else [()] * count


def _inert(reading: Reading) -> bool:
    return not reading.found and reading.section is None and reading.epoch < 0 and reading.step < 0 and not reading.rate_unit


def _condensed(reading: Reading) -> tuple[set[int], Reading]:
    """The numbers that the reading refers to, and the reading with positions that count only these."""
    needed = {at for at in (reading.epoch, reading.last_epoch, reading.step, reading.batch, reading.batches, reading.rate) if at >= 0}
    needed |= {at for found in reading.found for at in (found.at, found.of, found.average) if at >= 0}
    place = {at: i for i, at in enumerate(sorted(needed))} | {-1: -1}
    condensed = replace(
        reading,
        found=[replace(one, at=place[one.at], of=place[one.of], average=place[one.average]) for one in reading.found],
        epoch=place[reading.epoch],
        last_epoch=place[reading.last_epoch],
        step=place[reading.step],
        batch=place[reading.batch],
        batches=place[reading.batches],
        rate=place[reading.rate],
    )
    return needed, condensed


def _loosely(prefix: str) -> str:
    """A pattern for the prefix with any digits."""
    return re.sub(r"\d+", r"\\d+", re.escape(prefix))
