"""Questions: each looks once and answers with one message. Nothing is written to the cloud."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from bot.azure import features, quotas, tags
from bot.azure.clusters import ClusterState
from bot.azure.sizes import SIZES
from bot.cluster import plugin
from bot.errors import Refused
from bot.model import usd
from bot.operations import answers
from bot.operations.answers import Answer, said
from bot.operations.present import date, duration, title
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Say, Step
from bot.slack.blocks import escaped, header, section
from bot.slack.people import names_of

Question = Callable[[Operation, Services], Awaitable[Answer]]


async def clusters(op: Operation, do: Services) -> Answer:
    """All clusters of ours."""
    return answers.clusters_answer(await do.ours(), do.clock.now())


async def cluster(op: Operation, do: Services) -> Answer:
    """One cluster with its pools."""
    found = await do.cluster(op.values.get("cluster", ""))
    return answers.cluster_answer(found, do.clock.now())


async def pool_list(op: Operation, do: Services) -> Answer:
    """Node pools, of one cluster or of all."""
    chosen = [await do.cluster(op.values["cluster"])] if op.values.get("cluster") else await do.ours()
    listed = [(one, pool) for one in chosen for pool in one.pools]
    names = await names_of(do.redis, sorted({_owner(pool.tags) for _, pool in listed}))
    rows = [["Pool", "Size", "Nodes", "State", "Owner", "Until"]]
    for one, pool in listed:
        until, owner = answers.pool_expiry(one, pool), _owner(pool.tags)
        left = duration(until - do.clock.now()) if until else "-"
        rows.append([f"{one.name}/{pool.name}", pool.size, str(pool.count), pool.provisioning_state, names.get(owner, owner), left])
    return answers.table_answer("Node pools", rows, numeric=frozenset({2}))


def _owner(labels: Mapping[str, str]) -> str:
    return tags.value(labels, tags.OWNER) or "-"


async def pool(op: Operation, do: Services) -> Answer:
    """One pool: size, nodes, profile, owner, price, expiry."""
    one = await do.cluster(op.values["cluster"])
    found = next((pool for pool in one.pools if pool.name.lower() == op.values["pool"].lower()), None)
    if found is None:
        known = ", ".join(f"`{pool.name}`" for pool in one.pools) or "none"
        raise Refused("plans.no_pool", cluster=one.name, name=op.values["pool"], known=known)
    until = answers.pool_expiry(one, found)
    lines = [
        f"*{one.name}/{found.name}*: {found.count} × {found.size}, {found.provisioning_state}, {found.power_state}",
        f"gpuProfile: driver {found.driver or '-'}, {'managed' if found.managed else 'unmanaged'} · taints: {', '.join(found.taints) or 'none'}",
        f"owner <@{_owner(found.tags)}>" + answers.pool_price(one, found) + (f" · until {date(until)}" if until else ""),
    ]
    return said("\n".join(lines))


async def sizes(op: Operation, do: Services) -> Answer:
    """GPU sizes of a region: model, memory, price, and how many nodes the quota would still allow."""
    region = op.values.get("region", "eastus")
    usages = await quotas.usage(do.azure, region)
    rows = [["Size", "GPUs", "vCPU", "$/h", "$/GPU-h", "Quota for"]]
    found = []
    for size in SIZES.values():
        if op.values.get("gpu") and op.values["gpu"].lower() not in size.model.lower():
            continue
        row = await do.skus.row(region, size.name)
        if row is None or row.closed:
            continue
        try:
            price = (await do.prices.price(size.name, region)).usd_per_hour
        except Refused:
            continue
        if op.values.get("under") and price > Decimal(str(op.values["under"])):
            continue
        fit = quotas.nodes_that_fit(usages, size, spot=False)
        found.append((price, [size.name.removeprefix("Standard_"), f"{size.gpus} × {size.model} {size.gpu_memory_gib} GB", str(size.vcpus),
                              usd(price)[1:], usd(price / size.gpus)[1:], "?" if fit is None else f"{fit} nodes"]))  # fmt: skip
    rows += [row for _, row in sorted(found, key=lambda pair: pair[0])]
    return answers.table_answer(f"GPU sizes in {region}", rows, note="on-demand prices in USD", numeric=frozenset({2, 3, 4}))


async def price(op: Operation, do: Services) -> Answer:
    """On demand and Spot."""
    region = op.values.get("region", "eastus")
    found = await do.prices.price(op.values["size"], region)
    line = f"*{found.size}* in {region}: *{usd(found.usd_per_hour)}/h* on demand"
    try:
        spot = await do.prices.price(op.values["size"], region, spot=True)
        line += f", {usd(spot.usd_per_hour)}/h as Spot"
    except Refused:
        line += ", no Spot price"
    return said(line + (f" (since {found.since})" if found.since else ""))


async def quota(op: Operation, do: Services) -> Answer:
    """What the subscription may still have: GPU families that are listed, regional, Spot."""
    region = op.values.get("region", "eastus")
    usages = await quotas.usage(do.azure, region)
    names = dict.fromkeys([*(size.family for size in SIZES.values()), quotas.REGIONAL, quotas.SPOT])
    rows = [["Quota", "Used", "Limit", "Free"]]
    for name in names:
        one = quotas.find(usages, name)
        if one is not None:
            rows.append([one.label, str(one.used), str(one.limit), str(one.free)])
    return answers.table_answer(f"vCPU quotas in {region}", rows, numeric=frozenset({1, 2, 3}))


async def plugin_status(op: Operation, do: Services) -> Answer:
    """The device plugin, node by node."""
    one = await do.cluster(op.values["cluster"])
    state = await plugin.state(await do.reach(one))
    rows = [["Node", "Pool", "Running", "Why not"]]
    rows += [[node.node, node.pool, "yes" if node.ready else "no", node.reason or "-"] for node in state.nodes]
    return answers.table_answer(f"Device plugin on {one.name}", rows, note=plugin.described(state, one.name))


async def feature(op: Operation, do: Services) -> Answer:
    """Whether a preview feature is registered."""
    name = op.values["feature"]
    return said(f"Preview feature `{name}`: *{await features.state(do.azure, name) or 'unknown to Azure'}*")


async def status(op: Operation, do: Services) -> Answer:
    """Everything at a glance: clusters, what goes on, what waits for a decision."""
    return await glance(op, do, await do.ours())


async def glance(op: Operation, do: Services, found: Sequence[ClusterState]) -> Answer:
    """The same, of clusters that were listed just now."""
    active = await do.journal.active()
    lines = [section(answers.cluster_line(one, do.clock.now())) for one in found[:15]] or [section("No clusters.")]
    going = [one for one in active if not one.kind.startswith(("query.", "lease", "home", "digest", "thread.", "reply")) and one.id != op.id]
    shown = [f"• {escaped(title(one))} - {one.memo.get('now') or one.status.replace('_', ' ')} (<@{one.user}>)".split("\n")[0] for one in going[:15]]
    blocks = [header("Clusters"), *lines, header("Going on"), section("\n".join(shown) or "Nothing.")]
    return Answer(f"{answers.counted(len(found), 'cluster')}, {answers.counted(len(going), 'operation')} going on", blocks)


async def thread_status(op: Operation, do: Services) -> Answer:
    """How the operation of this thread stands."""
    about = await do.journal.load(str(op.memo.get("about", "")))
    if about is None:
        return said("I know nothing about this thread.")
    now, status = str(about.memo.get("trouble") or about.memo.get("now") or ""), about.status.replace("_", " ")
    outcome = f" - {about.memo['outcome']}" if about.memo.get("outcome") else ""
    return said(f"*{escaped(title(about))}*: {now or status + outcome}")


async def reply(op: Operation, do: Services) -> Answer:
    """An answer that was known when the question was written down."""
    return said(str(op.values["text"]))


QUESTIONS: Final[Mapping[str, Question]] = {
    "query.clusters": clusters, "query.cluster": cluster, "query.pools": pool_list, "query.pool": pool,
    "query.sizes": sizes, "query.price": price,
    "query.quota": quota, "query.plugin": plugin_status, "query.feature": feature, "query.status": status, "thread.status": thread_status,
    "reply": reply,
}  # fmt: skip


def asked(question: Question) -> Step:
    """The step that answers a question; what cannot be answered is answered with why."""

    async def answer(op: Operation, do: Services) -> Outcome:
        try:
            found = await question(op, do)
        except Refused as error:
            found = said(escaped(str(error)))
        say: tuple[Say, ...] = ()
        if found.file:
            say = (Say("file", f"All of `{found.file['title']}`", file=found.file),)
        memo: dict[str, Any] = {"answer": found.memo()}
        return Done(memo=memo, say=say)

    return Step("answer", answer)
