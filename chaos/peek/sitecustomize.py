"""On SIGUSR2 the stack of every asyncio task is written to standard error: what does a process that seems to do nothing wait for?"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from types import FrameType
from typing import Any


def _peek(_number: int, _frame: FrameType | None) -> None:
    with contextlib.suppress(RuntimeError):
        for task in asyncio.all_tasks(asyncio.get_running_loop()):
            chain: list[str] = []
            await_: Any = task.get_coro()
            while await_ is not None and len(chain) < 40:
                frame = getattr(await_, "cr_frame", None) or getattr(await_, "ag_frame", None) or getattr(await_, "gi_frame", None)
                chain.append(f"{frame.f_code.co_filename.rsplit('/', 2)[-1]}:{frame.f_lineno} {frame.f_code.co_name}" if frame else repr(await_)[:80])
                await_ = getattr(await_, "cr_await", None) or getattr(await_, "ag_await", None) or getattr(await_, "gi_yieldfrom", None)
            print("PEEK", task.get_name(), " < ".join(chain), file=sys.stderr, flush=True)


signal.signal(signal.SIGUSR2, _peek)
