"""What is said to the bot in a thread."""

from __future__ import annotations

import pytest

from bot.commands import Reply, Request, parse_mention

UNDERSTOOD = [
    ("a bare mention asks how it stands", "<@U0QM>", "thread.status", {}),
    ("status", "<@U0QM> status", "thread.status", {}),
    ("without the mention, as some clients deliver it", "logs", "thread.logs", {}),
    ("the mention with its name, and behind", "Logs <@U0QM|quartermaster>", "thread.logs", {}),
    ("politely", "<@U0QM> cancel this, please", "thread.cancel", None),
    ("cancel", "<@U0QM> cancel", "thread.cancel", {}),
    ("stop means cancel", "<@U0QM> stop!", "thread.cancel", {}),
    ("extend by the usual", "<@U0QM> extend", "thread.extend", {}),
    ("extend by a time", "<@U0QM> extend 8h", "thread.extend", {"for_seconds": 28800}),
    ("extend in words", "<@U0QM> extend by 90 minutes", "thread.extend", {"for_seconds": 5400}),
    ("extend with an option", "<@U0QM> extend \u2014for 1d", "thread.extend", {"for_seconds": 86400}),
    ("curve", "<@U0QM> curve", "thread.curve", {}),
    ("curve in other words", "<@U0QM> plot, please", "thread.curve", None),
    ("history", "<@U0QM> history", "thread.job", {}),
    ("clean", "<@U0QM> clean", "job.clean", {}),
    ("again", "<@U0QM> again", "job.again", {"again": True}),
    ("again with changes", "<@U0QM> rerun with --gpus 2 — --lr 0.1", "job.again", {"again": True, "gpus": 2, "args": ["--lr", "0.1"]}),
    ("bold", "*<@U0QM> extend 8h*", "thread.extend", {"for_seconds": 28800}),
]


@pytest.mark.parametrize(("text", "kind", "values"), [case[1:] for case in UNDERSTOOD], ids=[case[0] for case in UNDERSTOOD])
def test_a_mention_is_understood(text: str, kind: str, values: dict[str, int] | None) -> None:
    request = parse_mention(text)
    assert isinstance(request, Request) or values is None, request
    if isinstance(request, Request):
        assert request.kind == kind
        assert dict(request.values) == (values or {})


REFUSED = [
    ("a misspelt verb", "<@U0QM> extnd 8h", "`@quartermaster extend`"),
    ("a verb that is none here", "<@U0QM> juggle", "`status`"),
    ("again with a wrong number", "<@U0QM> again --gpus many", "`@quartermaster again --gpus 1`"),
    ("too long", "<@U0QM> extend 900d", "`@quartermaster extend 30d`"),
    ("no unit", "<@U0QM> extend 8", "`@quartermaster extend 8h`"),
    ("too many words", "<@U0QM> logs everything now", "`@quartermaster logs`"),
    ("a mention of everybody is not repeated", "<@U0QM> <!channel>", "&lt;!channel&gt;"),
    ("an open quote", '<@U0QM> logs "x', "never closed"),
]


@pytest.mark.parametrize(("text", "says"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_is_not_understood_is_answered_with_what_to_say(text: str, says: str) -> None:
    reply = parse_mention(text)
    assert isinstance(reply, Reply)
    assert not reply.ok
    assert says in reply.text


def test_help_lists_what_can_be_said() -> None:
    reply = parse_mention("<@U0QM> help")
    assert isinstance(reply, Reply)
    assert reply.ok
    assert all(f"@quartermaster {verb}" in reply.text for verb in ("status", "logs", "curve", "job", "again", "cancel", "clean", "extend"))
