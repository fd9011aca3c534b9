"""A bot in HTTP mode whose log is kept, on a playground: what an attacker, a guest and a careless person meet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_sync

from playground.ports import free_port
from tests.playing import ROOT, Playing, playing, wait_until

LOGS = Path(tempfile.mkdtemp(prefix="security-"))
REDIS_PASSWORD, IDENTITY_HEADER = "QmSeedRedisPassword0123456789", "QmSeedIdentityHeader0123456789"
PORTS: dict[str, int] = {}
"""Where `worker` and `clock` answer probes and metrics."""


def started(play: Playing, name: str) -> None:
    """One of the bot's processes, its log in a file, without an app token: so signed HTTP."""
    env = {**os.environ, **play.ready["env"], "SLACK_APP_TOKEN": "", "QUARTERMASTER_LOG_LEVEL": "DEBUG"}
    env["QUARTERMASTER_PROBE_PORT"] = str(PORTS.setdefault(name, free_port()))
    with (LOGS / f"{name}.log").open("wb") as log:
        play.bots[name] = subprocess.Popen([sys.executable, "-m", "bot", name], cwd=ROOT, env=env, stderr=log, stdout=log)


@pytest.fixture(scope="package")
def play() -> Iterator[Playing]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAYGROUND_IDENTITY_HEADER", IDENTITY_HEADER)
        yield from guarded()


def guarded() -> Iterator[Playing]:
    """With a password on its Redis."""
    with playing("--no-bot", speed=200) as running:
        redis_sync.Redis.from_url(running.ready["redis"]).config_set("requirepass", REDIS_PASSWORD)
        url = str(running.ready["redis"]).replace("unix://", f"unix://:{REDIS_PASSWORD}@")
        running.ready["redis"] = running.ready["env"]["REDIS_URL"] = url
        for name in ("web", "worker", "clock"):
            started(running, name)
        url = f"http://127.0.0.1:{running.ready['env']['PORT']}/slack/events"
        wait_until(lambda: running.call("POST", "/delivery", {"mode": "http", "url": url}).get("ok"), 30, "the bot to answer the challenge")
        wait_until(lambda: "On it" in running.command("sizes"), 30, "web to answer")
        yield running


@pytest.fixture
def socket_port(play: Playing) -> Iterator[int]:
    """The port of one more `web`, in Socket Mode: once it is connected."""
    port = free_port()
    process = play.bot("web", "socket", PORT=str(port))

    def connected() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return bool(json.loads(answer.read())["socket"]["connected"])
        except OSError:
            return False

    wait_until(connected, 30, "a socket")
    yield port
    process.kill()
    process.wait()


@pytest.fixture
def logs() -> Path:
    """The folder of the processes' logs."""
    return LOGS
