"""``@quartermaster status|logs|cancel|extend [8h]|help`` in a thread: the thread says what is meant, so nothing is named."""

from __future__ import annotations

import re
from typing import Final

from bot.commands.model import Malformed, Reply, Request
from bot.commands.nearest import nearest
from bot.commands.text import shown, words
from bot.commands.values import read_duration

VERBS: Final = {
    "status": "how it stands",
    "logs": "end of the log, and all of it as a file",
    "cancel": "stop it",
    "extend": "move the expiry: `extend 8h`",
    "help": "this",
}
_ALIASES: Final = {"log": "logs", "stop": "cancel", "abort": "cancel", "state": "status", "?": "help"}
_MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?>")


def parse_mention(text: str) -> Request | Reply:
    """Read what was said to the bot in a thread, with or without the mention itself. Kinds are ``thread.status`` and so on.

    ``extend`` may carry a duration (``for_seconds``). A mention alone is ``status``. Never raises.
    """
    try:
        tokens, passed = words(_MENTION.sub(" ", text))
        given = [token.text for token in tokens] + (["--", *passed] if passed is not None else [])
        return _read(given)
    except Malformed as error:
        instead = f"Type: `@quartermaster {shown(error.instead)}`" if error.instead else ""
        return Reply("\n".join(part for part in (str(error), instead) if part))


def _read(given: list[str]) -> Request | Reply:
    verb = given[0].lower().rstrip("!.?,") or given[0] if given else "status"
    verb = _ALIASES.get(verb, verb)
    if verb == "help":
        return Reply("\n".join(["In this thread:", *(f"`@quartermaster {name}` {summary}" for name, summary in VERBS.items())]), ok=True)
    if verb not in VERBS:
        guess = nearest(verb, VERBS)
        listed = "" if guess else f"Here I understand {', '.join(f'`{name}`' for name in VERBS)}."
        raise Malformed("commands.unknown", instead=guess, word=shown(verb), choices=listed)
    rest = [word for word in given[1:] if word.lower() not in ("by", "for", "--for", "it", "please", "this")]
    values: dict[str, int] = {}
    if verb == "extend" and rest:
        try:
            values["for_seconds"] = read_duration("".join(rest))
        except Malformed as error:
            raise Malformed(error.code, instead=f"extend {error.instead}", **error.detail) from error
    elif rest:
        raise Malformed("commands.extra", instead=verb, command=f"@quartermaster {verb}", value=shown(rest[0]))
    return Request((verb,), f"thread.{verb}", values, " ".join([verb, *rest]))
