"""What single values cannot show: which options exclude or need each other. Each check raises :class:`Malformed`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.commands.model import Malformed

Values = Mapping[str, Any]

_POOL_OPTIONS: Final = {
    **{key: f"--{key}" for key in ("pool", "nodes", "min", "max", "spot", "eviction", "mig", "driver")},
    **{"max_price": "--max-price", "zones": "--zone", "os_sku": "--os-sku", "taints": "--taint", "labels": "--label", "headers": "--header"},
}


def nodes_or_range(values: Values) -> None:
    """A fixed number of nodes, or an autoscaler's range with both ends in order."""
    low, high = values.get("min"), values.get("max")
    if "nodes" in values and (low is not None or high is not None):
        raise Malformed(
            "commands.conflict", one="--nodes", other="--min/--max", why="a pool has a fixed number of nodes or a range for the autoscaler"
        )
    if (low is None) != (high is None):
        raise Malformed("commands.needs", option="--min" if high is None else "--max", other="--max" if high is None else "--min")
    if low is not None and high is not None and low > high:
        raise Malformed("commands.range_order", low=low, high=high)


def some_nodes(values: Values) -> None:
    """Scaling says to what."""
    if not {"nodes", "min", "max"} & set(values):
        raise Malformed("commands.missing_option", what="how many: `--nodes 2`, or `--min 0 --max 4` for the autoscaler")


def spot_options(values: Values) -> None:
    """Eviction policy and price ceiling exist for Spot only."""
    for key, option in (("eviction", "--eviction"), ("max_price", "--max-price")):
        if key in values and not values.get("spot"):
            raise Malformed("commands.needs", option=option, other="--spot")


def pool_options_need_size(values: Values) -> None:
    """Without a GPU size there is no GPU pool for these options to describe."""
    if "size" in values:
        return
    given = next((option for key, option in _POOL_OPTIONS.items() if key in values), None)
    if given:
        raise Malformed("commands.needs", option=given, other="--size")


def mig_needs_driver(values: Values) -> None:
    """Nobody would partition the GPUs without a driver that AKS installs."""
    if "mig" in values and values.get("driver") == "none":
        raise Malformed("commands.conflict", one="--mig", other="--driver none", why="AKS partitions the GPUs with the driver that it installs")


def local_accounts_need_entra(values: Values) -> None:
    """A cluster without local accounts and without Entra ID has nobody who may sign in (AKS refuses it)."""
    if values.get("no_local_accounts") and not values.get("entra"):
        raise Malformed("commands.needs", option="--no-local-accounts", other="--entra")
