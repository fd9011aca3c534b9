"""When a digest is posted: ``weekdays 09:00 Europe/Berlin`` as days, time of day and IANA zone."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from bot.commands.model import Malformed, Value
from bot.commands.nearest import nearest
from bot.commands.text import shown

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXAMPLE: Final = "weekdays 09:00 Europe/Berlin"

_SETS: Final = {
    **dict.fromkeys(("daily", "everyday", "days"), DAYS),
    **dict.fromkeys(("weekdays", "weekday", "workdays"), DAYS[:5]),
    **dict.fromkeys(("weekends", "weekend"), DAYS[5:]),
}
_FULL: Final = {"mon": "monday", "tue": "tuesday", "wed": "wednesday", "thu": "thursday", "fri": "friday", "sat": "saturday", "sun": "sunday"}
_FILLERS: Final = frozenset({"at", "on", "every", "each", "and"})
_TIME = re.compile(r"(\d{1,2})(?::|\.|h)?(\d{2})?\s*(am|pm)?", re.IGNORECASE)


def read_schedule(text: str) -> dict[str, Any]:
    """``{"days": [...], "time": "HH:MM", "zone": "...", "text": "..."}`` of a text such as ``mon,thu 8:30 UTC``.

    Days default to all; the zone must be named, because people in one channel live in several. Raises :class:`Malformed`.
    """
    words = [word for word in re.split(r"[\s,]+", text.strip()) if word and word.lower() not in _FILLERS]
    times = [word for word in words if _TIME.fullmatch(word)]
    if len(times) != 1:
        raise Malformed("commands.schedule", instead=EXAMPLE, value=shown(text))
    index = words.index(times[0])
    days = _days(words[:index], text)
    rest = words[index + 1 :]
    clock = times[0]
    if rest and rest[0].lower() in ("am", "pm"):
        clock, rest = clock + rest[0], rest[1:]
    hours = _time(clock, text)
    zone = _zone(rest, text)
    return {"days": days, "time": hours, "zone": zone, "text": f"{_named(days)} {hours} {zone}"}


def _days(words: list[str], text: str) -> list[str]:
    chosen: set[str] = set()
    for word in words:
        lower = word.lower()
        first, dash, last = lower.partition("-")
        if lower in _SETS:
            chosen.update(_SETS[lower])
        elif dash and _day(first) and _day(last):
            start, end = DAYS.index(_day(first)), DAYS.index(_day(last))
            chosen.update(DAYS[start : end + 1] if start <= end else (*DAYS[start:], *DAYS[: end + 1]))
        elif _day(lower.rstrip("s")) or _day(lower):
            chosen.add(_day(lower.rstrip("s")) or _day(lower))
        elif lower in ("day", "month", "hour"):
            chosen.update(DAYS if lower == "day" else ())
        else:
            raise Malformed("commands.schedule_day", instead=EXAMPLE, value=shown(word))
    if words and not chosen:
        raise Malformed("commands.schedule", instead=EXAMPLE, value=shown(text))
    return [day for day in DAYS if day in chosen or not words]


def _day(word: str) -> str:
    return next((short for short, full in _FULL.items() if len(word) >= 3 and full.startswith(word)), "")


def _time(clock: str, text: str) -> str:
    found = _TIME.fullmatch(clock)
    if found is None or (found[2] is None and found[3] is None):
        raise Malformed("commands.schedule", instead=EXAMPLE, value=shown(text))
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if minute > 59 or not (1 <= hour <= 12 if half else hour <= 23):
        raise Malformed("commands.schedule_time", instead=EXAMPLE, value=shown(clock))
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return f"{hour:02}:{minute:02}"


def _zone(words: list[str], text: str) -> str:
    if not words:
        raise Malformed("commands.schedule_zone_missing", instead=f"{text.strip()} Europe/Berlin")
    typed = "_".join(words)
    known = {zone.lower(): zone for zone in _zones()}
    found = known.get(typed.lower())
    if found is None:
        cities = {zone.rpartition("/")[2].lower(): zone for zone in known.values()}
        guess = cities.get(typed.lower()) or nearest(typed, known.values()) or "Europe/Berlin"
        before = " ".join(text.split()).removesuffix(" ".join(words)).strip()
        raise Malformed("commands.schedule_zone", instead=f"{before} {guess}", value=shown(typed))
    try:
        ZoneInfo(found)
    except ZoneInfoNotFoundError as error:
        raise Malformed("commands.schedule_zone", instead=EXAMPLE, value=shown(typed)) from error
    return found


@cache
def _zones() -> frozenset[str]:
    return frozenset(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


def _named(days: list[str]) -> str:
    chosen = tuple(days)
    return {DAYS: "daily", DAYS[:5]: "weekdays", DAYS[5:]: "weekends"}.get(chosen, ",".join(days))


SCHEDULE: Final = Value('"SCHEDULE"', read_schedule, EXAMPLE)
