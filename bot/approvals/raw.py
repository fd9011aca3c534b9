"""Reading a TOML table strictly: each key by its type, every problem collected with the key's full name, unknown keys refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, Final

_UNITS: Final = {"m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")


def exact(text: str) -> Decimal:
    """A TOML float as a Decimal (for ``tomllib.load(parse_float=…)``); what no Decimal can hold becomes NaN and is refused later."""
    try:
        return Decimal(text.replace("_", ""))
    except InvalidOperation:
        return Decimal("NaN")


def seconds(text: str) -> int | None:
    """Seconds of ``90m``, ``8h`` or ``14d``; None if it is not one of those."""
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _UNITS[found[2]] if found else None


class Table:
    """One table of the file. Each getter takes a key, notes a problem where the value cannot be used, and then answers its default."""

    def __init__(self, values: Mapping[str, Any], name: str, problems: list[str]) -> None:
        self._values = values
        self._name = name
        self._asked: set[str] = set()
        self.problems = problems

    def has(self, key: str) -> bool:
        """Whether the key was written at all."""
        return key in self._values

    def problem(self, key: str, allowed: str) -> None:
        """Note that `key` does not hold what is `allowed`."""
        value = self._values.get(key)
        said = f", not {_said(value)}" if key in self._values else " (it is missing)"
        self.problems.append(f"{self.full(key)}: must be {allowed}{said}")

    def full(self, key: str) -> str:
        """The key with its tables, as in ``limits.max_nodes``."""
        return f"{self._name}.{key}" if self._name else key

    def text(self, key: str, default: str, pattern: str, allowed: str) -> str:
        """A string that matches `pattern` as a whole."""
        value = self._get(key, default)
        if isinstance(value, str) and (value == default or re.fullmatch(pattern, value)):
            return value
        self.problem(key, allowed)
        return default

    def choice(self, key: str, default: str, options: Sequence[str]) -> str:
        """One of a few strings."""
        value = self._get(key, default)
        if isinstance(value, str) and value in options:
            return value
        self.problem(key, "one of " + ", ".join(f'"{option}"' for option in options))
        return default

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self._get(key, default)
        if isinstance(value, bool):
            return value
        self.problem(key, "true or false")
        return default

    def integer(self, key: str, default: int, least: int, most: int) -> int:
        """A whole number between `least` and `most`."""
        value = self._get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.problem(key, f"a whole number from {least} to {most}")
        return default

    def amount(
        self, key: str, default: Decimal | None, most: int = 10_000_000, what: str = "an amount of US dollars such as 12.50"
    ) -> Decimal | None:
        """A number that is not negative, exact to the cent and beyond."""
        value = self._get(key, default)
        if value is None and default is None and key not in self._values:
            return None
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            amount = Decimal(value)
            if amount.is_finite() and 0 <= amount <= most:
                return amount
        self.problem(key, what)
        return default

    def duration(self, key: str, default: int, most: int) -> int:
        """Seconds of a string such as ``"8h"``, at most `most`."""
        value = self._get(key, None)
        if key not in self._values:
            return default
        length = seconds(value) if isinstance(value, str) else None
        if length is not None and length <= most:
            return length
        self.problem(key, f'a duration such as "90m", "8h" or "3d", at most "{most // 86400}d"')
        return default

    def strings(self, key: str, default: Sequence[str], pattern: str, allowed: str) -> tuple[str, ...]:
        """A list of strings that all match `pattern`; in order, each once."""
        value = self._get(key, list(default))
        if isinstance(value, list) and all(isinstance(item, str) and re.fullmatch(pattern, item) for item in value):
            return tuple(dict.fromkeys(value))
        self.problem(key, f"a list of {allowed}")
        return tuple(default)

    def amounts(self, key: str, pattern: str, allowed: str) -> dict[str, Decimal]:
        """A table from ids to amounts of money."""
        table = self.table(key)
        found: dict[str, Decimal] = {}
        for name in list(table._values):
            amount = table.amount(name, None)
            if not re.fullmatch(pattern, name):
                self.problems.append(f"{table.full(name)}: the key must be {allowed}")
            elif amount is not None:
                found[name] = amount
        return found

    def table(self, key: str) -> Table:
        """A table inside this one; empty where it is missing or something else."""
        value = self._get(key, {})
        if isinstance(value, dict):
            return Table(value, self.full(key), self.problems)
        self.problem(key, f"a table: [{self.full(key)}]")
        return Table({}, self.full(key), self.problems)

    def tables(self, key: str) -> list[Table]:
        """A list of tables (``[[tiers]]``)."""
        value = self._get(key, [])
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return [Table(item, f"{self.full(key)}[{index}]", self.problems) for index, item in enumerate(value)]
        self.problem(key, f"a list of tables: [[{self.full(key)}]]")
        return []

    def done(self) -> None:
        """Refuse every key that nobody asked for: a misspelt limit would otherwise be no limit."""
        for key in self._values:
            if key not in self._asked:
                near = get_close_matches(key[:80], sorted(self._asked), n=1)
                hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(self._asked))}"
                self.problems.append(f"{self.full(_shortened(key))}: unknown key; {hint}")

    def _get(self, key: str, default: Any) -> Any:
        self._asked.add(key)
        return self._values.get(key, default)


def _said(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}" if len(repr(value)[:200]) > 60 else repr(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 200:
        return "such a large number"
    return _shortened(f'"{value}"' if isinstance(value, str) else str(value))


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
