"""Message timestamps: the playground's time, but never twice the same and never backwards."""

from __future__ import annotations

import re

from playground.clock import Clock

TS = re.compile(r"^\d{10,}\.\d{6}$")


class Timestamps:
    """Issues ``ts`` values (seconds, a dot, six digits)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> str:
        """A new one, greater than all before."""
        self._last = max(self._last + 1, int(self._clock.now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"
