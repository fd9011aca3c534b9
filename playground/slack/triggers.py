"""trigger_id: lets an app open one modal within three seconds of what a person did (Slack: views.open)."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Final

from playground import chance
from playground.slack.errors import ApiError

SECONDS: Final = 3.0
SHAPE = re.compile(r"^\d+\.\d+\.[0-9a-f]+$")


@dataclass
class _Trigger:
    user: str
    until: float
    view: str | None
    used: bool = False


class Triggers:
    """Issues and takes trigger ids; real time."""

    def __init__(self) -> None:
        self._issued: dict[str, _Trigger] = {}

    def issue(self, user: str, view: str | None = None) -> str:
        """A fresh one for `user`; `view` is the modal that it was made in, if any."""
        number = f"{chance.number('trigger', 10**12):012d}.{chance.number('trigger', 10**12):012d}.{chance.digits('trigger', 32)}"
        self._issued[number] = _Trigger(user, time.monotonic() + SECONDS, view)
        return number

    def take(self, number: str) -> tuple[str, str | None]:
        """Its user and view, once. Raises ApiError invalid_trigger_id, exchanged_trigger_id, expired_trigger_id."""
        trigger = self._issued.get(number) if SHAPE.match(number) else None
        if trigger is None:
            raise ApiError("invalid_trigger_id")
        if trigger.used:
            raise ApiError("exchanged_trigger_id")
        if time.monotonic() > trigger.until:
            raise ApiError("expired_trigger_id")
        trigger.used = True
        return trigger.user, trigger.view
