"""The container runs as nobody, writes nothing and may do nothing."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.playing import ROOT

DEPLOYMENTS: list[dict[str, Any]] = [
    one for one in yaml.safe_load_all((ROOT / "manifests" / "deployment.yaml").read_text()) if one["kind"] == "Deployment"
]


def test_all_three_processes_are_there() -> None:
    assert sorted(one["metadata"]["name"] for one in DEPLOYMENTS) == ["clock", "web", "worker"]


@pytest.mark.parametrize("one", DEPLOYMENTS, ids=lambda one: one["metadata"]["name"])
def test_a_process_is_locked_down(one: dict[str, Any]) -> None:
    pod = one["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        rules = container["securityContext"]
        assert rules["readOnlyRootFilesystem"] is True
        assert rules["allowPrivilegeEscalation"] is False
        assert rules["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
        assert not any("TOKEN" in variable["name"] or "SECRET" in variable["name"] for variable in container["env"])


def test_the_image_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1].split(":")[0] not in ("0", "root")
