"""Steps of a GPU job: try it, start it, watch it, report it once - and delete it, if it is cancelled."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

from bot.cluster import jobs, logs
from bot.cluster.access import Access
from bot.cluster.jobstate import JobState
from bot.cluster.masking import mask
from bot.cluster.render import RunSpec, render
from bot.cluster.templates import Template, from_image, from_manifest
from bot.errors import Failed, Refused
from bot.operations import report
from bot.operations.journal import Journal
from bot.operations.provisioning import target
from bot.operations.record import FAILED, SUCCEEDED, Operation
from bot.operations.services import Services
from bot.operations.steps import Done, End, Outcome, Step, Wait
from bot.results import summarise

TAIL_LINES: Final = 200
HISTORY_SECONDS: Final = 180 * 86400


def template_of(op: Operation, do: Services) -> Template:
    """What the request names: a template, an image, or a manifest of its own."""
    values = op.values
    if values.get("manifest"):
        return from_manifest(values["manifest"])
    if values.get("image"):
        return from_image(values["image"], gpus=int(values.get("gpus", 1)))
    template = do.templates.get(values["template"])
    if template is None:
        raise Refused("cluster.template_unknown", name=values["template"], known=", ".join(f"`{name}`" for name in sorted(do.templates)))
    return template


def manifest_of(op: Operation, do: Services) -> dict[str, Any]:
    """The Job as it is sent: a pure function of the request and its plan."""
    values, t = op.values, target(op)
    parameters = [f"--{name}={value}" for name, value in (values.get("parameters") or {}).items()]
    return render(
        RunSpec(
            template=template_of(op, do),
            name=t["job"],
            op=op.id,
            owner=op.user,
            channel=op.channel,
            thread=op.thread,
            namespace=t["namespace"],
            gpus=values.get("gpus"),
            env=dict(values.get("env") or {}),
            args=(*parameters, *(values.get("args") or ())),
            timeout=values.get("timeout_seconds"),
            retries=values.get("retries"),
            cpu=values.get("cpu"),
            memory=values.get("memory"),
            secrets=tuple(values.get("secrets") or ()),
            spot_ok=bool(values.get("spot_ok")),
        )
    )


async def start(op: Operation, do: Services) -> Outcome:
    """Have the server check the Job without keeping it, then create it under its deterministic name."""
    access = await _access(op, do)
    manifest = manifest_of(op, do)
    await jobs.dry_run(access, manifest)
    await jobs.apply(access, manifest)
    t = target(op)
    await do.redis.hset(Journal.key("jobs"), t["job"], op.id)
    return Done(memo={"made": ["job"], "job_started": do.clock.now()})


async def watch(op: Operation, do: Services) -> Outcome:
    """How the Job stands; its own words while it waits, its newest numbers while it runs."""
    t = target(op)
    access = await _access(op, do)
    state = await jobs.observe(access, t["namespace"], t["job"])
    if state.phase == "absent":
        raise Failed("operations.vanished", what=f"Job `{t['job']}`")
    if state.ended:
        return Done(memo={"now": ""})
    note = await _live(access, state) if state.phase == "running" and state.pod else ""
    now = state.words or state.phase
    if state.scheduler:
        now = f"{now}\n> {state.scheduler}"
    memo = {"now": now, "notes": {"live": note}, "details": {**op.memo.get("details", {}), "watch": state.words or state.phase}}
    return Wait(do.settings.engine.job_look, on=f"cluster:{t['group']}/{t['cluster']}".lower(), memo=memo)


async def _live(access: Access, state: JobState) -> str:
    text = await logs.tail(access, state.namespace, state.pod or "", TAIL_LINES)
    return report.live_line(summarise(mask(text))) if text else ""


async def tell(op: Operation, do: Services) -> Outcome:
    """The one message at the end: outcome, metric, device, duration, cost."""
    t = target(op)
    access = await _access(op, do)
    state = await jobs.observe(access, t["namespace"], t["job"])
    found = await logs.whole(access, t["namespace"], state.pod) if state.pod else None
    summary = summarise(mask(found.text)) if found else summarise("")
    seconds = _seconds(state, do.clock.now() - float(op.memo.get("job_started", do.clock.now())))
    cost = Decimal(str(t.get("gpu_hourly") or 0)) * Decimal(str(seconds)) / 3600
    before = await _history(op, do, t["base"], summary.final, summary.metric)
    run = report.Run(
        job=t["job"],
        succeeded=state.phase == "succeeded",
        words=state.words,
        summary=summary,
        seconds=seconds,
        cost=cost if t.get("gpu_hourly") else None,
        gpus=int(t.get("gpus") or 0),
        before=before,
        restarts=state.restarts,
    )
    say = report.finished(run, op.id, op.user)
    memo = {"notes": {}, "outcome": report.headline(run), "result": {"metric": summary.metric, "final": summary.final}, "cost": str(cost)}
    return End(SUCCEEDED if run.succeeded else FAILED, memo, (say,))


async def _history(op: Operation, do: Services, base: str, final: float | None, metric: str | None) -> float | None:
    """Record this run's metric; that of the run before it, where it is the same metric."""
    key = Journal.key("runs", base)
    rows = {name: json.loads(row) for name, row in (await do.redis.hgetall(key)).items()}
    if final is not None:
        await do.redis.hset(key, op.id, json.dumps({"at": op.created, "final": final, "metric": metric}))
        await do.redis.expire(key, HISTORY_SECONDS)
    earlier = [row for name, row in rows.items() if name != op.id and row["at"] < op.created and row["metric"] == metric]
    return float(max(earlier, key=lambda row: row["at"])["final"]) if earlier else None


def _seconds(state: JobState, otherwise: float) -> float:
    begun = min((pod.started for pod in state.pods if pod.started), default=state.started)
    ended = state.completed or max((pod.ended for pod in state.pods if pod.ended), default=None)
    return (ended - begun).total_seconds() if begun and ended else otherwise


async def delete(op: Operation, do: Services) -> Outcome:
    """Delete the Job with its pods."""
    t = target(op)
    await jobs.delete(await _access(op, do), t["namespace"], t["job"])
    return Done(memo={"taken_back": f"Job `{t['job']}` was deleted."})


async def _access(op: Operation, do: Services) -> Access:
    return await do.clusters.access(target(op)["group"], target(op)["cluster"])


STEPS = (Step("start", start, "Job {job} on {cluster}"), Step("watch", watch, "Runs"), Step("tell", tell))
UNDO = (Step("delete", delete, "Delete the job"),)
