"""Conditions that befall nodes by the fault registry: a node falls silent, GPUs vanish, a driver does not match.

Effects (service ``kubernetes``; `match` is searched in ``"{cluster id}/{node}"``): ``node_not_ready`` · ``gpu_missing`` {count} ·
``driver_mismatch`` · ``node_condition`` {condition, message}, each for `seconds` (real) if given · ``spot_evicted`` (gone for good).
A fault with times -1 lasts until it is cleared; one that is counted strikes so many nodes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from playground.faults import Fault, Faults
from playground.kubernetes.objects import name_of
from playground.kubernetes.resources import NODES

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster

EFFECTS = ("node_not_ready", "gpu_missing", "driver_mismatch", "node_condition", "spot_evicted")
_LINGER = 1.0


class Weather:
    """Applies and lifts conditions; called often, does nothing while no such fault is registered."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._until: dict[tuple[str, str, str], float] = {}

    def pass_over(self, cluster: Cluster) -> None:
        """Look at the faults and at the conditions in force in one cluster."""
        self._lift(cluster)
        wanted = {str(one["effect"]) for one in self._faults.as_json() if one["service"] == "kubernetes" and one["effect"] in EFFECTS}
        for effect in sorted(wanted):
            for node in cluster.store.all(NODES):
                self._strike(cluster, name_of(node), effect)

    def _strike(self, cluster: Cluster, node: str, effect: str) -> None:
        key = (cluster.id, node, effect)
        if key in self._until and self._until[key] == float("inf"):
            return
        fault = self._faults.take("kubernetes", f"{cluster.id}/{node}", effect)
        if fault is None:
            return
        began = key in self._until
        lasts = fault.options.get("seconds")
        if fault.times < 0:
            self._until[key] = time.monotonic() + _LINGER
        elif not began:
            self._until[key] = time.monotonic() + float(lasts) if lasts is not None else float("inf")
        if not began or effect in ("spot_evicted", "node_not_ready"):
            _befall(cluster, node, fault)

    def _lift(self, cluster: Cluster) -> None:
        now = time.monotonic()
        for key in [key for key, until in self._until.items() if key[0] == cluster.id and until < now]:
            del self._until[key]
            if key[2] == "node_not_ready":
                cluster.nodes.recover(key[1])
            elif key[2] == "node_condition":
                cluster.nodes.well(key[1])
            elif key[2] != "spot_evicted":
                cluster.gpus.heal(key[1])


def _befall(cluster: Cluster, node: str, fault: Fault) -> None:
    """The fault's effect on one node, for as long as nobody lifts it."""
    match fault.effect:
        case "spot_evicted":
            cluster.nodes.evict(node)
        case "node_not_ready":
            cluster.nodes.fall_silent(node)
        case "node_condition":
            cluster.nodes.report_harm(node, str(fault.options["condition"]), str(fault.options.get("message", "")))
        case "gpu_missing":
            count = fault.options.get("count")
            cluster.gpus.lose(node, int(count) if count is not None else None)
        case "driver_mismatch":
            cluster.gpus.mismatch(node)
