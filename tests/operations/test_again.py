"""One more run: what is kept, what is changed, and what is said of it."""

from __future__ import annotations

from bot.operations.again import changes, merged, without

OLD = {
    "template": "mnist", "name": "mine", "gpus": 1, "parameters": {"max_steps": "60", "dropout": "0.9"}, "args": ["--seed", "3"], "secrets": ["a"],
    "env": {"A": "1"},
}  # fmt: skip


def test_maps_are_joined_arguments_replaced_and_the_old_name_dropped() -> None:
    new = {"job": "mine", "again": True, "parameters": {"max_steps": "90"}, "secrets": ["b"], "gpus": 2, "env": {"B": "2"}}
    assert merged(OLD, new) == {
        "template": "mnist", "gpus": 2, "parameters": {"max_steps": "90", "dropout": "0.9"}, "args": ["--seed", "3"], "secrets": ["a", "b"],
        "env": {"A": "1", "B": "2"},
    }  # fmt: skip
    assert merged(OLD, {"args": ["--seed", "4"]})["args"] == ["--seed", "4"]


def test_a_parameter_set_anew_wins_over_the_same_flag_among_the_old_arguments() -> None:
    old = {"template": "mnist", "args": ["--max_steps", "60", "--fast", "--learning-rate=0.1", "rest"]}
    assert merged(old, {"parameters": {"max_steps": "90"}})["args"] == ["--fast", "--learning-rate=0.1", "rest"]
    assert without(old["args"], {"learning_rate"}) == ["--max_steps", "60", "--fast", "rest"]
    assert without(["--fast", "--max_steps", "60"], {"fast"}) == ["--max_steps", "60"]


def test_none_takes_a_value_out() -> None:
    assert "parameters" not in merged(OLD, {"parameters": None, "args": []})


def test_what_differs_is_said_value_by_value() -> None:
    new = merged(OLD, {"parameters": {"max_steps": "90"}, "timeout_seconds": 3600})
    assert changes(merged(OLD, {}), new) == ["max_steps 60 → 90", "timeout unset → 3600"]
