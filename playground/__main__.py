"""``python -m playground``: a local Slack, Azure, Kubernetes and price list, an embedded Redis, and the unchanged bot on top."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import ssl
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from playground import azure, chance, control, kubernetes, pageserver, slack, valkey
from playground.azure import identity, prices
from playground.backend import ClusterBackend
from playground.clock import Clock
from playground.faults import Faults
from playground.ports import free_port
from playground.realcluster import RealCluster
from playground.tls import certificate, trusting
from playground.traffic import Traffic

HERE = Path(__file__).resolve().parent
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"


def arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m playground", description=__doc__)
    parser.add_argument("--port", type=int, default=3000, help="of the page, the local Slack and the control API (0: any free one)")
    parser.add_argument("--headless", action="store_true", help="do not say where the page is")
    parser.add_argument("--speed", type=float, default=10.0, help="how many times faster than real the cloud works")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is left to chance in the simulation")
    parser.add_argument("--slack-rate", type=float, default=1.0, help="how many times its usual rate limits Slack grants")
    parser.add_argument("--kubeconfig", type=Path, help="put this real cluster behind every simulated AKS cluster")
    parser.add_argument("--no-bot", action="store_true", help="only the simulated services")
    parser.add_argument("--ready-file", type=Path, help="written once everything answers")
    return parser.parse_args(argv)


class Playground:
    """Everything that one run starts, and ends again in the reverse order."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.clock = Clock(options.speed, folder / "clock.json")
        self.traffic = Traffic(Faults())
        self.env: dict[str, str] = {}
        self.ready: dict[str, Any] = {}
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self.processes: dict[str, asyncio.subprocess.Process] = {}

    async def open(self) -> None:
        """Start the services, then the bot."""
        chance.seed(self.options.seed)
        os.environ["PLAYGROUND_SEED"] = str(self.options.seed)  # of the training
        context, ca_file, ca_pem = certificate(self.folder)
        bundle = trusting(self.folder, ca_pem)
        page, arm, kube, price, ident, bot = self.options.port or free_port(), *(free_port() for _ in range(5))
        public = f"http://127.0.0.1:{page}"

        kube_app, simulated = kubernetes.build(self.clock, self.traffic, public_url=f"https://127.0.0.1:{kube}", ca_pem=ca_pem)
        clusters: ClusterBackend = RealCluster(self.options.kubeconfig) if self.options.kubeconfig else simulated
        arm_app, _ = azure.build(self.clock, self.traffic, clusters, public_url=f"https://127.0.0.1:{arm}")
        manifest = HERE.parent / "manifests" / "slack-app.json"
        slack_app, workspace = slack.build(
            self.clock, self.traffic, public_url=public, manifest=json.loads(manifest.read_text()) if manifest.exists() else None,
            rate=self.options.slack_rate,
        )  # fmt: skip
        control.add_routes(slack_app, self.clock, self.traffic)
        pageserver.add_routes(slack_app)
        ident_app = web.Application(middlewares=[self.traffic.middleware("identity")])
        identity.add_routes(ident_app)
        await self._serve(kube_app, kube, context)
        await self._serve(arm_app, arm, context)
        await self._serve(prices.build(self.traffic, public_url=f"http://127.0.0.1:{price}"), price)
        await self._serve(ident_app, ident)
        await self._serve(slack_app, page)
        redis, redis_url = await valkey.start(self.folder)
        self.processes["redis"] = redis
        self.env = {
            "SLACK_BOT_TOKEN": workspace.bot_token, "SLACK_SIGNING_SECRET": workspace.signing_secret, "SLACK_APP_TOKEN": workspace.app_token,
            "SLACK_CONFIG_TOKEN": workspace.config_token, "SLACK_RATE_GRANTED": str(self.options.slack_rate),
            "SLACK_API_BASE_URL": f"{public}/api/", "PORT": str(bot), "REDIS_URL": redis_url, "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "AZURE_ARM_BASE_URL": f"https://127.0.0.1:{arm}", "AZURE_PRICES_URL": f"http://127.0.0.1:{price}/api/retail/prices",
            "IDENTITY_ENDPOINT": f"http://127.0.0.1:{ident}/msi/token", "IDENTITY_HEADER": identity.HEADER,
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential", "SSL_CERT_FILE": str(bundle),
            "QUARTERMASTER_POLICY": str(HERE / "policy.toml"), "QUARTERMASTER_CLOCK_FILE": str(self.folder / "clock.json"),
            "QUARTERMASTER_OBSERVE_SECONDS": "2", "QUARTERMASTER_SWEEP_SECONDS": "2", "QUARTERMASTER_JOB_LOOK_SECONDS": "2",
            "QUARTERMASTER_SETTLE_SECONDS": "5", "QUARTERMASTER_PATROL_SECONDS": "2",
        }  # fmt: skip
        if not self.options.no_bot:
            for name in ("web", "worker", "clock"):
                self.processes[name] = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", name, env={**os.environ, **self.env})
            await self._answering(f"http://127.0.0.1:{bot}/readyz")
        self.ready = {
            "page": f"{public}/", "control": f"{public}/_control", "slack": f"{public}/api/", "azure": self.env["AZURE_ARM_BASE_URL"],
            "prices": self.env["AZURE_PRICES_URL"], "kubernetes": f"https://127.0.0.1:{kube}", "redis": redis_url, "env": self.env,
            "ca": str(ca_file), "pids": {"playground": os.getpid(), **{name: process.pid for name, process in self.processes.items()}},
        }  # fmt: skip

    async def close(self) -> None:
        """End the bot, then Redis, then the services; nothing is left running."""
        for name in ("clock", "worker", "web", "redis"):
            process = self.processes.get(name)
            if process is None or process.returncode is not None:
                continue
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 12)
            except TimeoutError:
                process.kill()
        for close in reversed(self._closing):
            await close()

    async def _serve(self, app: web.Application, port: int, context: ssl.SSLContext | None = None) -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        self._closing.append(runner.cleanup)

    async def _answering(self, url: str) -> None:
        """Wait until `url` answers 200. Raises RuntimeError if a process of the bot ends meanwhile."""
        import aiohttp

        async with aiohttp.ClientSession() as session:
            for _ in range(600):
                for name, process in self.processes.items():
                    if process.returncode is not None:
                        raise RuntimeError(f"{name} ended with {process.returncode} while starting")
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(url) as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)
        raise RuntimeError(f"{url} did not become ready within 60 s")


async def run(options: argparse.Namespace) -> int:
    """Open, say so, and wait for the end."""
    folder = Path(tempfile.mkdtemp(prefix="quartermaster-"))
    playground = Playground(options, folder)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    try:
        await playground.open()
        if options.ready_file:
            staged = options.ready_file.with_suffix(".new")
            staged.write_text(json.dumps(playground.ready))
            os.replace(staged, options.ready_file)
        if not options.headless:
            print(f"Quartermaster's playground is at {playground.ready['page']}  (Ctrl-C ends it)", flush=True)
            print("Try in #gpu:  /gpu cluster create demo --region eastus --size Standard_NC4as_T4_v3 --nodes 1 --for 8h", flush=True)
        await ended.wait()
        return 0
    finally:
        await playground.close()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(run(arguments(sys.argv[1:]))))
