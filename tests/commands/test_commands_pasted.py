"""What Slack, phones and documents do to a command before it arrives."""

from __future__ import annotations

import pytest

from bot.commands import Reply, Request, parse

PLAIN = "pool add demo/gpu --size Standard_NC4as_T4_v3 --for 8h"

PASTED = [
    ("the command's own name in front", "/gpu pool add demo/gpu --size Standard_NC4as_T4_v3 --for 8h"),
    ("a shell's prompt in front", "$ /gpu pool add demo/gpu --size Standard_NC4as_T4_v3 --for 8h"),
    ("a code fence around it", "```/gpu pool add demo/gpu --size Standard_NC4as_T4_v3 --for 8h```"),
    ("a code fence with a language", "```bash\r\n/gpu pool add demo/gpu --size Standard_NC4as_T4_v3 --for 8h\r\n```"),
    ("backticks around it", "`pool add demo/gpu --size Standard_NC4as_T4_v3 --for 8h`"),
    ("backticks around a value", "pool add `demo/gpu` --size `Standard_NC4as_T4_v3` --for 8h"),
    ("bold around it", "*/gpu pool add demo/gpu --size Standard_NC4as_T4_v3 --for 8h*"),
    ("bold inside", "*pool add* demo/gpu *--size* Standard_NC4as_T4_v3 *--for 8h*"),
    ("em dashes", "pool add demo/gpu \u2014size Standard_NC4as_T4_v3 \u2014for 8h"),
    ("en dashes", "pool add demo/gpu \u2013size Standard_NC4as_T4_v3 \u2013\u2013for 8h"),
    ("a dash and a hyphen", "pool add demo/gpu \u2014-size Standard_NC4as_T4_v3 -\u2013for 8h"),
    ("non-breaking spaces", "pool\u00a0add demo/gpu --size\u00a0Standard_NC4as_T4_v3 --for\u202f8h"),
    ("zero-width characters", "pool add demo/\u200bgpu --size Standard_NC4as_T4_v3\ufeff --for 8h"),
    ("smart quotes around values", "pool add \u201cdemo/gpu\u201d --size \u2018Standard_NC4as_T4_v3\u2019 --for \u201e8h\u201d"),
    ("equals signs", "pool add demo/gpu --size=Standard_NC4as_T4_v3 --for=8h"),
    ("a quoted value after an equals sign", 'pool add demo/gpu --size="Standard_NC4as_T4_v3" \u2014for=\u201c8h\u201d'),
    ("lines ending in backslashes", "pool add demo/gpu \\\r\n  --size Standard_NC4as_T4_v3 \\\n  --for 8h\r\n"),
    ("lines without backslashes", "pool add demo/gpu\n--size Standard_NC4as_T4_v3\n--for 8h"),
    ("shouting", "POOL ADD demo/gpu --SIZE Standard_NC4as_T4_v3 --For 8h"),
    ("options in front", "pool add --size Standard_NC4as_T4_v3 --for 8h demo/gpu"),
    ("a link made of the name", "pool add <http://demo/gpu|demo/gpu> --size Standard_NC4as_T4_v3 --for 8h"),
    ("other words for the time", "pool add demo/gpu --size Standard_NC4as_T4_v3 --for 8hours"),
]


@pytest.mark.parametrize("text", [case[1] for case in PASTED], ids=[case[0] for case in PASTED])
def test_a_pasted_command_means_what_was_copied(text: str) -> None:
    wanted, found = parse(PLAIN), parse(text)
    assert isinstance(wanted, Request)
    assert isinstance(found, Request), found
    assert found.values == wanted.values


def test_links_made_of_images_are_images_again() -> None:
    request = parse("run <http://ghcr.io/team/train:1.2|ghcr.io/team/train:1.2>")
    assert isinstance(request, Request)
    assert request.values["image"] == "ghcr.io/team/train:1.2"


def test_a_link_with_another_label_is_its_address() -> None:
    """A label may say anything; what it points to is what counts."""
    reply = parse("run <http://evil.example/x:1|mnist>")
    assert isinstance(reply, Reply)
    assert "evil.example" in reply.text


def test_what_stands_after_two_dashes_is_left_as_it_is() -> None:
    request = parse('run mnist -- *.txt `x` "—keep" ‘two words’ —steps=5 a=<b&amp;c>')
    assert isinstance(request, Request)
    assert request.values["args"] == ["*.txt", "`x`", "—keep", "two words", "--steps=5", "a=<b&c>"]


def test_quoted_values_are_left_as_they_are() -> None:
    request = parse("""run mnist --env "NOTE=*a* —b `c`" --env 'D=say \\"x\\"'""")
    assert isinstance(request, Request)
    assert request.values["env"] == {"NOTE": "*a* —b `c`", "D": 'say \\"x\\"'}


def test_a_quoted_option_is_a_value() -> None:
    """Quoting says: this is not an option. It is no name either."""
    assert isinstance(parse('cluster delete "--for"'), Reply)


def test_a_lone_em_dash_starts_the_arguments() -> None:
    request = parse("run mnist — --steps 5")
    assert isinstance(request, Request)
    assert request.values["args"] == ["--steps", "5"]


def test_half_a_surrogate_pair_is_no_traceback_and_no_unwritable_record() -> None:
    request = parse("run mnist --env A=\ud83d")
    assert isinstance(request, Request)
    str(request.as_json()).encode()


@pytest.mark.parametrize("text", ["run mnist --", "run mnist --on demo -- ", "run mnist \u2014"])
def test_nothing_after_the_two_dashes_is_no_argument(text: str) -> None:
    request = parse(text)
    assert isinstance(request, Request)
    assert not request.values.get("args")
