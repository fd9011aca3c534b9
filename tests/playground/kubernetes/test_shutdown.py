"""Nothing is left running: no task (the server's own check), no training process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.playground.kubernetes.conftest import SAMPLE, Kube, Server, wait_until

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")


def trainers() -> list[str]:
    """Ids of our child processes that train."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if not entry.name.isdigit() or f"\nPPid:\t{os.getpid()}\n" not in (entry / "status").read_text():
                continue
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"playground.kubernetes.trainer" in command:
            found.append(entry.name)
    return found


@pytest.mark.parametrize("end", ["job deleted", "cluster deleted", "server stopped"])
def test_training_ends_with_what_it_runs_in(tmp_path: Path, end: str) -> None:
    server = Server(tmp_path)
    server.start()
    server.do(lambda: server.clusters.create("group--demo", kubernetes_version="1.34.2"))
    kube = Kube(server, "group--demo")
    kube.cpu_pool()
    kube.job("mnist", image=SAMPLE, args=["--max_steps", "1000000"])
    wait_until(trainers)
    if end == "job deleted":
        kube.delete("/apis/batch/v1/namespaces/default/jobs/mnist", {"propagationPolicy": "Background"})
        wait_until(lambda: not trainers())
    if end == "cluster deleted":
        server.do(lambda: server.clusters.delete("group--demo"))
        wait_until(lambda: not trainers())
    kube._pool.clear()
    server.stop()
    assert not trainers()
