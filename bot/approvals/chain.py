"""The audit log as a chain: what an entry is, how it is sealed, and how a chain is checked. Pure; no I/O.

An entry is one line of JSON. Its hash is SHA-256 over the canonical form of everything else on that line (sorted keys, no spaces,
ASCII), the hash of the entry before included, so that no entry can be changed, left out or moved without breaking all later
ones. What a chain alone cannot show is that its end was cut off, or that all of it was written anew: that takes a witness outside,
an exported file or a noted hash.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from bot.cluster.masking import mask

GENESIS: Final = "0" * 64
BOT: Final = "quartermaster"
LONGEST_TEXT: Final = 500
LONGEST_LIST: Final = 50
_HASH: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """Something that happened. `name` is deterministic (operation/step/event): the same name is written once.

    `at` is business time in epoch seconds; `actor` a Slack user id or :data:`BOT`; `cluster` what it is about ('' nothing);
    `detail` small JSON.
    """

    name: str
    event: str
    actor: str
    at: float
    operation: str = ""
    kind: str = ""
    cluster: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sealed:
    """An entry at its place in the chain. `body` is the canonical line without its hash."""

    seq: int
    previous: str
    hash: str
    entry: Entry
    body: str

    @property
    def line(self) -> str:
        """One line of an export."""
        return f'{self.body[:-1]},"hash":"{self.hash}"}}'


@dataclass(frozen=True)
class Anchor:
    """Where a shortened log begins: entries up to `seq` were taken out of it, and the last of them had this hash."""

    seq: int
    hash: str
    at: str

    @property
    def line(self) -> str:
        """The first line of an export of a shortened log."""
        return canonical({"anchor": {"seq": self.seq, "hash": self.hash, "at": self.at}})


def canonical(row: Mapping[str, Any]) -> str:
    """The one spelling of a row that is hashed."""
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(body: str) -> str:
    """SHA-256 of a canonical line, in hexadecimal."""
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def moment(at: float) -> str:
    """A time as entries hold it: ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clean(value: Any) -> Any:
    """`value` as an entry may hold it: secrets masked, long texts and lists cut, numbers with a fraction as text (JSON has no exact ones)."""
    match value:
        case None | bool() | int():
            return value
        case str():
            text = mask(value)
            return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
        case Mapping():
            return {str(key): clean(one) for key, one in value.items()}
        case list() | tuple():
            return [clean(one) for one in value[:LONGEST_LIST]]
        case _:
            return clean(str(value))


def seal(entry: Entry, previous: str, seq: int) -> Sealed:
    """`entry` as the successor of the one with hash `previous`."""
    row = {
        "seq": seq, "at": moment(entry.at), "name": entry.name, "operation": entry.operation, "kind": entry.kind, "actor": entry.actor,
        "event": entry.event, "cluster": entry.cluster, "detail": clean(entry.detail), "previous": previous,
    }  # fmt: skip
    body = canonical(row)
    return Sealed(seq, previous, digest(body), entry, body)


def seal_all(entries: Sequence[Entry], previous: str, seq: int) -> list[Sealed]:
    """`entries` in a row, the first as number `seq`."""
    sealed: list[Sealed] = []
    for entry in entries:
        sealed.append(seal(entry, previous, seq))
        previous, seq = sealed[-1].hash, seq + 1
    return sealed


def opened(body: str, hashed: str) -> Sealed:
    """What was written down, read again. Raises ValueError for what is no entry; fields of newer versions stay in `body`."""
    row = json.loads(body)
    if not isinstance(row, dict):
        raise ValueError("not an entry")
    try:
        at = datetime.fromisoformat(row["at"]).timestamp()
        entry = Entry(
            name=str(row["name"]), event=str(row["event"]), actor=str(row["actor"]), at=at, operation=str(row.get("operation", "")),
            kind=str(row.get("kind", "")), cluster=str(row.get("cluster", "")), detail=dict(row.get("detail") or {}),
        )  # fmt: skip
        return Sealed(int(row["seq"]), str(row["previous"]), hashed, entry, body)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not an entry: {error}") from error


@dataclass(frozen=True)
class Verified:
    """What checking a chain showed: `count` sound entries from number `begins` on, the last with hash `head`.

    `broken_at` is the number of the first entry that does not hold (None: all do) and `why` says what is wrong with it. `begins` above 1
    means that earlier history is not in this log: nothing is claimed about it.
    """

    count: int
    broken_at: int | None = None
    why: str = ""
    begins: int = 1
    head: str = GENESIS
    until: str = ""

    @property
    def last(self) -> int:
        """The number of the last sound entry."""
        return self.begins + self.count - 1


class Check:
    """Checks a chain entry by entry, oldest first; stops counting at the first that does not hold."""

    def __init__(self, anchor: Anchor | None = None) -> None:
        self._count = 0
        self._begins = anchor.seq + 1 if anchor else 1
        self._previous = anchor.hash if anchor else GENESIS
        self._floating = False
        self._until = ""
        self._broken: tuple[int, str] | None = None

    def without_beginning(self) -> None:
        """Accept whatever number the first entry has (a piece of a log); it then counts as the beginning."""
        self._floating = True

    def add(self, body: str, hashed: str) -> bool:
        """The next entry; False from the first on that does not hold."""
        if self._broken is None:
            why = self._fault(body, hashed)
            if why:
                self._broken = (self._begins + self._count, why)
            else:
                self._count += 1
                self._previous = hashed
        return self._broken is None

    def add_line(self, line: str) -> bool:
        """The same for a line of an export."""
        try:
            row = json.loads(line)
            hashed = row.pop("hash")
            body = canonical(row)
        except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
            return self.fail("it is not an entry of an audit log")
        return self.add(body, str(hashed))

    def fail(self, why: str) -> bool:
        """The entry that should come next is missing or unreadable."""
        if self._broken is None:
            self._broken = (self._begins + self._count, why)
        return False

    def result(self) -> Verified:
        """What was seen so far."""
        broken_at, why = self._broken or (None, "")
        return Verified(self._count, broken_at, why, self._begins, self._previous, self._until)

    def _fault(self, body: str, hashed: str) -> str:
        try:
            sealed = opened(body, hashed)
            row = json.loads(body)
            spelt = canonical(row) == body
        except (ValueError, RecursionError):
            return "it is not an entry of an audit log"
        if self._floating and self._count == 0 and sealed.seq > 0 and _HASH.fullmatch(sealed.previous):
            self._begins, self._previous = sealed.seq, sealed.previous
        if sealed.seq != self._begins + self._count:
            return f"number {self._begins + self._count} should stand here, number {sealed.seq} does"
        if not spelt or digest(body) != hashed:
            return "its content does not have its hash"
        if sealed.previous != self._previous:
            return "it does not follow the entry before it"
        self._until = str(row["at"])
        return ""


def check_lines(lines: Sequence[str]) -> Verified:
    """Check an exported log. An anchor in its first line, or a first number above 1, says that earlier history is not in it."""
    rows = [line for line in lines if line.strip()]
    anchor = anchor_of(rows[0]) if rows else None
    check = Check(anchor)
    if anchor is None:
        check.without_beginning()
    for line in rows[1:] if anchor else rows:
        if not check.add_line(line):
            break
    return check.result()


def anchor_of(line: str) -> Anchor | None:
    """The anchor in that line, or None where it is an entry."""
    try:
        row = json.loads(line)["anchor"]
        return Anchor(int(row["seq"]), str(row["hash"]), str(row["at"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
