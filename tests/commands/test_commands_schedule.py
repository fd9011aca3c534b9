"""When a digest comes: days, time of day, IANA zone."""

from __future__ import annotations

import pytest

from bot.commands import Request, parse

WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

SCHEDULES = [
    ('"weekdays 09:00 Europe/Berlin"', WEEK[:5], "09:00", "Europe/Berlin", "weekdays 09:00 Europe/Berlin"),
    ("weekdays 09:00 Europe/Berlin", WEEK[:5], "09:00", "Europe/Berlin", "weekdays 09:00 Europe/Berlin"),
    ("09:00 UTC", WEEK, "09:00", "UTC", "daily 09:00 UTC"),
    ("daily at 9:05 utc", WEEK, "09:05", "UTC", "daily 09:05 UTC"),
    ("every day 23:59 Asia/Kolkata", WEEK, "23:59", "Asia/Kolkata", "daily 23:59 Asia/Kolkata"),
    ("Mon,Thu 8:30 america/new_york", ["mon", "thu"], "08:30", "America/New_York", "mon,thu 08:30 America/New_York"),
    ("mondays and fridays 12am UTC", ["mon", "fri"], "00:00", "UTC", "mon,fri 00:00 UTC"),
    ("mon-wed 12pm UTC", WEEK[:3], "12:00", "UTC", "mon,tue,wed 12:00 UTC"),
    ("fri-mon 5 pm UTC", None, None, None, None),
    ("sat\u2013mon 5pm UTC", ["mon", "sat", "sun"], "17:00", "UTC", "mon,sat,sun 17:00 UTC"),
    ("weekends 9:00am America/New York", ["sat", "sun"], "09:00", "America/New_York", "weekends 09:00 America/New_York"),
]


@pytest.mark.parametrize(("text", "days", "time", "zone", "named"), SCHEDULES, ids=[case[0] for case in SCHEDULES])
def test_a_schedule_is_days_time_and_zone(text: str, days: list[str] | None, time: str, zone: str, named: str) -> None:
    request = parse(f"digest set {text}")
    assert isinstance(request, Request) or days is None, request
    if isinstance(request, Request) and days is not None:
        assert request.values["schedule"] == {"days": days, "time": time, "zone": zone, "text": named}


def test_the_text_of_a_schedule_is_a_schedule_again() -> None:
    for text, days, *_ in SCHEDULES:
        first = parse(f"digest set {text}")
        if days is not None:
            assert isinstance(first, Request)
            again = parse(f"digest set {first.values['schedule']['text']}")
            assert isinstance(again, Request)
            assert again.values == first.values
