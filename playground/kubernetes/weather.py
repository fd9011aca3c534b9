"""Conditions that befall nodes by the fault registry: a node falls silent, GPUs vanish, a driver does not match.

Effects (service ``kubernetes``; `match` is searched in ``"{cluster id}/{node}"``, the option `node` likewise):
``node_not_ready`` · ``gpu_missing`` {count} · ``driver_mismatch``, each for `seconds` (real) if given · ``spot_evicted`` (gone for good).
A fault with times -1 lasts until it is cleared; one that is counted strikes so many nodes.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from playground.faults import Faults
from playground.kubernetes.objects import name_of
from playground.kubernetes.resources import NODES

if TYPE_CHECKING:
    from playground.kubernetes.cluster import Cluster

EFFECTS = ("node_not_ready", "gpu_missing", "driver_mismatch", "spot_evicted")
_LINGER = 1.0


class Weather:
    """Applies and lifts conditions; called often, does nothing while no such fault is registered."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._until: dict[tuple[str, str, str], float] = {}

    def pass_over(self, cluster: Cluster) -> None:
        """Look at the faults and at the conditions in force in one cluster."""
        self._lift(cluster)
        wanted = [one for one in self._faults.as_json() if one["service"] == "kubernetes" and one["effect"] in EFFECTS]
        for one in wanted:
            for node in cluster.store.all(NODES):
                name = name_of(node)
                if re.search(str(one.get("node", "")), name):
                    self._strike(cluster, name, str(one["effect"]))

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
        if effect == "spot_evicted":
            cluster.nodes.evict(node)
        elif effect == "node_not_ready":
            cluster.nodes.fall_silent(node)
        elif began:
            return
        elif effect == "gpu_missing":
            count = fault.options.get("count")
            cluster.gpus.lose(node, int(count) if count is not None else None)
        else:
            cluster.gpus.mismatch(node)

    def _lift(self, cluster: Cluster) -> None:
        now = time.monotonic()
        for key in [key for key, until in self._until.items() if key[0] == cluster.id and until < now]:
            del self._until[key]
            if key[2] == "node_not_ready":
                cluster.nodes.recover(key[1])
            elif key[2] != "spot_evicted":
                cluster.gpus.heal(key[1])
