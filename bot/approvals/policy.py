"""The policy file: who may do what, up to which price, within which limits. TOML in, one frozen :class:`Policy` out.

What was written (any TOML) and what may be used (the types of `rules`) are two things: a file with a single unknown key, wrong
type or contradiction is refused as a whole, with every problem named. The commented example is ``manifests/policy.example.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from bot.approvals.raw import Table, exact, seconds
from bot.approvals.rules import ROLES, ApprovalRules, BreakGlass, Budgets, Fallback, Idle, Jobs, Limits, Members, Policy, Tier

EVERYONE: Final = "*"
LONGEST_EXPIRY: Final = 30 * 86400

_USER: Final = r"[UW][A-Z0-9]{2,20}"
_MEMBER: Final = rf"(?:{_USER}|S[A-Z0-9]{{2,20}}|\*)"
_CHANNEL: Final = r"[CGD][A-Z0-9]{2,20}"
_PATTERN: Final = r"[A-Za-z0-9_*?.\-]{1,80}"
_REGION: Final = r"[a-z][a-z0-9]{2,29}|\*"


class PolicyError(ValueError):
    """The file cannot be used. `problems` has one line per key: its full name, what is allowed, what was found."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def load(path: Path) -> Policy:
    """Read the file. Raises :class:`PolicyError` where it cannot be read or used."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError([f"{path}: cannot be read: {error.strerror or type(error).__name__}"]) from error
    except UnicodeDecodeError as error:
        raise PolicyError([f"{path}: is not UTF-8 text (byte {error.start})"]) from error
    return read(text)


def read(text: str) -> Policy:
    """The policy written in `text`. Raises :class:`PolicyError` with every problem there is."""
    try:
        raw = tomllib.loads(text, parse_float=exact)
    except RecursionError as error:
        raise PolicyError(["the file is nested too deeply"]) from error
    except ValueError as error:  # TOMLDecodeError, and numbers with thousands of digits
        raise PolicyError([f"the file is not TOML: {error}"]) from error
    problems: list[str] = []
    policy = _policy(raw, problems)
    if problems:
        raise PolicyError(problems)
    return policy


def _policy(raw: Mapping[str, Any], problems: list[str]) -> Policy:
    top = Table(raw, "", problems)
    top.integer("version", 1, 1, 1)
    roles = _roles(top.table("roles"))
    policy = Policy(
        roles=roles,
        tiers=_tiers(top),
        channels=_channels(top.table("channels")),
        limits=_limits(top.table("limits")),
        jobs=_jobs(top.table("jobs")),
        budgets=_budgets(top.table("budgets")),
        approvals=_approvals(top.table("approvals")),
        break_glass=_break_glass(top.table("break_glass")),
        idle=_idle(top.table("idle")),
        fallback=_fallback(top.table("fallback")),
        digest_channel=_digest(top.table("digest")),
    )
    top.done()
    if any(tier.approvals for tier in policy.tiers) and not (roles["approver"] or roles["admin"]):
        problems.append("roles.approver: must name somebody, because tiers need approvals")
    return policy


def _roles(table: Table) -> dict[str, Members]:
    found: dict[str, Members] = {}
    for role in ROLES:
        listed = table.strings(role, (), _MEMBER, 'Slack user ids (U…), user group ids (S…) or "*" for everyone who is not a guest')
        if role == "admin" and EVERYONE in listed:
            table.problem(role, "a list of user and group ids; not everyone can be admin")
        found[role] = Members(
            users=frozenset(member for member in listed if member[0] in "UW"),
            groups=frozenset(member for member in listed if member[0] == "S"),
            everyone=EVERYONE in listed,
        )
    table.done()
    if not any(found.values()):
        table.problems.append("roles.requester: must name somebody; without it nobody may do anything")
    return found


def _tiers(top: Table) -> tuple[Tier, ...]:
    tiers: list[Tier] = []
    for table in top.tables("tiers"):
        hourly = table.amount("up_to_hourly", None)
        if hourly is None and not table.has("up_to_hourly"):
            table.problem("up_to_hourly", "an amount of US dollars such as 12.50")
        tier = Tier(hourly or Decimal(0), table.amount("up_to_total", None), table.integer("approvals", -1, 0, 2))
        table.done()
        if tiers and not _above(tiers[-1], tier):
            table.problems.append(f"{table.full('up_to_hourly')}: tiers must rise: a later one is dearer and needs no fewer approvals")
        tiers.append(tier)
    if not tiers:
        top.problems.append("tiers: must hold at least one tier; without it every request is refused")
    return tuple(tiers)


def _above(lower: Tier, upper: Tier) -> bool:
    if upper.up_to_hourly <= lower.up_to_hourly or upper.approvals < lower.approvals:
        return False
    return upper.up_to_total is None or (lower.up_to_total is not None and upper.up_to_total >= lower.up_to_total)


def _channels(table: Table) -> frozenset[str]:
    allowed = table.strings("allowed", (EVERYONE,), rf"{_CHANNEL}|\*", 'channel ids (C…, G…, D…) or "*" for every channel')
    table.done()
    if not allowed:
        table.problem("allowed", 'a list of at least one channel, or ["*"]')
    return frozenset() if EVERYONE in allowed else frozenset(allowed)


def _limits(table: Table) -> Limits:
    default = Limits()
    limits = Limits(
        max_nodes=table.integer("max_nodes", default.max_nodes, 1, 1000),
        sizes=table.strings("sizes", default.sizes, _PATTERN, 'VM sizes or patterns such as "Standard_NC*_T4_v3"'),
        regions=table.strings("regions", default.regions, _REGION, 'regions such as "eastus", or "*"'),
        longest_expiry=table.duration("longest_expiry", default.longest_expiry, LONGEST_EXPIRY),
        default_expiry=table.duration("default_expiry", default.default_expiry, LONGEST_EXPIRY),
        gpus_per_user=table.integer("gpus_per_user", default.gpus_per_user, 1, 10_000),
        warn_before=_durations(table, "warn_before", default.warn_before),
    )
    table.done()
    if limits.default_expiry > limits.longest_expiry:
        table.problems.append(f"{table.full('default_expiry')}: must not be longer than longest_expiry")
    return limits


def _durations(table: Table, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
    if not table.has(key):
        table.strings(key, (), ".*", "")
        return default
    listed = table.strings(key, (), r"[1-9][0-9]{0,4}[mhd]", 'durations such as "1h" or "15m"')
    return tuple(length for length in (seconds(text) for text in listed) if length)


def _jobs(table: Table) -> Jobs:
    default = Jobs()
    jobs = Jobs(
        images=table.strings("images", default.images, r"[A-Za-z0-9_*?.:/@\-]{1,255}", 'image patterns such as "ghcr.io/our-team/*"'),
        namespaces=table.strings("namespaces", default.namespaces, r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", "Kubernetes namespaces"),
        longest_timeout=table.duration("longest_timeout", default.longest_timeout, LONGEST_EXPIRY),
    )
    table.done()
    return jobs


def _budgets(table: Table) -> Budgets:
    budgets = Budgets(
        per_user=table.amount("per_user", None),
        per_channel=table.amount("per_channel", None),
        total=table.amount("total", None),
        users=table.amounts("users", _USER, "a Slack user id (U…)"),
        channels=table.amounts("channels", _CHANNEL, "a Slack channel id (C… or G…)"),
    )
    table.done()
    return budgets


def _approvals(table: Table) -> ApprovalRules:
    default = ApprovalRules()
    tolerance = table.amount("price_tolerance", default.price_tolerance, most=100, what="a percentage from 0 to 100")
    rules = ApprovalRules(
        expires=table.duration("expires", default.expires, LONGEST_EXPIRY),
        reminders=tuple(sorted(_durations(table, "reminders", default.reminders))),
        price_tolerance=default.price_tolerance if tolerance is None else tolerance,
    )
    table.done()
    return rules


def _break_glass(table: Table) -> BreakGlass:
    enabled = table.flag("enabled", False)
    roles = table.strings("roles", ("admin",), "|".join(ROLES[1:]), 'roles: "operator", "approver", "admin"')
    table.done()
    return BreakGlass(enabled, frozenset(roles) if enabled else frozenset())


def _idle(table: Table) -> Idle:
    default = Idle()
    idle = Idle(
        after=table.duration("after", default.after, LONGEST_EXPIRY),
        warn=table.duration("warn", default.warn, LONGEST_EXPIRY),
        action=table.choice("action", default.action, ("warn", "scale-to-zero", "stop", "delete")),
    )
    table.done()
    return idle


def _fallback(table: Table) -> Fallback:
    fallback = Fallback(
        sizes=table.strings("sizes", (), r"(?:Standard|Basic)_[A-Za-z0-9_]{1,60}", 'VM sizes such as "Standard_NC8as_T4_v3"'),
        zones=table.strings("zones", (), "[1-3]", 'zones: "1", "2", "3"'),
        regions=table.strings("regions", (), r"[a-z][a-z0-9]{2,29}", 'regions such as "westus3"'),
        attempts=table.integer("attempts", 3, 0, 10),
    )
    table.done()
    return fallback


def _digest(table: Table) -> str:
    channel = table.text("channel", "", _CHANNEL, "a channel id (C… or G…)")
    table.done()
    return channel
