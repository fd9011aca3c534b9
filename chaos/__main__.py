"""``python -m chaos [N]``: N random schedules (default 2,000), a dozen at a time; a round that breaks a promise is printed whole, then made small."""

from __future__ import annotations

import argparse
import sys
import time

from hypothesis import HealthCheck, Phase, given, seed, settings

from chaos.drawn import STORIES, Round, rounds
from chaos.playing import Broken, play
from chaos.system import opened


def main(argv: list[str]) -> int:
    """Play the schedules; 0 if all promises held."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("schedules", nargs="?", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stories", type=int, default=STORIES, help="how many schedules run at the same time")
    parser.add_argument("--no-shrink", action="store_true", help="stop at the first that fails")
    parser.add_argument("--replay", help="play this round (JSON, as a failure prints it) instead")
    parser.add_argument("--times", type=int, default=1, help="how often to replay")
    options = parser.parse_args(argv)
    if options.replay:
        return replay(Round.from_json(options.replay), options.times)
    return draw(options.schedules, options.seed, options.stories, shrink=not options.no_shrink)


def replay(drawn: Round, times: int) -> int:
    """Play one round again; 1 if it broke a promise once."""
    for _ in range(times):
        once(drawn)
    return 0


def draw(schedules: int, number: int, stories: int = STORIES, *, shrink: bool = False) -> int:
    """Draw that many schedules from the seed `number` and play them. Raises Broken."""
    played: list[Round] = []
    began = time.monotonic()

    @seed(number)
    @settings(
        max_examples=-(-schedules // stories), deadline=None, database=None, print_blob=False,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
    )  # fmt: skip
    @given(rounds(stories))
    def holds(drawn: Round) -> None:
        played.append(drawn)
        started = time.monotonic()
        once(drawn)
        print(f"round {len(played)}: {len(drawn.stories)} schedules, {time.monotonic() - started:.0f} s", flush=True)

    try:
        holds()
    except Broken:
        print(f"seed {number}: after {len(played)} rounds", flush=True)
        raise
    told = sum(len(one.stories) for one in played)
    acts = sum(len(one.events) + sum(1 + len(story.acts) for story in one.stories) for one in played)
    seconds = time.monotonic() - began
    print(f"seed {number}: {told} schedules, {acts} acts and events in {seconds:.0f} s: nothing lost, nothing twice, nothing without approval")
    return 0


def once(drawn: Round) -> None:
    """Play a round on a fresh system; a failure is printed at once, for it may not come again. Raises Broken."""
    with opened(drawn.workers) as system:
        try:
            play(system, drawn)
        except Broken as error:
            print(error, flush=True)
            raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
