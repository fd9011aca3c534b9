"""What is said of a run: while it goes on, in one line; at its end, in one message. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from bot.model import usd
from bot.operations.present import duration
from bot.operations.steps import Say
from bot.results import RunSummary
from bot.slack.blocks import Button, actions, cut, escaped, fields, section
from bot.slack.charts import curve, sparkline


@dataclass(frozen=True)
class Run:
    """A finished run. `seconds` it ran; `cost` in USD (None: the price is unknown); `before` the same metric of the run before."""

    job: str
    succeeded: bool
    words: str
    summary: RunSummary
    seconds: float
    cost: Decimal | None
    gpus: int
    before: float | None = None
    restarts: int = 0


def number(value: float | None, unit: str | None = None) -> str:
    """A metric as it stands in the log: no digits are invented."""
    if value is None:
        return "-"
    return f"{value:.10g}" + ("%" if unit == "percent" else "")


def name_of(summary: RunSummary) -> str:
    """The metric with its split: ``test accuracy``."""
    metric = summary.metric or ""
    return metric if not summary.split or summary.split == "unknown" else f"{summary.split} {metric}"


def live_line(summary: RunSummary) -> str:
    """The newest number of a run that goes on; '' where the log shows none."""
    if summary.final is None:
        return ""
    step = f" at step {summary.points[-1][0]:g}" if summary.points else ""
    line = f"📈 {name_of(summary)} so far: *{number(summary.final, summary.unit)}*{step}"
    return line + (f"  {sparkline(summary.points)}" if len(summary.points) > 2 else "") + (f" · {summary.throughput}" if summary.throughput else "")


def headline(run: Run) -> str:
    """The outcome in a few words."""
    summary = run.summary
    if not run.succeeded:
        return escaped(summary.failure or run.words or "failed")
    if summary.final is None:
        return "no metric in its log"
    step = f" at step {summary.points[-1][0]:g}" if summary.points else ""
    return f"final {name_of(summary)} {number(summary.final, summary.unit)}{step}"


def finished(run: Run, op_id: str, user: str) -> Say:
    """The completion message: posted once, shown in the channel too."""
    summary = run.summary
    verb = "succeeded" if run.succeeded else "failed"
    lines = [f"{'✅' if run.succeeded else '🔴'} <@{user}> *{run.job}* {verb}: {headline(run)}"]
    if not run.succeeded and summary.failure and run.words:
        lines.append(escaped(run.words))
    if summary.ran_on_cpu and run.gpus:
        lines.append(
            f"⚠️ *It asked for {run.gpus} GPU{'s' if run.gpus > 1 else ''} and trained on the CPU.* Check the image's CUDA and framework versions."
        )
    pairs = []
    if summary.final is not None:
        pairs.append((f"Final {name_of(summary)}", number(summary.final, summary.unit) + _change(run)))
    if summary.best is not None and summary.best != summary.final:
        at = f" at step {summary.best_step:g}" if summary.best_step is not None else ""
        pairs.append(("Best", number(summary.best, summary.unit) + at))
    if summary.device:
        pairs.append(("Device", escaped(summary.device)))
    pairs.append(("Duration", duration(run.seconds)))
    if run.cost is not None:
        pairs.append(("GPU cost", usd(run.cost)))
    if run.restarts:
        pairs.append(("Restarts", str(run.restarts)))
    buttons = actions([Button("Logs", "logs", op_id)])
    blocks = [section("\n".join(lines)), fields(pairs)]
    if len(summary.points) >= 3 and summary.metric:
        spark = section(f"`{sparkline(summary.points)}`")
        chart = curve(f"{run.job}: {name_of(summary)}", summary.metric, summary.points)
        return Say("result", _text(run), [*blocks, chart, buttons], plain=[*blocks, spark, buttons], broadcast=True)
    return Say("result", _text(run), [*blocks, buttons], broadcast=True)


def _change(run: Run) -> str:
    if run.before is None or run.summary.final is None:
        return ""
    return f" ({run.summary.final - run.before:+.4g} over the last)"


def _text(run: Run) -> str:
    return cut(f"{run.job} {'succeeded' if run.succeeded else 'failed'}: {headline(run)}, {duration(run.seconds)}", 300)
