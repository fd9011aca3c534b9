"""``python -m chaos [N]``: N random schedules (default 2,000), a dozen in a round and a few rounds at a time.

A round that breaks a promise is printed whole, with what the bot logged; it ends the run, and can be played again.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from chaos.drawn import STORIES, Round, rounds
from chaos.playing import Broken, play
from chaos.system import opened

AT_ONCE: Final = 3
"""Rounds, each on a system of its own: they mostly wait, and two processors bear that many."""


def main(argv: list[str]) -> int:
    """Play the schedules; 0 if all promises held."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("schedules", nargs="?", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stories", type=int, default=STORIES, help="how many schedules share a system")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="how many systems run at the same time")
    parser.add_argument("--all", action="store_true", help="go on after a round that fails")
    parser.add_argument("--replay", help="play this round (JSON, as a failure prints it) instead")
    parser.add_argument("--times", type=int, default=1, help="how often to replay")
    options = parser.parse_args(argv)
    if options.replay:
        return replay(Round.from_json(options.replay), options.times)
    return draw(options.schedules, options.seed, options.stories, options.at_once, to_the_end=options.all)


def replay(drawn: Round, times: int) -> int:
    """Play one round again; 1 if it broke a promise once."""
    for _ in range(times):
        once(drawn)
    return 0


def draw(schedules: int, number: int, stories: int = STORIES, at_once: int = 1, *, to_the_end: bool = False) -> int:
    """Draw that many schedules from the seed `number` and play them, `to_the_end` or until one fails. Raises Broken, the first."""
    played: list[Round] = []
    broken: list[Broken] = []
    began = time.monotonic()

    def one(drawn: Round) -> None:
        started = time.monotonic()
        try:
            once(drawn)
        except Broken as error:  # raised at the end: Hypothesis would play it again, and call what does not fail twice flaky
            broken.append(error)
        else:
            played.append(drawn)
            print(f"round {len(played)}: {len(drawn.stories)} schedules, {time.monotonic() - started:.0f} s", flush=True)

    @seed(number)
    @settings(
        max_examples=10 + 2 * -(-schedules // (stories * at_once)), deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(rounds(stories), min_size=at_once, max_size=at_once))
    def hold(drawn: list[Round]) -> None:
        if len({story for one in drawn for story in one.stories}) == 1:
            return  # the simplest of all, with which Hypothesis always begins: nothing happens in it
        enough = (len(played) + len(broken)) * stories >= schedules
        if not enough and (not broken or to_the_end):
            with ThreadPoolExecutor(at_once) as pool:
                list(pool.map(one, drawn))

    hold()
    told = sum(len(drawn.stories) for drawn in played)
    acts = sum(len(drawn.events) + sum(1 + len(story.acts) for story in drawn.stories) for drawn in played)
    held = f"seed {number}: {told} schedules, {acts} acts and events in {time.monotonic() - began:.0f} s"
    if broken:
        print(f"{held} held; {len(broken)} rounds did not", flush=True)
        raise broken[0]
    print(f"{held}: nothing lost, nothing twice, nothing without approval")
    return 0


def once(drawn: Round) -> None:
    """Play a round on a fresh system; a failure is printed at once, for it may not come again. Raises Broken."""
    with opened(drawn.processes) as system:
        try:
            play(system, drawn)
        except Broken as error:
            print(error, error.heard, sep="\n", flush=True)
            raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
