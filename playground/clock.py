"""The playground's time: real time plus an offset that can be moved forward, and a speed for what the cloud does.

`speed` divides only durations of simulated work (a cluster that takes 240 s takes 4 s at speed 60). The offset is also
written to a file, so that a bot pointed at the playground sees the same jump.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

LOOK_SECONDS = 0.2


class Clock:
    """`now()` is in seconds since the epoch."""

    def __init__(self, speed: float = 1.0, offset_file: Path | None = None) -> None:
        self.speed = speed
        self.offset = 0.0
        self._file = offset_file
        self.advance(0)

    def now(self) -> float:
        """Seconds since the epoch, offset included."""
        return time.time() + self.offset

    def iso(self) -> str:
        """`now` as Kubernetes writes it: whole seconds, Z."""
        return datetime.fromtimestamp(self.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def advance(self, seconds: float) -> None:
        """Jump forward; time never goes back."""
        self.offset += max(0.0, seconds)
        if self._file is not None:
            staged = self._file.with_suffix(".new")
            staged.write_text(json.dumps({"offset": self.offset}))
            os.replace(staged, self._file)

    def scaled(self, seconds: float) -> float:
        """How many real seconds a simulated duration takes."""
        return seconds / self.speed

    async def until(self, moment: float) -> None:
        """Wait for a moment (seconds since the epoch), however it comes: by waiting or by a jump."""
        while (left := moment - self.now()) > 0:  # noqa: ASYNC110 - time is moved from outside
            await asyncio.sleep(max(0.001, min(LOOK_SECONDS, left)))

    async def work(self, seconds: float) -> None:
        """Let simulated work of that duration pass."""
        await asyncio.sleep(self.scaled(seconds))
