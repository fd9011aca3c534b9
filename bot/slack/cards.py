"""The card: one message that shows a request from plan to result, drawn anew from its state.

Pure functions. What is drawn comes in as a :class:`Card`; who makes one out of an operation is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.slack.blocks import Block, Button, Rendered, actions, context, cut, escaped, fields, header, section

MARKS: Final = {"pending": "○", "in_progress": "◐", "complete": "●", "error": "✕"}


@dataclass(frozen=True)
class Task:
    """One line of progress; `status` is Slack's: pending, in_progress, complete or error."""

    title: str
    status: str
    detail: str = ""


@dataclass(frozen=True)
class Card:
    """What a card shows, from top to bottom. Empty parts take no room. `title` and tasks are plain text, all else is mrkdwn."""

    title: str
    state: str
    facts: Sequence[tuple[str, str]] = ()
    tasks: Sequence[Task] = ()
    notes: Sequence[str] = ()
    buttons: Sequence[Button] = ()
    footer: str = ""


def draw(card: Card) -> Rendered:
    """The card as a message, with native progress blocks and, in `plain`, without."""
    text = cut(f"{escaped(card.title)} - {card.state}", 300)
    return Rendered(text, _blocks(card, _native(card.tasks)), _blocks(card, _written(card.tasks)))


def _blocks(card: Card, progress: list[Block]) -> list[Block]:
    blocks = [header(card.title), section(card.state)]
    if card.facts:
        blocks.append(fields(card.facts))
    blocks += progress
    blocks += [section(note) for note in card.notes]
    if card.buttons:
        blocks.append(actions(card.buttons))
    if card.footer:
        blocks.append(context(card.footer))
    return blocks


def _native(tasks: Sequence[Task]) -> list[Block]:
    if not tasks:
        return []
    done = sum(task.status == "complete" for task in tasks)
    cards: list[dict[str, Any]] = []
    for number, task in enumerate(tasks[:50]):
        block: dict[str, Any] = {"type": "task_card", "task_id": f"task-{number}", "title": cut(task.title, 200), "status": task.status}
        if task.detail:
            line = {"type": "rich_text_section", "elements": [{"type": "text", "text": cut(task.detail.replace("`", ""), 500)}]}
            block["details"] = {"type": "rich_text", "elements": [line]}
        cards.append(block)
    return [{"type": "plan", "title": f"Progress: {done} of {len(tasks)}", "tasks": cards}]


def _written(tasks: Sequence[Task]) -> list[Block]:
    if not tasks:
        return []
    lines = [f"{MARKS[task.status]} {escaped(task.title)}" + (f" - {escaped(task.detail)}" if task.detail else "") for task in tasks]
    return [section("\n".join(lines))]
