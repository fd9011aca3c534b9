"""``python -m bot web | worker | clock | manifest | results | doctor | audit``."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from typing import Any

from bot import tracing
from bot.calls import OPERATION
from bot.cluster.masking import mask
from bot.settings import Settings, SettingsError

COMMANDS = "web | worker | clock | doctor | manifest | results | audit"


class JsonLines(logging.Formatter):
    """One JSON object a line; whatever was passed as `extra` becomes a field. What servers say in errors may hold secrets: they are masked."""

    _OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        row: dict[str, Any] = {"at": self.formatTime(record), "level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if OPERATION.get():
            row["operation"] = OPERATION.get()
        row |= {name: value for name, value in vars(record).items() if name not in self._OWN}
        if record.exc_info:
            row["error"] = self.formatException(record.exc_info)
        return json.dumps({name: value if isinstance(value, int | float | None) else mask(str(value)) for name, value in row.items()})


def log_to_stderr(level: str) -> None:
    """Structured logs on standard error; chatty libraries only from WARNING."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("azure", "docket", "apscheduler", "slack_sdk", "slack_bolt", "urllib3", "kubernetes", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)


async def _web(settings: Settings, stop: asyncio.Event) -> None:
    from bot.app.web import web
    from handlers.server import Identity, Server, bolt_app

    async with web(settings) as (intake, client):
        identity = Identity(client)
        gc.freeze()  # what was imported stays for ever: a full collection would look at all of it while somebody waits for an ack
        await Server(settings.slack, bolt_app(settings.slack, client, identity, intake), intake, identity).run(stop)


async def _worker(settings: Settings, stop: asyncio.Event) -> None:
    from bot.app.worker import worker

    async with worker(settings) as one:
        await one.run(stop)


async def _clock(settings: Settings, stop: asyncio.Event) -> None:
    from bot.app.clock import clock

    async with clock(settings) as ticker:
        await ticker.run(stop)


PROCESSES = {"web": _web, "worker": _worker, "clock": _clock}


async def _run(name: str, settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if settings.traces:
        tracing.begin(name)
    try:
        await PROCESSES[name](settings, stop)
    finally:
        tracing.end()


def main(argv: list[str]) -> int:
    """Run one command; the exit status."""
    command, rest = (argv[0], argv[1:]) if argv else ("", [])
    if command == "results":
        from bot.results.cli import main as results

        return results(rest)
    if command == "manifest":
        from bot.commands import slack_manifest

        url = rest[0] if rest else None
        print(json.dumps(slack_manifest(socket_mode=url is None, request_url=url), indent=2, ensure_ascii=False))
        return 0
    if command not in PROCESSES and command not in ("doctor", "audit"):
        print(f"usage: python -m bot {COMMANDS}", file=sys.stderr)
        return 2
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        if command == "audit" and rest[:1] == ["verify"]:  # a file can be checked anywhere
            from bot.approvals.auditcli import main as audit

            return audit(rest, None)
        print(f"quartermaster: {error}", file=sys.stderr)
        return 2
    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"):
        os.environ.pop(name, None)  # Bolt reads them by itself and warns; they live in the settings from here on
    os.environ.setdefault("HOME", "/")  # Bolt asks for it when it is imported, and a bare user id has none
    log_to_stderr(settings.log_level)
    if command == "audit":
        from bot.approvals.auditcli import main as audit

        return audit(rest, settings)
    if command == "doctor":
        from bot.doctor import examine

        return asyncio.run(examine(settings))
    asyncio.run(_run(command, settings))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
