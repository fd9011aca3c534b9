"""What questions are answered with: pure functions from what was seen to one message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bot.azure import tags
from bot.azure.clusters import ClusterState
from bot.azure.pools import PoolState
from bot.model import usd
from bot.operations.present import date, duration
from bot.slack.blocks import Block, context, cut, escaped, header, monospaced, section, table


@dataclass(frozen=True)
class Answer:
    """One message: `plain` draws the same without new block types."""

    text: str
    blocks: Sequence[Block]
    plain: Sequence[Block] = field(default=())
    file: Mapping[str, str] | None = None

    def memo(self) -> dict[str, Any]:
        """As the operation keeps it until it is drawn."""
        return {"text": self.text, "blocks": list(self.blocks), "plain": list(self.plain or self.blocks)}


def counted(number: int, what: str) -> str:
    """``1 node``, ``2 nodes``."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def prices_of(target: Mapping[str, Any]) -> dict[str, Decimal]:
    """Price per node and hour by pool name, from a plan's target."""
    pool = target.get("pool") or {}
    return {pool["name"]: Decimal(pool["node_hourly"])} if pool.get("node_hourly") else {}


def pool_prices(pools: Iterable[PoolState]) -> dict[str, Decimal]:
    """Price per node and hour by pool name, from the tags that the bot wrote."""
    return {pool.name: price for pool in pools if (price := node_price(pool)) is not None}


def node_price(pool: PoolState) -> Decimal | None:
    """Price per node and hour: the tag is for the most nodes that the pool may have. None where there is no tag, or where it may have none."""
    price = tags.hourly(pool.tags)
    return price / pool.most if price is not None and pool.most else None


def spending(cluster: ClusterState) -> Decimal:
    """US dollars an hour for what runs of a cluster; what is stopped costs nothing, an autoscaled pool as many nodes as it has."""
    if cluster.power_state == "Stopped":
        return Decimal(0)
    running = [pool for pool in cluster.pools if pool.mode != "System" and pool.power_state != "Stopped"]
    return (tags.hourly(cluster.tags) or Decimal(0)) + sum((pool_spending(pool) for pool in running), Decimal(0))


def pool_spending(pool: PoolState) -> Decimal:
    """US dollars an hour for the nodes that a pool has now."""
    return (node_price(pool) or Decimal(0)) * pool.count


def expiry(labels: Mapping[str, str]) -> float | None:
    """The expiry that a resource's tags carry, in epoch seconds."""
    raw = tags.value(labels, tags.EXPIRES)
    try:
        return datetime.fromisoformat(raw).astimezone(UTC).timestamp() if raw and raw != "never" else None
    except ValueError:
        return None


def pool_expiry(cluster: ClusterState, pool: PoolState) -> float | None:
    """When a pool ends: with its cluster, where both were made together, or where it has no expiry of its own."""
    together = tags.value(pool.tags, tags.OPERATION) == tags.value(cluster.tags, tags.OPERATION)
    return expiry(cluster.tags) if together else expiry(pool.tags) or expiry(cluster.tags)


def cluster_line(cluster: ClusterState, now: float) -> str:
    """A cluster in two lines: where, state, pools, owner, price, expiry."""
    gpu_pools = [pool for pool in cluster.pools if pool.mode != "System"]
    owner = tags.value(cluster.tags, tags.OWNER)
    until = expiry(cluster.tags)
    shown = ", ".join(f"`{pool.name}` {pool.count} × {pool.size.removeprefix('Standard_')}" for pool in gpu_pools) or "no GPU pool"
    state = cluster.provisioning_state if cluster.power_state == "Running" else f"{cluster.provisioning_state}, {cluster.power_state.lower()}"
    when = f" · until {date(until)} ({duration(until - now)})" if until else ""
    return f"*{cluster.name}* ({cluster.region}) - {state} · {shown}\n      {f'<@{owner}>' if owner else 'owner unknown'}{_price(cluster)}{when}"


def _price(cluster: ClusterState) -> str:
    """What runs of it; what is stopped costs nothing."""
    if cluster.power_state == "Stopped":
        return " · nothing runs, so nothing of it costs anything but its disks"
    total = spending(cluster)
    return f" · {usd(total)}/h" if total else ""


def pool_price(cluster: ClusterState, pool: PoolState) -> str:
    """What a pool costs, or would."""
    price, now = tags.hourly(pool.tags), pool_spending(pool)
    if price is None:
        return ""
    if "Stopped" in (cluster.power_state, pool.power_state):
        return f" · stopped; {usd(price)}/h when it runs"
    return f" · {usd(price)}/h" if usd(now) == usd(price) else f" · {usd(now)}/h, at most {usd(price)}/h"


def clusters_answer(found: Sequence[ClusterState], now: float) -> Answer:
    """All clusters of ours."""
    if not found:
        text = "There is no cluster yet. `/gpu cluster create demo --region eastus --size Standard_NC4as_T4_v3 --for 8h` makes one."
        return Answer(text, [section(text)])
    lines = [cluster_line(cluster, now) for cluster in found]
    return Answer(counted(len(found), "cluster"), [header("Clusters"), *(section(line) for line in lines[:40])])


def cluster_answer(cluster: ClusterState, now: float) -> Answer:
    """One cluster with its pools."""
    rows = [["Pool", "Size", "Nodes", "Mode", "State", "Driver"]]
    for pool in cluster.pools:
        driver = "managed" if pool.managed else {"Install": "driver-only", "None": "none"}.get(pool.driver or "", "-")
        rows.append([pool.name, pool.size, str(pool.count), pool.mode, f"{pool.provisioning_state} {pool.power_state}", driver])
    top = [section(cluster_line(cluster, now)), context(f"Kubernetes {cluster.kubernetes_version} · resource group `{cluster.group}`")]
    return Answer(f"Cluster {cluster.name}", [*top, table(rows)], [*top, section(monospaced(rows))])


def table_answer(title: str, rows: Sequence[Sequence[str]], *, note: str = "", numeric: frozenset[int] = frozenset()) -> Answer:
    """A heading and a table; `rows` includes the table's own heading."""
    tail = [context(note)] if note else []
    if len(rows) == 1:
        return Answer(title, [section(f"*{title}*: nothing"), *tail])
    short = [[escaped(cut(cell, 60)) for cell in row] for row in rows[:30]]
    return Answer(
        title, [section(f"*{title}*"), table(rows, numeric=numeric), *tail],
        [section(f"*{title}*"), section(monospaced(short, numeric=numeric)), *tail],
    )  # fmt: skip


def said(text: str) -> Answer:
    """A sentence."""
    return Answer(text, [section(text)])
