"""What a check finds."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from bot.settings import Settings


@dataclass(frozen=True)
class Found:
    """One line of the report; `todo` is empty where all is well. `minor`: worth knowing, but nothing is broken by it."""

    what: str
    seen: str
    todo: str = ""
    minor: bool = False


Check = Callable[[Settings], AsyncGenerator[Found, Any]]
