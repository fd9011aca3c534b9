"""Logs as a run's result is read from them: an API server that cuts one short, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.cluster.access import Access
from bot.cluster.jobstate import JobState, PodState
from bot.operations import reading

LINES = [f"Accuracy at step {step}: 0.{step:04d}" for step in range(0, 1000, 10)]


@pytest.fixture
async def served() -> AsyncIterator[tuple[Access, dict[str, str]]]:
    """An API server whose pod logs are `log`, of which a stream carries only `sent`."""
    stock: dict[str, str] = {}

    async def answer(request: web.Request) -> web.Response:
        if "tailLines" in request.query:
            return web.Response(text="".join(stock["log"].splitlines(keepends=True)[-int(request.query["tailLines"]) :]))
        return web.Response(text=stock["sent"])

    app = web.Application()
    app.router.add_get("/api/v1/namespaces/default/pods/p/log", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{runner.addresses[0][1]}"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }
    access = Access.from_kubeconfig(config, cluster="cutting")
    yield access, stock
    access.close()
    await runner.cleanup()


def state(phase: str = "succeeded") -> JobState:
    return JobState("default", "j", "succeeded", pods=(PodState("p", phase, log=True),))  # type: ignore[arg-type]


@pytest.mark.parametrize("sent", [40, 99, 100])
async def test_a_stream_that_was_cut_does_not_make_its_last_line_the_result(served: tuple[Access, dict[str, str]], sent: int) -> None:
    access, stock = served
    stock["log"], stock["sent"] = "\n".join(LINES) + "\n", "\n".join(LINES[:sent]) + "\n"
    ((_, summary),) = await reading.summaries(access, state())
    assert (summary.final, summary.points[-1][0]) == (0.099, 990)


async def test_a_log_that_still_grows_is_not_taken_for_a_cut_one(served: tuple[Access, dict[str, str]]) -> None:
    access, stock = served
    stock["log"], stock["sent"] = "\n".join(LINES), "\n".join(LINES[:40])
    ((_, summary),) = await reading.summaries(access, state("running"))
    assert summary.points[-1][0] == 390


async def test_an_empty_log_has_no_result_and_is_no_error(served: tuple[Access, dict[str, str]]) -> None:
    access, stock = served
    stock["log"] = stock["sent"] = ""
    ((_, summary),) = await reading.summaries(access, state())
    assert summary.final is None
