"""``python -m bot audit export [FILE]`` · ``verify [FILE]`` · ``verify --continues FILE`` · ``trim FILE``.

Exit status: 0 all is well, 1 the log does not hold, 2 it could not be read.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TextIO, TypeVar

from redis.exceptions import RedisError

from bot.approvals.audit import Audit
from bot.approvals.chain import Verified, anchor_of, check_lines
from bot.clock import Clock
from bot.settings import Settings
from bot.store import patient

OK, BROKEN, UNREADABLE = 0, 1, 2
T = TypeVar("T")


def main(argv: Sequence[str], settings: Settings | None) -> int:
    """Run one of the commands; `settings` may be missing where only a file is checked."""
    asked = _parser().parse_args(argv)
    try:
        if asked.command == "verify" and asked.file:
            return _say(_of_file(asked.file), asked.file)
        if settings is None:
            print("audit: REDIS_URL and the other settings are needed to read the live log.", file=sys.stderr)
            return UNREADABLE
        return _live(asked, settings)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that closing it is no second error
        return OK
    except (OSError, UnicodeDecodeError) as error:
        print(f"audit: {getattr(error, 'filename', None) or 'file'}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
    except RedisError as error:
        print(f"audit: the state store does not answer: {type(error).__name__}", file=sys.stderr)
    return UNREADABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot audit", description="Export or check the audit log.")
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="the log as lines of JSON")
    export.add_argument("file", nargs="?", metavar="FILE", help="where to write it; standard output if left out")
    verify = commands.add_parser("verify", help="check the chain of the live log, or of an exported file")
    verify.add_argument("file", nargs="?", metavar="FILE", help="an exported file; the live log if left out")
    verify.add_argument("--continues", metavar="FILE", help="the live log must hold the last entry of this export, unchanged")
    trim = commands.add_parser("trim", help="take out of the live log what FILE holds; an anchor stays")
    trim.add_argument("file", metavar="FILE", help="an exported file that is kept in a safe place")
    return parser


def _live(asked: argparse.Namespace, settings: Settings) -> int:
    if asked.command == "export":
        return _export(settings, asked.file)
    if asked.command == "trim":
        return _trim(settings, asked.file)
    witness = None
    if asked.continues:
        witness = _of_file(asked.continues)
        if witness.broken_at is not None or not witness.count:
            return _say(witness, asked.continues)
    status = _say(_with_log(settings, lambda audit: audit.verify(witness)), "the live log")
    if status == OK and witness:
        print(f"It continues {asked.continues}, which ends with entry {witness.last}.")
    return status


def _with_log(settings: Settings, work: Callable[[Audit], Awaitable[T]]) -> T:
    """`work` done with the live log, which is opened and closed around it."""

    async def run() -> T:
        redis = patient(settings)
        try:
            return await work(Audit(redis, Clock(settings.clock_file)))
        finally:
            await redis.aclose()

    return asyncio.run(run())


def _export(settings: Settings, file: str | None) -> int:
    if not file or file == "-":
        _with_log(settings, lambda audit: _copy(audit, sys.stdout))
        return OK
    # Written beside and then moved, so that an export cut short never replaces a whole one.
    beside = Path(f"{file}.part")
    with beside.open("w", encoding="ascii", newline="\n") as stream:
        count = _with_log(settings, lambda audit: _copy(audit, stream))
    beside.replace(file)
    print(f"{count} entries written to {file}.", file=sys.stderr)
    return OK


async def _copy(audit: Audit, stream: TextIO) -> int:
    count = 0
    async for line in audit.export():
        stream.write(line + "\n")
        count += anchor_of(line) is None
    stream.flush()
    return count


def _trim(settings: Settings, file: str) -> int:
    exported = _of_file(file)
    if exported.broken_at is not None or not exported.count:
        return _say(exported, file)
    gone = _with_log(settings, lambda audit: audit.trim(exported))
    if gone < 0:
        print(f"audit: the live log does not hold entry {exported.last} of {file}; nothing was taken out.", file=sys.stderr)
        return BROKEN
    print(f"{gone} entries taken out; the log now begins after entry {exported.last}. Keep {file}.")
    return OK


def _of_file(file: str) -> Verified:
    lines = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    return check_lines(lines.splitlines())


def _say(found: Verified, what: str) -> int:
    """Print what checking showed; the exit status."""
    if found.broken_at is not None:
        sound = f" Entries {found.begins} to {found.last} before it hold." if found.count else ""
        print(f"BROKEN: {what}, entry {found.broken_at}: {found.why}.{sound}")
        return BROKEN
    if not found.count:
        print(f"{what} has no entries: nothing was recorded, or what was recorded is not here.")
        return OK
    print(f"Intact: {what}, {found.count} entries, {found.begins} to {found.last}, the last of {found.until}, hash {found.head}")
    if found.begins > 1:
        print(f"Entries 1 to {found.begins - 1} are not in it; nothing is known about them here. Check the export that holds them.")
    return OK
