"""What is said of a run: while it goes on, on its card; at its end, in one message. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bot.cluster.jobstate import JobState
from bot.cluster.waiting import plain_reason
from bot.model import usd
from bot.operations.present import duration
from bot.operations.progress import Progress
from bot.operations.steps import Say
from bot.results import RunSummary
from bot.slack.blocks import Block, Button, actions, cut, escaped, fields, section
from bot.slack.charts import curve, sparkline

SHOWN_PODS: Final = 8
# Reasons that say only that it ended; what the log says explains more. Others (OOMKilled, Evicted, …) are the cause themselves.
UNTELLING: Final = frozenset({"", "Error", "Failed", "BackoffLimitExceeded", "FailedIndexes", "PodFailurePolicy"})
ADVICE: Final = {
    "OOMKilled": "`--memory 32Gi` asks for a larger share, a smaller batch needs less.",
    "DeadlineExceeded": "`--timeout 8h` gives it longer.",
    "Evicted": "`--retries 2` lets it start again elsewhere.",
    "Preempted": "`--retries 2` lets it start again elsewhere.",
    "NodeLost": "`--retries 2` lets it start again elsewhere.",
    "DeletionByTaintManager": "`--retries 2` lets it start again elsewhere.",
    "ImagePullBackOff": "Check the image's name and tag, and whether the cluster may pull it.",
    "ErrImagePull": "Check the image's name and tag, and whether the cluster may pull it.",
    "InvalidImageName": "Check the image's name and tag.",
    "CreateContainerConfigError": "Create what is missing in the job's namespace, or leave it out.",
}


@dataclass(frozen=True)
class Run:
    """A finished run. `seconds` it ran; `cost` in USD (None: the price is unknown); `before` the same metric of the run before.

    `reason` is Kubernetes' own word for the end, `words` the same for people. `parts` are the pods of a run that had several, by label;
    `summary` is then that of the pod named `best`. `setbacks` are what went wrong on the way, `place` is
    where it ran.
    """

    job: str
    succeeded: bool
    words: str
    summary: RunSummary
    seconds: float
    cost: Decimal | None
    gpus: int
    before: float | None = None
    restarts: int = 0
    reason: str = ""
    exit_code: int | None = None
    parts: tuple[tuple[str, RunSummary], ...] = ()
    best: str = ""
    setbacks: tuple[str, ...] = ()
    place: str = ""


def number(value: float | None, unit: str | None = None) -> str:
    """A metric as it stands in the log: no digits are invented."""
    if value is None:
        return "-"
    return f"{value:.10g}" + ("%" if unit == "percent" else "")


def name_of(summary: RunSummary) -> str:
    """The metric with its split: ``test accuracy``."""
    metric = summary.metric or ""
    return metric if not summary.split or summary.split == "unknown" else f"{summary.split} {metric}"


def newest(summary: RunSummary) -> str:
    """The newest number with its step, in a few words; '' where the log shows none."""
    if summary.final is None:
        return ""
    step = f" at step {summary.points[-1][0]:g}" if summary.points else ""
    return f"{name_of(summary)} *{number(summary.final, summary.unit)}*{step}"


def live_line(summary: RunSummary, far: Progress | None = None, left: float | None = None, *, ended: bool = False) -> str:
    """What a run's log shows: newest number, curve, throughput, how far it is; '' where it shows nothing of it."""
    parts = []
    if summary.final is not None:
        spark = f"  {sparkline(summary.points)}" if len(summary.points) > 2 else ""
        parts.append(f"📈 {'final' if ended else 'so far:'} {newest(summary)}{spark}")
    if summary.throughput:
        parts.append(escaped(summary.throughput))
    if far is not None:
        parts.append(f"{far.unit} {far.done} of {far.total} ({far.share:.0%})" + (f", about {about(left)} left" if left is not None else ""))
    return " · ".join(parts)


def about(seconds: float) -> str:
    """A duration that is only an estimate: one unit, rounded, so that a card is not redrawn for a second."""
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{round(seconds / length)} {unit}"
    return "1 min" if seconds > 45 else f"{max(10, round(seconds / 10) * 10)} s"


def now_line(state: JobState, stuck_until: str = "", now: float | None = None) -> str:
    """How a Job that has not ended stands, in plain words, and below in the scheduler's own. `now` in epoch seconds: how long a pull takes so far."""
    if state.phase == "running":
        line = f"running on `{state.node}`" if state.node and len(state.pods) == 1 else "running"
        line += f", but {escaped(state.words)}" if state.words else ""
    elif state.phase == "pulling":
        line = "pulling the image" + (f" `{escaped(state.words)}`" if state.words else "") + (f" to `{state.node}`" if state.node else "")
        took = now - state.pulling.timestamp() if now and state.pulling else 0.0
        line += f", {about(took)} so far" if took >= 20 else ""
    else:
        line = f"pending: {escaped(state.words)}" if state.words else state.phase
    if state.scheduler:
        line += f"\n> {escaped(state.scheduler)}"
    return line + (f"\n⚠️ That does not mend itself; it is ended {stuck_until}." if stuck_until else "")


def pod_lines(state: JobState, numbers: Mapping[str, str]) -> str:
    """A Job of several pods in short: how many do what, and a line for each of the first few; '' for a single pod.

    `numbers` are the newest ones that were seen, by the pod's name.
    """
    if state.completions <= 1:
        return ""
    current = {pod.index if pod.index is not None else pod.name: pod for pod in state.pods}
    counts: dict[str, int] = {}
    for pod in current.values():
        counts[pod.phase] = counts.get(pod.phase, 0) + 1
    shown = sorted(current.values(), key=lambda pod: (pod.phase == "succeeded", pod.index or 0))[:SHOWN_PODS]
    lines = [f"*{state.completions} pods:* " + (", ".join(f"{count} {phase}" for phase, count in counts.items()) or "none yet")]
    for pod in sorted(shown, key=lambda pod: pod.index or 0):
        detail = numbers.get(pod.name) or (escaped(plain_reason(pod.reason)) if pod.reason not in ("", "Completed", "Unschedulable") else "")
        lines.append(f"`{pod.index if pod.index is not None else pod.name}` {pod.phase}" + (f" - {detail}" if detail else ""))
    return "\n".join(lines)


def setbacks(state: JobState) -> tuple[str, ...]:
    """What went wrong on the way, one entry for each pod that failed or whose container was started again."""
    found = []
    several = len(state.pods) > 1
    for attempt, pod in enumerate(state.pods, 1):
        where = "" if not several else f"pod {pod.index}: " if pod.index is not None else f"attempt {attempt}: "
        if pod.phase == "failed" and not (state.phase == "failed" and pod is state.pods[-1]):
            found.append(f"{where}{_why(pod.reason, pod.exit_code)}")
        elif pod.restarts and pod.phase != "failed":
            found.append(f"{where}started again {pod.restarts}×: {_why(pod.last_reason, pod.exit_code)}")
    return tuple(f"{one} ({found.count(one)}×)" if found.count(one) > 1 else one for one in dict.fromkeys(found))


def _why(reason: str, code: int | None) -> str:
    if reason in UNTELLING and code not in (None, 0):
        return f"the program ended with exit code {code}"
    return plain_reason(reason) if reason else "it ended"


def setback_line(found: Sequence[str]) -> str:
    """The same for the card; '' where nothing went wrong."""
    return "⚠️ " + escaped("; ".join(found[-4:])) if found else ""


def sentence(run: Run) -> str:
    """The outcome in a few words, as plain text."""
    summary = run.summary
    if not run.succeeded:
        log, cluster = summary.failure or "", run.words
        return (log or cluster if run.reason in UNTELLING else cluster or log) or "failed"
    if summary.final is None:
        return "no metric in its log"
    step = f" at step {summary.points[-1][0]:g}" if summary.points else ""
    which = f" ({run.best}, the best of {len(run.parts)})" if run.best and len(run.parts) > 1 else ""
    return f"final {name_of(summary)} {number(summary.final, summary.unit)}{step}{which}"


def headline(run: Run) -> str:
    """The same, safe in mrkdwn."""
    return escaped(sentence(run))


def finished(run: Run, op_id: str, user: str) -> Say:
    """The completion message: posted once, shown in the channel too."""
    summary = run.summary
    verb = "succeeded" if run.succeeded else "failed"
    lines = [f"{'✅' if run.succeeded else '🔴'} <@{user}> *{run.job}* {verb}: {headline(run)}"]
    if not run.succeeded:
        lines += [escaped(text) for text in (run.words, summary.failure or "") if text and text != sentence(run)]
        lines += [f"_{ADVICE[run.reason]}_"] if run.reason in ADVICE else []
    lines += [cpu_warning(run)] if cpu_warning(run) else []
    lines += [setback_line(run.setbacks)] if run.setbacks else []
    buttons = [Button("Logs", "logs", op_id), *([Button("Curve", "curve", op_id)] if len(summary.points) > 1 else []), *again(op_id)]
    blocks = [section("\n".join(lines)), fields(_pairs(run))]
    if len(run.parts) > 1 and any(newest(summary) or summary.failure or summary.device for _, summary in run.parts):
        blocks.append(section("\n".join(part_lines(run))))
    return _with_curve(run, blocks, actions(buttons))


def again(op_id: str) -> list[Button]:
    """The buttons for one more run."""
    return [Button("Run again", "again", op_id, confirm="The same once more, as a new job."), Button("Change and run…", "again_edit", op_id)]


def _with_curve(run: Run, blocks: list[Block], buttons: Block) -> Say:
    summary = run.summary
    text = cut(f"{run.job} {'succeeded' if run.succeeded else 'failed'}: {headline(run)}, {duration(run.seconds)}", 300)
    if len(summary.points) < 3 or not summary.metric:
        return Say("result", text, [*blocks, buttons], broadcast=True)
    spark = section(f"`{sparkline(summary.points)}`")
    chart = curve(f"{run.job}: {name_of(summary)}", summary.metric, summary.points)
    return Say("result", text, [*blocks, chart, buttons], plain=[*blocks, spark, buttons], broadcast=True)


def cpu_warning(run: Run) -> str:
    """Loud words for a run that asked for GPUs and did not use them; '' where the log does not say so."""
    if not run.gpus:
        return ""
    slow = [label for label, summary in run.parts if summary.ran_on_cpu]
    if not slow and not run.summary.ran_on_cpu:
        return ""
    which = f" ({', '.join(slow[:5])})" if slow and len(run.parts) > 1 else ""
    return f"⚠️ *It asked for {run.gpus} GPU{'s' if run.gpus > 1 else ''} and ran on the CPU{which}.* Check the image's CUDA and framework versions."


def part_lines(run: Run) -> list[str]:
    """One line for each pod, at most sixteen."""
    lines = []
    for label, summary in run.parts[:16]:
        said = newest(summary) or (escaped(summary.failure) if summary.failure else "no metric in its log")
        lines.append(f"`{label}` {said}" + (f" · {escaped(summary.device)}" if summary.device else ""))
    return lines + ([f"… and {len(run.parts) - 16} more"] if len(run.parts) > 16 else [])


def _pairs(run: Run) -> list[tuple[str, str]]:
    summary, pairs = run.summary, []
    if summary.final is not None:
        pairs.append((f"Final {name_of(summary)}", number(summary.final, summary.unit) + change(summary, run.before)))
    if summary.best is not None and summary.best != summary.final:
        at = f" at step {summary.best_step:g}" if summary.best_step is not None else ""
        pairs.append(("Best", number(summary.best, summary.unit) + at))
    if summary.device:
        pairs.append(("Device", escaped(summary.device)))
    if summary.throughput:
        pairs.append(("Throughput", escaped(summary.throughput)))
    pairs.append(("Duration", duration(run.seconds)))
    if run.place:
        pairs.append(("Ran on", run.place))
    if run.cost is not None:
        pairs.append(("GPU cost", usd(run.cost)))
    if run.restarts:
        pairs.append(("Restarts", str(run.restarts)))
    if not run.succeeded and run.exit_code:
        pairs.append(("Exit code", str(run.exit_code)))
    return pairs


def change(summary: RunSummary, before: float | None) -> str:
    """`` (+0.012 over the last)``, with a word where less is better; '' where there is nothing to compare."""
    if before is None or summary.final is None:
        return ""
    difference = summary.final - before
    verdict = "" if not summary.lower_is_better or not difference else ", better" if difference < 0 else ", worse"
    return f" ({difference:+.4g} over the last{verdict})"
