"""The container runs as nobody, writes nothing and may do nothing; the manifests ask for the probes that there are."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from kubernetes.client import ApiClient, models

from bot.__main__ import PROCESSES
from tests.playing import ROOT

OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all((ROOT / "manifests" / "deployment.yaml").read_text()))
DEPLOYMENTS = [one for one in OBJECTS if one["kind"] == "Deployment"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SETTINGS = (ROOT / "bot" / "settings.py").read_text()
each = pytest.mark.parametrize("one", DEPLOYMENTS, ids=lambda one: one["metadata"]["name"])


def container(one: dict[str, Any]) -> dict[str, Any]:
    """The one container of a Deployment."""
    (found,) = one["spec"]["template"]["spec"]["containers"]
    return dict(found)


def image_env() -> dict[str, str]:
    """What the image's last stage sets."""
    return dict(part.split("=", 1) for line in re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE) for part in line.split())


def test_all_three_processes_are_there_in_manifests_and_procfile() -> None:
    assert sorted(one["metadata"]["name"] for one in DEPLOYMENTS) == sorted(PROCESSES)
    assert [container(one)["args"] for one in DEPLOYMENTS] == [[one["metadata"]["name"]] for one in DEPLOYMENTS]
    assert dict(line.split(": ") for line in (ROOT / "Procfile").read_text().splitlines()) == {name: f"python -m bot {name}" for name in PROCESSES}


@pytest.mark.parametrize("one", OBJECTS, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_kubernetes_knows_every_field_of_the_manifests(one: dict[str, Any]) -> None:
    # The official client's models drop what they do not know: a misspelt probe would not come back.
    known = getattr(models, f"V1{one['kind']}").from_dict(one)
    assert ApiClient().sanitize_for_serialization(known) == one  # type: ignore[no-untyped-call]


@each
def test_a_process_is_locked_down(one: dict[str, Any]) -> None:
    pod = one["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    rules = container(one)["securityContext"]
    assert rules["readOnlyRootFilesystem"] is True
    assert rules["allowPrivilegeEscalation"] is False
    assert rules["capabilities"] == {"drop": ["ALL"]}
    assert "memory" in container(one)["resources"]["limits"]
    # Nothing that could be written to is mounted: test_read_only shows that nothing is needed.
    assert all("configMap" in volume for volume in pod["volumes"])
    assert all(mount["readOnly"] for mount in container(one)["volumeMounts"])


@each
def test_secrets_come_from_the_secret_and_every_variable_is_one_that_the_settings_know(one: dict[str, Any]) -> None:
    for variable in container(one)["env"]:
        assert variable["name"] in SETTINGS
        assert not re.search("TOKEN|SECRET|REDIS_URL", variable["name"])
    assert container(one)["envFrom"] == [{"secretRef": {"name": "quartermaster"}}]


@each
def test_probes_ask_the_port_on_which_the_image_answers_and_wait_long_enough_for_a_frozen_redis(one: dict[str, Any]) -> None:
    (port,) = container(one)["ports"]
    variable = "PORT" if one["metadata"]["name"] == "web" else "QUARTERMASTER_PROBE_PORT"
    assert image_env()[variable] == str(port["containerPort"])
    for kind, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        probe = container(one)[kind]
        assert probe["httpGet"] == {"path": path, "port": port["name"]}
        assert probe["timeoutSeconds"] >= 3
    assert one["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])


def test_a_rollout_takes_no_web_away_before_another_is_ready_and_drains_longer_than_the_process_takes() -> None:
    rollouts = {one["metadata"]["name"]: one["spec"].get("strategy", {}).get("rollingUpdate", {}) for one in DEPLOYMENTS}
    assert rollouts["web"]["maxUnavailable"] == 0
    assert all(one["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= 15 for one in DEPLOYMENTS)


def test_the_image_runs_as_nobody_and_copies_only_what_exists() -> None:
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["65532:65532"]
    assert DOCKERFILE.rindex("USER ") > DOCKERFILE.rindex("RUN ") > DOCKERFILE.rindex("COPY ")
    sources = [source for line in re.findall(r"^COPY (?!--)(.*)$", DOCKERFILE, re.MULTILINE) for source in line.split()[:-1]]
    assert {"bot", "handlers", "manifests", "pyproject.toml"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert not re.search(r"^ADD |https?://|:latest", DOCKERFILE, re.MULTILINE)


def test_every_dependency_has_an_upper_bound() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"], *(one for extra in extras for one in extra)]
    assert [one for one in wanted if "<" not in one and not one.startswith("quartermaster[")] == []
