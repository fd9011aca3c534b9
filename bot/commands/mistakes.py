"""What is wrong with a command, where in it, and the whole command as it should have been typed."""

from __future__ import annotations

from collections.abc import Sequence

from bot.commands.model import Command, Malformed
from bot.commands.text import Token, quoted, shown


class Mistake(Exception):
    """`error` says what is wrong; the words from `first` up to `last` are to be replaced by ``error.instead`` (empty: left out).

    Where nothing can be put in their place, `first` equals `last`, and an example of `command` is shown.
    `behind` are words that belong behind ``--``.
    """

    def __init__(self, error: Malformed, first: int = 0, last: int = 0, command: Command | None = None, behind: Sequence[str] = ()) -> None:
        super().__init__(str(error))
        self.error = error
        self.first = first
        self.last = last
        self.command = command
        self.behind = behind


def told(mistake: Mistake, tokens: Sequence[Token], passed: Sequence[str] | None) -> str:
    """What is wrong, and below it what to type instead."""
    return "\n".join(part for part in (str(mistake.error), _instead(mistake, tokens, passed)) if part)


def _instead(mistake: Mistake, tokens: Sequence[Token], passed: Sequence[str] | None) -> str:
    command, instead = mistake.command, mistake.error.instead
    if instead is not None and mistake.last > mistake.first:
        typed = [quoted(token.text) for token in tokens]
        mended = ["/gpu", *typed[: mistake.first], *([instead] if instead else []), *typed[mistake.last :]]
        if (passed or mistake.behind) and (command is None or command.passthrough):
            mended += ["--", *(quoted(word) for word in (*mistake.behind, *(passed or ())))]
        return f"Type: `{shown(' '.join(mended), 600)}`"
    if command is not None and command.examples:
        return f"For example: `{shown('/gpu ' + command.examples[0], 300)}`"
    return ""
