"""Values that stand in tables and set phrases, where the name is not simply left of its number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot.results.metrics import FAMILIES, SPLITS, Named, named

_N: Final = r"(-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)"


@dataclass(frozen=True, slots=True)
class Spoken:
    """One value as text, with what it is called and the epoch or step beside it (as text)."""

    what: Named
    value: str
    percent: bool = False
    step: str | None = None
    best: bool = False
    of: str | None = None


def plain(family: str, split: str | None, *, extra: tuple[str, ...] = ()) -> Named:
    """A name made without a label."""
    return Named(FAMILIES[family], family, split, False, extra, ())


_COCO: Final = re.compile(rf"Average Precision\s+\(AP\) @\[ ?IoU=(0\.50:0\.95|0\.50|0\.75)\s*\| area=\s*all \| maxDets=\s*\d+ ?\] = {_N}")
_SCLITE: Final = re.compile(rf"Sum/Avg *\| *\d+ +\d+ *\| *(?:{_N} +){{4}}{_N} +{_N} *\|")
_VOC: Final = re.compile(rf"\bmAP\(0?\.(50|5|75), ?\w+\) = {_N}(%)?")
_RANKED: Final = re.compile(rf"^(map|recip_rank|ndcg|ndcg_cut_\d+|P_\d+|recall_\d+)\s+all\s+{_N}\s*$")
_RANKED_NAME: Final = re.compile(r"_(?:cut_)?(?=\d)")
_COCO_FAMILY: Final = {"0.50:0.95": "mAP", "0.50": "mAP50", "0.75": "mAP75"}
_THEANO: Final = re.compile(rf"validation score of {_N} ?%.*test performance (?:of )?{_N} ?%")
_CATBOOST: Final = re.compile(rf"^\s*(\d+):\s+(?=learn: |test: .*best: )(?:learn: {_N})?(?:\s*test: {_N})?(?:\s+best: {_N} \((\d+)\))?")
_BIGDL: Final = re.compile(rf"(?:\[Epoch (\d+) .*)?\b(Top\d+Accuracy) is Accuracy\(correct: \d+, count: \d+, accuracy: {_N}")
_SHARE: Final = r"(0?\.\d+|1\.0+|0|[\d.]+(?=%))"
_GRAPH: Final = re.compile(
    rf"(?i)\bepoch\W*0*([1-9]\d*|0)\b.*\btrain: {_SHARE}(%)?, *val(?:id|idation)?: {_SHARE}%?, *test: {_SHARE}%?(?![\w.])"
)
_KATIB: Final = re.compile(rf"\{{metricName: *([\w/\-]+), *metricValue: *{_N}")
_OPTUNA: Final = re.compile(rf"Trial (\d+) finished with value: {_N}(?: and parameters.*)?\. Best is trial (\d+) with value: {_N}")
_PERCENT_OF: Final = re.compile(
    rf"(?<![\w.\-]){_N} ?% (?:(test|validation|val|training|train) )?(?:top-1 )?acc(?:uracy)?\b(?! (?:of|for))", re.IGNORECASE
)
_GOAL: Final = re.compile(r"(?i)usage|memory|n/a|target|goal|threshold|baseline|expect|paper|should|until|at least|reach|below|above|than")
_CORRECT: Final = re.compile(r"(?<![\w./])(\d+)\s*(?:/|out of|of)\s*(\d+)\s+(?:\w+ ){0,2}?(?:are |were )?correct(?:ly)?\b")
_ASSIGNED: Final = re.compile(rf"^\s*{_N}\s+= ([A-Za-z]+(?: +[A-Za-z]+)*)\s*(?:\((-?)(\w+)\)\s*)?$")
_TITLE: Final = re.compile(r"^\s*[\"'](?:name|metric)[\"']: *[\"']([^\"']{1,40})[\"'],?\s*$")
_SCORE: Final = re.compile(rf"^\s*[\"'](?:score|value)[\"']: *{_N},?\s*$")
_STEMS: Final = (
    "correct", "mAP(0.", "Sum/Avg", "all ", "all\t", "% ", "Trial ", "(AP) @[", "test performance", "learn: ", "best: ", "rain: ", "metricName:",
    " = ", "name", "metric", "score", "value\": ",
)


def _split_in(text: str) -> str | None:
    return next((split for split in ("test", "val", "train") if split in text.lower()), None)


class Phrases:
    """Set phrases of well-known programs; remembers whether boxes or masks are evaluated."""

    def __init__(self) -> None:
        self.mask = False
        self._title: Named | None = None

    def read(self, text: str) -> list[Spoken] | None:
        """The values of a set phrase; None where the line is none."""
        if "annotation type" in text or "results for segm" in text or "results for bbox" in text:
            self.mask = "segm" in text
            return None
        if not any(stem in text for stem in _STEMS):
            return None
        readers = (self._coco, self._ranked, self._theano, self._boosting, self._graph, self._katib, self._counted, self._parted)
        return next((found for reader in readers if (found := reader(text)) is not None), None)

    def _coco(self, text: str) -> list[Spoken] | None:
        found = _VOC.search(text)
        if found:
            return [Spoken(plain("mAP75" if found[1] == "75" else "mAP50", "val"), found[2], found[3] is not None)]
        found = _COCO.search(text)
        if found is None:
            return [] if "(AP) @[" in text else None
        return [Spoken(plain(_COCO_FAMILY[found[1]], "val", extra=("segm",) if self.mask else ()), found[2])]

    def _ranked(self, text: str) -> list[Spoken] | None:
        """`trec_eval` prints `ndcg_cut_10  all  0.59` for the mean over all queries, `sclite` the word error rate in a row named Sum/Avg."""
        summed = _SCLITE.search(text)
        if summed:
            return [Spoken(plain("wer", None), summed[2], True)]
        found = _RANKED.match(text)
        if found is None:
            return None
        what = named("mrr" if found[1] == "recip_rank" else _RANKED_NAME.sub("@", found[1]))
        return [Spoken(what, found[2])] if what else []

    def _theano(self, text: str) -> list[Spoken] | None:
        found = _THEANO.search(text)
        if found is None:
            return None
        return [Spoken(plain("error", "val"), found[1], True), Spoken(plain("error", "test"), found[2], True)]

    def _boosting(self, text: str) -> list[Spoken] | None:
        """CatBoost names no metric: a falling curve is its loss, a rising one some score."""
        found = _CATBOOST.search(text)
        if found is None:
            return None
        values = [Spoken(plain("loss", "train", extra=("learn",)), found[2], step=found[1])] if found[2] else []
        if found[3]:
            values.append(Spoken(plain("loss", "val"), found[3], step=found[1]))
        if found[4]:
            values.append(Spoken(plain("loss", "val"), found[4], step=found[5], best=True))
        return values

    def _graph(self, text: str) -> list[Spoken] | None:
        found = _GRAPH.search(text)
        if found is None:
            return None
        pairs = zip(("train", "val", "test"), (found[2], found[4], found[5]), strict=True)
        return [Spoken(plain("accuracy", split), value, found[3] is not None, step=found[1]) for split, value in pairs]

    def _counted(self, text: str) -> list[Spoken] | None:
        trial = _OPTUNA.search(text)
        if trial:
            what = Named(FAMILIES["score"], "value", None, False, (), ())
            return [Spoken(what, trial[2], step=trial[1]), Spoken(what, trial[4], step=trial[3], best=True)]
        percent = _PERCENT_OF.search(text)
        if percent and not _GOAL.search(text) and not re.search(r"(?i)acc\w{0,60}\W{1,60}[\d.]", text):
            return [Spoken(plain("accuracy", SPLITS.get((percent[2] or "").lower()) or _split_in(text)), percent[1], True)]
        sparked = _BIGDL.search(text)
        if sparked:
            top = named(("val " if sparked[1] else "") + sparked[2])
            return [Spoken(top, sparked[3], step=sparked[1])] if top else []
        found = _CORRECT.search(text)
        if found is None:
            return None
        return [Spoken(plain("accuracy", _split_in(text)), found[1], of=found[2])]

    def _katib(self, text: str) -> list[Spoken] | None:
        values = [Spoken(what, value) for name, value in _KATIB.findall(text) if (what := named(name))]
        return values or None

    def _parted(self, text: str) -> list[Spoken] | None:
        """The name behind its value, or on a line of its own before it."""
        assigned = _ASSIGNED.match(text)
        if assigned:
            what = named(assigned[2] if assigned[3] else f"{assigned[2]} {assigned[4] or ''}")  # an error turned round is a score
            return [Spoken(what, assigned[1])] if what else None
        title, score = _TITLE.match(text), _SCORE.match(text)
        if title:
            self._title = named(title[1])
        if score is None or self._title is None:
            return None
        return [Spoken(self._title, score[1])]
