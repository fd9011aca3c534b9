"""The declaration is the one source: examples parse, help covers everything and fits a phone, names do not collide."""

from __future__ import annotations

import re

import pytest

from bot.commands import BY_KIND, COMMANDS, GROUPS, Command, Malformed, Reply, Request, Role, parse, usage
from bot.commands.definitions import PATHS
from bot.commands.model import Option
from bot.words import WORDS

EXAMPLES = [(command, example) for command in COMMANDS for example in command.examples if command.kind != "help"]


@pytest.mark.parametrize(("command", "example"), EXAMPLES, ids=[example or "menu" for _, example in EXAMPLES])
def test_an_example_is_a_command_of_its_own_kind(command: Command, example: str) -> None:
    request = parse(example)
    assert isinstance(request, Request), request
    assert request.kind == command.kind


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.kind)
def test_every_command_is_complete(command: Command) -> None:
    assert command.summary
    assert command.examples
    slots = [option.slot for option in command.options]
    names = [name for option in command.options for name in (option.name, *option.aliases)]
    assert len(set(slots)) == len(slots)
    assert len(set(names)) == len(names), "two options answer to one name"
    assert not command.destructive or command.changes


def test_no_two_commands_share_a_kind() -> None:
    assert len(BY_KIND) == len(COMMANDS)


def test_an_alias_never_hides_a_command() -> None:
    for path, commands in PATHS.items():
        plain = [command for command in commands if not command.when]
        assert len({command.path for command in commands}) == len(plain), path
        assert len({any(argument.split for argument in command.arguments) for command in plain}) == len(plain), "the slash decides"


def test_commands_that_only_ask_are_open_to_every_requester_but_the_audit() -> None:
    above = {command.kind: command.role for command in COMMANDS if command.role is not Role.REQUESTER}
    assert above == {"cluster.adopt": "operator", "feature.register": "operator", "query.audit": "operator"}


def test_what_is_asked_back_is_what_cannot_be_undone() -> None:
    assert {command.kind for command in COMMANDS if command.destructive} == {"cluster.delete", "pool.delete", "plugin.remove"}


def test_questions_change_nothing() -> None:
    assert not [command.kind for command in COMMANDS if command.kind.startswith("query.") and command.changes]


def _values(command: Command) -> list[tuple[str, Option]]:
    return [(command.kind, option) for option in command.options if option.value is not None]


@pytest.mark.parametrize(
    ("kind", "option"), [pair for command in COMMANDS for pair in _values(command)], ids=lambda part: getattr(part, "name", part)
)
def test_what_an_option_offers_as_an_example_is_right(kind: str, option: Option) -> None:
    assert option.value is not None
    try:
        option.value.read(option.value.example)
    except Malformed as error:
        pytest.fail(f"{kind} --{option.name}: {error}")


def test_the_overview_names_every_command_and_fits_a_phone() -> None:
    reply = parse("help")
    assert isinstance(reply, Reply)
    assert reply.ok
    assert len(reply.text) < 1500
    for heading, commands in GROUPS.values():
        assert heading in reply.text
        for command in commands:
            assert re.search(rf"\b{command.path[-1]}\b", reply.text), command.name


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.path], ids=lambda command: command.kind)
def test_help_on_a_command_shows_its_options_and_examples(command: Command) -> None:
    reply = parse(f"help {command.name}")
    assert isinstance(reply, Reply)
    assert reply.ok
    assert len(reply.text) < 2900  # Slack: section text, 3000
    for option in command.options:
        assert f"--{option.name}" in reply.text
    for example in command.examples:
        assert f"/gpu {example}" in reply.text


@pytest.mark.parametrize("topic", sorted({command.path[0] for command in COMMANDS if command.path}))
@pytest.mark.parametrize("form", ["help {}", "{} help", "{} --help", "help /gpu {}", "HELP {}"])
def test_every_way_to_ask_for_help_is_answered(form: str, topic: str) -> None:
    reply = parse(form.format(topic))
    assert isinstance(reply, Reply)
    assert reply.ok


@pytest.mark.parametrize("group", sorted({path[0] for path in PATHS if len(path) == 2} - {path[0] for path in PATHS if len(path) == 1}))
def test_a_group_alone_is_answered_with_what_it_can_do(group: str) -> None:
    reply = parse(group)
    assert isinstance(reply, Reply)
    assert reply.ok


def test_help_on_nothing_known_offers_the_nearest() -> None:
    reply = parse("help plugn")
    assert isinstance(reply, Reply)
    assert not reply.ok
    assert "/gpu help plugin" in reply.text


def test_a_usage_line_shows_what_is_needed_first() -> None:
    assert usage(BY_KIND["pool.scale"]) == "/gpu pool scale CLUSTER/POOL [--nodes N] [--min N] [--max N]"
    assert usage(BY_KIND["job.again"]).endswith("--again […] [-- ARGS]")


def test_every_sentence_of_the_grammar_has_its_words() -> None:
    """A code without a row would be answered with "something unexpected went wrong"."""
    from pathlib import Path

    import bot.commands

    sources = "".join(path.read_text() for path in Path(bot.commands.__file__).parent.glob("*.py"))
    used = set(re.findall(r'Malformed\(\s*"(commands\.\w+)"', sources))
    rows = {code for code in WORDS if code.startswith("commands.")}
    assert used <= rows
    assert rows <= used, "rows that nothing uses"
