"""The real worker with one toy kind of operation, forked from a process that has imported everything: a start takes milliseconds.

``python -m tests.faults.toy`` reads one JSON object a line - the environment of a worker, with TOY_URL where effects are counted -
and answers with the process id of a fresh worker. With the argument ``whole`` it forks the bot's own processes, without the toy: RUN in the
environment says which.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

import aiohttp

import bot.app.worker as wiring
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, End, Kind, Outcome, Say, Step, Wait
from bot.settings import Settings

EFFECTS = ("first", "second")


async def _made(name: str) -> bool:
    """Look at the world, and write only what is missing - as every step does. True if it was there."""
    url = f"{os.environ['TOY_URL']}/{name}"
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            if answer.status == 200:
                return True
        async with session.put(url) as answer:
            answer.raise_for_status()
    return False


async def _first(op: Operation, services: Services) -> Outcome:
    if not await _made("first"):
        return Wait(0.05, memo={"admitted": True})
    return Done(memo={"admitted": True}, say=[Say("told", "the first is made")])


async def _second(op: Operation, services: Services) -> Outcome:
    await _made("second")
    return Done(say=[Say("told", "the second is made")])


async def _last(op: Operation, services: Services) -> Outcome:
    return End()


TOY = Kind("toy", [Step("first", _first, "First"), Step("second", _second, "Second"), Step("last", _last, "Last")])


def _kinds(*_: Any) -> Mapping[str, Kind]:
    return {"toy": TOY}


async def _work() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with wiring.worker(Settings.from_environment()) as one:
        await one.run(stop)


async def _whole() -> None:
    from bot.__main__ import _run

    await _run(os.environ["RUN"], Settings.from_environment())


def main() -> None:
    """Fork a worker for each line."""
    whole = sys.argv[1:] == ["whole"]
    if whole:
        for name in ("bot.__main__", "bot.app.web", "handlers.server"):
            importlib.import_module(name)
    else:
        wiring.__dict__["kinds"] = _kinds
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.environ.update(json.loads(line))
            logging.basicConfig(level=logging.WARNING if os.environ.get("TOY_LOUD") else logging.CRITICAL + 1)
            asyncio.run(_whole() if whole else _work())
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
