"""``python -m chaos.parsers [N [SEED]]``: N generated policy files and N generated logs, each read or refused with a reason.

The strategies are those of the tests, which draw a few hundred of each.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from bot.results import summarise
from chaos import logs, policies

ENOUGH: Final = 0.005
"""Of what is drawn so much at least has to be accepted: what is always refused at the first word proves little."""


def drawn(strategy: st.SearchStrategy[Any], judge: Callable[[Any], Any], number: int, draws: int) -> Counter[bool]:
    """Judge `number` draws; how many there were of each verdict. Raises what the judge raises, made small."""
    verdicts: Counter[bool] = Counter()

    @seed(draws)
    @settings(
        max_examples=number, deadline=None, database=None, print_blob=False, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(strategy)
    def held(one: Any) -> None:
        verdicts[bool(judge(one))] += 1

    held()
    return verdicts


def main(argv: list[str]) -> int:
    """Draw them; 0 if all were read or refused, and enough of them were read."""
    number, draws = int(argv[0]) if argv else 10_000, int(argv[1]) if len(argv) > 1 else 1
    began, parts = time.monotonic(), -(-number // 4)
    policy = sum((drawn(strategy, policies.judge, parts, draws) for strategy in (policies.files, policies.texts)), Counter[bool]())
    policy += drawn(policies.changes, policies.judge, 2 * parts, draws)
    log = drawn(logs.LOG, logs.judge, 2 * parts, draws)
    log += drawn(logs.DAMAGED | st.text(), lambda text: summarise(text).final is not None, parts, draws)
    log += drawn(st.binary(), lambda data: logs.fed([data]).final is not None, parts, draws)
    for name, verdicts in (("policy files", policy), ("logs", log)):
        print(f"{verdicts.total()} {name}: {verdicts[True]} read, {verdicts[False]} with nothing to be used; {time.monotonic() - began:.0f} s so far")
    return 0 if min(policy[True] / policy.total(), log[True] / log.total()) >= ENOUGH else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
