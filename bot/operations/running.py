"""Steps of a GPU job: try it, start it, watch it, report it once - and delete it, if it is cancelled or can never start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from bot.cluster import jobs, secrets
from bot.cluster.access import Access
from bot.cluster.indexed import indexed
from bot.cluster.jobstate import JobState, PodState
from bot.cluster.objects import GPU, OP_LABEL, Json
from bot.cluster.render import RunSpec, render
from bot.cluster.templates import Template, from_image, from_manifest
from bot.errors import Failed, Refused
from bot.operations import jobindex, reading, report, runs
from bot.operations.present import date
from bot.operations.progress import Progress, progress, remaining, total_of
from bot.operations.provisioning import target
from bot.operations.record import FAILED, SUCCEEDED, Operation
from bot.operations.services import Services
from bot.operations.steps import Done, End, Outcome, Say, Step, Wait
from bot.results import RunSummary, summarise
from bot.slack.blocks import Button, actions, escaped, section

GRACE_SECONDS: Final = 900
"""How long a pod that cannot start is left to mend: a Secret may still be made, a registry come back."""
# What is worth waiting for longer: its own retries end it, or the first failure is followed by another try in seconds.
_MENDS: Final = frozenset({"CrashLoopBackOff", "OOMKilled"})
_FIRST_TRY: Final = frozenset({"ErrImagePull"})


def template_of(values: Mapping[str, Any], do: Services) -> Template:
    """What the request names: a template, an image, or a manifest of its own."""
    if values.get("manifest"):
        return from_manifest(values["manifest"])
    if values.get("image"):
        return from_image(values["image"], gpus=int(values.get("gpus", 1)))
    template = do.templates.get(values["template"])
    if template is None:
        raise Refused("cluster.template_unknown", name=values["template"], known=", ".join(f"`{name}`" for name in sorted(do.templates)))
    return template


def arguments_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Parameters and arguments as they are given to the template; the later of two wins."""
    return (*(f"--{name}={value}" for name, value in (values.get("parameters") or {}).items()), *(values.get("args") or ()))


def manifest_of(op: Operation, do: Services, t: Mapping[str, Any]) -> Json:
    """The Job as it is sent: a pure function of the request and its plan's target `t`."""
    values = op.values
    spec = RunSpec(
        template=template_of(values, do), name=t["job"], op=op.id, owner=op.user, channel=op.channel, thread=op.thread,
        expires=datetime.fromtimestamp(t["expires"], UTC) if t.get("expires") else None, namespace=t["namespace"], gpus=values.get("gpus"),
        resource=t.get("resource") or GPU, env=dict(values.get("env") or {}), args=arguments_of(values), timeout=t.get("timeout"),
        retries=values.get("retries"), cpu=values.get("cpu"), memory=values.get("memory"), secrets=tuple(values.get("secrets") or ()),
        spot_ok=bool(values.get("spot_ok")), pool=values.get("pool"),
    )  # fmt: skip
    job = render(spec)
    if values.get("pods"):
        at_once = (values.get("parameters") or {}).get("at_once")
        return indexed(job, int(values["pods"]), at_once=int(job["spec"]["parallelism"]) if at_once else None)
    return job


async def check(op: Operation, do: Services) -> Outcome:
    """Have the server check the Job without keeping it, and see that its Secrets are there. From here on there may be something to take back."""
    t, access = target(op), await _access(op, do)
    manifest = manifest_of(op, do, t)
    await jobs.dry_run(access, manifest)
    absent = await secrets.missing(access, t["namespace"], secrets.references(manifest))
    if absent:
        names = ", ".join(f"`{name}`" for name in absent)
        raise Refused("cluster.no_secret", names=names, first=absent[0], namespace=t["namespace"], cluster=t["cluster"])
    without = "" if t.get("gpus") else "It asks for no GPU (`nvidia.com/gpu` among its limits), so it gets none."
    return Done(memo={"made": ["job"], "notes": {**op.memo.get("notes", {}), "place": t.get("chosen", ""), "gpus": without}})


async def start(op: Operation, do: Services) -> Outcome:
    """Create the Job under its deterministic name."""
    t = target(op)
    await jobs.apply(await _access(op, do), manifest_of(op, do, t))
    await jobindex.keep(do.redis, t["cluster"], t["namespace"], t["job"], op.id)
    return Done(memo={"job_started": do.clock.now()})


async def watch(op: Operation, do: Services) -> Outcome:
    """How the Job stands: the cluster's own words while it waits, its newest numbers while it runs."""
    t = target(op)
    access = await _access(op, do)
    state = await jobs.observe(access, t["namespace"], t["job"])
    if state.phase == "absent":
        raise Failed("operations.vanished", what=f"Job `{t['job']}`")
    if state.ended:
        return Done(memo={"now": ""})
    now = do.clock.now()
    until = _patience(op, state, now)
    if until is not None and now >= until:
        return Done(memo={"now": "", "given_up": {"words": state.words, "reason": state.reason}})
    live = [(pod, summarise(text), text) for pod, text in await reading.tails(access, state)] if state.phase == "running" else []
    line, paces = _live_line(op, live, now) if state.completions <= 1 else ("", {})
    numbers = {**op.memo.get("numbers", {}), **{pod.name: report.newest(summary) for pod, summary, _ in live if report.newest(summary)}}
    notes = {
        **op.memo.get("notes", {}),
        "pods": report.pod_lines(state, numbers),
        "setbacks": report.setback_line(report.setbacks(state)),
    }
    if line:
        notes["live"] = line
    memo = {
        "now": report.now_line(state, date(until) if until else "", now), "notes": notes, "stuck_until": until, "paces": paces, "numbers": numbers,
    }  # fmt: skip
    say = (_stuck(op, state, until),) if until is not None and state.reason not in _FIRST_TRY else ()
    slower = 3 if state.scheduler else 1  # the watch tells at once when the scheduler changes its mind
    return Wait(do.settings.engine.job_look * slower, on=f"cluster:{t['group']}/{t['cluster']}".lower(), memo=memo, say=say)


def _patience(op: Operation, state: JobState, now: float) -> float | None:
    """Until when a Job that cannot start by itself is left alone; None where it can."""
    if not state.stuck or state.reason in _MENDS:
        return None
    return float(op.memo.get("stuck_until") or now + GRACE_SECONDS)


def _stuck(op: Operation, state: JobState, until: float) -> Say:
    """Said once for each cause, with a way out."""
    advice = report.ADVICE.get(state.reason, "")
    text = f"⚠️ <@{op.user}> *{state.name}* cannot start: {escaped(state.words)}. It holds its place until {date(until)}, then I end it. {advice}"
    cancel = Button("Cancel", "cancel", f"{op.id}:{(op.plan or {}).get('digest', '')}", "danger")
    return Say(f"stuck-{state.reason}", text, [section(text.rstrip()), actions([cancel])])


def _live_line(op: Operation, live: list[tuple[PodState, RunSummary, str]], now: float) -> tuple[str, dict[str, Any]]:
    """The newest numbers of the one pod that runs, and from when its pace is counted."""
    paces = dict(op.memo.get("paces") or {})
    if len(live) != 1:
        return "", paces
    pod, summary, text = live[0]
    far: Progress | None = progress(text, total_of(arguments_of(op.values), op.values.get("env") or {}))
    left = remaining(far, now, paces.get(pod.name)) if far else None
    if far and pod.name not in paces:
        paces = {pod.name: {"at": now, "share": far.share}}
    return report.live_line(summary, far, left), paces


async def tell(op: Operation, do: Services) -> Outcome:
    """The one message at the end: outcome, metric, device, duration, cost. A Job that never started is deleted first."""
    t = target(op)
    access = await _access(op, do)
    state = await jobs.observe(access, t["namespace"], t["job"])
    given_up = op.memo.get("given_up")
    parts = await reading.summaries(access, state)
    if given_up:
        await _remove(op, access)
    seconds = _seconds(state, do.clock.now() - float(op.memo.get("job_started", do.clock.now())))
    run = _run(op, state, parts, seconds)
    run = await runs.compared(do.redis, t["base"], op, run)
    notes = {name: op.memo.get("notes", {}).get(name, "") for name in ("again", "place", "gpus")}
    memo = {"notes": notes, "outcome": report.headline(run), "result": runs.result(run), "cost": str(run.cost or 0)}
    say = report.finished(run, op.id, op.user)
    if run.succeeded:
        return End(SUCCEEDED, memo, (say,))
    error = {"code": "job", "sentence": report.sentence(run).rstrip(".") + ".", "next_step": report.ADVICE.get(run.reason, "")}
    return End(FAILED, memo, (say,), error=error)


def _run(op: Operation, state: JobState, parts: list[tuple[PodState, RunSummary]], seconds: float) -> report.Run:
    """What is told of a run, from what was seen of it."""
    t, given_up = target(op), op.memo.get("given_up") or {}
    pods = [pod for pod, _ in parts]
    named = tuple((reading.label(pod, pods), summary) for pod, summary in parts)
    best = runs.best_of(named)
    hourly = t.get("gpu_hourly")
    succeeded = state.phase == "succeeded" and not given_up
    failed = next((pod for pod in reversed(state.pods) if pod.phase == "failed" or pod.exit_code), None)
    return report.Run(
        job=t["job"], succeeded=succeeded, words=str(given_up.get("words") or state.words), reason=str(given_up.get("reason") or state.reason),
        summary=dict(named)[best] if best else summarise(""), seconds=seconds,
        cost=Decimal(str(hourly)) * Decimal(str(seconds)) / 3600 if hourly else None, gpus=int(t.get("gpus") or 0), restarts=state.restarts,
        exit_code=failed.exit_code if failed and not succeeded else None, parts=named, best=best, setbacks=report.setbacks(state),
        place=t["cluster"] + (f" ({state.node})" if state.node and len(state.pods) == 1 else ""),
    )  # fmt: skip


def _seconds(state: JobState, otherwise: float) -> float:
    begun = min((pod.started for pod in state.pods if pod.started), default=state.started)
    ended = state.completed or max((pod.ended for pod in state.pods if pod.ended), default=None)
    return (ended - begun).total_seconds() if begun and ended else otherwise


async def delete(op: Operation, do: Services) -> Outcome:
    """Delete the Job with its pods, and keep the last numbers that were seen."""
    if not await _remove(op, await _access(op, do)):
        return Done()
    seen = list(op.memo.get("numbers", {}).values())[-report.SHOWN_PODS :]
    return Done(memo={"taken_back": f"Job `{target(op)['job']}` and its pods were deleted." + (f" Last seen: {', '.join(seen)}." if seen else "")})


async def _remove(op: Operation, access: Access) -> bool:
    """Delete the Job if it is this operation's own: its name may belong to somebody else's."""
    t = target(op)
    state = await jobs.observe(access, t["namespace"], t["job"])
    return state.label(OP_LABEL) == op.id and await jobs.delete(access, t["namespace"], t["job"])


async def _access(op: Operation, do: Services) -> Access:
    return await do.clusters.access(target(op)["group"], target(op)["cluster"])


STEPS = (Step("check", check), Step("start", start, "Job {job} on {cluster}"), Step("watch", watch, "Runs"), Step("tell", tell))
UNDO = (Step("delete", delete, "Delete the job"),)
