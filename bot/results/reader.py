"""Reads a log fast: lines of a known shape are read with a pattern learned from the first of them.

Most lines of a long log differ only in their digits. A line's shape is the line without digits; it is made for a whole block at once.
Shapes without any word of interest are passed over; for the others the first line is read in detail and its reading kept.
"""

from __future__ import annotations

import re
from typing import Final

from bot.results.collect import Collector, Context, Variant
from bot.results.devices import Devices
from bot.results.failures import Effect, Failures
from bot.results.grammar import Reading, read_line
from bot.results.lines import clean_block, strip_prefix
from bot.results.patterns import GROUP, NUMBER
from bot.results.stream import Blocks

_DIGITS: Final = b"0123456789"
_MOST_SHAPES: Final = 20_000
_MOST_VARIANTS: Final = 8
_LONGEST_VARIANT: Final = 2_000
_MOST_GROUPS: Final = 90
_INTEREST: Final = re.compile(
    rb"acc|los|top|auc|prec|recall|map|\bap|bleu|rouge|iou|dice|dsc|hr[@ =:]|hit|ndcg|mrr|scor|rew|ret|wer|cer|err|eer|ppl|perp|xent|entropy|nll|cost|\bf\b|\bfb|f[-_]|_f"
    rb"|mae|mse|fid|psnr|ssim|pearson|spearm|kendall|kappa|qwk|matth|mcc|\br\b|r\xc2|em\b|exact|correct|cider|meteor|spice|te?l:|transl|[pr]@|jacc|learn|epoch|\bep\b|iter|step"
    rb"|eval|valid|test|train|metric|val\b|dev\b|e   +#|win|bp[bcd]\b|area|resum|begin|start|round|episod|updat"
    rb"|exception|trace|kill|fatal|abort|segm|signal|dump|cuda|nccl|nvml|nvidia|oom|memory|terminat|cancel|evict|admiss|fail|no such|not found|denied|interrupt"
    rb"|exit|what\(\)|xid|assert|bus |slurm|watchdog|no space|bad_alloc|illegal|floating|due to|handling|logging|reason|complet|finish|done|gpu|cpu|tesla|geforce"
    rb"|quadro|dlopen|could not|instinct|/s|/ s|per_sec|ips|wps|stopped|quit"
)
_DIGIT_MATTERS: Final = re.compile(r"exit|return|terminat|signal|code|available|count|fail|error", re.IGNORECASE)
_UNSEEN: Final[list[Variant]] = []
_NEVER: Final = re.compile(rb"(?!)")


class LogReader:
    """Feeds lines to the recognisers and holds what they find."""

    def __init__(self) -> None:
        self.devices = Devices()
        self.failures = Failures()
        self.collector = Collector(self.failures)
        self._blocks = Blocks()
        self._shapes: dict[bytes, list[Variant] | None] = {}
        self._open_tables: set[int] = set()
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
        for at, shape in enumerate(block.translate(None, _DIGITS).split(b"\n")):
            variants = known.get(shape, _UNSEEN)
            if variants is _UNSEEN:
                variants = known[shape] = [] if _INTEREST.search(shape.lower()) else None
            if self._watch:
                self._read(lines[at], variants)
            elif variants is not None:
                line = lines[at]
                for variant in variants:
                    found = variant.pattern.fullmatch(line)
                    if found:
                        self.collector.apply(variant, [group.decode() for group in found.groups()])
                        break
                else:
                    self._read(line, variants)

    def _read(self, raw: bytes, variants: list[Variant] | None) -> None:
        """Reads one line in detail, and keeps its reading where every line of its shape may be read by it."""
        whole = raw.decode("utf-8", "replace")
        if not whole.strip():
            return
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
        if reading is not None and variants is not None and effect is Effect.NONE and not (told or watched or self._watch):
            self._keep(variants, whole, text, source, reading)

    def _metrics(self, context: Context, source: str, text: str) -> Reading | None:
        spoken = self.collector.phrases.read(text)
        if spoken is None:
            spoken = context.tables.read(text)
        if spoken is not None:
            for value in spoken:
                self.collector.speak(source, value)
            return None
        reading = read_line(text)
        self.collector.apply(Variant(_NEVER, reading, source), NUMBER.findall(text))
        return reading

    def _keep(self, variants: list[Variant], whole: str, text: str, source: str, reading: Reading) -> None:
        if len(variants) >= _MOST_VARIANTS or len(whole) > _LONGEST_VARIANT or _DIGIT_MATTERS.search(text):
            return
        gaps = NUMBER.split(text)
        if len(gaps) > _MOST_GROUPS or "\ufffd" in whole:
            return
        prefix = whole[: len(whole) - len(text)]
        at = prefix.find(source) if source else -1
        head = _loosely(prefix)
        if at >= 0:
            head = _loosely(prefix[:at]) + re.escape(source) + _loosely(prefix[at + len(source) :])
        pattern = head.encode() + GROUP.join(re.escape(gap).encode() for gap in gaps)
        variants.append(Variant(re.compile(pattern, re.DOTALL), reading, source))


def _loosely(prefix: str) -> str:
    """A pattern for the prefix with any digits."""
    return re.sub(r"\d+", r"\\d+", re.escape(prefix))
