"""Log text to :class:`RunSummary`: pure and streaming; nothing is read or written here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Final

from bot.results.headline import Series
from bot.results.reader import LogReader

_LOOK_AHEAD: Final = 65_536


@dataclass(frozen=True)
class RunSummary:
    """What one run came to. Every number stands in the log (as printed, or n/m as a fraction).

    `split`: test, val, train or unknown. `unit`: percent, fraction or empty. `best_step`: epoch where the log names epochs, else step.
    `points`: at most 100 of (step or order, value). `ran_on_cpu`: None where the log does not tell. `failure`: the line that explains the end.
    `diverged`: the last value printed was not a number; `final` is then the last number before it.
    """

    metric: str | None = None
    split: str = "unknown"
    final: float | None = None
    best: float | None = None
    best_step: float | int | None = None
    unit: str = ""
    lower_is_better: bool = False
    steps_seen: int = 0
    points: tuple[tuple[float, float], ...] = ()
    device: str | None = None
    ran_on_cpu: bool | None = None
    throughput: str | None = None
    failure: str | None = None
    diverged: bool = False

    def as_dict(self) -> dict[str, object]:
        """The same as plain JSON types."""
        plain = asdict(self)
        plain["points"] = [list(point) for point in self.points]
        return plain


def _whole(step: float | None) -> float | int | None:
    return int(step) if step is not None and step == int(step) else step


class Summariser:
    """Feed it a log in pieces cut anywhere; :meth:`summary` closes it."""

    def __init__(self) -> None:
        self._reader = LogReader()

    def feed(self, piece: str | bytes) -> None:
        """Takes the next piece of the log."""
        self._reader.feed(piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece)

    def summary(self) -> RunSummary:
        """What the log says; nothing may be fed afterwards."""
        reader = self._reader
        reader.close()
        return _summary(reader, reader.collector.board.headline())


def _summary(reader: LogReader, series: Series | None) -> RunSummary:
    device, on_cpu = reader.devices.verdict()
    common = {"device": device, "ran_on_cpu": on_cpu, "throughput": reader.collector.throughput, "failure": reader.failures.verdict()}
    if series is None:
        return RunSummary(**common)  # type: ignore[arg-type]
    final = series.final if series.final is not None else series.best
    return RunSummary(
        metric="score" if series.key.name == "loss" and not series.lower else series.key.name,
        split=reader.collector.board.split_of(series),
        final=final,
        best=series.best,
        best_step=_whole(series.best_step),
        unit=series.unit,
        lower_is_better=series.lower,
        steps_seen=max(series.count, 1),
        points=tuple(series.curve()),
        diverged=series.nan,
        **common,  # type: ignore[arg-type]
    )


def _pieces(items: Iterable[str]) -> Iterator[str]:
    """Items that hold line ends are one stream cut anywhere; items that never do are lines."""
    held: list[str] = []
    size = 0
    rest = iter(items)
    for item in rest:
        held.append(item)
        size += len(item)
        if "\n" in item or "\r" in item:
            yield "".join(held)
            yield from rest
            return
        if size > _LOOK_AHEAD and len(held) > 1:
            break
    for item in held:
        yield item + "\n"
    for item in rest:
        yield item + "\n"


def summarise(text_or_lines: str | Iterable[str]) -> RunSummary:
    """Summarises a whole log, an iterable of lines (with or without line ends), or of pieces of a log cut anywhere.

    Never raises on any text. Memory does not grow with the log. A tail of a log gives the summary of that tail.
    """
    summariser = Summariser()
    if isinstance(text_or_lines, str):
        for at in range(0, len(text_or_lines), 1 << 20):
            summariser.feed(text_or_lines[at : at + (1 << 20)])
    else:
        for piece in _pieces(text_or_lines):
            summariser.feed(piece)
    return summariser.summary()
