"""All that is left to chance in the simulation: ids, generated names, which of several sockets, whether a fault with a `chance` strikes.

Each purpose draws from a stream of its own, so that the third operation has the same id whatever else happened. Keys that protect something
(TLS certificates, the signatures of tokens) are not drawn here.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
_streams: dict[str, random.Random] = {}
_seed = 1


def seed(number: int) -> None:
    """Begin anew (``--seed``)."""
    global _seed
    _seed = number
    _streams.clear()


def fresh(purpose: str) -> random.Random:
    """A stream that begins now."""
    return random.Random(f"{_seed} {purpose}")


def _of(purpose: str) -> random.Random:
    return _streams.setdefault(purpose, fresh(purpose))


def digits(purpose: str, count: int) -> str:
    """So many hexadecimal digits."""
    return f"{_of(purpose).getrandbits(4 * count):0{count}x}"


def number(purpose: str, below: int) -> int:
    """From 0 to `below` - 1."""
    return _of(purpose).randrange(below)


def uid(purpose: str) -> str:
    """A version 4 UUID."""
    return str(uuid.UUID(int=_of(purpose).getrandbits(128), version=4))


def word(purpose: str, alphabet: str, length: int) -> str:
    """So many characters of an alphabet."""
    return "".join(_of(purpose).choices(alphabet, k=length))


def one_of(purpose: str, rows: Sequence[T]) -> T:
    """Any of them."""
    return _of(purpose).choice(rows)
