"""How the local Slack refuses: error names as Slack documents them, nothing of our own."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """Answered as ``{"ok": false, "error": code}``; `messages` go to ``response_metadata`` as Slack's validators put them there."""

    def __init__(self, code: str, *messages: str, **extra: Any) -> None:
        super().__init__(code)
        self.code, self.messages, self.extra = code, list(messages), extra


class RateLimited(ApiError):
    """HTTP 429; `seconds` until it is worth trying again."""

    def __init__(self, seconds: float) -> None:
        super().__init__("ratelimited")
        self.seconds = seconds


class Refused(Exception):
    """A person asked for something that Slack's client would not offer them (control API only)."""
