"""Faults on demand: what a test or a person asks to go wrong, for which requests, how often.

``POST /_control/faults {service, match, effect, times, chance, ...}``. `match` is a regular expression searched in
``"METHOD /path"`` (Slack: ``"POST chat.postMessage"``; Kubernetes and Azure: the decoded path and query). `times` counts down
(default 1; -1 is for ever). `chance` (above 0, at most 1; default 1) lets it strike only so many of the requests that fit: which ones
is decided by the playground's seed. Other keys are the effect's own; :mod:`playground.effects` lists them all.
Effects of the HTTP layer are applied by :mod:`playground.traffic`; a service takes its own effects with :meth:`Faults.take`.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from playground import chance, effects

FOR_EVER: Final = -1


@dataclass
class Fault:
    """One registered fault; `options` holds the effect's own keys."""

    id: int
    service: str
    match: re.Pattern[str]
    effect: str
    times: int
    options: dict[str, Any] = field(default_factory=dict)
    chance: float = 1.0
    dice: random.Random = field(default_factory=random.Random)

    def as_json(self) -> dict[str, Any]:
        """The fault as the control API lists it."""
        shown = {"id": self.id, "service": self.service, "match": self.match.pattern, "effect": self.effect, "times": self.times, **self.options}
        return shown | ({"chance": self.chance} if self.chance < 1 else {})


class Faults:
    """The registry; first registered, first taken. The same `seed` and the same script: the same faults."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._active: list[Fault] = []

    def add(self, spec: dict[str, Any]) -> Fault:
        """Register from the control API's JSON. Raises KeyError, ValueError or re.error on a spec that makes no sense."""
        service, effect, match = spec["service"], spec["effect"], spec.get("match", "")
        times, share = spec.get("times", 1), spec.get("chance", 1.0)
        options = {k: v for k, v in spec.items() if k not in {"service", "match", "effect", "times", "chance"}}
        effects.check(service, effect, options)
        if not isinstance(times, int) or isinstance(times, bool) or (times < 1 and times != FOR_EVER):
            raise ValueError(f"times is 1 or more, or {FOR_EVER} until cleared, not {times!r}")
        if not isinstance(share, int | float) or not 0 < share <= 1:
            raise ValueError(f"chance is above 0 and at most 1, not {share!r}")
        dice = chance.fresh(f"{service} {effect} {match}")
        fault = Fault(next(self._ids), service, re.compile(match), effect, times, options, share, dice)
        self._active.append(fault)
        return fault

    def take(self, service: str, subject: str, *wanted: str, fits: Callable[[Fault], bool] = lambda _: True) -> Fault | None:
        """The first fault of `service` with one of the `wanted` effects that is found in `subject` and that `fits`; uses it up once."""
        for fault in self._active:
            if fault.service != service or fault.effect not in wanted or not fault.match.search(subject) or not fits(fault):
                continue
            if fault.dice.random() >= fault.chance:
                continue
            if fault.times != FOR_EVER:
                fault.times -= 1
                if fault.times == 0:
                    self._active.remove(fault)
            return fault
        return None

    def clear(self) -> None:
        """Forget all of them."""
        self._active.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """All that are active."""
        return [fault.as_json() for fault in self._active]
