"""Rate limits in real time: tiers per method and app, and about one message per second and channel.

Slack: tier 1 to 4 allow 1, 20, 50 and 100 calls per minute, counted per method; chat.postMessage has its own rule, one
per second and channel with short bursts; methods without a tier ("special") allow hundreds per minute.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from playground.slack.errors import RateLimited

PER_MINUTE: Final = {"t1": 1, "t2": 20, "t3": 50, "t4": 100, "special": 600, "post": 600}
CHANNEL_BURST: Final = 4.0
CHANNEL_PER_SECOND: Final = 1.0


@dataclass
class Bucket:
    """`burst` tokens at most, refilled by `rate` per second."""

    burst: float
    rate: float
    tokens: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def take(self) -> float:
        """0.0 if there was a token, else the seconds until there is one (nothing is taken then)."""
        now = time.monotonic()
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / self.rate


class Limits:
    """All buckets of one app in one workspace, which Slack grants `times` its usual limits."""

    def __init__(self, times: float = 1.0) -> None:
        self._times = times
        self._buckets: dict[str, Bucket] = {}

    def method(self, name: str, tier: str) -> None:
        """Count one call of `name`. Raises RateLimited."""
        per_minute = PER_MINUTE[tier]
        self._take(name, float(per_minute), per_minute / 60)

    def channel(self, channel: str) -> None:
        """Count one posted message. Raises RateLimited."""
        self._take(f"channel {channel}", CHANNEL_BURST, CHANNEL_PER_SECOND)

    def _take(self, key: str, burst: float, rate: float) -> None:
        wait = self._buckets.setdefault(key, Bucket(burst * self._times, rate * self._times)).take()
        if wait > 0:
            raise RateLimited(wait)
