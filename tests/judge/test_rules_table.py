"""The table of rules says the truth: every test that it names exists, no test file is missing from it, and every fault has its row."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from playground.effects import EFFECTS
from tests.playing import ROOT

TABLE = ROOT / "docs" / "playground-rules.md"
NAMED = re.compile(r"`((?:[\w-]+/)*[\w-]+\.py)::(\w+)`")
ROOMS = ("playground/slack", "playground/azure", "playground/kubernetes", "judge")


def rows() -> list[list[str]]:
    """The cells of every row of every table, without the heads."""
    lines = [line.strip() for line in TABLE.read_text().splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for number, row in enumerate(found) if not is_rule(row) and not (number + 1 < len(found) and is_rule(found[number + 1]))]


def is_rule(row: list[str]) -> bool:
    return all(set(cell) <= set("-: ") for cell in row)


@cache
def functions_in(path: str) -> set[str]:
    """Names of the test functions in a file below tests/."""
    file = ROOT / "tests" / path
    if not file.is_file():
        return set()
    tree = ast.parse(file.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")}


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(TABLE.read_text())
    assert len(named) > 100
    assert [f"{path}::{name}" for path, name in named if name not in functions_in(path)] == []


def test_every_row_says_where_the_rule_is_from_and_which_test_shows_it() -> None:
    assert [row for row in rows() if len(row) != 3 or not all(row) or not NAMED.search(row[2])] == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_of_tests_is_missing(room: str) -> None:
    files = {f"{room}/{path.name}" for path in (ROOT / "tests" / room).glob("test_*.py")}
    assert files - {path for path, _ in NAMED.findall(TABLE.read_text())} == set()


def test_every_fault_has_its_row_and_every_row_its_fault() -> None:
    section = TABLE.read_text().partition("\n## Faults\n")[2].partition("\n## ")[0]
    listed, service = set(), ""
    for line in section.splitlines():
        if line.startswith("### "):
            service = line.removeprefix("### ").lower()
        listed |= {(service, effect, options) for effect, options in re.findall(r"^\| `(\w+)`(?: \{([\w, ]+)\})?", line)}
    known = {(service, effect, options.replace("!", "").replace(" ", ", ")) for service, rows in EFFECTS.items() for effect, options in rows.items()}
    assert listed == known


def test_every_fault_is_taken_where_it_is_said_to_strike() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "playground").rglob("*.py") if path.name != "effects.py")
    assert [effect for rows in EFFECTS.values() for effect in rows if f'"{effect}"' not in source] == []
