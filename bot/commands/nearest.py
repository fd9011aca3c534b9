"""The nearest word to a misspelt one, or none: a wild guess is worse than the list."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The one of `known` that is most like `word`, regardless of case; `cutoff` (0 to 1) is how much it must be."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(word.lower()[:60], by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None
