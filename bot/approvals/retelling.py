"""The audit log in words: one short line for each entry. Pure functions; `/gpu audit` and the export's reader see the same facts."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bot.approvals.chain import BOT, Sealed
from bot.commands.text import shown
from bot.model import usd
from bot.operations.present import date
from bot.slack.blocks import cut

LONGEST_LINE: Final = 280
_MENTION: Final = re.compile(r"<@(\w+)>")
_DATE: Final = re.compile(r"<!date\^(\d{1,11})\^[^|>]*\|[^>]*>")
ENDINGS: Final = {
    "succeeded": "done", "failed": "failed", "refused": "not started", "denied": "denied", "cancelled": "cancelled", "expired": "expired undecided",
}  # fmt: skip

Words = Callable[[str, Mapping[str, Any]], str]


def answer(entries: Sequence[Sealed]) -> tuple[str, list[str]]:
    """A headline and one line of mrkdwn for each entry, in the order given (newest first)."""
    if not entries:
        return "Nothing in the audit log matches.", []
    count = "1 entry" if len(entries) == 1 else f"{len(entries)} entries"
    return f"{count} of the audit log", [line(sealed) for sealed in entries]


def people(text: str) -> list[str]:
    """The ids of those whom `text` mentions."""
    return sorted(set(_MENTION.findall(text)))


def plain(text: str, names: Mapping[str, str]) -> str:
    """For a file, which Slack does not draw: people by name (where known), times in UTC, and nothing escaped."""
    named = _MENTION.sub(lambda found: names.get(found[1], found[1]), text)
    dated = _DATE.sub(lambda found: datetime.fromtimestamp(int(found[1]), UTC).isoformat(timespec="seconds"), named)
    return html.unescape(dated)


def line(sealed: Sealed) -> str:
    """``<time> <@U…> approved *cluster demo*``"""
    entry = sealed.entry
    who = "I" if entry.actor == BOT else f"<@{_safe(entry.actor)}>"
    try:
        said = SENTENCES.get(entry.event, _unknown(entry.event))(who, entry.detail)
    except (ValueError, TypeError, ArithmeticError, OverflowError):
        said = _unknown(entry.event)(who, entry.detail)  # not written by this version; what it says is still shown
    where = f" · `{_safe(entry.operation)}`" if entry.operation else ""
    return f"{date(entry.at)} {_cut(said)}{where}"


def _cut(text: str) -> str:
    # Never inside a control sequence of Slack, which would then show as it is written.
    short = cut(text, LONGEST_LINE)
    return short if short.count("<") == short.count(">") else short[: short.rfind("<")].rstrip() + "…"


def _safe(text: object) -> str:
    """What a person, a cloud or a newer version wrote: one line, no mention, no link."""
    return shown(text, LONGEST_LINE)


def _of(detail: Mapping[str, Any], key: str) -> str:
    return _safe(detail.get(key) or "")


def _title(detail: Mapping[str, Any]) -> str:
    return f"*{_of(detail, 'title') or 'a request'}*"


def _because(detail: Mapping[str, Any], key: str = "reason") -> str:
    return f": {_of(detail, key)}" if detail.get(key) else ""


def _command(detail: Mapping[str, Any]) -> str:
    return f"`/gpu {_of(detail, 'command')}`" if detail.get("command") else "something"


def _planned(who: str, detail: Mapping[str, Any]) -> str:
    price = f": {usd(detail['hourly'])}/h" if _costs(detail.get("hourly")) else ""
    total = f", {usd(detail['total'])} until {date(float(detail['until']))}" if price and detail.get("until") and _costs(detail.get("total")) else ""
    needed = {0: "no approval needed", 1: "one approval needed"}.get(int(detail.get("approvals", 0)), f"{detail.get('approvals')} approvals needed")
    return f"{who} planned {_title(detail)}{price}{total}, {needed}"


def _costs(amount: object) -> bool:
    return bool(amount) and str(amount).strip("0.") != ""


def _granted(who: str, detail: Mapping[str, Any]) -> str:
    by = ", ".join(f"<@{_safe(one)}>" for one in detail.get("approved_by") or ())
    return f"{who} took {_title(detail)} as approved by {by} and went on"


def _ended(who: str, detail: Mapping[str, Any]) -> str:
    status = str(detail.get("status", ""))
    why = _of(detail, "sentence") or ("" if status != "succeeded" else _of(detail, "outcome"))
    left = f" {_of(detail, 'taken_back')}" if detail.get("taken_back") else ""
    return f"{_title(detail)}: {ENDINGS.get(status, _safe(status))}{f' - {why}' if why else ''}{left}"


def _until(detail: Mapping[str, Any]) -> str:
    return f" until {date(float(detail['until']))}" if detail.get("until") else ""


def _unknown(event: str) -> Words:
    return lambda who, detail: f"{who} {_safe(event).replace('_', ' ')} {_title(detail)}"


SENTENCES: Final[Mapping[str, Words]] = {
    "opened": lambda who, detail: "this log begins; of what was before, nothing is known here",
    "requested": lambda who, detail: f"{who} asked for {_command(detail)}",
    "asked": lambda who, detail: f"{who} looked at {_command(detail)}",
    "refused": lambda who, detail: f"{who} was refused{_because(detail, 'sentence')}" + (f" ({_command(detail)})" if detail.get("command") else ""),
    "planned": _planned,
    "approved": lambda who, detail: f"{who} approved {_title(detail)}",
    "denied": lambda who, detail: f"{who} denied {_title(detail)}{_because(detail)}",
    "confirmed": lambda who, detail: f"{who} confirmed {_title(detail)}",
    "kept": lambda who, detail: f"{who} kept {_title(detail)} although it was idle",
    "broke_glass": lambda who, detail: f"{who} started {_title(detail)} without approval{_because(detail)}",
    "void": lambda who, detail: f"the approval of {_title(detail)} by <@{_of(detail, 'by')}> did not count{_because(detail)}",
    "granted": _granted,
    "cancelled": lambda who, detail: f"{who} cancelled {_title(detail)}",
    "write": lambda who, detail: (
        f"{who} sent {_of(detail, 'method')} `{_of(detail, 'resource')}`" + (f" for {_title(detail)}" if detail.get("title") else "")
    ),
    "leased": lambda who, detail: f"{who} watch over *{_of(detail, 'resource')}* from here on",
    "extended": lambda who, detail: f"{who} extended *{_of(detail, 'resource')}*{_until(detail)}",
    "expired": lambda who, detail: f"*{_of(detail, 'resource')}* expired; {who} began to delete it",
    "ended": _ended,
}
