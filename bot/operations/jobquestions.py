"""Questions about one job: how it stands and what its like came to before, its log, its curve."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from bot.cluster import jobs
from bot.cluster.access import Access
from bot.cluster.jobstate import JobState
from bot.errors import QuartermasterError, Refused
from bot.operations import jobindex, reading, report, runs
from bot.operations.answers import Answer
from bot.operations.present import date, duration
from bot.operations.provisioning import target
from bot.operations.queries import Question
from bot.operations.record import Operation
from bot.operations.services import Services
from bot.operations.steps import Done, Outcome, Say, Step
from bot.results import RunSummary, summarise
from bot.slack.blocks import Block, context, escaped, monospaced, section, table
from bot.slack.plot import line_chart

FILE_BYTES: Final = 1_000_000
SHOWN_RUNS: Final = 10


async def job(op: Operation, do: Services) -> Answer:
    """One job: state, result, and the runs before it."""
    about = await jobindex.about(do, op)
    t = target(about)
    if "job" not in t:
        raise Refused("operations.no_job", name=about.text)
    lines = [f"*{t['job']}* on {t['cluster']}: {await _stands(about, do)}", f"asked by <@{about.user}> {date(about.created)} · `{about.id}`"]
    if about.memo.get("outcome"):
        lines.insert(1, str(about.memo["outcome"]))
    lines += [str(note) for note in about.memo.get("notes", {}).values() if note]
    rows = _history(await runs.earlier(do.redis, t["base"]))
    top = section("\n".join(lines))
    if len(rows) < 3:
        return Answer(f"{t['job']} on {t['cluster']}", [top])
    small = context(f"`/gpu job {t['job']} --again --set NAME=VALUE` runs it once more with changes")
    heading = section(f"*Runs of {escaped(t['base'])}*, newest first")
    right = frozenset({3, 4})
    return Answer(f"{t['job']} on {t['cluster']}", [top, heading, table(rows, numeric=right), small],
                  [top, heading, section(monospaced(rows, numeric=right)), small])  # fmt: skip


async def _stands(about: Operation, do: Services) -> str:
    """Its state in the cluster; from the record where the cluster cannot be asked any more."""
    t = target(about)
    try:
        state = await jobs.observe(await do.reach_named(t["cluster"]), t["namespace"], t["job"])
    except QuartermasterError:
        return about.status.replace("_", " ")
    return report.now_line(state) if not state.ended else escaped(state.words) or state.phase


def _history(rows: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """The newest runs with the change from one to the next; the first row is the heading."""
    shown = [["Run", "Outcome", "Metric", "Value", "Change", "Took"]]
    ordered = sorted(rows.values(), key=lambda row: float(row["at"]))
    last: dict[tuple[Any, ...], float] = {}
    lines = []
    for row in ordered:
        kind = (row.get("metric"), row.get("split"), row.get("unit"))
        final = row.get("final")
        change = f"{final - last[kind]:+.4g}" if final is not None and kind in last else "-"
        if final is not None and row.get("ok", True):
            last[kind] = float(final)
        summary = RunSummary(metric=row.get("metric"), split=str(row.get("split") or "unknown"))
        lines.append([str(row.get("job") or "?"), "succeeded" if row.get("ok", True) else "failed", report.name_of(summary) or "-",
                      report.number(final, row.get("unit")), change, duration(float(row.get("seconds") or 0))])  # fmt: skip
    return shown + lines[::-1][:SHOWN_RUNS]


async def job_logs(op: Operation, do: Services) -> Answer:
    """The end of the log here, all of it as a file in the thread; of several pods all logs, each line with its pod."""
    about = await jobindex.about(do, op)
    t = target(about)
    access, state = await _seen(about, do)
    whole = await reading.everything(access, state, FILE_BYTES)
    if not whole and state.phase == "absent":
        raise Refused("operations.log_gone", name=t["job"])
    if not whole:
        raise Refused("operations.no_log", name=t["job"], reason=state.words or state.phase)
    lines = whole.replace("\r", "\n").splitlines()
    asked = int(op.values.get("tail", 20))
    shown = "\n".join(line[:160] for line in lines[-asked:])
    blocks: list[Block] = [section(f"*{t['job']}* - last {min(len(lines), asked)} of {len(lines)} lines")]
    blocks.append(section("```" + escaped(shown)[-2900:] + "```"))
    summary = report.live_line(summarise(whole), ended=state.ended) if state.completions <= 1 else ""
    blocks += [section(summary)] if summary else []
    return Answer(f"Log of {t['job']}", blocks, file={"name": f"{t['job']}-{op.id}.log", "title": f"{t['job']}.log", "text": whole})


async def _seen(about: Operation, do: Services) -> tuple[Access, JobState]:
    t = target(about)
    if "job" not in t:
        raise Refused("operations.no_job", name=about.text)
    access = await do.reach_named(t["cluster"])
    return access, await jobs.observe(access, t["namespace"], t["job"])


async def curve(op: Operation, do: Services) -> Outcome:
    """A picture of the curve, in the thread: from what the run left, or from its log while it goes on."""
    try:
        about = await jobindex.about(do, op)
        say = await _drawn(op, about, do)
    except Refused as error:
        say = Say("curve", escaped(str(error)))
    return Done(say=(say,))


async def _drawn(op: Operation, about: Operation, do: Services) -> Say:
    name = str(target(about).get("job") or "?")
    result = about.memo.get("result") or {}
    if not result.get("curves") and about.ended is None:
        access, state = await _seen(about, do)
        parts = tuple((reading.label(pod, state.pods), summary) for pod, summary in await reading.summaries(access, state))
        result = _going_on(parts)
    if not result.get("curves"):
        raise Refused("operations.no_curve", name=name)
    metric = report.name_of(RunSummary(metric=result["metric"], split=str(result.get("split") or "unknown")))
    series = [(str(label), [(float(x), float(y)) for x, y in points]) for label, points in result["curves"]]
    picture = line_chart(f"{name}: {metric}", "step", metric, series)
    x, y = series[0][1][-1]
    alt = f"Line chart of {metric} over steps for {name}; the last value is {y:g} at step {x:g}."
    file = {"name": f"{name}-{op.id}.png", "title": f"{name}: {metric}", "base64": base64.b64encode(picture).decode(), "alt": alt}
    return Say("curve", f"{metric} of `{name}`", file=file)


def _going_on(parts: tuple[tuple[str, RunSummary], ...]) -> dict[str, Any]:
    best = runs.best_of(parts)
    if not best:
        return {}
    run = report.Run("", True, "", dict(parts)[best], 0.0, None, 0, parts=parts, best=best)
    return runs.result(run)


JOB_QUESTIONS: Final[Mapping[str, Question]] = {"query.job": job, "thread.job": job, "query.logs": job_logs, "thread.logs": job_logs}
CURVE = Step("curve", curve)
