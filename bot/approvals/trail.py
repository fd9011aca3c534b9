"""What goes into the audit log, and when.

Nearly all of it stands in an operation's record anyway - who asked, what was planned, who decided, how it ended - so the entries are read
off the record (pure: :func:`entries_of`) and appended under deterministic names. They can be read off again at any time: an append lost to
a kill is made up for the next time that the operation is looked at. Only what leaves no mark in a record is written at once: a
write to the cloud (before it is sent, and after everything that led to it), and a refusal at the door.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bot.approvals.audit import Audit
from bot.approvals.chain import BOT, Entry, moment
from bot.clock import Clock
from bot.operations.journal import Journal
from bot.operations.record import EXTENDING, SUCCEEDED, Operation, identity
from bot.operations.steps import Kind, Outcome, Step
from bot.store import text

if TYPE_CHECKING:
    from bot.operations.services import Services  # with the libraries of the cloud, which the receiving side does without

Make = Callable[..., Entry]

SILENT: Final = frozenset({"home", "reply", "digest", "notice"})
"""Kinds that nobody asked for and that change nothing."""
INTERNAL: Final = frozenset({"lease", "cluster.expire", "pool.expire"})
"""Kinds that the bot starts by itself."""
OWN_ACCORD: Final = frozenset({"idle", "idle.scale", "idle.stop", "idle.delete", "pool.enable", "gpu.proof", "lease.stamp"})
"""Kinds whose record names the owner of what they are about, who did not ask for them."""
DECISIONS: Final = {"approve": "approved", "deny": "denied", "confirm": "confirmed", "break-glass": "broke_glass", "keep": "kept"}
OWED: Final = "{qm}:audit:owed"
"""Ended operations whose last entries may be missing; written by the script that ends them."""

_DATE: Final = re.compile(r"<!date\^(\d{1,12})\^[^<>]*>")
_MENTION: Final = re.compile(r"<(?:[@#]|!subteam\^)([A-Z0-9]{2,20})(?:\|[^<>]*)?>")
_CURRENT: ContextVar[tuple[Operation, str] | None] = ContextVar("audited", default=None)


def reading(kind: str) -> bool:
    """Whether that kind of request only looks."""
    return kind.startswith("query.") or kind in ("thread.status", "thread.logs", "thread.job", "thread.curve")


def entries_of(op: Operation) -> list[Entry]:
    """Everything that the record of `op` tells, in the order in which it happened. The same record always gives the same entries."""
    if op.kind in SILENT:
        return []
    cluster = _cluster(op)

    def entry(name: str, event: str, actor: str, at: float, **detail: Any) -> Entry:
        detail = {key: value for key, value in detail.items() if value not in (None, "", [], {})}
        return Entry(f"{op.id}/{name}", event, actor, at, operation=op.id, kind=op.kind, cluster=cluster, detail=detail)

    found = [_asked(op, entry)]
    if op.plan:
        plan = op.plan
        found.append(
            entry(
                f"planned/{plan.get('digest', '')}", "planned", BOT, _planned_at(op), title=plan.get("title"),
                digest=plan.get("digest"), hourly=plan.get("hourly_max"), total=plan.get("total_max"), until=_stamp(plan.get("expires")),
                approvals=int(plan.get("approvals", 0)),
            )
        )  # fmt: skip
    found += _decided(op, entry)
    if op.ended is not None and not reading(op.kind):
        found += _ended(op, entry)
    return found


def _asked(op: Operation, entry: Make) -> Entry:
    about = _resource(op)
    if op.kind == "lease":
        return entry("leased", "leased", BOT, op.created, resource=about, parent=op.parent)
    if op.kind in INTERNAL:
        return entry("expired", "expired", BOT, op.created, resource=about, parent=op.parent)
    event, actor = "asked" if reading(op.kind) else "requested", BOT if op.kind in OWN_ACCORD else op.user
    return entry("requested", event, actor, op.created, command=op.text, channel=op.channel, parent=op.parent)


def _planned_at(op: Operation) -> float:
    if op.memo.get("round"):
        return float(op.memo.get("asked_at", op.created))  # made anew, because something had changed since the approval
    return float(op.memo.get("began", {}).get("plan", op.created))


def _decided(op: Operation, entry: Make) -> list[Entry]:
    title, found = _title(op), []
    current, counted = str((op.plan or {}).get("digest", "")), op.memo.get("approved_by")
    for fact in op.decisions:
        verdict, by, digest, at = str(fact["verdict"]), str(fact["by"]), str(fact.get("digest", "")), float(fact["at"])
        # What is about no plan (keeping an idle pool) can be decided more than once.
        name, said = f"{digest or int(at)}/{by}/{verdict}", {"title": title, "digest": digest}
        found.append(entry(f"decision/{name}", DECISIONS.get(verdict, verdict), by, at, **said, reason=str(fact.get("reason", ""))))
        if verdict not in ("approve", "break-glass"):
            continue
        if digest != current:
            at = float(op.memo.get("asked_at", at))
            found.append(entry(f"void/{name}", "void", BOT, at, **said, by=by, reason="the plan was made anew after it"))
        elif counted and by not in counted and not (op.memo.get("broke_glass") and verdict == "approve"):
            found.append(entry(f"void/{name}", "void", BOT, at, **said, by=by, reason="it was not theirs to give"))
    if counted:
        at = max((float(fact["at"]) for fact in op.decisions), default=op.created)
        found.append(entry(f"granted/{current}", "granted", BOT, at, title=title, digest=current, approved_by=list(counted)))
    if op.cancel:
        found.append(entry("cancelled", "cancelled", str(op.cancel.get("by") or BOT), float(op.cancel.get("at", op.created)), title=title))
    return found


def _ended(op: Operation, entry: Make) -> list[Entry]:
    error, at = op.error or {}, float(op.ended or 0)
    found = []
    if op.status == SUCCEEDED and op.kind in EXTENDING and op.plan:
        found.append(entry("extended", "extended", op.user, at, resource=_resource(op), until=_stamp(op.plan.get("expires"))))
    found.append(
        entry(
            "ended", "ended", BOT, at, title=_title(op), status=op.status, outcome=_plain(op.memo.get("outcome")), code=error.get("code"),
            sentence=_plain(error.get("sentence")), taken_back=_plain(op.memo.get("taken_back")),
        )
    )  # fmt: skip
    return found


def _title(op: Operation) -> str:
    return str((op.plan or {}).get("title") or op.text or _resource(op) or op.kind)


def _target(op: Operation) -> Mapping[str, Any]:
    target: Mapping[str, Any] = (op.plan or {}).get("target") or {}
    return target


def _cluster(op: Operation) -> str:
    return str(_target(op).get("cluster") or op.memo.get("cluster") or op.values.get("cluster") or "")


def _resource(op: Operation) -> str:
    pool = _target(op).get("pool_name") or op.memo.get("pool") or op.values.get("pool") or ""
    return f"{_cluster(op)}/{pool}" if pool else _cluster(op)


def _stamp(at: Any) -> int | None:
    """Whole seconds since the epoch."""
    return int(at) if at else None


class Trail:
    """Keeps the audit log up with the journal. One per working process."""

    def __init__(self, audit: Audit, journal: Journal, clock: Clock) -> None:
        self.audit = audit
        self._journal, self._clock = journal, clock

    async def settle(self, op_id: str) -> None:
        """Append what the record of `op_id` tells and the log does not have yet."""
        op = await self._journal.load(op_id)
        if op is not None:
            await self.audit.append(*entries_of(op))
        if op is None or op.ended is not None:
            await self._journal.redis.srem(OWED, op_id)

    async def settle_owed(self) -> None:
        """Make up for what a kill between an operation's end and its last entries left out."""
        for member in await self._journal.redis.smembers(OWED):
            await self.settle(text(member))

    async def write(self, method: str, resource: str) -> None:
        """Something is about to be written to the cloud or to a cluster; first, everything that led to it.

        Raises :class:`redis.exceptions.RedisError` where it cannot be noted: then it is not to be sent.
        """
        current = _CURRENT.get()
        at, detail = self._clock.now(), {"method": method, "resource": _short(resource)}
        if current is None:
            name = identity("write", method, resource, repr(at))
            await self.audit.append(Entry(f"outside/{name}", "write", BOT, at, detail=detail))
            return
        op, step = current
        await self.settle(op.id)
        name = f"{op.id}/{step}/{method} {detail['resource']}"
        await self.audit.append(
            Entry(name, "write", BOT, at, operation=op.id, kind=op.kind, cluster=_cluster(op), detail={**detail, "title": _title(op), "step": step})
        )

    def traced(self, kinds: Mapping[str, Kind]) -> dict[str, Kind]:
        """The same kinds; while one of their steps runs, a write knows for whom it is made."""
        return {
            name: replace(kind, steps=[self._traced(step) for step in kind.steps], undo=[self._traced(step) for step in kind.undo])
            for name, kind in kinds.items()
        }

    def _traced(self, step: Step) -> Step:
        async def run(op: Operation, do: Services) -> Outcome:
            token = _CURRENT.set((op, step.name))
            try:
                return await step.run(op, do)
            finally:
                _CURRENT.reset(token)

        return replace(step, run=run)


def refusal(kind: str, user: str, at: float, sentence: str, *, command: str = "", channel: str = "", op: Operation | None = None) -> Entry:
    """A request or a click that was refused before anything was written down.

    The same refusal of the same person is one entry an hour, so that nobody can fill the log by trying.
    """
    hour = int(at // 3600)
    name = f"refused/{user}/{kind}/{identity(op.id if op else channel, sentence)}/{hour}"
    detail = {key: value for key, value in {"sentence": _plain(sentence), "command": command, "channel": channel}.items() if value}
    if op is not None:
        detail["title"] = _title(op)
    return Entry(name, "refused", user, at, operation=op.id if op else "", kind=kind, cluster=_cluster(op) if op else "", detail=detail)


def _plain(said: object) -> str:
    """What was said in Slack as a file can keep it: times spelt out, people and groups by their ids."""
    dated = _DATE.sub(lambda found: moment(float(found[1])), str(said or ""))
    return _MENTION.sub(r"\1", dated)


def _short(resource: str) -> str:
    """A path without the subscription that they all share."""
    parts = resource.partition("?")[0].split("/")
    if len(parts) > 3 and parts[1].lower() == "subscriptions":
        return "/" + "/".join(parts[3:])
    return "/".join(parts)
