"""Text of a slash command → a :class:`Request` that can be acted on, or a :class:`Reply` that says what to type.

Nothing else comes out, whatever goes in: no exception, and no value that the rules of :mod:`bot.names` would not accept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from bot.commands import help as helping
from bot.commands.binding import Binding
from bot.commands.definitions import PATHS, same_word
from bot.commands.mistakes import Mistake, told
from bot.commands.model import Command, Malformed, Reply, Request
from bot.commands.nearest import nearest
from bot.commands.text import Token, quoted, shown, words

_ALL = "Type `/gpu help` for all commands."
LIKELY, SURE = 0.7, 0.8
_HELP = frozenset({"help", "?", "--help", "-h", "commands"})


def parse(text: str, *, templates: Collection[str] = ()) -> Request | Reply:
    """Read the text after ``/gpu``. `templates`: names of the known job templates; where given, others are refused.

    Empty text is a request of kind ``menu``. Never raises.
    """
    try:
        tokens, passed = words(text)
    except Malformed as error:
        return Reply(str(error))
    if not tokens:
        return Reply(str(Malformed("commands.unknown", word="--", choices=_ALL))) if passed else Request((), "menu")
    topic = _asked_for_help(tokens)
    if topic is not None:
        return helping.topic(topic)
    try:
        return _request(tokens, passed, templates)
    except Mistake as mistake:
        return Reply(told(mistake, tokens, passed))


def amended(text: str, changes: Mapping[str, str]) -> Request | None:
    """The command `text` with these values of options instead of what it says ('' leaves the option out); None where that is no command."""
    try:
        tokens, passed = words(text)
        if not tokens:
            return None
        length, candidates = _found(tokens)
        left = Binding(_chosen(candidates, tokens), tokens, length, passed).without(changes)
    except (Malformed, Mistake):
        return None
    line = [quoted(token.text) for token in left]
    line += [word for name, value in changes.items() if value for word in (f"--{name}", quoted(value))]
    line += ["--", *(quoted(word) for word in passed)] if passed else []
    request = parse(" ".join(line))
    return request if isinstance(request, Request) else None


def _asked_for_help(tokens: Sequence[Token]) -> list[str] | None:
    """The topic, if these words ask for help: ``help …``, ``… --help``, ``pool help``, or the name of a group alone."""
    plain = [token.text.lower() for token in tokens]
    if plain[0] in _HELP:
        return plain[1:]
    if plain[-1] in ("--help", "-h") or (plain[-1] == "help" and len(plain) <= 3):
        return plain[:-1]
    group = same_word(plain[0])
    if len(plain) == 1 and (group,) not in PATHS and any(path[0] == group for path in PATHS):
        return plain
    return None


def _request(tokens: Sequence[Token], passed: Sequence[str] | None, templates: Collection[str]) -> Request:
    length, candidates = _found(tokens)
    command = _chosen(candidates, tokens)
    values = Binding(command, tokens, length, passed, templates).bind()
    text = [*command.path, *(quoted(token.text) for token in tokens[length:])]
    if passed:
        text += ["--", *(quoted(word) for word in passed)]
    return Request(command.path, command.kind, values, " ".join(text))


def _found(tokens: Sequence[Token]) -> tuple[int, tuple[Command, ...]]:
    """How many words name the command, and the commands of that name."""
    typed = [token.text.lower() for token in tokens[:2]]
    typed[0] = same_word(typed[0])
    for length in range(len(typed), 0, -1):
        found = PATHS.get(tuple(typed[:length]))
        if found:
            return length, found
    nouns = ("pool", "cluster") if any("/" in token.text for token in tokens[1:]) else ("cluster", "pool")
    noun = next((one for one in nouns if (one, typed[0]) in PATHS), "")
    if noun:
        raise Mistake(Malformed("commands.unknown", instead=f"{noun} {typed[0]}", word=shown(typed[0]), choices=""), 0, 1)
    seconds = {path[1] for path in PATHS if len(path) == 2 and path[0] == typed[0]}
    if not seconds or len(typed) < 2:
        guess = _guess(typed[0], ())
        raise Mistake(Malformed("commands.unknown", instead=guess, word=shown(typed[0]), choices="" if guess else _ALL), 0, 1)
    other = {"cluster": "pool", "pool": "cluster"}.get(typed[0], "")
    if (other, typed[1]) in PATHS:
        raise Mistake(Malformed("commands.unknown", instead=f"{other} {typed[1]}", word=shown(" ".join(typed)), choices=""), 0, 2)
    guess = _guess(typed[1], (typed[0],))
    listed = ", ".join(f"`{' '.join(path)}`" for path, commands in PATHS.items() if path[0] == typed[0] and commands[0].path == path)
    raise Mistake(Malformed("commands.unknown", instead=guess, word=shown(" ".join(typed)), choices="" if guess else f"There is {listed}."), 1, 2)


def _guess(typed: str, before: tuple[str, ...]) -> str | None:
    """The word that was meant after `before`; one that destroys only if hardly anything else can have been: ``resume`` is no ``remove``."""
    paths = {path: commands for path, commands in PATHS.items() if path[: len(before)] == before and len(path) > len(before)}
    guess = nearest(typed, {path[len(before)] for path in paths}, cutoff=LIKELY)
    destroys = guess is not None and any(command.destructive for command in paths.get((*before, guess), ()))
    return nearest(typed, {guess}, cutoff=SURE) if guess and destroys else guess


def _chosen(candidates: Sequence[Command], tokens: Sequence[Token]) -> Command:
    """The command whose flag was given, else the one without; ``extend demo`` is the cluster's, ``extend demo/gpu`` the pool's."""
    flags = {token.text.lower().lstrip("-").partition("=")[0] for token in tokens if token.plain and token.text.startswith("--")}
    plain = [command for command in candidates if not command.when]
    named = [command for command in plain if any(argument.split for argument in command.arguments) == any("/" in token.text for token in tokens)]
    return next((command for command in candidates if command.when and command.when in flags), (named or plain)[0])
