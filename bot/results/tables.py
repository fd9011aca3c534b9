"""Tables: a header of names, then rows of numbers - pipes, boxes, tabs, commas or columns of blanks."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from bot.results.metrics import LOSS, SPLITS, Named, family_of, named, words_of
from bot.results.patterns import NUMBER
from bot.results.spoken import Spoken

_PATIENCE_HEADER: Final = 6
_PATIENCE_ROW: Final = 40
_WIDEST: Final = 400
_PIPES: Final = re.compile(r"[|│┃║]")
_RULE: Final = re.compile(r"^[\s\-=+_:|─━═│┃┏┓┗┛┡┩┳┻╇└┘┌┐├┤┬┴┼╒╕╞╡╘╛╤╪╧*~]*$")
_FRAME: Final = re.compile(r"^\s*[│┃║]([^|│┃║]*)[│┃║]\s*$")
"""A line in a frame, whose columns are parted by blanks."""
_OF_SEVERAL: Final = re.compile(r"rate|entropy|exact|under|log ")
"""In a name that is one only as a whole: `hit rate`, `cross entropy`."""
_TAIL: Final = re.compile(r":?\s{0,8}(?<!\d)\d+%\s?[|│].*$")
_CELL: Final = re.compile(r"^[-+±]?[\d.,]+(?:[eE][-+]?\d+)?\s?%?$|^\d+/\d+$|^(?:nan|inf|none|n/a|-+|–|±)?$|^[\d:.]+$|^[\d.]+ ?[A-Za-z]{1,2}$", re.I)
_VALUE: Final = re.compile(r"^([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s?(%?)$|^images/sec.*$")
_TWO: Final = re.compile(r"^[-+]?\d[\d.]*%? [-+]?\d[\d.]*%?$")
_CLASSES: Final = frozenset(("class", "category", "label", "classes", "categories", "per-class"))
_MEAN: Final = frozenset(("mean", "avg", "average"))
_SPREAD: Final = frozenset(("min", "max", "std", "minimum", "maximum", "std dev", "stddev", "std. dev."))
_NAMES: Final = frozenset(("", "metric", "metrics", "name", "measure"))
_WHOLE_ROWS: Final = frozenset(
    ("all", "mean", "overall", "average", "avg", "total", "macro avg", "micro avg", "weighted avg", "avg / total", "avg/total")
)


@dataclass(frozen=True, slots=True)
class _Column:
    what: Named | None = None
    role: str = ""  # step, metric, value, class, split or nothing
    split: str | None = None


def _cells(text: str, kind: str) -> list[str]:
    if kind == "pipe":
        return [cell.strip(" `*") for cell in _PIPES.split(text.strip().strip("|│┃║"))]
    if kind == "tab":
        return [cell.strip() for cell in text.strip().split("\t")]
    if kind == "comma":
        return [cell.strip() for cell in text.strip().split(",")]
    return re.split(r"\s{2,}|\t", text.strip()) if kind == "wide" else text.split()


def _kinds(text: str) -> tuple[str, ...]:
    if _PIPES.search(text):
        return ("pipe",)
    if "\t" in text.strip():
        return ("tab", "blank")
    if text.count(",") >= 2 and not re.search(r"\s{2,}|, \w+ \w+ \w+", text.strip()):
        return ("comma",)
    return ("wide", "blank")


@lru_cache(maxsize=4096)
def _column(cell: str) -> _Column:
    low = cell.lower().strip(" .:#*") if cell != "#" else "#"
    if low in ("epoch", "epochs", "e", "step", "steps", "iter", "iteration", "iterations", "#", "round"):
        return _Column(role="epoch" if low.startswith("e") else "step")
    if low in _CLASSES:
        return _Column(role="class")
    if low == "metric":
        return _Column(role="metric")
    if low == "value":
        return _Column(role="value")
    if low in SPLITS:
        return _Column(role="split", split=SPLITS[low])
    short = {"p": "precision", "r": "recall", "box(p": "precision", "f": "f1"}.get(low, cell)
    return _Column(named(short))


def _statistics(cells: list[str]) -> list[_Column]:
    """Metrics as rows and what came of several runs as columns: the mean is the value. Empty where the columns are others."""
    lows = [cell.lower().strip(" .:") for cell in cells]
    if _MEAN.isdisjoint(lows) or _SPREAD.isdisjoint(lows) or any(low not in _MEAN | _SPREAD | _NAMES for low in lows):
        return []
    columns = [_Column(role="value") if low in _MEAN else _Column(role="metric") if low in _NAMES else _Column() for low in lows]
    return columns if columns[0].role == "metric" else [_Column(role="metric"), *columns]


def _evaluated(column: _Column, split: str) -> _Column:
    """Beside a train and a validation loss (fastai), and in spaCy's table, a plain score is that of the validation data."""
    what = column.what
    return column if what is None or what.split or what.family.tier == LOSS else replace(column, what=replace(what, split=split))


def _heads(text: str) -> bool:
    """Whether some word names a metric, or two name splits."""
    kinds = [_kind(word) for word in text.split()]
    return "metric" in kinds or kinds.count("split") >= 2 or (_OF_SEVERAL.search(text.lower()) is not None and any(map(family_of, words_of(text))))


@lru_cache(maxsize=16_384)
def _kind(word: str) -> str:
    parts = words_of(word)
    return "metric" if any(family_of(part) for part in parts) else "split" if any(part in SPLITS for part in parts) else ""


class Tables:
    """Follows one source's lines; at most one table is open."""

    def __init__(self) -> None:
        self._columns: list[_Column] = []
        self._kind = ""
        self._left = 0
        self._row_name = ""

    @property
    def open(self) -> bool:
        """Whether the next lines may be rows, although they hold no word of interest."""
        return self._left > 0

    def read(self, text: str) -> list[Spoken] | None:
        """The values of a row; an empty list for headers and rules; None where the line belongs to no table."""
        text = _FRAME.sub(r"\1", text)
        if not text.strip() or _RULE.match(text):
            return [] if self.open else None
        if self.open:
            row = self._row(text)
            if row is not None:
                self._left = _PATIENCE_ROW
                return row
        if self._header(text):
            return []
        self._left = max(0, self._left - 1)
        return None

    def _header(self, text: str) -> bool:
        text = _TAIL.sub("", text)
        if len(text) > _WIDEST or "=" in text or NUMBER.search(text) or not (_heads(text) or "alue" in text or "mean" in text.lower()):
            return False
        for kind in _kinds(text):
            cells = _cells(text, kind)
            if not 2 <= len(cells) <= 40 or any(len(cell) > 32 or cell.endswith(":") for cell in cells):
                continue
            columns = _statistics(cells) or [_column(cell) for cell in cells]
            roles = {column.role for column in columns}
            measured = sum(column.what is not None for column in columns)
            if kind == "blank" and 3 * sum(column.what is not None or column.role != "" for column in columns) < len(cells):
                continue  # a sentence
            across = sum(column.role == "split" for column in columns) >= 2 and not measured
            if across or {"metric", "value"} <= roles or (measured and ("step" in roles or "epoch" in roles or "class" in roles)) or measured >= 2:
                splits = {column.what.split for column in columns if column.what}
                beside = next((split for split in ("val", "test") if {"train", split} <= splits), "val" if cells[:2] == ["E", "#"] else None)
                if beside:
                    columns = [_evaluated(column, beside) for column in columns]
                self._columns, self._kind, self._left, self._row_name = columns, kind, _PATIENCE_HEADER, ""
                return True
        return False

    def _row(self, text: str) -> list[Spoken] | None:
        kinds = ("wide", "blank") if self._kind in ("wide", "blank") else ("tab", "blank") if self._kind == "tab" else (self._kind,)
        text = _TAIL.sub("", text)
        width = len(self._columns)
        for kind in kinds:
            cells = _cells(text, kind)
            if any(column.role == "split" for column in self._columns):
                across = self._across(cells)
                if across is not None:
                    return across
            elif len(cells) == width and self._numeric(cells):
                return self._values(cells)
            if len(cells) == width + 1 and kind == "wide" and self._numeric(cells[1:]) and not _CELL.match(cells[0]):
                return self._labelled(cells)
        return None

    def _numeric(self, cells: list[str]) -> bool:
        if any(_TWO.match(cell) for cell in cells):
            return False  # the columns are not those of the header
        good = sum(bool(_CELL.match(cell)) for cell in cells)
        if any(column.role in ("class", "metric") for column in self._columns):
            return good >= 2
        return good * 2 >= len(cells)

    def _values(self, cells: list[str]) -> list[Spoken]:
        by_role = {column.role: cell for column, cell in zip(self._columns, cells, strict=True) if column.role}
        if "metric" in by_role and "value" in by_role:
            return self._long(cells, by_role)
        if "class" in by_role and by_role["class"].lower() not in _WHOLE_ROWS:
            return []
        step = by_role.get("epoch") or by_role.get("step")
        step = re.split(r"/", step)[0] if step else None
        split = SPLITS.get(cells[0].lower()) if not self._columns[0].what and not self._columns[0].role else None
        values = []
        for column, cell in zip(self._columns, cells, strict=True):
            found = _VALUE.match(cell)
            if column.what and found and found[1] and (not column.what.family.decimal or "." in cell):
                what = replace(column.what, split=split) if split else column.what
                values.append(Spoken(what, found[1], found[2] == "%", step))
        return values

    def _across(self, cells: list[str]) -> list[Spoken] | None:
        """Metrics as rows, splits as columns."""
        columns = self._columns if len(cells) == len(self._columns) else [_Column(), *self._columns]
        if len(cells) != len(columns) or (what := named(cells[0])) is None:
            return None
        values = []
        for column, cell in zip(columns[1:], cells[1:], strict=True):
            found = _VALUE.match(cell)
            if column.split and found and found[1]:
                values.append(Spoken(replace(what, split=column.split), found[1], found[2] == "%"))
        return values or None

    def _long(self, cells: list[str], by_role: dict[str, str]) -> list[Spoken]:
        what, found = named(by_role["metric"]), _VALUE.match(by_role["value"])
        first = cells[0] if self._columns[0].role == "" else ""
        self._row_name = first or self._row_name
        if what is None or found is None or not found[1]:
            return []
        extra = (*what.extra, self._row_name) if self._row_name else what.extra
        return [Spoken(Named(what.family, what.name, what.split, False, extra, ()), found[1], found[2] == "%")]

    def _labelled(self, cells: list[str]) -> list[Spoken]:
        """Rows of a classification report: only those over all classes count."""
        label = cells[0].lower()
        if label not in _WHOLE_ROWS:
            return []
        extra = tuple(word for word in ("macro", "weighted") if label.startswith(word))
        values = []
        for column, cell in zip(self._columns, cells[1:], strict=True):
            found = _VALUE.match(cell)
            if column.what and found and found[1]:
                what = Named(column.what.family, column.what.name, column.what.split, False, (*column.what.extra, *extra), ())
                values.append(Spoken(what, found[1], found[2] == "%"))
        return values
