"""The same bot behind signed HTTP instead of Socket Mode; and a real cluster's kubeconfig behind the simulated AKS."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from playground import kubernetes
from playground.backend import Pool
from playground.clock import Clock
from playground.faults import Faults
from playground.tls import certificate
from playground.traffic import Traffic
from tests.playing import ALICE, BOB, Playing, playing, wait_until


def test_over_signed_http_the_same_story_begins(tmp_path: Path) -> None:
    with playing("--no-bot", speed=200) as play:
        port = play.ready["env"]["PORT"]
        play.call("POST", "/delivery", {"mode": "http", "url": f"http://127.0.0.1:{port}/slack/events"})
        play.bot("web", SLACK_APP_TOKEN="")
        play.bot("worker")
        wait_until(lambda: "On it" in play.command("cluster create overhttp --size Standard_NC4as_T4_v3 --for 1h"), 30)
        card = play.card("cluster overhttp(.|\n)*Waiting for approval")
        play.click(card, "approve", BOB)
        play.reply(card["ts"], "Approved by")
        play.mention(card["ts"], "cancel", ALICE)
        play.reply(card["ts"], "Cancelled", seconds=60)


class Elsewhere:
    """A cluster that the playground knows nothing of but its kubeconfig: nodes and all live in another server."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self.kubeconfig = folder / "kubeconfig"
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())

    async def _serve(self) -> None:
        context, _, ca_pem = certificate(self._folder)
        app, clusters = kubernetes.build(Clock(200.0), Traffic(Faults()), public_url=f"https://127.0.0.1:{self._port}", ca_pem=ca_pem)
        self._runner = web.AppRunner(app, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=context).start()
        clusters.create("kind--real", kubernetes_version="1.35.1")
        size = {"vm_size": "Standard_NC4as_T4_v3", "gpu_count": 1, "gpu_model": "T4", "vcpus": 4, "memory_gib": 28.0}
        clusters.set_pool("kind--real", Pool(name="gpu", count=1, taints=["sku=gpu:NoSchedule"], **size))  # type: ignore[arg-type]
        self.kubeconfig.write_text(clusters.kubeconfig("kind--real"))

    def __enter__(self) -> Elsewhere:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    from playground.ports import free_port

    with Elsewhere(tmp_path, free_port()) as cluster:
        yield cluster


def test_the_story_runs_on_a_cluster_that_only_a_kubeconfig_leads_to(elsewhere: Elsewhere) -> None:
    with playing("--kubeconfig", str(elsewhere.kubeconfig), speed=200) as play:
        run(play)


def run(play: Playing) -> None:
    play.command("cluster create real --size Standard_NC4as_T4_v3 --for 1h")
    card = play.card("cluster real(.|\n)*Waiting for approval")
    play.click(card, "approve", BOB)
    play.reply(card["ts"], "Proven: ", seconds=90)
    play.command("run mnist --on real")
    job = play.card(r"mnist-\w+ on real")
    play.reply(job["ts"], "succeeded: final", seconds=90)
