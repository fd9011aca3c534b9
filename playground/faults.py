"""Faults on demand: what a test or a person asks to go wrong, for which requests, how often.

``POST /_control/faults {service, match, effect, times, ...}``. `match` is a regular expression searched in
``"METHOD /path"`` (Slack: ``"POST chat.postMessage"``; Kubernetes and Azure: the decoded path and query). `times` counts down
(default 1; -1 is for ever). Other keys are the effect's own (`seconds`, `status`, `retry_after`, `code`, `message`, …).
Effects of the HTTP layer are applied by :mod:`playground.traffic`; a service takes its own effects with :meth:`Faults.take`.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """One registered fault; `options` holds the effect's own keys."""

    id: int
    service: str
    match: re.Pattern[str]
    effect: str
    times: int
    options: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The fault as the control API lists it."""
        return {"id": self.id, "service": self.service, "match": self.match.pattern, "effect": self.effect, "times": self.times, **self.options}


class Faults:
    """The registry; first registered, first taken."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._active: list[Fault] = []

    def add(self, spec: dict[str, Any]) -> Fault:
        """Register from the control API's JSON. Raises KeyError or re.error on a spec that makes no sense."""
        rest = {k: v for k, v in spec.items() if k not in {"service", "match", "effect", "times"}}
        fault = Fault(next(self._ids), spec["service"], re.compile(spec.get("match", "")), spec["effect"], int(spec.get("times", 1)), rest)
        self._active.append(fault)
        return fault

    def take(self, service: str, subject: str, *effects: str) -> Fault | None:
        """The first fault of `service` with one of `effects` whose pattern is found in `subject`; uses it up once."""
        for fault in self._active:
            if fault.service == service and fault.effect in effects and fault.match.search(subject):
                if fault.times > 0:
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
