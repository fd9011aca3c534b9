"""`python -m bot results FILE`: the summary of a log as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import BinaryIO, Final

from bot.results.summary import RunSummary, Summariser

_PIECE: Final = 1 << 20


def _read(stream: BinaryIO) -> RunSummary:
    summariser = Summariser()
    # read1 hands over what a pipe has, so that a slow producer is not held up.
    read = getattr(stream, "read1", stream.read)
    while piece := read(_PIECE):
        summariser.feed(piece)
    return summariser.summary()


def main(argv: Sequence[str]) -> int:
    """Prints the summary of the log named by `argv` (`-`: standard input) and returns 0; 2 where the file cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m bot results", description="Summarise a training log as JSON.")
    parser.add_argument("file", metavar="FILE", help="a log file, or - for standard input")
    name = parser.parse_args(argv).file
    try:
        if name == "-":
            summary = _read(sys.stdin.buffer)
        else:
            with open(name, "rb") as stream:
                summary = _read(stream)
    except OSError as error:
        print(f"{name}: {error.strerror or error}", file=sys.stderr)
        return 2
    print(json.dumps(summary.as_dict(), indent=2))
    return 0
