"""The words after a command's name, bound to its arguments and options. Raises :class:`Mistake` and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.commands.mistakes import Mistake
from bot.commands.model import Argument, Command, Malformed, Option, Value
from bot.commands.nearest import nearest
from bot.commands.pairs import read_arguments
from bot.commands.text import Token, quoted, shown

_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})


@dataclass
class Binding:
    """One command being read: `tokens` from `start` on are its words, `passed` what stood after ``--``."""

    command: Command
    tokens: Sequence[Token]
    start: int
    passed: Sequence[str] | None
    templates: Collection[str] = ()
    values: dict[str, Any] = field(default_factory=dict)

    def bind(self) -> dict[str, Any]:
        """The validated values of the whole command."""
        self._arguments(self._options())
        self._passed()
        for option in self.command.options:
            if option.required and option.slot not in self.values and option.value is not None:
                raise self._wrong(Malformed("commands.missing_option", what=f"a {option.summary}: `--{option.name} {option.value.example}`"))
        for check in self.command.checks:
            try:
                check(self.values)
            except Malformed as error:
                raise self._wrong(error) from error
        return self.values

    def _wrong(self, error: Malformed, first: int = 0, last: int = 0) -> Mistake:
        return Mistake(error, first, last, self.command)

    def _options(self) -> list[tuple[int, Token]]:
        """Take the options; what is left are the positional words with their places."""
        known = {name: option for option in self.command.options for name in (option.name, *option.aliases)}
        left: list[tuple[int, Token]] = []
        index = self.start
        while index < len(self.tokens):
            name = self._option_name(self.tokens[index], known)
            if not name:
                left.append((index, self.tokens[index]))
                index += 1
            else:
                index = self._option(self._known(name, known, index), index)
        return left

    def without(self, names: Collection[str]) -> list[Token]:
        """The words, less the options `names` with their values."""
        known = {name: option for option in self.command.options for name in (option.name, *option.aliases)}
        left, index = list(self.tokens[: self.start]), self.start
        while index < len(self.tokens):
            name = self._option_name(self.tokens[index], known)
            option = self._known(name, known, index) if name else None
            last = index + (1 if option is None or option.value is None or "=" in self.tokens[index].text else 2)
            left += [] if option is not None and option.name in names else self.tokens[index:last]
            index = last
        return left

    def _option_name(self, token: Token, known: Collection[str]) -> str:
        """The option's name if `token` is one: ``--name``, ``--name=…`` or a known single letter. A quoted word never is."""
        name, equals, _ = token.text.partition("=")
        if not token.plain and not equals:
            return ""
        if name.startswith("--") and len(name) > 2:
            return name.lower()
        return name.lower() if len(name) == 2 and name[0] == "-" and name[1:].lower() in known else ""

    def _known(self, name: str, known: dict[str, Option], index: int) -> Option:
        bare = name.lstrip("-").replace("_", "-")
        if bare in known:
            return known[bare]
        guess = nearest(bare, known)
        listed = ", ".join(f"`--{option.name}`" for option in self.command.options)
        choices = "" if guess else f"It takes {listed}." if listed else "It takes none."
        behind = [] if guess else self._program_s_own(index)
        if behind:
            error = Malformed("commands.programs_option", instead="", command=f"/gpu {self.command.name}", option=shown(name))
            raise Mistake(error, index, index + len(behind), self.command, behind)
        _, equals, given = self.tokens[index].text.partition("=")
        instead = f"--{known[guess].name}{equals}{quoted(given) if equals else ''}" if guess else None
        error = Malformed("commands.unknown_option", instead=instead, command=f"/gpu {self.command.name}", option=shown(name), choices=choices)
        raise self._wrong(error, index, index + 1)

    def _program_s_own(self, index: int) -> list[str]:
        """The unknown option at `index` with its value, where it may be meant for the program that is run; else nothing."""
        if not self.command.passthrough or all(token.text.startswith("--") for token in self.tokens[self.start : index]):
            return []
        value = self.tokens[index + 1 : index + 2] if "=" not in self.tokens[index].text else []
        return [token.text for token in (self.tokens[index], *value) if token.text.startswith("--") is (token is self.tokens[index])]

    def _option(self, option: Option, index: int) -> int:
        """Read the option at `index`; answers the index of the word after it."""
        _, equals, given = self.tokens[index].text.partition("=")
        name = f"--{option.name}"
        if option.value is None:
            said = given.lower() if equals else "true"
            if said not in _YES | _NO:
                raise self._wrong(Malformed("commands.flag_value", instead=name, option=name), index, index + 1)
            if said in _YES:
                self.values[option.slot] = True
            return index + 1
        if equals:
            self._keep(option, self._read(option.value, given, (index, index + 1, index), f"{name}="), index, index + 1)
            return index + 1
        following = self.tokens[index + 1] if index + 1 < len(self.tokens) else None
        if following is None or (following.plain and following.text.startswith("--")):
            example = option.value.example
            raise self._wrong(Malformed("commands.missing_value", instead=f"{name} {example}", option=name, example=example), index, index + 1)
        self._keep(option, self._read(option.value, following.text, (index + 1, index + 2, index)), index, index + 2)
        return index + 2

    def _read(self, value: Value, given: str, place: tuple[int, int, int], prefix: str = "") -> Any:
        """Read one value. `place`: first and last word to mend, and the first one to leave out where it cannot be mended."""
        first, last, whole = place
        try:
            return value.read(given)
        except Malformed as error:
            if not error.instead:
                raise self._wrong(error, whole, last) from error
            mended = Malformed(error.code, instead=prefix + quoted(error.instead), **error.detail)
            raise self._wrong(mended, first, last) from error

    def _keep(self, option: Option, value: Any, first: int, last: int) -> None:
        if option.many == "list":
            kept = self.values.setdefault(option.slot, [])
            kept.extend(one for one in (value if isinstance(value, list) else [value]) if one not in kept)
        elif option.many == "map":
            kept = self.values.setdefault(option.slot, {})
            for key, item in value if isinstance(value[0], list) else [value]:
                if key in kept:
                    raise self._wrong(Malformed("commands.twice", instead="", what=f"`{shown(key)}`"), first, last)
                kept[key] = item
        elif option.slot in self.values:
            raise self._wrong(Malformed("commands.twice", instead="", what=f"`--{option.name}`"), first, last)
        else:
            self.values[option.slot] = value

    def _arguments(self, left: list[tuple[int, Token]]) -> None:
        for argument in self.command.arguments:
            if left:
                left = self._argument(argument, left)
            elif argument.required:
                raise self._wrong(Malformed("commands.missing_argument", command=f"/gpu {self.command.name}", what=argument.value.shown))
        if left:
            index, token = left[0]
            raise self._wrong(Malformed("commands.extra", instead="", command=f"/gpu {self.command.name}", value=shown(token.text)), index, index + 1)

    def _argument(self, argument: Argument, left: list[tuple[int, Token]]) -> list[tuple[int, Token]]:
        """Read one argument from the front of `left`; answers what is left after it."""
        apart = argument.split and len(left) > 1 and "/" not in left[0][1].text and not left[1][1].text[:1].isdigit()  # `4h` is no name
        count = len(left) if argument.rest else 2 if apart else 1
        taken = left[:count]
        first, last = taken[0][0], taken[-1][0] + 1
        given = ("/" if argument.split else " ").join(token.text for _, token in taken)
        value = self._read(argument.value, given, (first, last, first))
        if isinstance(value, dict) and argument.value.spread:
            self._template(value.get("template"), first, last)
        for key, item in value.items() if argument.value.spread else [(argument.key, value)]:
            if key in self.values:
                raise self._wrong(Malformed("commands.twice", instead="", what=argument.value.shown), first, last)
            self.values[key] = item
        return left[count:]

    def _template(self, template: str | None, first: int, last: int) -> None:
        """Refuse a template that is not among the known ones, if those were given."""
        if template is not None and self.templates and template not in self.templates:
            listed = ", ".join(f"`{one}`" for one in sorted(self.templates)[:12])
            instead = nearest(template, self.templates)
            raise self._wrong(Malformed("commands.template", instead=instead, value=shown(template), choices=listed), first, last)

    def _passed(self) -> None:
        if self.passed is None:
            return
        if not self.command.passthrough:
            last = len(self.tokens)
            error = Malformed("commands.passthrough", instead=quoted(self.tokens[-1].text), command=f"/gpu {self.command.name}")
            raise self._wrong(error, last - 1, last)
        try:
            args = read_arguments(self.passed)
        except Malformed as error:
            raise self._wrong(Malformed(error.code, instead=None, **error.detail)) from error
        if args:
            self.values["args"] = args
