"""``python -m bench``: measures on this machine, prints tables and writes docs/bench.md. Read the ratios; absolute figures are this machine's."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from bench import acks, cloud, jobs, processes
from bench.rows import Row, table
from tests.playing import ROOT


def parts(full: bool) -> dict[str, tuple[str, list[Callable[[], Iterator[Row]]]]]:
    """The sections: a title, and what is measured."""
    live, clusters = (1000, 200) if full else (100, 20)
    return {
        "acks": ("Acknowledgements", [lambda: acks.measure(12 if full else 6, 60)]),
        "processes": ("Processes", [processes.started, lambda: processes.workers(500)]),
        "waiting": ("Operations that wait", [lambda: processes.waiting(10_000, 60)]),
        "cloud": (
            "Requests to Azure",
            [lambda: cloud.preflight(5), *([lambda: cloud.waiting(1, 1, 90), lambda: cloud.waiting(100, 100, 90)] if full else []),
             lambda: cloud.waiting(live, clusters, 60, changes=True)],
        ),
        "jobs": ("Jobs", [lambda: jobs.completed(7)]),
    }  # fmt: skip


def main(argv: list[str]) -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    sections = parts(False)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only some of: {', '.join(sections)} (printed, not written)")
    parser.add_argument("--full", action="store_true", help="a thousand operations on two hundred clusters, longer runs: about twenty minutes")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args(argv)
    if unknown := set(options.parts) - sections.keys():
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    before, began = os.getloadavg(), time.monotonic()
    text: list[str] = []
    for name, (title, measures) in parts(options.full).items():
        if options.parts and name not in options.parts:
            continue
        print(f"… {title}", file=sys.stderr, flush=True)
        text += ["", f"## {title}", "", *table(row for measure in measures for row in measure())]
    words = "\n".join([*_head(before, time.monotonic() - began, options.full), *text]) + "\n"
    print(words)
    if not options.dry and not options.parts:
        (ROOT / "docs" / "bench.md").write_text(words)
    return 0


def _head(before: tuple[float, float, float], seconds: float, full: bool) -> list[str]:
    load = " ".join(f"{one:.1f}" for one in before)
    return [
        "# Measurements", "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} CPUs ({platform.machine()}, Python {platform.python_version()}) in "
        f"{seconds / 60:.0f} min; load average before it began: {load}. Written by `make bench{' ARGS=--full' if full else ''}`; compare ratios, not "
        "absolute figures: what is measured, what it is compared with and the clients that ask share these CPUs.",
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
