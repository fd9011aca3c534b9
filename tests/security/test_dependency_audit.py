"""The rule of the dependency audit: a known vulnerability fails, a database that cannot be reached does not."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from typing import Any

import pytest

from tests.playing import ROOT

SOUND = {"name": "redis", "version": "8.1.0", "vulns": []}
SICK = {"name": "aiohttp", "version": "3.0.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.0.1"]}, {"id": "PYSEC-2", "fix_versions": []}]}
UNKNOWN = {"name": "docket", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture(scope="module")
def audit() -> Any:
    loader = SourceFileLoader("dependency_audit", str(ROOT / "scripts" / "audit"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_a_known_vulnerability_fails_and_is_named_with_its_fix(audit: Any) -> None:
    status, lines = audit.verdict({"dependencies": [SOUND, SICK, UNKNOWN]})
    assert status == 1
    assert lines == ["aiohttp 3.0.0: PYSEC-1, fixed in 3.0.1", "aiohttp 3.0.0: PYSEC-2, fixed in no version yet"]


def test_what_could_be_looked_up_and_is_sound_passes_and_says_what_was_not(audit: Any) -> None:
    assert audit.verdict({"dependencies": [SOUND]}) == (0, ["no known vulnerability in 1 packages"])
    assert audit.verdict({"dependencies": [SOUND, UNKNOWN]})[1][1] == "not in the database: docket"


def test_nothing_looked_up_is_no_verdict(audit: Any) -> None:
    assert audit.verdict({"dependencies": [UNKNOWN]}) == (None, [])
    assert audit.verdict({}) == (None, [])
