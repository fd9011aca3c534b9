"""The vocabulary of a step: what it is given, and the three things that it may answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bot.operations.record import SUCCEEDED, Operation

if TYPE_CHECKING:
    from bot.operations.services import Services


@dataclass(frozen=True)
class Say:
    """A message for the thread. `event` names it within the step: the same name is never posted twice.

    `plain` is drawn instead where Slack refuses the blocks. `private_to` makes it visible to one user only (not verifiable: never
    for anything that matters). `file` is ``{name, title}`` with ``text`` or ``base64``: a file posted with the message (``alt`` describes a picture).
    """

    event: str
    text: str
    blocks: Sequence[Mapping[str, Any]] = ()
    plain: Sequence[Mapping[str, Any]] = ()
    private_to: str = ""
    file: Mapping[str, str] | None = None
    broadcast: bool = False

    def payload(self) -> dict[str, Any]:
        """As the outbox keeps it."""
        return {
            "text": self.text, "blocks": list(self.blocks), "plain": list(self.plain), "private_to": self.private_to,
            "file": dict(self.file) if self.file else None, "broadcast": self.broadcast,
        }  # fmt: skip


@dataclass(frozen=True)
class Done:
    """The step's work stands; go on to the next one (or to `goto`). `memo` is merged into the operation's."""

    memo: Mapping[str, Any] = field(default_factory=dict)
    say: Sequence[Say] = ()
    goto: str = ""
    plan: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Wait:
    """Look again after `seconds`, at business time `until`, or when a fact arrives - whichever is first.

    `on` names what it waits for (``azure:<group>/<cluster>`` or ``cluster:<group>/<cluster>``), so that it is observed.
    """

    seconds: float | None = None
    until: float | None = None
    on: str = ""
    status: str = ""
    memo: Mapping[str, Any] = field(default_factory=dict)
    say: Sequence[Say] = ()


@dataclass(frozen=True)
class End:
    """The operation is over with this status."""

    status: str = SUCCEEDED
    memo: Mapping[str, Any] = field(default_factory=dict)
    say: Sequence[Say] = ()
    error: Mapping[str, Any] | None = None


Outcome = Done | Wait | End
Run = Callable[[Operation, "Services"], Awaitable[Outcome]]


@dataclass(frozen=True)
class Step:
    """One named step. `title` is what the card shows while and after it runs; empty: the card does not show it."""

    name: str
    run: Run
    title: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of operation: its steps in order, and the steps that take back what was made when it is cancelled or fails.

    `card` says when the operation's own message appears: ``"start"`` (a card that is edited as it goes), ``"answer"``
    (one message, once the answer is known) or ``"none"`` (it speaks in the thread of something else).
    """

    name: str
    steps: Sequence[Step]
    undo: Sequence[Step] = ()
    card: str = "start"

    def step(self, name: str) -> Step:
        """The step of that name; '' is the first. Raises KeyError for a name that this version does not know."""
        if not name:
            return self.steps[0]
        for step in (*self.steps, *self.undo):
            if step.name == name:
                return step
        raise KeyError(name)

    def has(self, name: str) -> bool:
        """Whether this version knows the step of that name."""
        return not name or any(step.name == name for step in (*self.steps, *self.undo))

    def after(self, name: str) -> Step | None:
        """The step that follows, or None at the end of its list."""
        for line in (self.steps, self.undo):
            names = [step.name for step in line]
            if name in names:
                at = names.index(name) + 1
                return line[at] if at < len(line) else None
        raise KeyError(name)

    def undoing(self, name: str) -> bool:
        """Whether that step belongs to the taking back."""
        return any(step.name == name for step in self.undo)
