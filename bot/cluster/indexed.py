"""A Job of several pods that are told apart by their index (Kubernetes: Indexed Jobs)."""

from __future__ import annotations

from bot.cluster.objects import Json


def indexed(job: Json, pods: int, *, at_once: int | None = None) -> Json:
    """`job` with `pods` pods, all at the same time unless `at_once` says how many; each finds its number in JOB_COMPLETION_INDEX."""
    body = job["spec"]
    body.update(completionMode="Indexed", completions=pods, parallelism=min(pods, at_once or pods))
    return job
