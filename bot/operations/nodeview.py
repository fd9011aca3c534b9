"""Node capacity as people see it: what is free, what fits now, who holds the rest. Pure functions; times in epoch seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot.cluster.evidence import Verdict
from bot.cluster.nodes import Capacity, Count, GpuNode, PendingPod, PoolCapacity
from bot.cluster.objects import GPU
from bot.cluster.waiting import plain_pending
from bot.model import usd
from bot.operations.answers import counted
from bot.operations.present import duration
from bot.operations.steps import Say
from bot.slack.blocks import Block, context, cut, escaped, monospaced, section, size, table

HEADING: Final = ("Node", "Free", "Held by", "GPU", "State", "Age", "$/h", "In use", "Allocatable", "Capacity", "Name in Kubernetes")
"""On a phone the first three are seen, so they have to be short and say the most."""
NUMERIC: Final = frozenset({6, 7, 8, 9})
BRIEF: Final = 4
"""How many columns there are where there is no table: on a phone a line of text has room for few."""
_AKS_NAME: Final = re.compile(r"aks-([a-z0-9]+)-\d+-vmss0*(\w+)")
TABLE_SIZE: Final = 8_000
MOST_LINES: Final = 25
POOLS: Final = 12
NOTES: Final = 4


@dataclass(frozen=True)
class View:
    """One look at a cluster, to be drawn. `names` are people's names by their Slack ids: a mention would ping whoever holds a GPU."""

    cluster: str
    capacity: Capacity
    now: float
    names: Mapping[str, str] = field(default_factory=dict)

    def headline(self) -> str:
        """The line for notifications."""
        total = self.capacity.total
        if not self.capacity.nodes:
            return f"`{self.cluster}` has no GPU nodes ({self.capacity.other_nodes} other)."
        return f"{self.cluster}: {total.free} of {total.allocatable} GPUs free on {counted(len(self.capacity.nodes), 'node')}"

    def blocks(self) -> list[Block]:
        """Head, pools, a native table of nodes, and what is wrong or waits."""
        if not self.capacity.nodes:
            return [section(self.headline())]
        rows = self.rows()
        fitting = [list(HEADING)]
        for row in rows:
            if size([table([*fitting, row])]) > TABLE_SIZE:
                break
            fitting.append(row)
        return [*self._top(), table(fitting, numeric=NUMERIC), *self._bottom(len(rows) - len(fitting) + 1)]

    def plain(self, most: int = MOST_LINES) -> list[Block]:
        """The same without a native table, with at most `most` nodes."""
        if not self.capacity.nodes:
            return [section(self.headline())]
        rows = [[escaped(cut(cell, 40)) for cell in row[:BRIEF]] for row in [list(HEADING), *self.rows()]]
        lines = section(monospaced(rows[: most + 1]))
        return [*self._top(), lines, *self._bottom(len(rows) - 1 - most)]

    def cut(self) -> bool:
        """Whether the message shows fewer nodes than there are."""
        return any(block["type"] == "table" and len(block["rows"]) <= len(self.capacity.nodes) for block in self.blocks())

    def listing(self) -> str:
        """Every node, as text for a file."""
        rows = [list(HEADING), *self.rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADING))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows) + "\n"

    def rows(self) -> list[list[str]]:
        """A row for each node, those with the most free GPUs first."""
        return [self._row(node) for node in sorted(self.capacity.nodes, key=lambda node: (-node.total.free, node.pool, node.name))]

    def _row(self, node: GpuNode) -> list[str]:
        total = node.total
        slices = [name.removeprefix("nvidia.com/") for name in node.resources if name != GPU]
        model = " ".join([node.model, *slices, *(["Spot"] if node.spot else [])])
        price = f"{node.price:.2f}" if node.price is not None else "?"
        age = _age(self.now, node.created.timestamp() if node.created else None)
        numbers = [str(number) for number in (total.requested, total.allocatable, total.capacity)]
        free = f"{total.free} of {total.allocatable}"
        return [_short(node.name), free, self._held(node), model, _state(node), age, price, *numbers, node.name]

    def _held(self, node: GpuNode) -> str:
        shown = []
        for one in node.holders[:3]:
            count = f" {one.count}×" if one.count > 1 else ""
            who = self._name(one.owner) or one.namespace
            shown.append(f"{who}: {one.job or one.pod}{count}, {_age(self.now, one.since.timestamp() if one.since else None)}")
        return "; ".join(shown) + (f" and {len(node.holders) - 3} more" if len(node.holders) > 3 else "") or "-"

    def _name(self, owner: str | None) -> str:
        return self.names.get(owner, owner) if owner else ""

    def _top(self) -> list[Block]:
        """What there is and what fits now, resource by resource; then pool by pool where there are several."""
        capacity, parts = self.capacity, []
        for resource in capacity.resources() or (GPU,):
            count = sum((node.resources.get(resource, Count()) for node in capacity.nodes), Count())
            block, slices = capacity.largest_free(resource), f"`{resource.removeprefix('nvidia.com/')}`"
            units = ("GPUs", "GPU" if block == 1 else "GPUs") if resource == GPU else (slices, slices)
            parts.append(f"*{count.free}* of *{count.allocatable}* {units[0]} free · largest free block: {block} {units[1]}")
        prices = [pool.price for pool in capacity.pools]
        whole = sum((price for price in prices if price is not None), Decimal(0)) if None not in prices else None
        head = f"*{escaped(self.cluster)}*: " + " · ".join(parts) + (f" · {usd(whole)}/h" if whole else "")
        lines = [_pool(pool) for pool in capacity.pools[:POOLS]] if len(capacity.pools) > 1 or len(capacity.nodes) > NOTES else []
        more = [f"… and {len(capacity.pools) - POOLS} more pools"] if len(capacity.pools) > POOLS else []
        return [section("\n".join([head, *lines, *more]))]

    def _bottom(self, hidden: int) -> list[Block]:
        """What is wrong, what waits, and how much is not shown."""
        bad = [node for node in self.capacity.nodes if node.problems]
        notes = [f"⚠️ `{node.name}`: {escaped(cut('; '.join(node.problems), 300))}" for node in bad[:NOTES]]
        notes += [f"⚠️ … and {counted(len(bad) - NOTES, 'more node')} with problems"] if len(bad) > NOTES else []
        waiting = self.capacity.pending
        notes += [self._waits(pod) for pod in waiting[:NOTES]]
        notes += [f"⏳ … and {len(waiting) - NOTES} more wait"] if len(waiting) > NOTES else []
        rest = [context(f"{counted(hidden, 'more node')}: those with the most free GPUs are shown")] if hidden > 0 else []
        return [*([context(*notes)] if notes else []), *rest]

    def _waits(self, pod: PendingPod) -> str:
        unit = ("GPU" if pod.count == 1 else "GPUs") if pod.resource == GPU else f"`{pod.resource}`"
        who = self._name(pod.owner) or pod.namespace
        since = _age(self.now, pod.since.timestamp() if pod.since else None)
        why = plain_pending(pod.reason)
        return f"⏳ `{pod.job or pod.pod}` ({escaped(who)}, {since}) waits for {pod.count} {unit}" + (f": {escaped(cut(why, 200))}" if why else "")


def _pool(pool: PoolCapacity) -> str:
    total = pool.total
    models = " / ".join(dict.fromkeys(node.model for node in pool.nodes))
    price = f" · {usd(pool.price)}/h" if pool.price else ""
    ready = "" if pool.ready == len(pool.nodes) else f" · {pool.ready} of {len(pool.nodes)} ready"
    return f"`{pool.name}` {len(pool.nodes)} × {models}: {total.free} of {total.allocatable} free{ready}{price}"


def _short(name: str) -> str:
    """A node as its pool and number: ``gpu/1`` for AKS's ``aks-gpu-12345678-vmss000001``; another name as it is."""
    found = _AKS_NAME.fullmatch(name)
    return f"{found[1]}/{found[2]}" if found else name


def _state(node: GpuNode) -> str:
    if not node.ready:
        return "not Ready"
    if not node.schedulable:
        return "cordoned"
    return cut(node.problems[0].partition(":")[0], 40) if node.problems else "ready"


def _age(now: float, since: float | None) -> str:
    """The time since then in its largest unit; ``-`` where it is not known."""
    return " ".join(duration(max(0.0, now - since)).split()[:2]) if since is not None else "-"


def proven(event: str, view: View, verdict: Verdict) -> Say:
    """The proof with its evidence, and the capacity that it vouches for."""
    top, evidence = section(f"✅ {verdict.sentence}"), context("\n".join(verdict.evidence)[:2000])
    return Say(event, f"Proven: {view.headline()}", [top, *view.blocks(), evidence], plain=[top, *view.plain(), evidence])


def attested(event: str, verdict: Verdict) -> Say:
    """The proof with its evidence alone."""
    return Say(event, f"Proven: {verdict.sentence}", [section(f"✅ {verdict.sentence}"), context("\n".join(verdict.evidence)[:2000])])


def owners(capacities: Sequence[Capacity]) -> list[str]:
    """The Slack ids of all who hold GPUs or wait for some."""
    found = [one.owner for capacity in capacities for node in capacity.nodes for one in node.holders]
    found += [pod.owner for capacity in capacities for pod in capacity.pending]
    return sorted({owner for owner in found if owner})
