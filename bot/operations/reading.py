"""Reads the logs of a Job's pods: the newest lines while it runs, a summary of each at its end, all of it as one text. Secrets never pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from bot.cluster import logs
from bot.cluster.access import Access
from bot.cluster.jobstate import JobState, PodState
from bot.cluster.masking import mask
from bot.errors import Failed
from bot.results import RunSummary
from bot.results.summary import Summariser

T = TypeVar("T")
TAIL_LINES: Final = 200
LIVE_PODS: Final = 8
READ_PODS: Final = 32
READ_BYTES: Final = 64 * 1024 * 1024
END_LINES: Final = 2000
AT_ONCE: Final = 4


def telling(state: JobState) -> list[PodState]:
    """The pods whose logs tell how it went: for an Indexed Job the newest of each index, else the one that runs or ran last."""
    readable = [pod for pod in state.pods if pod.log]
    if not any(pod.index is not None for pod in readable):
        return [pod for pod in readable if pod.name == state.pod]
    newest = {pod.index: pod for pod in sorted(readable, key=lambda pod: pod.phase in ("running", "succeeded")) if pod.index is not None}
    return [newest[index] for index in sorted(newest)]


async def tails(access: Access, state: JobState) -> list[tuple[PodState, str]]:
    """The newest lines of each pod that runs; a pod that is gone meanwhile is left out."""
    running = [pod for pod in telling(state) if pod.phase == "running"][:LIVE_PODS]

    async def read(pod: PodState) -> str:
        return await logs.tail(access, state.namespace, pod.name, TAIL_LINES) or ""

    return [(pod, text) for pod, text in zip(running, await _each(running, read), strict=True) if text]


async def summaries(access: Access, state: JobState) -> list[tuple[PodState, RunSummary]]:
    """What each pod's log comes to. A log beyond its share of 64 MiB is read at both ends, and so is one whose stream was cut."""
    pods = telling(state)[:READ_PODS]

    async def read(pod: PodState) -> RunSummary | None:
        return await _summary(access, state.namespace, pod, READ_BYTES // max(1, len(pods)))

    return [(pod, summary) for pod, summary in zip(pods, await _each(pods, read), strict=True) if summary is not None]


async def everything(access: Access, state: JobState, limit: int) -> str:
    """All logs one after the other, oldest pod (or lowest index) first, each line prefixed where there are several.

    At most `limit` bytes, shared evenly; of a longer log beginning and end are kept, and what is left out is said.
    """
    pods = sorted((pod for pod in state.pods if pod.log), key=lambda pod: pod.index if pod.index is not None else -1)[:READ_PODS]
    share = limit // max(1, len(pods))

    async def read(pod: PodState) -> str:
        return await _ends(access, state.namespace, pod.name, share)

    texts = await _each(pods, read)
    if len(pods) <= 1:
        return texts[0] or "" if texts else ""
    return "\n".join(_prefixed(label(pod, pods), text or "") for pod, text in zip(pods, texts, strict=True))


def label(pod: PodState, pods: Sequence[PodState]) -> str:
    """How one of several pods is called: by its index, with the attempt where an index had several, or by the attempt alone."""
    same = [one.name for one in pods if one.index == pod.index]
    attempt = f"attempt {same.index(pod.name) + 1}"
    if pod.index is None:
        return attempt
    return f"pod {pod.index}" + (f" {attempt}" if len(same) > 1 else "")


def _prefixed(name: str, text: str) -> str:
    return "\n".join(f"[{name}] {line}" for line in text.splitlines())


async def _ends(access: Access, namespace: str, pod: str, limit: int) -> str:
    found = await logs.whole(access, namespace, pod, limit_bytes=limit)
    if found is None or not found.truncated:
        return found.text if found else ""
    end = (await logs.tail(access, namespace, pod, END_LINES) or "")[-limit // 2 :]
    return f"{found.text[: limit // 2]}\n[… the middle of this log is left out: it is longer than {limit // 1000} kB …]\n{end.partition(chr(10))[2]}"


async def _summary(access: Access, namespace: str, pod: PodState, limit: int) -> RunSummary | None:
    def read() -> tuple[Summariser, bool, bytes] | None:
        stream = logs.open_stream(access, namespace, pod.name)
        if stream is None:
            return None
        summariser, size, end = Summariser(), 0, b""
        for chunk in stream:
            summariser.feed(chunk)
            size += len(chunk)
            end = (end + chunk)[-logs.END_BYTES :]
            if size > limit:
                stream.close()
                break
        return summariser, size > limit, end

    found = await access.run(read)
    if found is None:
        return None
    summariser, cut, end = found
    ended = pod.phase in ("succeeded", "failed")
    if cut or (ended and not await logs.ends_with(access, namespace, pod.name, end)):
        summariser.feed("\n" + _unseen(end, await logs.tail(access, namespace, pod.name, END_LINES) or ""))
    return masked(summariser.summary())


def _unseen(end: bytes, tail: str) -> str:
    """The lines of `tail` that follow the last whole line of what was read; all of them where it is not among them."""
    last = mask(end.decode("utf-8", "replace").rpartition("\n")[0].rpartition("\n")[2])
    _, found, after = tail.rpartition(last + "\n")
    return after if last and found else tail


def masked(summary: RunSummary) -> RunSummary:
    """The summary with secrets taken out of whatever it quotes from the log."""
    return replace(
        summary,
        device=mask(summary.device) if summary.device else None,
        failure=mask(summary.failure) if summary.failure else None,
        throughput=mask(summary.throughput) if summary.throughput else None,
    )


async def _each(pods: Sequence[PodState], read: Callable[[PodState], Awaitable[T]]) -> list[T | None]:
    """`read` for every pod, a few at a time; None for one that is gone (Kubernetes deletes pods of a Job that ran out of time)."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(pod: PodState) -> T | None:
        async with slots:
            try:
                return await read(pod)
            except Failed as error:
                if error.code != "cluster.not_found":
                    raise
                return None

    return list(await asyncio.gather(*(one(pod) for pod in pods)))
