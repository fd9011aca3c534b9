"""One more run of a job: the earlier request with what was changed in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.operations import jobindex
from bot.operations.provisioning import target
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Step
from bot.slack.blocks import cut, escaped

# What belongs to one run alone, or to the request for another one.
_NOT_KEPT: Final = ("name", "job", "again", "file")
_MAPS: Final = ("parameters", "env")


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The values of `old` with those of `new`: maps and secrets are joined, arguments replaced as a whole; None takes a value out.

    A parameter that is set anew also leaves the earlier arguments, which would otherwise win over it.
    """
    values = {name: value for name, value in old.items() if name not in _NOT_KEPT}
    for name, value in new.items():
        if name in _NOT_KEPT:
            continue
        if value is None:
            values.pop(name, None)
        elif name in _MAPS:
            values[name] = {**(values.get(name) or {}), **value}
        elif name == "secrets":
            values[name] = list(dict.fromkeys([*(values.get(name) or []), *value]))
        else:
            values[name] = value
    if new.get("parameters") and "args" not in new and values.get("args"):
        values["args"] = without(values["args"], set(new["parameters"]))
    return values


def without(args: Sequence[str], names: set[str]) -> list[str]:
    """`args` without the flags of these names and their values."""
    plain = {name.replace("-", "_") for name in names}
    kept: list[str] = []
    skip = False
    for word in args:
        if skip and not word.startswith("--"):
            skip = False
            continue
        flag, equals, _ = word.partition("=")
        skip = False
        if flag.startswith("--") and flag[2:].replace("-", "_") in plain:
            skip = not equals
            continue
        kept.append(word)
    return kept


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two requests, each as ``name old → new``."""
    found = []
    for name in sorted({*old, *new} - {*_NOT_KEPT, "manifest"}):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if name in _MAPS:
            before, after = before or {}, after or {}
            found += [_changed(key, before.get(key), after.get(key)) for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
        else:
            found.append(_changed(name.removesuffix("_seconds"), before, after))
    return found


def _changed(name: str, before: Any, after: Any) -> str:
    return f"{name} {_shown(before)} → {_shown(after)}"


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "unset"
    return cut(" ".join(map(str, value)) if isinstance(value, list) else str(value), 120)


async def resolve(op: Operation, do: Services) -> Outcome:
    """The request of the earlier run (by its name, or by the button that was pressed), merged with this one's changes."""
    about = await jobindex.about(do, op)
    t = target(about)
    before = {**about.values, **({"cluster": t["cluster"]} if t.get("cluster") else {})}
    values = merged(before, op.request.get("values", {}))
    differs = changes(before, values)
    name = str(t.get("job") or "the same")
    note = f"🔁 `{name}` again" + (f" with {escaped(', '.join(differs))}" if differs else ", unchanged")
    return Done(memo={"resolved": values, "again_of": about.id, "notes": {**op.memo.get("notes", {}), "again": note}})


RESOLVE = Step("resolve", resolve)
