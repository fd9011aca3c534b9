"""Token buckets: those of AKS (AKS quotas and limits: throttling limits on AKS resource provider APIs) and those of Resource Manager.

They refill in real time (plus what the playground's clock was advanced by), whatever the playground's speed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from playground.azure.errors import ArmError
from playground.clock import Clock


@dataclass(frozen=True)
class Limit:
    """`burst` requests at once, `refill` more per second."""

    burst: int
    refill: float


AKS: Final[dict[str, Limit]] = {
    "PutAgentPool": Limit(20, 1 / 60),
    "PutManagedCluster": Limit(20, 1 / 60),
    "GetManagedCluster": Limit(60, 1),
    "ListBySubscription": Limit(500, 1),
    "ListByResourceGroup": Limit(60, 1),
    "GetOperationStatus": Limit(200, 2),
    "Other": Limit(60, 1),
}
ARM: Final[dict[str, Limit]] = {"reads": Limit(250, 25), "writes": Limit(200, 10), "deletes": Limit(200, 10)}
GLOBAL_FACTOR: Final = 15


@dataclass
class _Bucket:
    tokens: float
    at: float


class Buckets:
    """All buckets of one subscription, created full on first use."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self.enabled = True

    def take(self, kind: str, scope: str, limit: Limit) -> tuple[int, float]:
        """Take one token: how many remain, and in how many seconds there is one again (0: it was granted)."""
        now = self._clock.now()
        bucket = self._buckets.setdefault((kind, scope), _Bucket(limit.burst, now))
        bucket.tokens = min(limit.burst, bucket.tokens + (now - bucket.at) * limit.refill)
        bucket.at = now
        if bucket.tokens >= 1 or not self.enabled:
            bucket.tokens = max(0.0, bucket.tokens - 1)
            return int(bucket.tokens), 0.0
        return 0, (1 - bucket.tokens) / limit.refill

    def aks(self, kind: str, scope: str) -> None:
        """Raises 429 `Throttled` with Retry-After (whole seconds) where the AKS bucket `kind` of that scope is empty."""
        _, wait = self.take(kind, scope.lower(), AKS[kind])
        if wait:
            seconds = math.ceil(wait)
            raise ArmError(
                429,
                "Throttled",
                f"The request is throttled: too many {kind} requests. Retry after {seconds} seconds.",
                flat=True,
                headers={"Retry-After": str(seconds)},
            )

    def arm(self, method: str, subscription: str) -> dict[str, str]:
        """The x-ms-ratelimit headers of this request; raises 429 where Resource Manager's own bucket is empty."""
        kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")
        limit = ARM[kind]
        left, wait = self.take(kind, subscription.lower(), limit)
        if wait:
            seconds = math.ceil(wait)
            raise ArmError(
                429,
                "SubscriptionRequestsThrottled",
                f"Number of '{kind}' requests for subscription '{subscription}' exceeded. Please try again after '{seconds}' seconds "
                "after additional tokens are available. Refer to https://aka.ms/arm-throttling for additional information.",
                headers={"Retry-After": str(seconds)},
            )
        return {
            f"x-ms-ratelimit-remaining-subscription-{kind}": str(left),
            f"x-ms-ratelimit-remaining-subscription-global-{kind}": str(limit.burst * (GLOBAL_FACTOR - 1) + left),
        }
