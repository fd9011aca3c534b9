"""Every fault that there is, by service: its effect, and the options that it takes (``!``: it must be given).

A new effect is one line in :data:`EFFECTS` and one call of :meth:`playground.faults.Faults.take` where it strikes; a new option is one line in
:data:`OPTIONS`. What is not listed here is refused by the control API, so that a misspelt fault cannot pass for one that did no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

EVERY: Final = "every service"
SERVICES: Final = ("slack", "azure", "identity", "prices", "kubernetes")
EFFECTS: Final[dict[str, dict[str, str]]] = {
    EVERY: {  # on the wire, before or after the service itself
        "delay": "seconds!",
        "late": "seconds!",
        "hang": "seconds",
        "status": "status! retry_after body",
        "reset_before": "",
        "reset_after": "",
        "truncate": "",
    },
    "slack": {
        "error": "error!",
        "ratelimited": "retry_after",
        "block_not_rolled_out": "type!",
        "lost": "",
        "deliver_twice": "",
        "redeliver": "",
        "socket_disconnect": "reason",
        "socket_close": "",
        "socket_reset": "",
        "socket_silent": "",
    },
    "azure": {
        "sync_error": "code! status message flat retry_after",
        "throttled": "retry_after code message",
        "lro_failed": "code message details after",
        "lro_canceled": "after",
        "no_capacity": "size zone code message after",
        "quota_gone": "form after",
        "operation_expired": "",
        "other_profile": "driver mode mig",
    },
    "identity": {},
    "prices": {},
    "kubernetes": {
        "watch_drop": "events",
        "watch_410": "events",
        "half_open": "events seconds",
        "cut_log": "lines",
        "forbidden": "role",
        "image_pull": "message",
        "oom": "",
        "crash": "",
        "evict": "",
        "stuck_creating": "",
        "admission_error": "",
        "plugin_blocked": "",
        "gpu_missing": "count seconds",
        "driver_mismatch": "seconds",
        "node_condition": "condition! message seconds",
        "start_error": "message",
        "gpu_unseen": "",
        "node_not_ready": "seconds",
        "node_stuck": "",
        "spot_evicted": "",
    },
}


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _one_of(*allowed: str) -> Callable[[Any], bool]:
    return lambda value: value in allowed


OPTIONS: Final[dict[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("seconds", "after"), _number),
    **dict.fromkeys(("retry_after", "events", "lines", "count"), _whole),
    **dict.fromkeys(("error", "type", "code", "message", "size", "zone", "condition"), _text),
    "status": lambda value: _whole(value) and 100 <= value <= 599,
    "body": lambda _: True,
    "flat": lambda value: isinstance(value, bool),
    "details": lambda value: isinstance(value, list),
    "form": _one_of("sync", "lro"),
    "driver": _one_of("Install", "None"),
    "mode": _one_of("Managed", "Unmanaged"),
    "mig": _one_of("", "MIG1g", "MIG2g", "MIG3g", "MIG4g", "MIG7g"),
    "reason": _one_of("warning", "refresh_requested", "link_disabled"),
    "role": _one_of("nobody", "reader"),
}


def check(service: str, effect: str, options: dict[str, Any]) -> None:
    """Raises ValueError, naming what there is, for a service, an effect or an option that nobody knows or that lacks."""
    if service not in SERVICES:
        raise ValueError(f"no service {service!r}; there are {', '.join(SERVICES)}")
    known = EFFECTS[EVERY] | EFFECTS[service]
    if effect not in known:
        raise ValueError(f"{service} has no effect {effect!r}; it has {', '.join(known)}")
    takes = known[effect].split()
    names = [name.removesuffix("!") for name in takes]
    if unknown := sorted(set(options) - set(names)):
        raise ValueError(f"{effect} has no option {', '.join(unknown)}; it takes {', '.join(names) or 'none'}")
    if missing := [name[:-1] for name in takes if name.endswith("!") and name[:-1] not in options]:
        raise ValueError(f"{effect} needs {', '.join(missing)}")
    if wrong := [name for name, value in options.items() if not OPTIONS[name](value)]:
        raise ValueError(f"{effect} cannot have {', '.join(f'{name}={options[name]!r}' for name in wrong)}")
