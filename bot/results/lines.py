"""From raw bytes to clean lines: progress bars, terminal colours, time stamps, log levels, and the pod or rank that speaks."""

from __future__ import annotations

import re
from typing import Final

from bot.results.stream import shortened

_LONGEST_PREFIX: Final = 300
_ANSI: Final = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n\r]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_BARS: Final = ((b"%|", re.compile(rb"%\|[ #0-9\x80-\xff]*\|"), b"%||"), (b"[=", re.compile(rb"\[=[=>.]*\]"), b"[====>..]"))
"""How far a progress bar is drawn: decoration that would make every line another."""
_BACK: Final = re.compile(rb"\x08+")
_CONTROL: Final = bytes(c for c in range(32) if c not in (9, 10, 13)) + b"\x7f"

_STAMP = r"\[?\(?\d{4}[-/]\d\d[-/]\d\d[T :,\-]+\d\d:\d\d(?::\d\d)?(?:[.,:]\d+)?(?:Z|\s?[+-]\d\d:?\d\d)?(?=[\]\s|,;:)\-])[\])]?"
_LEVELS = r"INFO|WARNING|WARN|ERROR|DEBUG|CRITICAL|NOTICE|TRACE|info|warning|warn|error|debug"
_WHO = "worker|master|chief|ps|launcher|trainer|train|node|host|server|pod|job|client|learner|actor|head|ip"
_ENDS: Final = frozenset("0123456789Z]>)|:F-")
_CONTAINER = "main|pytorch|tensorflow|jax|mpi|app|train|trainer|worker|launcher|master|container"  # as stern prints it behind the pod
_PREFIX: Final = re.compile(
    r"\s*(?:"
    rf"{_STAMP}(?:[\s,|:]|-(?!\d))*"
    r"|\[?\d\d[/-]\d\d(?:[/-]\d\d(?:\d\d)?)? \d\d:\d\d:\d\d(?:[.,]\d+)?(?: [\w.]+)?\]?:?[\s|\-]+"
    r"|\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?[\s|:\-]+(?=\D)"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d:\d\d [\w.\-]+ [\w.\-/]+(?:\[\d+\])?: "
    r"|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? (?:\d\d? [A-Z][a-z]{2}|[A-Z][a-z]{2} +\d\d?)(?: \d{4})? \d\d:\d\d:\d\d(?: \d{4})?[\s:|\-]+"
    r"|\[(?:[^\]\[]{0,40}[ \]])?\d\d:\d\d:\d\d(?:[.,]\d+)?(?:[ ,][^\]\[]{0,60})?\][\s:|\-]*"
    r"|\[\s*[\w./\-]+\.py\](?:\[line: *\d+\])?[\s:|\-]*|\[ +(?:INFO|WARNING|ERROR|DEBUG)\s*\][\s:|\-]*"
    r"|wandb: (?=\s*\S)|copypaste: (?=\S)"
    r"|(?:std(?:out|err)) [FP] "
    r"|[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [\w.\-/]+:\d+\] ?"
    rf"|(?:(?:{_LEVELS}) )?\w+\$\w+: |\[?(?:{_LEVELS})\]?(?:[:|][\w.]*[:|]|[:|\s]|(?<=\])|\s-\s)[\s|\-]*"
    r"|\|?\d{4}-\d\d-\d\dT[\d:]+\||/[\w./\-]+\.py\|\d+\|"
    r"|[\[(][\w./\-]+\.(?:py|cc|cpp|cu)[:,( ]+\d+[^\])]{0,60}[\])]:?\s?"
    r"|- [\w.]+ - (?=[A-Z]|INFO|WARN)|__main__ -\s+(?=\S)|\[[EWIF] [\w.]+:\d+\] "
    rf"|\w[\w.]{{0,100}}\.\w{{1,60}} (?:{_LEVELS}):? |[a-z_]{{1,40}} (?:{_LEVELS}): "
    r"|[\w./\-]+\.py:\d+:? (?=\S)"
    r"|(?P<who>\[(?:[Pp]od |pod/)[^\]\s]+(?: [^\]]*)?\]:? ?|\[rank:? ?\d+\]:? ?|\[Rank:? ?\d+\]:? ?|[Rr]ank:? ?\d+ ?: |\[default\d+\]: ?"
    r"|\[\d+,\d+\]<std(?:out|err)>: ?"
    r"|\([\w.]+ pid=\d+(?:, ip=[\d.]+)?\) ?"
    rf"|(?:[\w.\-]*[\-_.])?(?:{_WHO})[\w.\-]*[\-_]\d+(?: +\| |: (?=\S)| (?:{_CONTAINER}) ))"
    r")"
)


def clean_block(block: bytes) -> bytes:
    """Whole lines of raw output with colours and control characters gone and every carriage return made a line end."""
    if b"\r" in block:
        # Empty lines mean nothing; fewer of them leave longer runs of alike lines.
        block = block.replace(b"\r\n", b"\n").replace(b"\n\r", b"\n").replace(b"\r", b"\n")
    if b"\b" in block:
        block = _BACK.sub(b"\n", block)  # Keras goes back over its bar so
    block = shortened(block)
    if b"\x1b" in block:
        block = _ANSI.sub(b"", block)
    for mark, bar, drawn in _BARS:
        if mark in block:
            block = bar.sub(drawn, block)
    return block.translate(None, _CONTROL)


def strip_prefix(line: str) -> tuple[str, str]:
    """`(source, text)`: the pod or rank that the line names (may be empty) and what it says without stamps and levels."""
    source, at = "", 0
    for _ in range(8):
        found = _PREFIX.match(line, at, at + _LONGEST_PREFIX)
        if found is None or found.end() == at:
            break
        if found["who"]:  # the innermost: a rank rather than its launcher
            source = found["who"].strip(" :|[]()")
        at = found.end()
    head = line[:at].rstrip(" ")
    if at - len(head) > 1 and head[-1:] in _ENDS:
        at = len(head) + 1  # what stands in from a stamp or a name is the line's own: code inside a traceback
    return source, line[at:] if at else line
