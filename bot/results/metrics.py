"""The vocabulary: which words name a metric, which name a split, and which say that a number is no result at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from bot.results.words import vocabulary

QUALITY, ERROR, LOSS = 0, 1, 2  # accuracy-like over error-like over loss


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of metric. `tier` and `rank` order the candidates for the headline (smaller wins); `bounded`: 0..1 or 0..100."""

    name: str
    tier: int
    rank: int
    lower: bool = False
    bounded: bool = True
    decimal: bool = False  # the word means other things too ("precision=16"), so only a decimal or a percentage counts


def _families() -> dict[str, Family]:
    rows = [
        Family("bleu", QUALITY, 0), Family("mAP", QUALITY, 0, decimal=True), Family("mAP50", QUALITY, 1, decimal=True),
        Family("IoU", QUALITY, 2), Family("dice", QUALITY, 2), Family("mrr", QUALITY, 2), Family("hit rate", QUALITY, 3, decimal=True),
        Family("accuracy", QUALITY, 4), Family("f1", QUALITY, 5), Family("auc", QUALITY, 6),
        Family("exact match", QUALITY, 7), Family("reward", QUALITY, 8, bounded=False), Family("psnr", QUALITY, 8, bounded=False),
        Family("ssim", QUALITY, 9), Family("correlation", QUALITY, 9, bounded=False), Family("r2", QUALITY, 9, bounded=False),
        Family("rouge", QUALITY, 9), Family("cider", QUALITY, 9, bounded=False), Family("ranking", QUALITY, 10),
        Family("acc_norm", QUALITY, 12), Family("mAP75", QUALITY, 12, decimal=True),
        Family("top5", QUALITY, 13), Family("precision", QUALITY, 14, decimal=True), Family("recall", QUALITY, 15, decimal=True),
        Family("translation", QUALITY, 16, decimal=True), Family("score", QUALITY, 17, bounded=False),
        Family("wer", ERROR, 0, lower=True, bounded=False), Family("cer", ERROR, 1, lower=True, bounded=False),
        Family("eer", ERROR, 1, lower=True), Family("fid", ERROR, 2, lower=True, bounded=False),
        Family("error", ERROR, 3, lower=True), Family("mae", ERROR, 4, lower=True, bounded=False),
        Family("rmse", ERROR, 5, lower=True, bounded=False), Family("mse", ERROR, 6, lower=True, bounded=False),
        Family("mape", ERROR, 7, lower=True, bounded=False), Family("bits", ERROR, 8, lower=True, bounded=False),
        Family("perplexity", LOSS, 0, lower=True, bounded=False), Family("loss", LOSS, 1, lower=True, bounded=False),
    ]
    return {row.name: row for row in rows}


FAMILIES: Final = _families()

_WORDS: Final[dict[str, str]] = {
    word: family
    for family, words in {
        "accuracy": "accuracy acc accu accuracies acc1 acc@1 accuracy@1 prec@1 prec1 top1 rank1 rank@1 aacc acctop1 accuracy01 accuracy1 correct",
        "top5": "acc5 acc@5 accuracy@5 prec@5 prec5 top5 acctop5 rank5 rank@5 accuracy03 accuracy05 accuracy5",
        "f1": "f1 fb1 fscore fmeasure f1score f1s hmean",
        "auc": "auc auroc rocauc aucpr auprc prauc aucroc",
        "mAP": "map ap", "mAP50": "map50 ap50", "mAP75": "map75 ap75",
        "bleu": "bleu sacrebleu bleu4 bleu1 bleu2 bleu3", "translation": "translation",
        "IoU": "iou miou jaccard", "dice": "dice dsc", "hit rate": "hitrate hr", "mrr": "mrr", "ranking": "ndcg",
        "exact match": "em", "psnr": "psnr", "ssim": "ssim", "cider": "cider meteor spice",
        "correlation": "pearson pearsonr spearman spearmanr kendall kendalltau mcc matthews kappa qwk", "r2": "r2",
        "precision": "precision prec", "recall": "recall",
        "reward": "reward rewards rew return returns ret successrate winrate", "score": "score scores",
        "wer": "wer", "cer": "cer", "eer": "eer", "fid": "fid", "error": "error err merror",
        "mae": "mae", "rmse": "rmse rmsle", "mse": "mse", "mape": "mape smape", "bits": "bpb bpc bpd",
        "perplexity": "ppl perplexity perp pplx",
        "loss": "loss losses cost nll xent crossentropy logloss mlogloss celoss smoothl1 elbo trl tel",
    }.items()
    for word in words.split()
}
_AT: Final = re.compile(r"(hr|hit|hits|pass|recall|r|p|precision|ndcg|mrr|map)@\d+")
_AT_FAMILY: Final = {"hr": "hit rate", "hit": "hit rate", "hits": "hit rate", "pass": "hit rate", "recall": "recall", "r": "recall", "p": "precision",
                     "precision": "precision", "ndcg": "ranking", "mrr": "mrr", "map": "mAP"}

SPLITS: Final[dict[str, str]] = {
    word: split
    for split, words in {
        "test": "test testing tests tst heldout inference",
        "val": "val valid validation validate validating validated dev devel eval evaluation evaluating evaluate evaluated holdout oof cv vl",
        "train": "train training trn learn trained tr trainer",
    }.items()
    for word in words.split()
}
BEST: Final = frozenset(["best", "max", "maximum", "peak", "top", "min", "lowest", "highest"])
_NEUTRAL: Final = vocabulary(
    """
    a achieved after agg aggregate all an and array at average avg b batch bbox binary categorical coco cumulative cur current data dataset
    end ents ep episode epoch epochs equals estimated examples far fb final float for global got had has images in info is iter iteration jnp
    key last lm log main masked mean metric metrics mini minibatch model multi multiclass multiclassaccuracy net network new now np numpy
    obtained of on output overall pct percent percentage performance reached reduced report result results rollout running samples score
    sequences set smoothed so sparse standard stats step summary tensor that the this token tokens top total value values was with
    """
)
BAN: Final = vocabulary(
    """
    above accumulate accumulation alpha attempts baseline below beta budget cache cached category chance class clip code coef coeff
    coefficient compression config count cutoff decay default delta desired diff difference drop dropout dropped dtype duration early eps eta
    every exit expected factor file files freq frequency function gamma gap gate goal human id idx improve improved improvement improves index
    interval k lambda learning len length limit line lineno lr margin mem memory messages misses mode ms need needed num number packet
    patience penalty pid port prev previous random ratio reader reads reduction rejected required requires retries rows runtime scale scaler
    scaling schedule scheduler sec second seconds secs signal size smoothing speed status std stderr stdev steps stopping support target
    targets temperature than thr thres thresh threshold thresholds throughput time tol tolerance type unscaled until usage utilization version
    warnings weight weights
    """
)
_RATE_OF: Final = frozenset(["error", "err", "hit", "success", "win", "word", "character", "accuracy", "correct"])

_CANON: Final[list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]]] = [
    (re.compile(r"(?i)epoch_(?:num|idx|no)"), " epoch "), (re.compile(r"(?i)top[\s_]?k_?(?:categorical_)?acc(?:uracy)?_?(\d+)"), r" top\1 "),
    (re.compile(r"(?i)(?<![a-z])m?ap[@_ ]*\[?(?:iou=)?0?\.?50?[:\-](?:0?\.05:)?(?:0?\.)?95\]?"), " map "),
    (re.compile(
        r"(?i)(?<![a-z])(m?ap)[@_ ]*\(?\[?(?:iou=)?0?\.?(50|75|5)(?:iou)?\]?\)?(?![\d.])"), lambda m: " map75 " if m[2] == "75" else " map50 "
    ),
    (re.compile(r"(?i)top[\s_@\-]*(\d+)"), r" top\1 "), (re.compile(r"(?i)rank[\s_\-](\d+)"), r" rank\1 "),
    (re.compile(r"(?i)\bf[\s_\-]?1(?!\d)"), " f1 "), (re.compile(r"(?i)\bf[\s_\-](?:score|measure)"), " f1 "),
    (re.compile(r"(?i)\bents_f\b"), " f1 "), (re.compile(r"(?i)\bR(?:\^2|²|2)(?!\d)"), " r2 "),
    (re.compile(r"(?i)word[ _]error[ _]rate"), " wer "), (re.compile(r"(?i)char(?:acter)?[ _]error[ _]rate"), " cer "),
    (re.compile(r"(?i)equal[ _]error[ _]rate"), " eer "), (re.compile(r"(?i)(?:mean[ _])?average[ _]precision"), " map "),
    (re.compile(r"(?i)(?<![a-z])rouge[\-_ ]?(\d|lsum|l|w)(?![a-z\d])"), r" rouge\1 "),
    (re.compile(r"(?i)exact[ _]?match"), " em "), (re.compile(r"(?i)(?:(?:softmax|binary)[ _]?)?cross[ _\-]?entropy"), " crossentropy "),
    (re.compile(r"(?i)hit[ _]?rat(?:e|io)"), " hitrate "), (re.compile(r"(?i)success[ _]rate"), " successrate "),
    (re.compile(r"(?i)win[ _]rate"), " winrate "), (re.compile(r"(?i)(?:mean|average)[ _](?:absolute|abs)[ _]error"), " mae "),
    (re.compile(r"(?i)root[ _]mean[ _]squared?[ _]error"), " rmse "), (re.compile(r"(?i)mean[ _]squared?[ _]error"), " mse "),
    (re.compile(r"(?i)area[ _]under[ _](?:the[ _])?(?:roc[ _])?(?:curve)?"), " auc "), (re.compile(r"(?i)log[ _]loss"), " logloss "),
    (re.compile(r"(?i)(?<![a-z])fid\d+k(?:_full)?(?![a-z])"), " fid "),
    (re.compile(r"(?i)acc(?:uracy)?_norm"), " acc_norm "), (re.compile(r"mAP"), " map "), (re.compile(r"m?IoU"), " iou "), (re.compile(
        r"\bF1"), " f1 "
    ),
]
_CANON_STEM: Final = re.compile(
    r"epoch_|top|ap|rank|f[\s_\-]?1|f[\s_\-](?:score|measure)|ents_f|r(?:\^2|²|2)|error|precision|rouge|exact|entropy|hit|success|win|area|log|fid|norm|iou"
)
"""Without any of these in the (lower-case) label none of the patterns matches: they are many."""
_SPLIT_AT: Final = re.compile(r"acc_norm|[A-Za-z]+@\d+|[^\W_]+")
_CAMEL: Final = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_GLUED: Final = re.compile(r"(train|valid|val|test|dev|eval|tr|v|t)(acc|accuracy|loss|ppl|f1|auc|err|error|top1|miou|map|wer|cer)")
_GLUED_SPLIT: Final = {"tr": "train", "v": "val", "t": "train"}


def _word(part: str) -> list[str]:
    low = part.lower()
    if low in _WORDS or low in SPLITS or low in BAN or low in _NEUTRAL or low == "acc_norm" or _AT.fullmatch(low):
        return [low]
    if low[:1].isdigit():
        return [low]
    glued = _GLUED.fullmatch(low)
    if glued:
        return [_GLUED_SPLIT.get(glued[1], glued[1]), glued[2]]
    return [word.lower() for word in _CAMEL.findall(part)] or [low]


@lru_cache(maxsize=4096)
def words_of(label: str) -> tuple[str, ...]:
    """The label as lower-case words: `Validation-top_k_accuracy_5=` gives `("validation", "top5")`."""
    if _CANON_STEM.search(label.lower()):
        for pattern, into in _CANON:
            label = pattern.sub(into, label)
    return tuple(word for part in _SPLIT_AT.findall(label) for word in _word(part))


def family_of(word: str) -> str | None:
    """Name of the metric family that this single word names, or None."""
    if word == "acc_norm" or word.startswith("rouge"):
        return "acc_norm" if word == "acc_norm" else "rouge"
    found = _AT.fullmatch(word)
    if found and word not in _WORDS:
        return _AT_FAMILY[found[1]]
    return _WORDS.get(word)


@dataclass(frozen=True, slots=True)
class Named:
    """What a label says: the metric's family, how it is called, its split (None: not said), whether it is a best-so-far value,
    how many words make it more special than the plain metric, and which of its words (by position) is the metric."""

    family: Family
    name: str
    split: str | None
    best: bool
    extra: tuple[str, ...]
    tail: tuple[str, ...]


def _specialise(words: tuple[str, ...], family: str) -> str:
    if family in ("accuracy", "top5") and {"err", "error", "errors"} & set(words):
        return "error"  # err-top1
    if family == "accuracy" and "bbox" in words:
        return "mAP"  # MLPerf calls the quality of a detector its accuracy
    if family == "accuracy":
        for word in words:
            if re.fullmatch(r"top([2-9]|\d\d+)|acc@([2-9]|\d\d+)", word):
                return "top5"
    return family


def _allowed(words: tuple[str, ...], family: str, at: int) -> bool:
    word = words[at]
    if any(other in BAN for other in words) or ("rate" in words and not _RATE_OF.intersection(words)):
        return False
    if ({"min", "lowest"} & set(words) and not FAMILIES[family].lower) or ({"max", "highest", "peak"} & set(words) and FAMILIES[family].lower):
        return False
    if family == "error":
        return bool(SPLITS.keys() & set(words)) or "rate" in words or "best" in words or any(w.startswith("top") for w in words) or "model" in words
    if word in ("return", "returns", "ret"):
        return bool({"episode", "ep", "episodic", "average", "avg", "mean", "eval", "test", "undiscounted", "discounted"} & set(words))
    if word in ("elbo", "em"):
        return len(words) <= 3
    if family == "translation":
        return "val" in {SPLITS.get(w) for w in words} or len(words) == 1
    return True


_NUMBERED: Final = re.compile(r"(?i)(?:valid|validation|eval|test)_(\d+)(?!\d)")


@lru_cache(maxsize=8192)
def named(label: str) -> Named | None:
    """Reads a label such as `Average val loss` or `test/top-1`; None where it names no metric or says that the number is none."""
    words = words_of(label)[-14:]
    hits = [(i, f) for i, word in enumerate(words) if (f := family_of(word))]
    if not hits:
        return None
    plain = [hit for hit in hits if hit[1] not in ("score", "translation")] or hits
    at, family = plain[-1]
    family = _specialise(words, family)
    if not _allowed(words, family, at):
        return None
    split = next((SPLITS[w] for w in reversed(words) if w in SPLITS), None)
    split = {"trl": "train", "tel": "val"}.get(words[at], split)
    best = bool(BEST.intersection(words[: at + 1])) or "best" in words
    extra = tuple(
        w
        for i, w in enumerate(words)
        if i != at
        and w not in _NEUTRAL
        and w not in SPLITS
        and (w not in BEST or (i > at and w != "best"))  # reward_max is no reward_mean
        and not w.isdigit()
        and family_of(w) != family
    )
    if family == "rouge":
        extra = tuple(w for w in extra if w not in ("f", "f1", "fmeasure"))  # the plain score is the F-measure
    special = family in ("rouge", "ranking", "correlation", "cider") or ("@" in words[at] and family not in ("accuracy", "top5"))
    name = words[at] if special else family
    if family == "error":  # err-top1 is the error, err-top5 something more special
        extra = (*(w for w in extra if family_of(w) != "accuracy"), *(w for w in words if family_of(w) == "top5"))
    numbered = _NUMBERED.search(label)
    if numbered:
        extra = (*extra, "#" + numbered[1])
    return Named(FAMILIES[family], name, split, best, extra, words[at + 1 :])


def as_error(what: Named) -> Named:
    """A share of right guesses as that of wrong ones: some programs print the one under the name of the other."""
    if what.family.name not in ("accuracy", "top5"):
        return what
    extra = (*what.extra, "top5") if what.family.name == "top5" else what.extra
    return replace(what, family=FAMILIES["error"], name="error", extra=extra)
