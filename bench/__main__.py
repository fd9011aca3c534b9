"""``python -m bench``: measures on this machine, prints a table and writes docs/bench.md. Read the ratios; absolute figures are this machine's."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from datetime import UTC, datetime

from bench import acks, processes
from tests.playing import ROOT


def main(argv: list[str]) -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each ack measurement")
    parser.add_argument("--waiting", type=int, default=10_000, help="how many operations wait")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args(argv)
    rows = [*acks.measure(options.seconds), *processes.measure(), *processes.waiting(options.waiting)]
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    head = f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} CPUs ({platform.machine()}, Python {platform.python_version()}), load {load}."
    lines = ["# Measurements", "", f"{head} Written by `make bench`; compare ratios, not absolute figures.", "", "| what | figure |", "|---|---|"]
    table = "\n".join([*lines, *(f"| {what} | {figure} |" for what, figure in rows)]) + "\n"
    print(table)
    if not options.dry:
        (ROOT / "docs" / "bench.md").write_text(table)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
