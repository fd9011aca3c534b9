"""What an operation is: one frozen view of its record. Reads what older versions wrote: a missing field has a default."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

RUNNING: Final = "running"
WAITING_APPROVAL: Final = "waiting_approval"
WAITING_CONFIRMATION: Final = "waiting_confirmation"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
REFUSED: Final = "refused"
DENIED: Final = "denied"
CANCELLED: Final = "cancelled"
EXPIRED: Final = "expired"
DECISION_PREFIX: Final = "decision:"
JOB_KINDS: Final = frozenset({"job.run", "job.again"})
EXTENDING: Final = frozenset({"pool.extend", "cluster.extend", "thread.extend"})


@dataclass(frozen=True)
class Operation:
    """One operation as it stood when it was read.

    `request` is the typed command (JSON); `thread` the ts of the message whose thread it lives in ('' until posted);
    `memo` what its steps left for later ones; `plan` the plan as JSON with its digest; `decisions` are
    ``{by, verdict, reason, at, digest}``, oldest first; `created` is business time in epoch seconds. `on` is what its
    waiting step waits for, `on_pokes` how many facts had arrived when it began to wait.
    """

    id: str
    kind: str
    status: str
    step: str
    request: Mapping[str, Any]
    team: str
    channel: str
    user: str
    thread: str = ""
    parent: str = ""
    text: str = ""
    memo: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] | None = None
    decisions: tuple[Mapping[str, Any], ...] = ()
    cancel: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    undeliverable: str = ""
    expires: float | None = None
    created: float = 0.0
    ended: float | None = None
    on: str = ""
    on_pokes: int = -1
    fence: int = 0
    pokes: int = 0

    @property
    def values(self) -> Mapping[str, Any]:
        """The command's parsed values, or what a thread said in their place."""
        values: Mapping[str, Any] = self.memo.get("resolved") or self.request.get("values", {})
        return values

    @property
    def short(self) -> str:
        """The id as it is shown to people and written into names: lower-case letters and digits."""
        return self.id


def read(fields: Mapping[str, str]) -> Operation:
    """The record's hash as an :class:`Operation`."""

    def parsed(name: str, default: Any) -> Any:
        return json.loads(fields[name]) if fields.get(name) else default

    return Operation(
        id=fields["id"],
        kind=fields["kind"],
        status=fields.get("status", RUNNING),
        step=fields.get("step", ""),
        request=parsed("request", {}),
        team=fields.get("team", ""),
        channel=fields.get("channel", ""),
        user=fields.get("user", ""),
        thread=fields.get("thread", ""),
        parent=fields.get("parent", ""),
        text=fields.get("text", ""),
        memo=parsed("memo", {}),
        plan=parsed("plan", None),
        decisions=tuple(
            sorted((json.loads(fields[name]) for name in fields if name.startswith(DECISION_PREFIX)), key=lambda fact: float(fact["at"]))
        ),
        cancel=parsed("cancel", None),
        error=parsed("error", None),
        undeliverable=fields.get("undeliverable", ""),
        expires=float(fields["expires"]) if fields.get("expires") else None,
        created=float(fields.get("created", 0)),
        ended=float(fields["ended"]) if fields.get("ended") else None,
        on=fields.get("on", ""),
        on_pokes=int(fields.get("on_pokes", -1)),
        fence=int(fields.get("fence", 0)),
        pokes=int(fields.get("pokes", 0)),
    )


def identity(*parts: str) -> str:
    """A deterministic id of ten lower-case letters and digits, so that the same request always names the same record."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.b32encode(digest[:10]).decode().lower()[:10]
