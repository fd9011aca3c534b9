"""A server of a test's own that runs beside it, in a thread with an event loop."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from typing import Self


class Aside(ABC):
    """What `begin` opens serves for as long as the ``with`` lasts; `end` closes it in the same loop."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._serving = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @abstractmethod
    async def begin(self) -> None:
        """Open whatever is served."""

    @abstractmethod
    async def end(self) -> None:
        """Close it."""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._serving.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.begin())
        self._serving.set()
        self.loop.run_forever()
        self.loop.run_until_complete(self.end())
