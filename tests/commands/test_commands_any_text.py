"""Whatever is typed: an answer, never an exception; and whatever is understood holds only names that Azure and Kubernetes accept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import names
from bot.commands import BY_KIND, COMMANDS, Reply, Request, parse, parse_mention
from bot.commands import text as reading

WORDS = sorted(
    {word for command in COMMANDS for path in (command.path, *command.aliases) for word in path}
    | {f"--{name}" for command in COMMANDS for option in command.options for name in (option.name, *option.aliases)}
    | {word for command in COMMANDS for example in command.examples for word in example.split()}
)
NASTY = [
    "..", "demo/..", "demo/gpu", "../..", "%2e%2e", "demo/gpu/..", "\u2014", "--", "-", "\u2013for", "*", "`", "```", '"', "'", "\\",
    "\n", "\x00", "=", "--=", "<!channel>", "<http://a|b>", "A=b", "=b", "\ud800", "\u202e", "9" * 30, "-1", "1e9", "NaN", "0h", "900d",
    "\u0664", "\uff11", "\u00b2", "K\u0307", "/gpu", "$", "&amp;", "x" * 300,
]  # fmt: skip

lines = st.lists(st.sampled_from(WORDS) | st.sampled_from(NASTY) | st.text(max_size=12), max_size=9).flatmap(
    lambda parts: st.sampled_from([" ", "  ", "\u00a0", "\n", "=", ""]).map(lambda gap: gap.join(parts))
)
commands = st.builds(
    lambda command, parts: " ".join([*command.path, *parts]),
    st.sampled_from(COMMANDS),
    st.lists(st.sampled_from(WORDS) | st.sampled_from(NASTY) | st.text(max_size=12), max_size=6),
)


@st.composite
def mended(draw: st.DrawFn) -> str:
    """A right command with one word replaced or inserted: this is where most mistakes are."""
    parts = draw(st.sampled_from([example for command in COMMANDS for example in command.examples if example])).split()
    at = draw(st.integers(0, len(parts)))
    word = draw(st.sampled_from(NASTY) | st.sampled_from(WORDS) | st.text(max_size=20))
    return " ".join([*parts[:at], word, *parts[at + draw(st.integers(0, 1)) :]])


anything = st.text(max_size=200) | lines | commands | mended()

NAMED = {
    **{key: key for key in ("cluster", "pool", "group", "region", "size", "job", "namespace", "feature", "template", "image")},
    **{"system_size": "size", "name": "job", "kubernetes_version": "version"},
}
FREE = {"labels", "parameters", "spot", "spot_ok", "entra", "no_local_accounts", "mine", "again", "eviction", "mig", "driver", "os_sku"} | {
    *("cpu", "memory", "gpu", "month", "schedule"),
}
BOUNDS = {
    **{"nodes": (0, 1000), "min": (0, 1000), "max": (1, 1000), "gpus": (1, 56)},
    **{"pods": (1, 100), "retries": (0, 10), "tail": (1, 200), "limit": (1, 200)},
}


def judge(text: str) -> None:
    """The promises that hold for every text."""
    answer = parse(text)
    if isinstance(answer, Reply):
        assert answer.text
        assert len(answer.text) < 3000
        return
    assert isinstance(answer, Request)
    assert answer.kind in BY_KIND
    assert Request.from_json(json.loads(json.dumps(answer.as_json()))) == answer
    answer.text.encode()
    valid(answer.values)


def valid(values: Mapping[str, Any]) -> None:
    """Every value is of the kind that its key promises."""
    for key, value in values.items():
        if key in NAMED:
            assert names.valid(NAMED[key], value), (key, value)
        elif key in BOUNDS:
            assert type(value) is int
            assert BOUNDS[key][0] <= value <= BOUNDS[key][1]
        elif key.endswith("_seconds"):
            assert type(value) is int
            assert 0 < value <= 30 * 86400
        elif key in ("max_price", "under"):
            assert Decimal(value) > 0 or value == "-1"
        elif key == "zones":
            assert value
            assert set(value) <= {"1", "2", "3"}
        elif key == "env":
            assert all(names.valid("env", name) and "\n" not in item for name, item in value.items())
        elif key == "headers":
            assert all(name.isascii() and item.isprintable() and item.isascii() for name, item in value.items())
        elif key in ("secrets", "taints", "args"):
            assert all(isinstance(item, str) for item in value)
        else:
            assert key in FREE, key


@given(anything)
@settings(max_examples=400, deadline=None)
def test_any_text_is_answered(text: str) -> None:
    judge(text)


@given(anything)
@settings(max_examples=100, deadline=None)
def test_anything_said_in_a_thread_is_answered(text: str) -> None:
    answer = parse_mention(text)
    assert isinstance(answer, Reply) or answer.kind.startswith("thread.") or answer.kind in ("job.again", "job.clean")


@pytest.mark.slow
@given(anything)
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_ten_thousand_texts_are_answered(text: str) -> None:
    judge(text)


@given(st.text(alphabet="ab0 _./:,=+-", max_size=40))
def test_the_short_way_for_plain_text_leads_to_the_same_words(text: str) -> None:
    assert reading._PLAIN.fullmatch(text)
    assert [reading.Token(word, True) for word in text.split()] == reading._tokens(reading._cleaned(text))


def test_what_would_be_mended_does_not_go_the_short_way() -> None:
    short = {character for character in map(chr, range(0x3000)) if reading._PLAIN.fullmatch(character)}
    assert "".join(sorted(short)) == " +,-./0123456789:=ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
