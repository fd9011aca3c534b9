"""Types of values that commands take: names, numbers, durations, sizes, choices. Each reads one word or raises :class:`Malformed`.

Names follow :mod:`bot.names`, the rules that Azure and Kubernetes apply; the same rules are applied again before a name becomes
part of a URL. Policy (how many nodes, how long) is judged later: the bounds here only keep nonsense out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bot import names
from bot.commands.model import Malformed, Value
from bot.commands.nearest import nearest
from bot.commands.text import shown

LONGEST_DAYS: Final = 30
MOST_NODES: Final = 1000  # AKS limits: nodes per node pool
MOST_GPUS: Final = 56  # what one node can offer: 8 GPUs of 7 MIG slices

_PART = re.compile(r"(\d{1,6}(?:\.\d{1,2})?)\s*([a-z]+)")
_UNITS: Final = {
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 604800),
}
_KINDS: Final = {"pool": "node pool", "group": "resource group", "version": "Kubernetes version", "size": "VM size"}
# People ask for the GPU; Azure sells machines. The smallest current size with one of that model (AKS GPU documentation).
_MODELS: Final = {
    "t4": "Standard_NC4as_T4_v3",
    "a10": "Standard_NV36ads_A10_v5",
    "a100": "Standard_NC24ads_A100_v4",
    "h100": "Standard_NC40ads_H100_v5",
}
_LIMITS: Final = {"pool": 12, "cluster": 63, "job": 52, "namespace": 63, "group": 90}


def name(kind: str, shown_as: str, example: str) -> Value:
    """A name of `kind` (a key of ``bot.names.RULES``), as it is, never repaired silently."""

    def read(text: str) -> str:
        if names.valid(kind, text):
            return text
        raise _misnamed(kind, text, example)

    return Value(shown_as, read, example)


def _misnamed(kind: str, text: str, example: str) -> Malformed:
    limit = _LIMITS.get(kind)
    field = _KINDS.get(kind, kind)
    why = f"it has {len(text)} characters, at most {limit} are allowed" if limit and len(text) > limit else ""
    if not why and kind in ("pool", "job", "namespace", "region", "template") and text != text.lower():
        why = "it has capitals"
    mended = _repaired(kind, text)
    detail = {"value": shown(text), "field": field, "why": f" ({why})" if why else "", "rule": names.RULES[kind][1]}
    return Malformed("commands.name", instead=mended or example, **detail)


def _repaired(kind: str, text: str) -> str:
    """The nearest valid name, or an empty string where nothing of it is left."""
    if ".." in text or "/" in text:
        return ""
    if kind in ("pool", "job", "namespace", "region", "template"):
        text = text.lower()
    if kind in ("pool", "region"):
        text = re.sub(r"[^a-z0-9]", "", text).lstrip("0123456789")
    elif kind in ("job", "namespace", "template"):
        text = re.sub(r"[^a-z0-9]+", "-", text).strip("-")
    else:
        text = re.sub(r"[^a-zA-Z0-9-]+", "-", text).strip("-")
    text = text[: _LIMITS.get(kind, 60)].strip("-")
    return text if names.valid(kind, text) else ""


def whole(shown_as: str, least: int, most: int, example: str) -> Value:
    """A whole number between `least` and `most`, both included."""

    def read(text: str) -> int:
        if re.fullmatch(r"[+-]?[0-9]{1,9}", text) is None:
            raise Malformed("commands.number", instead=example, value=shown(text), least=least, most=most)
        number = int(text)
        if not least <= number <= most:
            raise Malformed("commands.range", instead=str(max(least, min(most, number))), value=number, least=least, most=most)
        return number

    return Value(shown_as, read, example)


def choice(shown_as: str, options: Sequence[str], example: str, also: dict[str, str] | None = None) -> Value:
    """One of `options`, in any case; `also` maps other spellings to one of them."""
    known = {option.lower(): option for option in options} | (also or {})

    def read(text: str) -> str:
        found = known.get(text.lower())
        if found is None:
            listed = ", ".join(f"`{option}`" for option in options)
            raise Malformed("commands.choice", instead=nearest(text, options) or example, value=shown(text), choices=listed)
        return found

    return Value(shown_as, read, example)


def read_duration(text: str) -> int:
    """Seconds of ``90m``, ``8h``, ``3d``, ``1d12h``; more than nothing and at most :data:`LONGEST_DAYS` days."""
    plain = text.lower().strip()
    if re.fullmatch(r"\d{1,6}", plain):
        raise Malformed("commands.duration_unit", instead=f"{plain}h" if 0 < int(plain) <= 24 * LONGEST_DAYS else "8h", value=shown(text))
    parts = _PART.findall(plain)
    if not parts or re.sub(_PART, "", plain).strip() or any(unit not in _UNITS for _, unit in parts):
        raise Malformed("commands.duration", instead="8h", value=shown(text))
    seconds = int(sum(Decimal(amount) * _UNITS[unit] for amount, unit in parts))
    if seconds <= 0:
        raise Malformed("commands.duration_zero", instead="8h", value=shown(text))
    if seconds > LONGEST_DAYS * 86400:
        raise Malformed("commands.duration_long", instead=f"{LONGEST_DAYS}d", value=shown(text), days=LONGEST_DAYS)
    return seconds


def read_size(text: str) -> str:
    """A VM size by name; ``NC4as_T4_v3`` is taken for ``Standard_NC4as_T4_v3``. Whether it exists and has GPUs is the plan's to say."""
    if text.lower() in _MODELS:
        raise Malformed("commands.size_model", instead=_MODELS[text.lower()], value=shown(text))
    prefix, underscore, rest = text.partition("_")
    canonical = text if underscore and prefix in ("Standard", "Basic") else f"Standard_{rest}" if prefix.lower() == "standard" else f"Standard_{text}"
    if not names.valid("size", canonical) or not re.match(r"\w+?_[A-Za-z]+[0-9]", canonical):
        raise Malformed("commands.size", instead="Standard_NC4as_T4_v3", value=shown(text))
    return canonical


def read_target(text: str) -> dict[str, str]:
    """``CLUSTER/POOL`` as both names."""
    cluster, slash, pool = text.partition("/")
    if not slash or not pool:
        fallback = cluster if names.valid("cluster", cluster) else "demo"
        raise Malformed("commands.target", instead=f"{fallback}/gpu", value=shown(text))
    return _target(cluster, pool)


def read_scope(text: str) -> dict[str, str]:
    """``CLUSTER`` or ``CLUSTER/POOL``."""
    cluster, slash, pool = text.partition("/")
    return _target(cluster, pool) if slash else {"cluster": CLUSTER.read(cluster)}


def _target(cluster: str, pool: str) -> dict[str, str]:
    try:
        found = {"cluster": CLUSTER.read(cluster)}
    except Malformed as error:
        raise Malformed(error.code, instead=f"{error.instead}/{pool}", **error.detail) from error
    try:
        return found | {"pool": POOL.read(pool)}
    except Malformed as error:
        raise Malformed(error.code, instead=f"{cluster}/{error.instead}", **error.detail) from error


def read_zones(text: str) -> list[str]:
    """``1`` or ``1,3``: availability zones, each once."""
    zones = [part.strip() for part in text.split(",")]
    if any(not names.valid("zone", zone) for zone in zones):
        raise Malformed("commands.zone", instead="1", value=shown(text))
    return sorted(set(zones))


def read_version(text: str) -> str:
    """A Kubernetes version, with or without a leading ``v``."""
    return str(VERSION.read(text.removeprefix("v").removeprefix("V")))


def read_mig(text: str) -> str:
    """A MIG profile by slices: ``1g``, ``MIG1g`` and ``1g.10gb`` all mean ``MIG1g`` (Azure's gpuInstanceProfile)."""
    found = re.fullmatch(r"(?:mig-?)?([12347])g(?:\.\d{1,3}gb)?", text.lower())
    if found is None:
        raise Malformed("commands.choice", instead="1g", value=shown(text), choices="`1g`, `2g`, `3g`, `4g`, `7g`")
    return f"MIG{found[1]}g"


def money(shown_as: str, example: str, places: int, minus_one: bool = False) -> Value:
    """US dollars as a decimal string without exponent; ``-1`` too where it means "up to the on-demand price"."""

    def read(text: str) -> str:
        plain = text.removeprefix("$").replace("USD", "").replace("usd", "").strip()
        try:
            amount = Decimal(plain) if re.fullmatch(r"-?\d{1,7}(?:\.\d{1,9})?", plain) else None
        except InvalidOperation:
            amount = None
        if minus_one and amount == -1:
            return "-1"
        if amount is None or amount <= 0:
            raise Malformed("commands.money", instead=example, value=shown(text))
        exponent = amount.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > places:
            raise Malformed("commands.places", instead=f"{amount:.{places}f}", value=shown(text), places=places)
        return format(amount, "f")

    return Value(shown_as, read, example)


def matching(shown_as: str, pattern: str, rule: str, example: str, change: Callable[[str], Any] = str) -> Value:
    """A word that matches `pattern` as a whole; `rule` says in words what that is."""
    expression = re.compile(pattern)

    def read(text: str) -> Any:
        if expression.fullmatch(text) is None:
            raise Malformed("commands.word", instead=example, value=shown(text), rule=rule)
        return change(text)

    return Value(shown_as, read, example)


CLUSTER: Final = name("cluster", "CLUSTER", "demo")
POOL: Final = name("pool", "POOL", "gpu")
GROUP: Final = name("group", "GROUP", "demo-rg")
REGION: Final = name("region", "REGION", "eastus")
JOB: Final = name("job", "NAME", "mnist-1")
NAMESPACE: Final = name("namespace", "NAMESPACE", "default")
FEATURE: Final = name("feature", "NAME", "ManagedGPUExperiencePreview")
VERSION: Final = name("version", "VERSION", "1.35")
KUBERNETES_VERSION: Final = Value("VERSION", read_version, "1.35")
SIZE: Final = Value("SIZE", read_size, "Standard_NC4as_T4_v3")
TARGET: Final = Value("CLUSTER/POOL", read_target, "demo/gpu", spread=True)
SCOPE: Final = Value("CLUSTER[/POOL]", read_scope, "demo/gpu", spread=True)
DURATION: Final = Value("8h", read_duration, "8h")
ZONES: Final = Value("Z", read_zones, "1")
MIG: Final = Value("PROFILE", read_mig, "1g")
COUNT: Final = whole("N", 1, MOST_NODES, "1")
SCALE: Final = whole("N", 0, MOST_NODES, "2")
GPUS: Final = whole("N", 1, MOST_GPUS, "1")
