"""Help made from the definitions: short lines, for a phone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.commands.definitions import COMMANDS, GROUPS, PATHS, same_word
from bot.commands.model import Command, Option, Reply
from bot.commands.nearest import nearest
from bot.commands.text import shown

FIRST_OPTIONS: Final = 6


def overview() -> str:
    """All commands, one line per topic."""
    lines = ["*GPUs on AKS* - `/gpu` alone opens the menu", ""]
    for topic_name, (heading, commands) in GROUPS.items():
        lines.append(f"*{heading}*: {_names(topic_name, commands)}")
    starts = ("cluster create demo --size Standard_NC4as_T4_v3 --for 8h", "run mnist --on demo")
    lines += ["", *(f"`/gpu {example}`" for example in starts)]
    lines += ["", "`/gpu help pool` tells more about one topic. In a thread: `@quartermaster status`, `logs`, `cancel`, `extend 8h`."]
    return "\n".join(lines)


def topic(words: Sequence[str]) -> Reply:
    """Help on one command or group; the overview without words; the nearest topic where there is none of that name."""
    words = [word for word in words if word not in ("/gpu", "help", "--help", "-h")]
    if not words:
        return Reply(overview(), ok=True)
    path = (same_word(words[0]), *words[1:])
    for length in (2, 1):
        found = PATHS.get(path[:length])
        if found and len(path) >= length and (length == 2 or path[0] not in GROUPS or len(GROUPS[path[0]][1]) == 1 or len(found[0].path) == 1):
            return Reply("\n\n".join(about(command) for command in found), ok=True)
    group = [command for command in COMMANDS if any(known[:1] == path[:1] for known in (command.path, *command.aliases))]
    if group:
        return Reply(_group(f"/gpu {path[0]}", group), ok=True)
    for heading, commands in GROUPS.values():
        if path[0] in heading.lower().split():
            return Reply(_group(heading, commands), ok=True)
    guess = nearest(path[0], {known[0] for known in PATHS})
    hint = f"Type: `/gpu help {guess}`" if guess else "Type `/gpu help` for all commands."
    return Reply(f"There is no help on `{shown(' '.join(words))}`. {hint}")


def usage(command: Command, options: int = FIRST_OPTIONS) -> str:
    """The command as a line of placeholders, with at most `options` of its options."""
    parts = ["/gpu", *command.path]
    parts += [argument.value.shown if argument.required else f"[{argument.value.shown}]" for argument in command.arguments]
    parts += [_slot(option) if option.required else f"[{_slot(option)}]" for option in command.options if option.name != command.when][:options]
    if command.when:
        parts.append(f"--{command.when}")
    if len(command.options) > options:
        parts.append("[…]")
    if command.passthrough:
        parts.append("[-- ARGS]")
    return " ".join(parts)


def about(command: Command) -> str:
    """One command: what it does, how it is typed, its options, examples."""
    lines = [f"*/gpu {command.name}* - {command.summary}", f"`{shown(usage(command), 400)}`"]
    lines += [f"`{shown(_slot(option))}` {option.summary}" for option in command.options]
    if command.passthrough:
        lines.append("`-- ARGS` handed to the container")
    if command.role != "requester":
        lines.append(f"_for {command.role}s_")
    return "\n".join([*lines, *(f"e.g. `{shown('/gpu ' + example, 200)}`" for example in command.examples)])


def usage_hint() -> str:
    """What Slack shows behind the command while it is typed."""
    return "run mnist | nodes | pool add demo/gpu --size … | help"


def _slot(option: Option) -> str:
    return f"--{option.name}" if option.value is None else f"--{option.name} {option.value.shown}"


def _names(topic_name: str, commands: Sequence[Command]) -> str:
    if all(len(command.path) == 2 for command in commands):
        return f"`{topic_name}` {' · '.join(command.path[1] for command in commands)}"
    return " ".join(f"`{name}`" for name in dict.fromkeys(command.name for command in commands))


def _group(name: str, commands: Sequence[Command]) -> str:
    lines = [f"*{name}*"]
    lines += [f"`{shown(_short(command))}` {command.summary}" for command in commands]
    examples = [example for command in commands for example in command.examples[:1]][:2]
    lines += ["", *(f"e.g. `{shown('/gpu ' + example, 200)}`" for example in examples)]
    first = commands[0]
    return "\n".join([*lines, f"`/gpu help {first.name}` lists its options."])


def _short(command: Command) -> str:
    arguments = [argument.value.shown if argument.required else f"[{argument.value.shown}]" for argument in command.arguments]
    flag = [f"--{command.when}"] if command.when else []
    return " ".join([*command.path, *arguments, *flag])
