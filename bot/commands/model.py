"""The vocabulary of the grammar: what a command is, and the two things that parsing can answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from bot.errors import Refused

REQUEST_VERSION: Final = 1


class Role(StrEnum):
    """What a person must be to give a command. Operator and approver may do all that a requester may; admin may do everything."""

    REQUESTER = "requester"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


class Malformed(Refused):
    """A value that cannot be used. `instead` is what to type in its place, where that is known."""

    def __init__(self, code: str, *, instead: str | None = None, **detail: object) -> None:
        super().__init__(code, **detail)
        self.instead = instead


@dataclass(frozen=True)
class Value:
    """A type of value: how it is shown in help, how it is read (raises :class:`Malformed`), and one that is right.

    With `spread`, `read` answers a mapping whose keys become values of the request by themselves (``CLUSTER/POOL``).
    """

    shown: str
    read: Callable[[str], Any]
    example: str
    spread: bool = False


@dataclass(frozen=True)
class Argument:
    """A positional value. `rest` takes all that is left as one text; `split` lets ``a b`` stand for ``a/b``."""

    key: str
    value: Value
    required: bool = True
    rest: bool = False
    split: bool = False


@dataclass(frozen=True)
class Option:
    """``--name VALUE``, or a flag where `value` is None.

    `many` says what a repetition makes: ``""`` (refused), ``"list"`` (values are appended; a value that is itself a list is
    joined) or ``"map"`` (values are ``[key, value]`` pairs). `key` is the name in the request's values.
    """

    name: str
    value: Value | None
    summary: str
    key: str = ""
    many: str = ""
    required: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def slot(self) -> str:
        """The name under which the value is found in the request."""
        return self.key or self.name.replace("-", "_")


Check = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Command:
    """One command of /gpu: parsing, validation, help and manifest are all made from it.

    `kind` is the kind of operation (``pool.add``) or question (``query.nodes``); no two commands share one.
    `changes` marks those that write to the cloud or a cluster; `destructive` those that are asked back first.
    `when` names a flag that selects this command among several of the same path (``/gpu job NAME --again``).
    `passthrough` is set where ``-- ARGS`` is taken. `checks` look at all values together and raise :class:`Malformed`.
    """

    path: tuple[str, ...]
    kind: str
    summary: str
    role: Role = Role.REQUESTER
    arguments: tuple[Argument, ...] = ()
    options: tuple[Option, ...] = ()
    examples: tuple[str, ...] = ()
    changes: bool = False
    destructive: bool = False
    passthrough: bool = False
    when: str = ""
    aliases: tuple[tuple[str, ...], ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def name(self) -> str:
        """As it is typed, without ``/gpu``."""
        return " ".join(self.path)


@dataclass(frozen=True)
class Request:
    """A command that can be acted on: every value in it has been validated.

    `values` holds only JSON: seconds for durations (keys ending in ``_seconds``), decimal strings for money, canonical names.
    Options that were not given are absent; flags are present only as True.
    `text` is the command as it was understood, without ``/gpu``: raw, to be escaped where it is shown.
    """

    path: tuple[str, ...]
    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    def as_json(self) -> dict[str, Any]:
        """What is written to the journal; :meth:`from_json` reads it back."""
        return {"version": REQUEST_VERSION, "path": list(self.path), "kind": self.kind, "values": dict(self.values), "text": self.text}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Request:
        """Read what this or an older version wrote; what is missing is empty. Raises KeyError without a kind."""
        return cls(
            path=tuple(str(part) for part in record.get("path", ())),
            kind=str(record["kind"]),
            values=dict(record.get("values", {})),
            text=str(record.get("text", "")),
        )


@dataclass(frozen=True)
class Reply:
    """An answer that needs no work: help (`ok`), or what is wrong and what to type instead. Slack mrkdwn, user text escaped."""

    text: str
    ok: bool = False
