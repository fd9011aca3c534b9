"""Messages that nobody asked for: written down like everything else, so that each is posted once, however many workers there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.operations.journal import NewOperation
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Step
from bot.slack.blocks import Block, Button, actions, section


@dataclass(frozen=True)
class Place:
    """Where something is told; `thread` '' opens a message of its own in the channel."""

    team: str
    channel: str
    thread: str = ""
    user: str = ""


@dataclass(frozen=True)
class Notice:
    """What is told. `suggested`: by button, its label and the command that it stands for (given in the name of whoever presses it)."""

    text: str
    blocks: Sequence[Block] = ()
    suggested: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def suggestions(op_id: str, suggested: Mapping[str, tuple[str, str]]) -> list[Block]:
    """A row of buttons; their value is the operation's id alone, the commands stand in its record."""
    return [actions([Button(label, f"suggest_{name}", op_id) for name, (label, _) in suggested.items()])] if suggested else []


async def post(do: Services, notice_id: str, place: Place, notice: Notice) -> None:
    """Write the notice down and have it posted; the same id is told once."""
    blocks = [*(notice.blocks or [section(notice.text)]), *suggestions(notice_id, notice.suggested)]
    memo = {
        "answer": {"text": notice.text[:300], "blocks": blocks, "plain": blocks}, "admitted": True,
        "suggested": {name: command for name, (_, command) in notice.suggested.items()},
    }  # fmt: skip
    new = NewOperation(
        id=notice_id, kind="notice", request={}, team=place.team, channel=place.channel, user=place.user, idempotency=f"notice:{notice_id}",
        thread=place.thread, memo=memo,
    )  # fmt: skip
    await do.journal.create(new)
    await do.waking.wake(f"op:{notice_id}")


async def _tell(op: Operation, do: Services) -> Outcome:
    return Done()


TELL = Step("tell", _tell)
