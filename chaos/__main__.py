"""``python -m chaos [N]``: N random schedules (default 20); a failing one is made small by Hypothesis and printed."""

from __future__ import annotations

import argparse
import sys

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from chaos.world import ACTIONS, World
from tests.playing import playing

LONGEST = 8


def main(argv: list[str]) -> int:
    """Run the schedules; 0 if all promises held. A failure is raised as Hypothesis words it."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("schedules", nargs="?", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=400)
    options = parser.parse_args(argv)
    played: list[list[str]] = []
    with playing("--no-bot", speed=options.speed) as play:
        world = World(play)
        world.open()

        @seed(options.seed)
        @settings(
            max_examples=options.schedules, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
        )  # fmt: skip
        @given(st.lists(st.sampled_from(ACTIONS), min_size=2, max_size=LONGEST))
        def holds(schedule: list[str]) -> None:
            played.append(schedule)
            world.run(schedule)

        holds()
    print(f"{len(played)} schedules, {sum(map(len, played))} events: nothing lost, nothing twice, nothing without approval")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
