"""How far a run is and how long it still takes, where arguments or log say how many steps there are. Pure functions.

Nothing is guessed: without a total there is no estimate, and a log that is ahead of the total silences it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_STEPS: Final = frozenset((
    "steps", "max_steps", "num_steps", "total_steps", "train_steps", "training_steps", "num_train_steps", "max_train_steps",
    "iterations", "num_iterations", "max_iter", "max_iters",
))  # fmt: skip
_EPOCHS: Final = frozenset(("epochs", "num_epochs", "max_epochs", "n_epochs", "num_train_epochs", "total_epochs"))
_NUMBER: Final = re.compile(r"\d{1,9}(?:\.0+)?")
_COUNTED: Final = re.compile(
    r"\b(?P<unit>epoch|step|iter(?:ation)?|update)s?\b[\s:=\[(#]{0,4}(?P<done>\d{1,9})\s{0,2}(?:/|of)\s{0,2}(?P<total>\d{1,9})", re.IGNORECASE
)
_LAST: Final = re.compile(r"\b(?P<unit>epoch|step|iter(?:ation)?)s?\b[\s:=\[(#]{0,4}(?P<done>\d{1,9})(?![\d.]|\s{0,2}(?:/|of\b))", re.IGNORECASE)


@dataclass(frozen=True)
class Total:
    """How many there will be; `unit` is step or epoch."""

    unit: str
    count: int


@dataclass(frozen=True)
class Progress:
    """`done` of `total` in `unit`; `share` is between 0 and 1 and finer where the log counts steps within epochs."""

    unit: str
    done: int
    total: int
    share: float


def total_of(args: Sequence[str], env: Mapping[str, str]) -> Total | None:
    """What arguments (``--max_steps 500``, ``--epochs=3``) or environment promise; steps win over epochs, the last mention over earlier ones."""
    found: dict[str, int] = {}
    words = [*(f"{name}={value}" for name, value in env.items()), *args]
    for place, word in enumerate(words):
        flag, equals, value = word.partition("=")
        name = flag.lstrip("-").replace("-", "_").lower()
        if name not in _STEPS | _EPOCHS or not (equals or flag.startswith("-")):
            continue
        if not equals:
            value = words[place + 1] if place + 1 < len(words) else ""
        if _NUMBER.fullmatch(value) and float(value) >= 1:
            found["step" if name in _STEPS else "epoch"] = int(float(value))
    unit = next((one for one in ("step", "epoch") if one in found), None)
    return Total(unit, found[unit]) if unit else None


def progress(log: str, total: Total | None) -> Progress | None:
    """How far the newest lines say it is; None where they do not tell, or contradict the total."""
    newest: dict[str, tuple[int, int, int]] = {}
    for place, match in enumerate(_COUNTED.finditer(log)):
        newest[_unit(match["unit"])] = (int(match["done"]), int(match["total"]), place)
    if "epoch" in newest:
        return _epochs(newest)
    if "step" in newest:
        done, of, _ = newest["step"]
        return Progress("step", done, of, done / of) if 0 < of >= done else None
    if total is None:
        return None
    seen = [int(match["done"]) for match in _LAST.finditer(log) if _unit(match["unit"]) == total.unit]
    if not seen or seen[-1] > total.count:
        return None
    return Progress(total.unit, seen[-1], total.count, seen[-1] / total.count)


def remaining(now: Progress, at: float, first: Mapping[str, float] | None) -> float | None:
    """Seconds left at the pace since `first` (``{"at", "share"}``, an earlier look); None while there is no pace yet."""
    if first is None or now.share <= first["share"] or at <= first["at"]:
        return None
    return (1.0 - now.share) * (at - first["at"]) / (now.share - first["share"])


def _unit(word: str) -> str:
    return "epoch" if word.lower().startswith("epoch") else "step"


def _epochs(newest: Mapping[str, tuple[int, int, int]]) -> Progress | None:
    done, of, place = newest["epoch"]
    if not 0 < of >= done:
        return None
    share = max(0, done - 1) / of
    step = newest.get("step")
    # Steps that are counted after the newest epoch line are steps within that epoch.
    if step is not None and step[2] > place and 0 < step[1] >= step[0]:
        share += step[0] / step[1] / of
    return Progress("epoch", done, of, min(1.0, share))
