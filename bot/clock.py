"""Business time: what leases, prices, digests and durations are reckoned in.

Real time everywhere but in rehearsals: where ``QUARTERMASTER_CLOCK_FILE`` names a file with ``{"offset": seconds}``, that
offset is added, so that a rehearsal can jump to the hour of an expiry. Protocol times (signatures, leases of the
engine, back-off) never use this clock.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path


class Clock:
    """Reads the time; `offset_file` is re-read when its modification time changes."""

    def __init__(self, offset_file: Path | None = None) -> None:
        self._file = offset_file
        self._stamp = -1
        self._offset = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._read_offset()

    def ahead(self) -> float:
        """By how many seconds a rehearsal is ahead of real time; 0.0 elsewhere."""
        return self._read_offset()

    def utc(self) -> datetime:
        """The same as an aware datetime."""
        return datetime.fromtimestamp(self.now(), UTC)

    def _read_offset(self) -> float:
        if self._file is None:
            return 0.0
        try:
            stamp = self._file.stat().st_mtime_ns
            if stamp != self._stamp:
                self._offset = float(json.loads(self._file.read_text())["offset"])
                self._stamp = stamp
        except FileNotFoundError:
            self._offset = 0.0
        return self._offset
