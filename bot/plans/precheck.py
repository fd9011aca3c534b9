"""What can be refused without asking Azure: retired sizes, sizes without a GPU, and what no approval can lift. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.approvals.limits import Ask, within_limits
from bot.approvals.rules import Policy
from bot.azure import sizecheck
from bot.azure.sizes import Retired, Size, lookup
from bot.errors import Refused
from bot.names import RUNTIME_ENV
from bot.operations.record import JOB_KINDS


def gpu_size(text: str) -> Size:
    """The GPU size of that name. Raises Refused, naming what to type instead."""
    for finding in sizecheck.size(text):
        raise finding.refusal()
    found = lookup(text)
    assert isinstance(found, Size)
    return found


def check(kind: str, values: Mapping[str, Any], policy: Policy) -> None:
    """Refuse at once what cannot become a plan. Raises Refused."""
    if kind in ("cluster.create", "pool.add") and values.get("size"):
        gpu_size(values["size"])
    if kind == "query.price" and isinstance(lookup(values["size"]), Retired):
        gpu_size(values["size"])
    reserved = next((name for name in values.get("env") or () if name in RUNTIME_ENV), None) if kind in JOB_KINDS else None
    if reserved:
        raise Refused("cluster.runtime_env", name=reserved)
    if kind in ("cluster.create", "pool.add", "pool.scale", "pool.extend", "cluster.extend", "job.run"):
        found = within_limits(
            policy,
            Ask(
                size=values.get("size"),
                region=values.get("region"),
                nodes=values.get("max") or values.get("nodes"),
                expiry=values.get("for_seconds"),
                image=values.get("image"),
                namespace=values.get("namespace"),
                timeout=values.get("timeout_seconds"),
            ),
        )
        if found:
            raise Refused("plans.blocked", reasons=" ".join(f"{finding.sentence} {finding.next_step}".strip() for finding in found))
