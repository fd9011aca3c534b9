"""``python -m bot doctor``: every setting checked against the live services, and what to do about each that is wrong."""

from __future__ import annotations

import contextlib
from typing import Final

from bot.doctor.cloud import azure
from bot.doctor.finding import Check
from bot.doctor.house import files
from bot.doctor.store import redis
from bot.doctor.workspace import slack
from bot.settings import Settings

CHECKS: Final[tuple[Check, ...]] = (files, slack, redis, azure)


async def examine(settings: Settings) -> int:
    """Print the report; 0 where nothing has to be done."""
    wrong = 0
    for check in CHECKS:
        async with contextlib.aclosing(check(settings)) as found:
            async for line in found:
                mark = "ok  " if not line.todo else "note" if line.minor else "FAIL"
                print(f"{mark}  {line.what}: {line.seen}", flush=True)
                if line.todo:
                    wrong += not line.minor
                    print(f"      {line.todo}", flush=True)
    print("all well" if not wrong else f"{wrong} to mend")
    return 1 if wrong else 0
