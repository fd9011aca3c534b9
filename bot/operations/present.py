"""From an operation to what people see: its card, its plan, its ending. Pure functions; times in epoch seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from bot.model import Plan, usd
from bot.operations.record import (
    CANCELLED,
    DENIED,
    EXPIRED,
    FAILED,
    REFUSED,
    RUNNING,
    SUCCEEDED,
    WAITING_APPROVAL,
    WAITING_CONFIRMATION,
    Operation,
)
from bot.operations.steps import End, Kind, Say
from bot.slack.blocks import Button, Rendered, context, cut, escaped, fields, header, section
from bot.slack.cards import Card, Task, draw

ACTIONS: Final = {"create": "➕", "change": "✏️", "delete": "🗑", "run": "▶️"}
STATES: Final = {
    RUNNING: "🔵 *Working on it*", WAITING_APPROVAL: "🟡 *Waiting for approval*", WAITING_CONFIRMATION: "🟡 *Waiting for your confirmation*",
    SUCCEEDED: "🟢 *Done*", FAILED: "🔴 *Failed*", REFUSED: "⚪ *Not started*", DENIED: "⚪ *Denied*", CANCELLED: "⚪ *Cancelled*",
    EXPIRED: "⚪ *Expired*",
}  # fmt: skip


OFFERS: Final = {
    "retry": ("Try again", "retry"), "other_size": ("Other sizes", "sizes"), "smaller": ("Other sizes", "sizes"),
    "other_region": ("Other sizes", "sizes"), "quota": ("Show quota", "quota"), "show": ("Show it", "show"), "register": ("Register it", "register"),
    "delete": ("Delete it…", "remove"), "force_delete": ("Delete anyway…", "force"),
}  # fmt: skip
CREATIONS: Final = frozenset({"cluster.create", "pool.add"})
"""Kinds whose failure takes back what was made, so that there is nothing to delete."""


def date(at: float, form: str = "{date_short_pretty} at {time}") -> str:
    """A time as Slack shows it in each reader's own zone."""
    return f"<!date^{int(at)}^{form}|{int(at)}>"


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 10 s``, ``8 h``, ``2 d 4 h``."""
    seconds = max(0, round(seconds))
    parts = [(seconds // 86400, "d"), (seconds % 86400 // 3600, "h"), (seconds % 3600 // 60, "min"), (seconds % 60, "s")]
    shown = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(shown[:2]) or "0 s"


def title(op: Operation) -> str:
    """What was asked for, in a few words."""
    if op.plan:
        return str(op.plan.get("title") or op.text or op.kind)
    return cut(f"/gpu {op.text.partition(' --')[0]}", 140) if op.text else {"job.run": "Run on GPU"}.get(op.kind, op.kind)


def card(op: Operation, kind: Kind) -> Rendered | None:
    """The operation's own message as it should look now; None where there is nothing to show yet."""
    if kind.card == "none":
        return None
    if kind.card == "answer":
        answer = op.memo.get("answer") or _no_answer(op)
        return Rendered(answer["text"], answer["blocks"], answer.get("plain") or answer["blocks"]) if answer else None
    if not op.memo.get("admitted"):
        return None
    return draw(
        Card(
            title=title(op),
            state=_state(op),
            facts=_facts(op),
            tasks=_tasks(op, kind),
            notes=[str(note) for note in op.memo.get("notes", {}).values() if note],
            buttons=_buttons(op),
            footer=f"asked by <@{op.user}> · `{op.id}`" + (f" · {date(op.created)}" if op.created else ""),
        )
    )


def _no_answer(op: Operation) -> dict[str, Any]:
    """Why a question or a short deed of somebody's came to nothing; {} while it is not over, or where that was told in private."""
    if not (op.error and op.memo.get("admitted") and op.status in (REFUSED, FAILED)):
        return {}
    text = _reason(op.error)
    return {"text": text, "blocks": [section(f"🔴 {text}" if op.status == FAILED else text)]}


def _reason(error: Mapping[str, Any]) -> str:
    return escaped(" ".join(part for part in (str(error.get("sentence", "")), str(error.get("next_step", ""))) if part))


def _state(op: Operation) -> str:
    line = STATES.get(op.status, op.status)
    if op.status == RUNNING and op.memo.get("unwinding"):
        line = "🟠 *Taking back what was made*"
    if op.status == RUNNING and op.memo.get("now"):
        line += f" - {op.memo['now']}"
    if op.ended is None and op.memo.get("trouble"):
        line += f"\n⏳ {escaped(str(op.memo['trouble']))}"
    decided = op.memo.get("decided")
    if decided:
        line += f"\n{decided}"
    if op.error:
        line += f"\n{escaped(str(op.error.get('sentence', '')))} {escaped(str(op.error.get('next_step', '')))}".rstrip()
    if op.status == SUCCEEDED and op.memo.get("outcome"):
        line += f" - {op.memo['outcome']}"
    if op.status == WAITING_APPROVAL and op.plan:
        line += f" - {op.plan.get('why', '')}"
    if op.status == WAITING_CONFIRMATION and op.plan:
        line += f"\n{op.plan.get('confirm', '')}"
    return line


def _facts(op: Operation) -> list[tuple[str, str]]:
    if not op.plan:
        return []
    plan = Plan.from_json(op.plan)
    facts = []
    if float(plan.hourly_max):
        facts.append(("Price", _range(plan.hourly_min, plan.hourly_max) + "/h"))
    if plan.expires:
        facts.append(("Until", f"{date(plan.expires)} ({_range(plan.total_min, plan.total_max)})"))
    return facts


def _range(low: str, high: str) -> str:
    return usd(high) if usd(low) == usd(high) else f"{usd(low)}-{usd(high)}"


def _tasks(op: Operation, kind: Kind) -> list[Task]:
    if op.ended is not None and (op.plan is None or op.status in (REFUSED, DENIED, EXPIRED)):
        return []
    line = kind.undo if kind.undoing(op.step) else kind.steps
    skipped = {*op.memo.get("skipped", []), *((op.plan or {}).get("target", {}).get("skip", []))}
    own = {f"take_back_{step.name}" for step in kind.steps}  # a pool's request never made the cluster: nothing of it is shown as deleted
    foreign = {step.name for step in line if step.name.startswith("take_back_")} - own
    shown = [step for step in line if step.title and step.name not in skipped | foreign]
    names = [step.name for step in line]
    at = names.index(op.step) if op.step in names else 0
    tasks = []
    for step in shown:
        place = names.index(step.name)
        status = "complete" if op.status == SUCCEEDED or place < at else "pending"
        if place == at and op.status != SUCCEEDED:
            status = "in_progress" if op.ended is None else "error" if op.status == FAILED else "pending"
        if op.status == WAITING_APPROVAL or op.status == WAITING_CONFIRMATION:
            status = "pending" if place >= at else "complete"
        detail = str(op.memo.get("details", {}).get(step.name, ""))
        tasks.append(Task(step.title.format_map(_Names(op)), status, detail))
    return tasks


class _Names(dict[str, str]):
    """Blanks in step titles, filled from the plan's target."""

    def __init__(self, op: Operation) -> None:
        target: Mapping[str, Any] = (op.plan or {}).get("target", {})
        super().__init__({name: str(value) for name, value in target.items()})

    def __missing__(self, key: str) -> str:
        return ""


def _buttons(op: Operation) -> list[Button]:
    if op.ended is not None:
        return _ways_out(op)
    value = f"{op.id}:{(op.plan or {}).get('digest', '')}"
    if op.status == WAITING_APPROVAL:
        glass = [Button("Break glass…", "break_glass", value)] if op.memo.get("break_glass") else []
        return [Button("Approve", "approve", value, "primary"), Button("Deny", "deny", value, "danger"), *glass, Button("Withdraw", "cancel", value)]
    if op.status == WAITING_CONFIRMATION:
        return [Button(str((op.plan or {}).get("target", {}).get("confirm_label", "Yes, do it")), "confirm", value, "danger"),
                Button("Keep it", "cancel", value)]  # fmt: skip
    if op.memo.get("unwinding") or op.memo.get("no_cancel"):
        return []
    busy = isinstance((op.plan or {}).get("target", {}).get("pool"), str) and op.memo.get("busy") and op.kind != "pool.abort"
    abort = [Button("Abort what runs there", "abort", op.id, confirm="It is somebody else's, or Azure's own.")] if busy else []
    return [Button("Cancel", "cancel", value, confirm="What was made so far will be taken back."), *abort]


def _ways_out(op: Operation) -> list[Button]:
    """Buttons that do what the words of a failure advise."""
    gone = {"delete", "show"} if op.kind in CREATIONS else set()
    offered = dict.fromkeys(OFFERS[hint] for hint in (op.error or {}).get("buttons", []) if hint in OFFERS.keys() - gone)
    mends = [Button(str(label), f"suggest_{name}", op.id) for name, label in op.memo.get("mends", {}).items()]
    return [*mends, *(Button(label, action, op.id) for label, action in offered)]


def plan_message(plan: Plan, usual: str = "") -> Say:
    """The whole plan, as it is shown to the requester and to those who approve."""
    lines = []
    for change in plan.changes:
        price = f" - {usd(change.hourly)}/h" if change.hourly else ""
        lines.append(f"{ACTIONS.get(change.action, '•')} *{escaped(change.what)}*{price}\n      {escaped(change.detail)}".rstrip())
    blocks = [header("Plan"), section("\n".join(lines))]
    facts = []
    if float(plan.hourly_max):
        facts.append(("Per hour", _range(plan.hourly_min, plan.hourly_max)))
    if plan.expires:
        facts.append((f"Until {date(plan.expires)}", _range(plan.total_min, plan.total_max)))
    if plan.why:
        facts.append(("Approval", plan.why))
    if usual:
        facts.append(("Usually takes", usual))
    if facts:
        blocks.append(fields(facts))
    if plan.one_way:
        blocks.append(section("🔒 *Cannot be changed later:* " + ", ".join(plan.one_way)))
    marks = {"warn": "⚠️", "info": "ℹ️", "block": "⛔"}
    for finding in plan.findings:
        blocks.append(section(f"{marks[finding.severity]} {finding.text}"))
    if plan.price_date:
        blocks.append(context(f"Azure retail prices of {plan.price_date}, in USD"))
    text = f"Plan: {escaped(plan.title)}" + (f" - {_range(plan.hourly_min, plan.hourly_max)}/h" if float(plan.hourly_max) else "")
    return Say("plan", text, blocks)


def plan_file(plan: Plan, op: Operation, name: str) -> Say:
    """Everything that the digest covers, as a text file: what is approved is exactly this. `name`: what the requester is called, if known."""
    by = f"{name} ({op.user})" if name else op.user
    lines = [f"Plan {plan.digest} - {plan.title}", f"asked by {by} in {op.channel}: /gpu {op.text}", ""]
    lines += [
        f"{change.action:<7} {change.what}" + (f"  {change.hourly} USD/h" if change.hourly else "") + f"\n        {change.detail}"
        for change in plan.changes
    ]
    lines += [
        "",
        f"per hour     {_range(plan.hourly_min, plan.hourly_max)}",
        f"until expiry {_range(plan.total_min, plan.total_max)} ({plan.hours:g} h)",
    ]
    lines += [f"approval     {plan.why}", f"prices of    {plan.price_date}", f"one-way      {', '.join(plan.one_way) or 'nothing'}", ""]
    lines += [f"{finding.severity}: {finding.text}" for finding in plan.findings]
    lines += ["", "What the steps work with:", json.dumps(dict(plan.target), indent=2, sort_keys=True)]
    return Say("plan-file", "The whole plan", file={"name": f"plan-{op.id}.txt", "title": f"plan {plan.digest}", "text": "\n".join(lines)})


def ending(op: Operation, kind: Kind, outcome: End) -> End:
    """The outcome with its closing words, where neither the step that ended it nor the card has them."""
    if outcome.say or outcome.status == SUCCEEDED:
        return outcome
    if outcome.status == REFUSED and op.memo.get("admitted") and kind.card == "start":
        return outcome
    if op.memo.get("admitted") and kind.card == "answer" and outcome.status in (REFUSED, FAILED) and outcome.error:
        return outcome
    sentence = _reason(outcome.error or {})
    if not op.memo.get("admitted"):
        say = Say("refused", sentence or "That is not possible.", private_to=op.user)
    elif outcome.status == CANCELLED:
        by = (op.cancel or {}).get("by", "")
        left = op.memo.get("taken_back") or "Nothing was left behind."
        say = Say("cancelled", f"⚪ Cancelled{f' by <@{by}>' if by else ''}. {left}")
    else:
        mark = "🔴" if outcome.status == FAILED else "⚪"
        left = str(op.memo.get("taken_back", ""))
        say = Say("ended", f"{mark} <@{op.user}> {sentence} {left}".rstrip())
    if kind.card == "answer" and not op.thread and not say.private_to and "answer" not in op.memo:
        # Asked outside any thread, and there is no card to reply to: why it did not work is the answer.
        return End(outcome.status, {**outcome.memo, "answer": {"text": say.text, "blocks": [section(say.text)]}}, (), outcome.error)
    return End(outcome.status, outcome.memo, (say,), outcome.error)
