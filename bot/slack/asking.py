"""So many questions to Slack at once: an operation that needs the answer holds its slot while it waits, and a Slack that hangs must not hold all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from bot.errors import Temporary


class Asking:
    """At most `width` at once. Whoever comes when all are taken is told to come again, and gives the slot back meanwhile."""

    def __init__(self, width: int) -> None:
        self._free = width

    @contextlib.contextmanager
    def one(self, what: str) -> Iterator[None]:
        """Around one question. Raises Temporary where there are enough of them under way."""
        if not self._free:
            raise Temporary("slack.unreadable", what=what, error="too much is asked already")
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
