"""Thousands of damaged logs: cut, spliced, repeated, with any bytes in them. Seeded, so that a failure comes again."""

from __future__ import annotations

import math
import random
import re

from bot.results import RunSummary, Summariser
from bot.results.lines import clean_block
from tests.results.test_frameworks import CASES
from tests.results.test_pods import LOGS

_INPUTS = 3000
_LONGEST = 700
_SEEDS = [log.encode() for log in [*LOGS.values(), *(case.log for case in CASES)] if log.strip()]
_TOKENS = [
    b"nan", b"inf", b"-", b"1e999", b"1e-400", b"9" * 400, b"0x1f", b"%",
    b"\r", b"\x1b[31m", b"\x00", b"\xff\xfe", b"\xe2\x96", b"|", b"\t", b"(((", b"]]]",
    b"accuracy: ", b"val_acc=", b"loss", b"epoch ", b"Traceback (most recent call last):\n",
    b"Error: ", b"1,234,567", b"1/0", b"0/0", b"{'", b'{"', b"\n\n", b"# ", b"AP@[",
]


def _damaged(rng: random.Random) -> bytes:
    data = bytearray(rng.choice(_SEEDS))
    start = rng.randrange(max(1, len(data) - 50))
    data = data[start : start + rng.randrange(1, _LONGEST)]
    for _ in range(rng.randrange(1, 9)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(6):
            case 0:
                data[at:at] = rng.choice(_TOKENS)
            case 1:
                del data[at : at + rng.randrange(1, 40)]
            case 2:
                data[at:at] = rng.randbytes(rng.randrange(1, 9))
            case 3:
                other = rng.choice(_SEEDS)
                cut = rng.randrange(len(other))
                data[at:at] = other[cut : cut + rng.randrange(1, 200)]
            case 4:
                data[at:at] = data[at : at + 60] * rng.randrange(1, 9)
            case _:
                data[at : at + 1] = b"\n" if rng.random() < 0.5 else bytes([rng.randrange(256)])
    return bytes(data[: 3 * _LONGEST])


def _summary(data: bytes, rng: random.Random) -> RunSummary:
    summariser = Summariser()
    at = 0
    while at < len(data):
        step = rng.randrange(1, 400)
        summariser.feed(data[at : at + step])
        at += step
    return summariser.summary()


def _stands(value: float, numbers: list[float]) -> bool:
    return any(abs(value - one) <= 1e-9 * max(1.0, abs(value)) for number in numbers for one in (number, number / 100, number * 100))


def test_no_damaged_log_makes_it_raise_or_invent_a_number() -> None:
    rng = random.Random(20)
    told = 0
    for _ in range(_INPUTS):
        data = _damaged(rng)
        summary = _summary(data, rng)
        if summary.final is None:
            assert summary.best is None
            continue
        told += 1
        assert summary.best is not None
        assert math.isfinite(summary.final)
        text = clean_block(data).decode("utf-8", "replace")  # as a terminal shows it
        plain = re.findall(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text)
        grouped = re.findall(r"(?<!\d)(?=(\d{1,3}(?:,\d{3})+(?:\.\d*)?))", text)
        numbers = [float(found.replace(",", "")) for found in plain + grouped]
        ratios = [float(a) / float(b) for a, b in re.findall(r"(\d+)\s*(?:/|of|out of)\s*(\d+)", text) if float(b)]
        assert _stands(summary.final, numbers + ratios)
    assert told > _INPUTS // 5
