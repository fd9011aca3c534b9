"""What a policy says, as frozen values: roles, tiers, limits, budgets. Money is US dollars as Decimal, durations are seconds.

Defaults are what a file without that section means, and lean to the cautious side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

ROLES: Final = ("requester", "operator", "approver", "admin")


@dataclass(frozen=True)
class Members:
    """Who holds a role: Slack user ids, Slack user group ids, or everybody who is not a guest."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    everyone: bool = False

    def __bool__(self) -> bool:
        return bool(self.users or self.groups or self.everyone)


@dataclass(frozen=True)
class Tier:
    """Up to this price per hour, and this total until expiry (None: no bound), so many approvals are needed."""

    up_to_hourly: Decimal
    up_to_total: Decimal | None
    approvals: int


@dataclass(frozen=True)
class Limits:
    """What no approval can lift. `sizes` and `regions` are patterns (``*`` and ``?``), compared without regard to case."""

    max_nodes: int = 4
    sizes: tuple[str, ...] = ("*",)
    regions: tuple[str, ...] = ("*",)
    longest_expiry: int = 7 * 86400
    default_expiry: int = 8 * 3600
    gpus_per_user: int = 8
    warn_before: tuple[int, ...] = (3600, 900)


@dataclass(frozen=True)
class Jobs:
    """What may run: image patterns, namespaces, longest run in seconds. Host mounts and privileged containers never may."""

    images: tuple[str, ...] = ("*",)
    namespaces: tuple[str, ...] = ("default",)
    longest_timeout: int = 24 * 3600


@dataclass(frozen=True)
class Budgets:
    """US dollars per calendar month (UTC); None is no bound. Named users and channels override the general figure."""

    per_user: Decimal | None = None
    per_channel: Decimal | None = None
    total: Decimal | None = None
    users: Mapping[str, Decimal] = field(default_factory=dict)
    channels: Mapping[str, Decimal] = field(default_factory=dict)

    def of_user(self, user: str) -> Decimal | None:
        """The user's own budget."""
        return self.users.get(user, self.per_user)

    def of_channel(self, channel: str) -> Decimal | None:
        """The channel's budget."""
        return self.channels.get(channel, self.per_channel)


@dataclass(frozen=True)
class ApprovalRules:
    """When a pending approval is reminded of (seconds after the plan) and when it expires, and what price change voids it."""

    expires: int = 4 * 3600
    reminders: tuple[int, ...] = (900, 3600)
    price_tolerance: Decimal = Decimal(5)


@dataclass(frozen=True)
class BreakGlass:
    """Starting without approval in an emergency: a reason is demanded and all approvers are told."""

    enabled: bool = False
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Idle:
    """A pool where no pod asked for a GPU for `after` seconds: warned, and after `warn` more seconds `action` is done to it."""

    after: int = 3600
    warn: int = 900
    action: str = "warn"


@dataclass(frozen=True)
class Fallback:
    """Where to look when there is no capacity: in this order, at most `attempts` times, never dearer than what was approved."""

    sizes: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    attempts: int = 3


@dataclass(frozen=True)
class Policy:
    """The whole policy. `channels` empty: every channel; `digest_channel` empty: only where somebody set a digest."""

    roles: Mapping[str, Members]
    tiers: tuple[Tier, ...]
    channels: frozenset[str] = frozenset()
    limits: Limits = field(default_factory=Limits)
    jobs: Jobs = field(default_factory=Jobs)
    budgets: Budgets = field(default_factory=Budgets)
    approvals: ApprovalRules = field(default_factory=ApprovalRules)
    break_glass: BreakGlass = field(default_factory=BreakGlass)
    idle: Idle = field(default_factory=Idle)
    fallback: Fallback = field(default_factory=Fallback)
    digest_channel: str = ""

    @property
    def user_groups(self) -> frozenset[str]:
        """Every Slack user group that matters, for whoever keeps their members known."""
        return frozenset().union(*(members.groups for members in self.roles.values()))
