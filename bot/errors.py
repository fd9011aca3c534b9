"""The one small hierarchy of errors; :mod:`bot.words` is the table that turns them into words.

Code raises one of three verbs with the key of a row and what fills its blanks:

- :class:`Refused` - not allowed, because …: nothing was started, the user can mend the request;
- :class:`Temporary` - try again by yourself: the engine waits and repeats the step;
- :class:`Failed` - it broke for good: the operation ends and says so.

The cause (the library's own exception) is chained with ``raise … from error`` and goes to the log whole;
only the words of the table reach Slack, so nothing secret can leak through an error text.
"""

from __future__ import annotations

from bot.words import words


class QuartermasterError(Exception):
    """Base of all errors that the bot raises on purpose; `code` is a key of :data:`bot.words.WORDS`."""

    def __init__(self, code: str, **detail: object) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    @property
    def sentence(self) -> str:
        """What is so, in plain words."""
        return words(self.code).sentence.format_map(_Blanks(self.detail))

    @property
    def next_step(self) -> str:
        """What to do about it, or an empty string."""
        return words(self.code).next_step.format_map(_Blanks(self.detail))

    def __str__(self) -> str:
        return " ".join(part for part in (self.sentence, self.next_step) if part)


class Refused(QuartermasterError):
    """The request is not allowed or makes no sense; nothing was started."""


class Temporary(QuartermasterError):
    """The world was unavailable; `retry_after` is in seconds (None: the engine's own back-off)."""

    def __init__(self, code: str, *, retry_after: float | None = None, **detail: object) -> None:
        super().__init__(code, **detail)
        self.retry_after = retry_after


class Failed(QuartermasterError):
    """It cannot succeed by being repeated; the operation ends."""


class _Blanks(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"
