"""A bot whose processes all answer probes, on a playground: what an operator sees of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from playground.ports import free_port
from tests.playing import ROOT, Playing, playing, wait_until

QUICK = {"QUARTERMASTER_OBSERVE_SECONDS": "1"}


@dataclass
class Operated:
    """The playground, the ports on which the three processes answer, and their logs."""

    play: Playing
    ports: dict[str, int]
    logs: Path
    extra: dict[str, str] = field(default_factory=dict)

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """One process, its log in a file."""
        env = {**os.environ, **self.play.ready["env"], **QUICK, "QUARTERMASTER_LOG_LEVEL": "DEBUG", **self.extra}
        env |= {"QUARTERMASTER_PROBE_PORT": str(self.ports[name])}
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "bot", name], cwd=ROOT, env=env, stderr=log, stdout=log)
        self.play.bots[name] = process
        return process

    def get(self, name: str, path: str) -> tuple[int, str]:
        """Status and body; status 0 where nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def ready(self, name: str) -> dict[str, Any]:
        """What ``/readyz`` says, with its status."""
        status, body = self.get(name, "/readyz")
        return {"status": status, **(json.loads(body) if status else {})}

    def metric(self, name: str, line: str) -> float:
        """The sum of the samples whose line begins with that regular expression; 0 where there is none."""
        samples = re.findall(rf"^{line}[^ ]* ([^ \n]+)$", self.get(name, "/metrics")[1], re.MULTILINE)
        return sum(float(value) for value in samples)

    def lines(self, name: str) -> list[dict[str, Any]]:
        """What the process logged."""
        return [json.loads(line) for line in (self.logs / f"{name}.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def operated() -> Iterator[Operated]:
    with tempfile.TemporaryDirectory(prefix="operated-") as folder, playing("--no-bot", speed=200) as play:
        ports = {"web": int(play.ready["env"]["PORT"]), "worker": free_port(), "clock": free_port()}
        running = Operated(play, ports, Path(folder))
        for name in ports:
            running.start(name)
        for name in ports:
            wait_until(lambda name=name: running.ready(name)["status"] == 200, 60, f"{name} to be ready")  # type: ignore[misc]
        yield running
