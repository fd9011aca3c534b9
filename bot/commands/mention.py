"""``@quartermaster status|logs|curve|again|…`` in a thread: the thread says what is meant, so nothing is named."""

from __future__ import annotations

import re
from typing import Final

from bot.commands.grammar import parse
from bot.commands.model import Malformed, Reply, Request
from bot.commands.nearest import nearest
from bot.commands.text import quoted, shown, words
from bot.commands.values import read_duration

VERBS: Final = {
    "status": "how it stands",
    "job": "the job: state, result, the runs before it",
    "logs": "end of the log, and all of it as a file",
    "curve": "its curve as a picture",
    "again": "run it once more, with changes: `again --set max_steps=1000`",
    "cancel": "stop it",
    "clean": "delete the finished job and its pods",
    "extend": "move the expiry: `extend 8h`",
    "help": "this",
}
_ALIASES: Final = {
    "log": "logs", "stop": "cancel", "abort": "cancel", "state": "status", "?": "help", "history": "job", "result": "job", "results": "job",
    "plot": "curve", "chart": "curve", "graph": "curve", "picture": "curve", "rerun": "again", "repeat": "again", "delete": "clean",
}  # fmt: skip
# What a thread's verb stands for, where it is not a kind of its own; the thread is the job.
_KINDS: Final = {"again": "job.again", "clean": "job.clean"}
THIS: Final = "this-job"
"""The name of the thread's job, until the thread is looked up."""
_MENTION = re.compile(r"<@[A-Z0-9]+(?:\|[^>]*)?>")


def parse_mention(text: str) -> Request | Reply:
    """Read what was said to the bot in a thread, with or without the mention itself. Kinds are ``thread.status`` and so on.

    ``extend`` may carry a duration (``for_seconds``), ``again`` what ``/gpu job NAME --again`` takes. A mention alone is ``status``. Never raises.
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
    if verb == "again":
        return _again(given[1:])
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
    return Request((verb,), _KINDS.get(verb, f"thread.{verb}"), values, " ".join([verb, *rest]))


def _again(rest: list[str]) -> Request | Reply:
    """One more run, read by the grammar of the command that does the same."""
    typed = f"job {THIS} --again"
    rest = [word for word in rest if word.lower() not in ("with", "please", "this", "it")]
    parsed = parse(" ".join([typed, *map(quoted, rest)]))
    if isinstance(parsed, Reply):
        return Reply(parsed.text.replace(f"/gpu {typed}", "@quartermaster again"))
    return Request(("again",), parsed.kind, {name: value for name, value in parsed.values.items() if name != "job"}, parsed.text)
