"""Whether a request keeps within the policy's limits: pure, every finding at once, so that it is mended in one go."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.approvals.rules import Policy
from bot.errors import Refused


@dataclass(frozen=True)
class Ask:
    """What a request asks for; what is None is not judged. `nodes` is the most that the pool may grow to, times are seconds.

    `gpus` are those asked for now, `gpus_held` what the person holds already.
    """

    size: str | None = None
    region: str | None = None
    nodes: int | None = None
    gpus: int | None = None
    gpus_held: int = 0
    expiry: int | None = None
    image: str | None = None
    namespace: str | None = None
    timeout: int | None = None


@dataclass(frozen=True)
class Finding:
    """One limit that is exceeded: its key in the policy file, why, and what to type instead."""

    key: str
    sentence: str
    next_step: str = ""


def within_limits(policy: Policy, ask: Ask) -> list[Finding]:
    """Every limit that `ask` exceeds, in the order of the policy file; empty where it may go on."""
    limits, jobs = policy.limits, policy.jobs
    found: list[Finding] = []
    if ask.nodes is not None and ask.nodes > limits.max_nodes:
        found.append(_finding("limits.max_nodes", asked=ask.nodes, limit=limits.max_nodes))
    if ask.size is not None and not _matches(ask.size, limits.sizes):
        found.append(_finding("limits.sizes", asked=ask.size, limit=_listed(limits.sizes)))
    if ask.region is not None and not _matches(ask.region, limits.regions):
        found.append(_finding("limits.regions", asked=ask.region, limit=_listed(limits.regions)))
    if ask.expiry is not None and not 0 < ask.expiry <= limits.longest_expiry:
        found.append(_finding("limits.longest_expiry", asked=spoken(ask.expiry), limit=spoken(limits.longest_expiry)))
    if ask.gpus is not None and ask.gpus + ask.gpus_held > limits.gpus_per_user:
        found.append(_finding("limits.gpus_per_user", asked=ask.gpus, held=ask.gpus_held, limit=limits.gpus_per_user))
    if ask.image is not None and not _matches(ask.image, jobs.images):
        found.append(_finding("jobs.images", asked=ask.image, limit=_listed(jobs.images)))
    if ask.namespace is not None and ask.namespace not in jobs.namespaces:
        found.append(_finding("jobs.namespaces", asked=ask.namespace, limit=_listed(jobs.namespaces)))
    if ask.timeout is not None and not 0 < ask.timeout <= jobs.longest_timeout:
        found.append(_finding("jobs.longest_timeout", asked=spoken(ask.timeout), limit=spoken(jobs.longest_timeout)))
    return found


def expiry_of(policy: Policy, asked: int | None) -> int:
    """Seconds until expiry: what was asked for, or the policy's default. The limit is judged by :func:`within_limits`."""
    return policy.limits.default_expiry if asked is None else asked


@dataclass(frozen=True)
class Place:
    """A size in a region, and a zone where it matters."""

    size: str
    region: str
    zone: str = ""


def alternatives(policy: Policy, tried: Place, *, other_regions: bool) -> tuple[Place, ...]:
    """Where to try next when `tried` has no capacity: other zones, then other sizes, then other regions, at most ``fallback.attempts``.

    Only sizes and regions that the limits allow. `other_regions` only where the cluster does not exist yet: a pool cannot leave it.
    """
    rule, limits = policy.fallback, policy.limits
    sizes = [size for size in rule.sizes if size.lower() != tried.size.lower() and _matches(size, limits.sizes)]
    regions = [region for region in rule.regions if region != tried.region and _matches(region, limits.regions)] if other_regions else []
    zones = [zone for zone in rule.zones if zone != tried.zone] if tried.zone else []
    places = [
        *(Place(tried.size, tried.region, zone) for zone in zones),
        *(Place(size, tried.region) for size in sizes),
        *(Place(size, region) for region in regions for size in (tried.size, *sizes)),
    ]
    return tuple(places[: rule.attempts])


def spoken(seconds: int) -> str:
    """``90m``, ``8h``, ``3d`` or a mixture: as it would be typed."""
    parts: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        amount, seconds = divmod(max(seconds, 0), length)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0m"


def _matches(value: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(value.lower(), pattern.lower()) for pattern in patterns)


def _listed(patterns: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{pattern}`" for pattern in patterns[:6])
    return shown + (" …" if len(patterns) > 6 else "") if patterns else "nothing"


def _finding(key: str, **detail: object) -> Finding:
    said = Refused(f"approvals.{key}", **detail)
    return Finding(key, said.sentence, said.next_step)
