"""Questions about what there is on the clusters: GPUs per node, and the jobs that hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.azure.clusters import ClusterState
from bot.cluster import jobs, nodes
from bot.cluster.jobstate import JobState
from bot.cluster.nodes import Capacity
from bot.cluster.objects import OWNER_LABEL
from bot.errors import QuartermasterError
from bot.operations import answers
from bot.operations.answers import Answer
from bot.operations.looking import each
from bot.operations.nodeview import View, owners
from bot.operations.present import duration
from bot.operations.queries import Question
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.slack.blocks import Block, context, escaped, section
from bot.slack.people import names_of

MOST_CLUSTERS: Final = 5
FEW_LINES: Final = 6
MOST_JOBS: Final = 40


async def node_capacity(op: Operation, do: Services) -> Answer:
    """GPUs per node: allocatable, in use, free, by whom."""
    chosen = await _chosen(op, do)
    if not chosen:
        return answers.clusters_answer([], do.clock.now())
    seen = await each(do, chosen[:MOST_CLUSTERS], _capacity)
    names = await names_of(do.redis, owners([found for found in seen if isinstance(found, Capacity)]))
    if len(chosen) == 1 and isinstance(seen[0], Capacity):
        view = View(chosen[0].name, seen[0], do.clock.now(), names)
        file = {"name": f"nodes-{view.cluster}-{op.id}.txt", "title": f"GPU nodes of {view.cluster}", "text": view.listing()} if view.cut() else None
        return Answer(view.headline(), view.blocks(), view.plain(), file=file)
    texts: list[str] = []
    blocks: list[Block] = []
    for one, found in zip(chosen, seen, strict=False):
        if isinstance(found, Capacity):
            view = View(one.name, found, do.clock.now(), names)
            texts.append(view.headline())
            blocks += view.plain(FEW_LINES)  # Slack: one table in a message
        else:
            texts.append(f"{one.name}: {found.sentence}")
            blocks.append(section(f"*{one.name}*: {escaped(str(found))}"))
    if len(chosen) > MOST_CLUSTERS:
        blocks.append(context(f"… and {len(chosen) - MOST_CLUSTERS} more clusters; `/gpu nodes CLUSTER` shows one, node by node"))
    return Answer("; ".join(texts), blocks)


async def _capacity(do: Services, one: ClusterState) -> Capacity:
    return await nodes.capacity(await do.reach(one), answers.pool_prices(one.pools))


async def job_list(op: Operation, do: Services) -> Answer:
    """Jobs of ours on one cluster or on all, newest first."""
    chosen = [one for one in await _chosen(op, do) if one.provisioning_state not in ("Creating", "Deleting")]
    listed = await each(do, chosen, _jobs)
    found, silent = [], []
    for one, states in zip(chosen, listed, strict=True):
        if isinstance(states, QuartermasterError):
            silent.append(f"⚠️ {one.name}: {escaped(states.sentence)}")
        else:
            found += [(one, state) for state in states if not op.values.get("mine") or state.label(OWNER_LABEL) == op.user]
    found.sort(key=lambda pair: pair[1].created.timestamp() if pair[1].created else 0.0, reverse=True)
    names = await names_of(do.redis, sorted({owner for _, state in found[:MOST_JOBS] if (owner := state.label(OWNER_LABEL))}))
    rows = [["Job", "State", "Since", "Owner", "Cluster"], *(_row(one, state, names, do.clock.now()) for one, state in found[:MOST_JOBS])]
    more = f"{len(found) - MOST_JOBS} older ones are not shown · " if len(found) > MOST_JOBS else ""
    note = "\n".join([more + "`/gpu job NAME` shows one, `/gpu logs NAME` its log, `/gpu run` starts one", *silent])
    return answers.table_answer("Jobs", rows, note=note)


async def _jobs(do: Services, one: ClusterState) -> tuple[JobState, ...]:
    return await jobs.list_jobs(await do.reach(one))


def _row(one: ClusterState, state: JobState, names: Mapping[str, str], now: float) -> list[str]:
    since = duration(now - state.created.timestamp()) if state.created else "-"
    owner = state.label(OWNER_LABEL) or "-"
    words = f"{state.phase}: {state.words}" if state.words else str(state.phase)
    return [state.name, words, since, names.get(owner, owner), one.name]


async def _chosen(op: Operation, do: Services) -> Sequence[ClusterState]:
    return [await do.cluster(op.values["cluster"])] if op.values.get("cluster") else await do.ours()


CAPACITY_QUESTIONS: Final[Mapping[str, Question]] = {"query.nodes": node_capacity, "query.jobs": job_list}
