"""Reads one clean line: which of its numbers are metric values, which is the epoch or step, and what else the line says.

A reading refers to numbers by position, so that one reading serves every line of the same shape.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from bot.results.metrics import SPLITS, Named, family_of, named, words_of

NUMBER_PATTERN: Final = (
    r"(?<![\w@.\-+])(?<![Tt]op )(?<!IoU[=>])(?<!@\[)(?<!\.5:)(?<!50:)(?<![Rr]ank )"
    r"[-+]?(?:(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
    r"|(?<![\w.])[-+]?(?:nan|NaN|NAN|inf|Inf|Infinity)(?!\w)"
)
NUMBER: Final = re.compile(NUMBER_PATTERN)

_COMMAND: Final = re.compile(
    r"(?:^|\s)--?[A-Za-z][\w\-]*[= ]?\S*.*\s--[A-Za-z]|(?:^|\s)--[A-Za-z]\w*=|\b(?:Namespace|HParams|hparams|Hyperparameters|Hparams|Arguments|Config|Parameters|TrainingArguments|Params)\s*[:({=]"
    r"|^\s*(?:\+ |\$ |>>> |usage:|Usage:|args\b|config\b|Command|Collecting |Requirement already|Downloading |Installing |Successfully installed|Using cached|pip |import |from |def |class |assert |return |print\()"
    r"|\b(?:Input Parameters|hyper-?parameters?)\b|\.(?:ckpt|pth?|h5|hdf5|pkl|params|safetensors|keras|onnx)\b.*\d|improved from|did not improve|was not in top"
    r"|\b(?i:paper|expect(?:s|ed)?|should|published|state[- ]of[- ]the[- ]art|at least|at most|stop(?:ping)? (?:when|if|at)|until)\b"
)
_HEAD_STEP: Final = re.compile(r"^\s*\[$|^\s*$|^s:$")
_EPOCH: Final = re.compile(r"(?i)(?:^|[^a-z])(?P<of>[a-z]+[_ \-])?ep(?:och)?(?:_num|_idx|_id|_number)?[\"']?\s*(?:\((?:train|val|valid|test|eval)\))?[\s.:#=|\[(\"']*$")
_STEP: Final = re.compile(
    r"(?i)(?:^|[^a-z])(?P<of>[a-z]+[_ \-])?(?:(?:global|train|micro)[_ ]?step|step|iter(?:ation)?|num_updates|update|up|(?:total_)?timesteps?|episode|round|generation|trial)"
    r"[\"']?[\s.:#=|\[(\"']*$"
)
_BATCH: Final = re.compile(r"(?i)(?:^|[^a-z])(?:mini-?)?batch[\s.:#=|\[(\"']*$")
_NOT_A_STEP: Final = re.compile(r"(?i)(?:^|[^a-z])(?:num|max|total|n|warm-?up|first|best|of|per|save|log|eval|each|last|every|early|decay|training|start|resume|initial)[_ \-]$")
_STRONG: Final = re.compile(r"[;|│┃\t,]| - |(?<=\S) {3,}(?=[^\s=:])|[\])}>](?=\s*[\w'\"])|\. (?=[A-Z])|\bwith\b")
_SET: Final = re.compile(r"(?:[:=：]|->|→|=>)\s*[\"']?\s*(?:[\w.]+\()?[\[({\s]*[\"']?$")
_OVER: Final = re.compile(r"[<>≥≤!~]=?\s*$|\+/-\s*$|±\s*$|\bto\s*$|\bthan\s*$")
_LETTER: Final = re.compile(r"[A-Za-z]")
_CELL_END: Final = re.compile(r"[│┃|,\t]\W*$")
_LINK: Final = frozenset("is was of reached equals got are now score rate value percent pct average avg mean micro macro weighted".split())
_VALUE_ONLY: Final = frozenset("value metricvalue bbox val score result current epoch".split())
_FLAG: Final = re.compile(r"(?:^|\s)--?[A-Za-z][\w\-]*[= ]*$")
_BAR: Final = re.compile(r"\d+/\d+ (?:\[[=>.\-#  ]+\]|━|-\s)|\d+%\||\[[=>#.\- ]{5,}\]|^\s*step \d+/\d+ - ")
_LR: Final = re.compile(r"(?i)(?:^|[^a-z])(?:lr|learning[_ ]rate|grad_?norm|gnorm|grad norm)(?:[^a-z]|$)")
_HEADER: Final = re.compile(
    r"(?i)^\W*(?:[\w\-]+\W+){0,3}?(?:running|start(?:ing|ed)?|begin(?:ning)?|do|run|perform(?:ing)?|now|final|results?|on|for|the|of)?\W*"
    r"(evaluat\w*|validat\w*|testing|test|eval|val|dev|valid)\b"
)
_RESET: Final = re.compile(r"(?i)\b(?:begin\w*|start\w*|resum\w*|running)\b.*\b(?:epoch|train\w*)|^\W*train(?:ing)?\b|^\W*epoch\W*\d+(?:\s*/\s*\d+)?\W*$")
_THROUGHPUT: Final = re.compile(
    r"(?i)(?:^|[\s|:=(,\[])(?P<before>(?:avg_|global )?(?:throughput|ips|speed|wps|fps|(?:train_|running_?avg_?|curr_?)?(?:samples|tokens|images|examples|img|seqs?|words|tok)_?(?:per_?second|per_?sec|/sec|/s|persec)))\"?'?\s*[:=]?\s*$"
)
_PER_SECOND: Final = re.compile(
    r"(?i)^\s*((?:images?|imgs?|samples?|examples?|tokens?|toks?|seqs?|sequences|sentences|words?|frames|records|episodes|steps|iterations|iters?|it|batch(?:es)?|rays|graphs|queries|ex)\s?(?:/\s?(?:sec(?:ond)?|s)|per[_ ]sec(?:ond)?)s?)\b"
)


@dataclass(frozen=True, slots=True)
class Found:
    """One metric value of a line: number `at`, or the ratio of `at` and `of`, or the running average `average` behind it."""

    what: Named
    split: str | None
    at: int
    of: int = -1
    average: int = -1
    percent: bool = False
    decimal: bool = False


@dataclass(slots=True)
class Reading:
    """What one line shape says; positions count the numbers of the line, -1 stands for none."""

    found: list[Found] = field(default_factory=list)
    epoch: int = -1
    step: int = -1
    bar: bool = False
    batch: int = -1
    batches: int = -1
    last_epoch: int = -1
    training: bool = False
    section: str | None = None
    rate: int = -1
    rate_unit: str = ""

    @property
    def empty(self) -> bool:
        return not self.found and self.epoch < 0 and self.step < 0 and self.section is None and self.rate < 0


def is_command(text: str) -> bool:
    """Command lines, flags, configuration dumps, package lists, checkpoint names: they name metrics but report none."""
    return _COMMAND.search(text) is not None


class LineReader:
    """Reads one line; a fresh one per line (it carries the label from number to number)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.spans = [found.span() for found in NUMBER.finditer(text)][:200]
        self.reading = Reading()
        self.split: str | None = None
        self.carry = ""

    def read(self) -> Reading:
        reading, text = self.reading, self.text
        reading.bar = _BAR.search(text) is not None
        reading.training = _LR.search(text) is not None or reading.bar
        if not self.spans or is_command(text):
            self._section()
            return reading
        end = 0
        skip = -1
        for k, (a, b) in enumerate(self.spans):
            gap = text[end:a]
            end = b
            if k <= skip:
                continue
            self._position(k, gap, a, b)
            skip = self._value(k, gap)
        if not reading.found:
            self._section()
        return reading

    def _position(self, k: int, gap: str, a: int, b: int) -> None:
        reading, text = self.reading, self.text
        if reading.epoch < 0 and self._counts(_EPOCH, gap, a):
            reading.epoch = k
        elif reading.step < 0 and self._counts(_STEP, gap, a):
            reading.step = k
        elif k == 0 and reading.step < 0 and (text[b : b + 2] in ("]\t", "] ") and gap.strip() == "[" or gap == "s:" or (gap == "" and text[b : b + 6] in (":\tlear", ":\ttest"))):
            reading.step = k
        elif _BATCH.search(gap):
            reading.batch = k
            if reading.step < 0:
                reading.step = k
        if reading.epoch >= 0 and self._counts(_EPOCH, gap, a):
            reading.last_epoch = k
        slash = k + 1 < len(self.spans) and re.fullmatch(r"\s?/\s?", text[b : self.spans[k + 1][0]])
        if slash and reading.epoch != k and (reading.step == k or reading.batch == k or gap.rstrip().endswith("[")):
            reading.batch, reading.batches = k, k + 1
        unit = _PER_SECOND.match(text, b)
        named_before = _THROUGHPUT.search(gap)
        if unit and (reading.rate < 0 or "it" not in unit[1][:2]) or (named_before and reading.rate < 0):
            reading.rate = k
            reading.rate_unit = unit[1].strip() if unit else _spelled(named_before["before"]) if named_before else ""

    def _counts(self, pattern: re.Pattern[str], gap: str, a: int) -> bool:
        found = pattern.search(gap)
        if found is None or self.text[a : a + 1] == ".":
            return False
        before = gap[: found.end("of")] if found["of"] else gap[: found.start() + 1]
        return not _NOT_A_STEP.search(before)

    def _value(self, k: int, gap: str) -> int:
        """Takes number `k` as a value if its label says so; returns the last number that belongs to it (or -1)."""
        text, (a, b) = self.text, self.spans[k]
        pieces = _STRONG.split(gap.rstrip(" "))
        cut = len(pieces) > 1
        label = pieces[-1]
        for word in words_of(gap if len(gap) < 200 else gap[-200:]):
            if word in SPLITS and not self._glued(word, gap):
                self.split = SPLITS[word]
        if cut and not _LETTER.search(label) and _CELL_END.search(gap):
            before = next((piece for piece in reversed(pieces) if _LETTER.search(piece)), "")
            if _bare(before):
                label, gap = before, before + "="
        words = set(words_of(label))
        if words and words <= _VALUE_ONLY:
            earlier = next((piece for piece in reversed(pieces[:-1]) if named(piece)), self.carry)
            label = earlier + " " + label if earlier else label
            self.carry = ""
        elif self.carry and not cut:
            label = self.carry + " " + label
        what = named(label.strip())
        self.carry = label if what else ""
        if what is None or self._unfit(k, a, b, gap, label, what):
            return -1
        self.carry = ""
        return self._take(k, what, label, gap)

    def _glued(self, word: str, gap: str) -> bool:
        """`val_loss` says nothing about its neighbours, `Val loss` does."""
        return re.search(rf"(?i){word}[_/]\w|\w[_/.]{word}", gap) is not None

    def _unfit(self, k: int, a: int, b: int, gap: str, label: str, what: Named) -> bool:
        text = self.text
        if _OVER.search(gap) or _FLAG.search(gap) or self.reading.epoch == k or self.reading.step == k:
            return True
        after = text[b : b + 2]
        if re.match(r"[A-Za-z_]|:\d|\.\d|,\d|-\w|%\||\.\.|%-", after) and not re.match(r"e\b", after):
            return True
        if _per_class(label):
            return True
        if _SET.search(gap):
            return len(what.tail) > 8
        tail = [w for w in what.tail if not w.isdigit()]
        return not _LINK.issuperset(tail)

    def _take(self, k: int, what: Named, label: str, gap: str) -> int:
        text, last = self.text, k
        a, b = self.spans[k]
        of = average = -1
        rest = text[b : b + 12]
        following = self.spans[k + 1] if k + 1 < len(self.spans) else None
        if following and re.fullmatch(r"\s?/\s?", text[b : following[0]]) and what.family.bounded:
            of, last = k + 1, k + 1
            rest = text[following[1] : following[1] + 12]
        elif following and re.fullmatch(r"\s+\(\s*", text[b : following[0]]) and text[following[1] : following[1] + 1] == ")":
            average, last = k + 1, k + 1
        percent = of < 0 and (re.match(r"\s?%", rest) is not None or re.search(r"%|\bpercent|\bpct", label) is not None)
        decimal = of >= 0 or "." in text[a:b] or (percent and _SET.search(gap) is not None)
        if "correct" in words_of(label) and of < 0 and not percent:
            return -1
        if what.family.decimal and not decimal:
            return -1
        self.reading.found.append(Found(what, what.split or self.split, k, of, average, percent, decimal))
        return last

    def _section(self) -> None:
        text = self.text.strip()
        if len(text) > 120 or not text or any("." in self.text[a:b] for a, b in self.spans):
            return
        if _RESET.search(text):
            self.reading.section = "reset"
            return
        found = _HEADER.match(text)
        if found and (text[-1] in ".:*=-#>]" or text[0] in "*=-#[>" or len(text.split()) <= 4 or self.reading.epoch >= 0 or self.reading.step >= 0):
            split = next((SPLITS[w] for w in words_of(text) if w in ("test", "testing", "tst")), None)
            self.reading.section = split or SPLITS.get(found[1].lower(), "val")


def _spelled(word: str) -> str:
    low = word.lower()
    for stem in ("token", "tok", "image", "img", "example", "word", "seq"):
        if stem in low:
            return {"tok": "tokens", "img": "images", "seq": "sequences"}.get(stem, stem + "s") + "/s"
    return "words/s" if low == "wps" else "samples/s" if "samples" in low or low == "ips" else ""


def _bare(piece: str) -> bool:
    words = words_of(piece)
    return 0 < len(words) <= 5 and any(family_of(word) for word in words)


def _per_class(label: str) -> bool:
    """`Accuracy of plane :` tells of one class; `Accuracy of the network on the test images:` of the whole."""
    found = re.search(r"(?i)\b(?:of|for)\s+(?:the\s+)?(?:class\W+)?([A-Za-z]\w*)", label)
    return found is not None and found[1].lower() not in _WHOLE and found[1].lower() not in SPLITS


_WHOLE: Final = frozenset("the network model net classifier best final this our images set data dataset all validation test epoch class step iteration fold".split())


def read_line(text: str) -> Reading:
    """The reading of one clean line."""
    return LineReader(text).read()
