"""Which lines are worth reading: one search for many stems, shaped as a tree so that it stays fast."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_HEAD, _TAIL = "(?<![a-z])", "(?![a-z])"


def vocabulary(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


def _branch(stems: Iterable[str]) -> str:
    """A pattern for any of the stems; stems that begin alike share their beginning. `<` and `>` mark the edges of a word."""
    heads: dict[str, list[str]] = {}
    for stem in stems:
        heads.setdefault(stem[0], []).append(stem[1:])
    parts = []
    for letter, rests in sorted(heads.items()):
        own = {"<": _HEAD, ">": _TAIL}.get(letter) or re.escape(letter)
        if "" in rests:
            parts.append(own)  # what is longer matches as well
        else:
            parts.append(own + _branch(rests))
    return parts[0] if len(parts) == 1 else "(?:" + "|".join(parts) + ")"


def any_of(stems: str) -> re.Pattern[bytes]:
    """A pattern that finds any of the stems (parted by blanks; `_` stands for a blank) in lower-case bytes."""
    words = [stem.replace("_", " ") for stem in stems.split()]
    # A stem of a whole word begins with its letter and looks back over it: the search then skips to letters that begin a stem.
    edged = [rf"{re.escape(word[1])}(?<![a-z]{re.escape(word[1])}){_branch([word[2:]])}" for word in words if word[0] == "<"]
    return re.compile("|".join([_branch([word for word in words if word[0] != "<"])[3:-1], *edged]).encode())


_METRICS: Final = """
    <acc valacc testacc trainacc devacc los top auc prec recall map <ap> bleu rouge iou dice dsc hr@ hr_= hr: hr_: hit ndcg mrr scor rew ret
    wer cer err eer ppl perp xent entropy nll cost <f> <fb> mae mse fid psnr ssim pearson spearm kendall kappa qwk matth mcc <r> <em> exact
    correct cider meteor spice tel: tl: trl: transl p@ r@ pass@ jacc learn win bpb bpc bpd area elbo rank- rank_ sum/avg
"""
_STEPS: Final = "epoch iter step eval valid test train metric val resum begin start round episod updat complet finish done stopped quit"
_RATES: Final = "/s /_s per_sec persec ips wps"
_COURSE: Final = _STEPS + " <ep> dev> e___# " + _RATES
_TROUBLE: Final = """
    exception trace kill fatal abort segm signal dump nccl nvml nvidia <oom memory terminat cancel evict admiss fail no_such not_found denied
    interrupt exit what() <xid> assert bus_ slurm watchdog no_space ::bad illegal floating due_to handling logging reason returned panic
    backoff deadline
"""
_DEVICES: Final = "gpu cpu cuda tesla geforce quadro dlopen could_not instinct"

METRIC_NAMES: Final = any_of(_METRICS)
"""In a line without its digits: it may name a metric."""
INTEREST: Final = any_of(" ".join((_METRICS, _COURSE, _TROUBLE, _DEVICES)))
"""In a line without its digits: it may tell anything at all."""
COURSE_STEMS: Final = (*_STEPS.split(), "ep", "dev")
"""Beginnings of the words that tell of the course of a run."""
NAME_ENDS: Final = ("loss", "acc", "accuracy", "score", "auc", "ppl", "iou", "error")
"""Ends of names that lost a digit: `l2loss`."""
BARE_NAMES: Final = vocabulary("f fb r p top hit hits win rank area exact entropy learn metricname wps ips fidk acctop topacc smoothl fs")
"""Words that name a metric only together with a digit or with the next word."""
TOLD_ANYWHERE: Final = re.compile(any_of(_TROUBLE + _DEVICES).pattern + rb"|@|#|sum/avg|persec|/ ?s(?![a-z])|/s(?:ec|econd|ample)s?(?![a-z])")
"""In a single word: it tells something, wherever in the word it stands."""
OF_SEVERAL: Final = re.compile(rb"such|found|space|bus$|due$|could$|sec|rank$|hr$|#|/$", re.MULTILINE)
"""In a word: it may be the last of a stem of several words."""
