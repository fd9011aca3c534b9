"""The document's story over HTTP: plugin, proof, capacity, the sample Job, its log, clean-up. Runs against a real cluster as well."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from bot.cluster import jobs, logs, plugin, probe, proof
from bot.cluster.nodes import capacity
from bot.cluster.proof import Expectation
from bot.cluster.render import RunSpec, render
from bot.cluster.templates import load_templates
from bot.errors import Refused
from tests.cluster.conftest import REAL, Rig, wait_until

TEMPLATES = load_templates([Path(__file__).parents[2] / "manifests" / "jobs"])


def spec(name: str, op: str, template: str = "mnist", **fields: object) -> RunSpec:
    return RunSpec(**{"template": TEMPLATES[template], "name": name, "op": op, "owner": "U0ALICE", **fields})  # type: ignore[arg-type]


async def test_from_bare_nodes_to_the_accuracy(rig: Rig) -> None:
    op = f"op{uuid.uuid4().hex[:8]}"
    rig.pool()
    if REAL is None:
        await wait_until(lambda: capacity(rig.access), lambda seen: bool(seen.nodes) and seen.nodes[0].ready)
        assert (await plugin.state(rig.access)).kind == "absent"
        state = await plugin.install(rig.access, op=op)
        assert state.kind in ("rolling", "ready")
        await wait_until(lambda: plugin.state(rig.access), lambda seen: seen.kind == "ready" and seen.ready == 1)
        assert (await plugin.install(rig.access, op=op)).kind == "ready"
    else:
        there = await capacity(rig.access)
        if not there.largest_free_block:
            pytest.skip("the real cluster has no free GPU")
    expected = await _expected(rig)
    verdict = await wait_until(lambda: proof.prove(rig.access, expected, op), lambda seen: not seen.waiting)
    assert verdict.ready, verdict.sentence
    assert verdict.driver
    assert await probe.remove_probe(rig.access, expected.pool, op)
    await wait_until(lambda: probe.probe_result(rig.access, expected.pool, op), lambda seen: seen is None)
    assert not await probe.remove_probe(rig.access, expected.pool, op)

    name = f"mnist-{op}"
    manifest = render(spec(name, op, args=("--max_steps", "40")))
    await jobs.dry_run(rig.access, manifest)
    assert (await jobs.observe(rig.access, "default", name)).phase == "absent"
    assert await jobs.apply(rig.access, manifest) == "created"
    assert await jobs.apply(rig.access, manifest) == "exists"
    with pytest.raises(Refused, match="taken"):
        await jobs.apply(rig.access, render(spec(name, "another")))
    done = await wait_until(lambda: jobs.observe(rig.access, "default", name), lambda seen: seen.ended, 60)
    assert done.phase == "succeeded", done.words
    assert done.pod is not None
    assert done.started is not None
    assert done.completed is not None
    assert done.completed >= done.started
    text = await logs.whole(rig.access, "default", done.pod)
    assert text is not None
    assert (text.complete, text.truncated) == (True, False)
    assert "Accuracy at step 30: 0." in text.text
    assert await logs.tail(rig.access, "default", done.pod, 1) == text.text.splitlines(keepends=True)[-1]
    assert name in [state.name for state in await jobs.list_jobs(rig.access, f"quartermaster-op={op}")]
    assert await jobs.delete(rig.access, "default", name)
    await wait_until(lambda: jobs.observe(rig.access, "default", name), lambda seen: seen.phase == "absent")
    assert not await jobs.delete(rig.access, "default", name)


async def _expected(rig: Rig) -> Expectation:
    if REAL is None:
        await wait_until(lambda: capacity(rig.access), lambda seen: seen.total.allocatable == 1)
        return Expectation(pool="gpu", nodes=1, per_node=1, size="Standard_NC4as_T4_v3")
    there = (await capacity(rig.access)).pools[0]
    state = await plugin.state(rig.access)
    managed = bool(state.managed) and not state.nodes
    return Expectation(pool=there.name, nodes=len(there.nodes), per_node=there.nodes[0].total.allocatable, managed=managed)
