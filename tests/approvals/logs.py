"""What the tests of the audit log share: entries, and a log that has some."""

from __future__ import annotations

from bot.approvals.audit import Audit
from bot.approvals.chain import Entry

NOW = 1_795_000_000.0


def entry(name: str, event: str = "write", at: float = NOW, *, cluster: str = "", **detail: object) -> Entry:
    return Entry(name, event, "U0ALICE", at, operation=name.partition("/")[0], kind="pool.add", cluster=cluster, detail=detail)


async def filled(audit: Audit, count: int = 6) -> list[str]:
    for number in range(count):
        await audit.append(entry(f"op{number}/asked", "requested", NOW + number, command=f"pool add demo/gpu{number}"))
    return [line async for line in audit.export()]
