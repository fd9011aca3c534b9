"""A service that hangs holds so many operations and no more."""

from __future__ import annotations

import contextlib
import time

import pytest

from bot.calls import OPERATION, Crowd
from bot.errors import Temporary

FULL = Temporary("azure.no_answer")


def enter(stack: contextlib.ExitStack, crowd: Crowd, who: str, place: str = "") -> bool:
    """Begin a call of an operation; whether there was room."""
    token = OPERATION.set(who)
    try:
        stack.enter_context(crowd.waiting(place, FULL))
    except Temporary:
        return False
    finally:
        OPERATION.reset(token)
    return True


def test_whoever_is_answered_soon_may_come_in_any_number() -> None:
    with contextlib.ExitStack() as stack:
        crowd = Crowd(2)
        assert all(enter(stack, crowd, f"op{number}") for number in range(100))


def test_where_as_many_wait_as_may_the_next_is_refused_but_not_what_one_of_them_asks_besides() -> None:
    with contextlib.ExitStack() as stack:
        crowd = Crowd(2, patience=-1.0)
        assert [enter(stack, crowd, who) for who in ("a", "b", "c", "a", "b", "")] == [True, True, False, True, True, True]


def test_one_place_that_hangs_leaves_room_for_another() -> None:
    with contextlib.ExitStack() as stack:
        crowd = Crowd(3, 2, patience=-1.0)
        assert [enter(stack, crowd, who, "sick") for who in ("a", "b", "c")] == [True, True, False]
        assert [enter(stack, crowd, who, "well") for who in ("d", "e")] == [True, False]
    with contextlib.ExitStack() as stack:
        assert enter(stack, crowd, "f", "sick")


@pytest.mark.parametrize("raised", [ValueError, Temporary])
def test_a_call_that_fails_makes_room(raised: type[Exception]) -> None:
    crowd = Crowd(1, patience=-1.0)
    for who in ("a", "b"):
        token = OPERATION.set(who)
        with pytest.raises(raised), crowd.waiting("", FULL):
            raise raised("azure.no_answer")
        OPERATION.reset(token)


def test_where_many_gave_up_at_once_the_next_are_refused_for_a_while() -> None:
    crowd = Crowd(2, patience=0.2)
    with contextlib.suppress(ValueError), contextlib.ExitStack() as stack:
        assert all(enter(stack, crowd, who) for who in ("a", "b", "c"))
        time.sleep(0.25)
        raise ValueError
    with contextlib.ExitStack() as stack:
        assert [enter(stack, crowd, who) for who in ("a", "d")] == [False, False]
        time.sleep(0.25)
        assert all(enter(stack, crowd, who) for who in ("a", "d"))
