"""Policy files, generated: any TOML, the example with one line changed, any text. Each is used, or refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from bot.approvals.policy import PolicyError, read
from bot.approvals.rules import Policy

EXAMPLE: Final = Path(__file__).resolve().parents[1] / "manifests" / "policy.example.toml"
TABLES: Final = ("roles", "tiers", "channels", "limits", "jobs", "budgets", "approvals", "break_glass", "idle", "fallback", "digest")
KEYS: Final = (
    "requester", "approver", "up_to_hourly", "up_to_total", "max_nodes", "sizes", "allowed", "users", "per_user", "after", "expires", "reminders",
)  # fmt: skip
LITERALS: Final = (
    "1e99999999999999999999",
    "-1e-99999999999999999999",
    "1_000",
    "0x1f",
    "inf",
    "nan",
    "2026-01-01",
    "07:32:00",
    "2026-01-01T00:00:00Z",
    "'x'",
)


class Literal(str):
    """A value as it is written in TOML: what no Python value would be written as."""


names = st.sampled_from((*TABLES, *KEYS, "version", "warn_before", "channel", "x"))
scalars = (
    st.integers()
    | st.booleans()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(LITERALS).map(Literal)
    | st.sampled_from(("8h", "*", "U0BOB", "S0X", "C0GPU", "Standard_NC6", "eastus"))
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.text(max_size=4), inner, max_size=3), max_leaves=8
)


def toml(value: object) -> str:
    """`value` as inline TOML."""
    if isinstance(value, Literal):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(character):08x}" for character in value if not 0xD800 <= ord(character) <= 0xDFFF) + '"'
    return repr(value)


def judge(text: str) -> bool:
    """A policy (True), or a list of problems; anything else raises."""
    policy, found = _tried(text)
    if policy is None:
        assert found, "refused without a word"
        assert all(len(problem) < 500 for problem in found), "a problem that nobody can read"
        return False
    assert policy.tiers, "used without a tier"
    return True


def _tried(text: str) -> tuple[Policy | None, tuple[str, ...]]:
    try:
        return read(text), ()
    except PolicyError as error:
        return None, error.problems


def _changed(line: str, value: object) -> str:
    """The example with the value of one of its lines replaced."""
    key = line.partition("=")[0]
    new = f"{key}= {toml(value)}" if "=" in line and not line.startswith("#") else ""
    return EXAMPLE.read_text().replace(line, new, 1) if line else EXAMPLE.read_text()


files = st.dictionaries(names, values, max_size=6).map(lambda content: "\n".join(f"{toml(key)} = {toml(value)}" for key, value in content.items()))
changes = st.builds(_changed, st.sampled_from(EXAMPLE.read_text().splitlines()), values)
texts = st.text(max_size=300)
