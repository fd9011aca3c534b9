"""The Kubernetes tests against a cluster that they did not make: what somebody does who sets QUARTERMASTER_TEST_KUBECONFIG."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.journeys.looking import Looking
from tests.playing import ROOT


def test_the_same_tests_run_against_any_cluster_by_its_kubeconfig(lab: Looking, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(lab.kubeconfig)
    tests = ["tests/cluster/test_story.py", "tests/cluster/test_jobs_http.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *tests, "-q", "-rsp", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=ROOT, env={**os.environ, "QUARTERMASTER_TEST_KUBECONFIG": str(kubeconfig)}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    for test in ("test_story.py::test_from_bare_nodes_to_the_accuracy", "test_jobs_http.py::test_an_indexed_job_runs_all_its_pods"):
        assert f"PASSED tests/cluster/{test}" in done.stdout
    reasons = set(re.findall(r"SKIPPED \[\d+\] \S+ (.*)", done.stdout))
    assert reasons == {"it breaks or rebuilds the cluster, which is done to a simulated one only: QUARTERMASTER_TEST_KUBECONFIG is set"}
