"""``python -m bench``: measures on this machine, prints tables and writes docs/bench.md. Read the ratios; absolute figures are this machine's."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from bench import acks, capacity, cloud, jobs, processes
from bench.rows import Row, table
from tests.playing import ROOT

PAGE = ROOT / "docs" / "bench.md"
HEAD = """# Measurements

Written by `make bench` (`ARGS=--full`: a thousand operations on two hundred clusters). Compare ratios, not absolute figures: what is measured,
what it is compared with and the clients that ask share the machine's CPUs."""


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
        "capacity": ("Capacity", [lambda: capacity.read(5)]),
        "jobs": ("Jobs", [lambda: jobs.completed(7)]),
    }  # fmt: skip


def main(argv: list[str]) -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    sections = parts(False)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only some of: {', '.join(sections)}; the others stay as they were")
    parser.add_argument("--full", action="store_true", help="a thousand operations on two hundred clusters, longer runs: about twenty minutes")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args(argv)
    if unknown := set(options.parts) - sections.keys():
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    written = _written()
    for name, (title, measures) in parts(options.full).items():
        if options.parts and name not in options.parts:
            continue
        print(f"… {title}", file=sys.stderr, flush=True)
        load, began = os.getloadavg(), time.monotonic()
        lines = table(row for measure in measures for row in measure())
        written[title] = "\n".join([_when(load, time.monotonic() - began), "", *lines])
        print(f"## {title}\n\n{written[title]}\n", flush=True)
    if not options.dry:
        kept = [(title, written[title]) for title, _ in parts(False).values() if title in written]
        PAGE.write_text("\n\n".join([HEAD, *(f"## {title}\n\n{text}" for title, text in kept)]) + "\n")
    return 0


def _written() -> dict[str, str]:
    """The page as it is: the text of each section by its title."""
    sections = PAGE.read_text().split("\n## ")[1:] if PAGE.exists() else []
    return {title: text.strip() for title, _, text in (section.partition("\n") for section in sections)}


def _when(load: tuple[float, float, float], seconds: float) -> str:
    words = " ".join(f"{one:.1f}" for one in load)
    machine = f"{os.cpu_count()} CPUs ({platform.machine()}, Python {platform.python_version()})"
    return f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {machine} in {seconds / 60:.1f} min; load average before it began: {words}."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
