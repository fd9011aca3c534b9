"""The page on job templates: everything that it shows can be loaded, typed and run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client.models.v1_job import V1Job

from bot.cluster.indexed import indexed
from bot.cluster.render import RunSpec, render
from bot.cluster.safety import unsafe
from bot.cluster.templates import Template, from_image, from_manifest, load_templates
from bot.commands import BY_KIND, Request, parse, parse_mention
from bot.commands.definitions_jobs import JOBS
from bot.operations.running import arguments_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "job-templates.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
COMMANDS = [line for language, body in BLOCKS if not language for line in body.splitlines()]
INLINE = [text for text in re.findall(r"`(/gpu [^`]+)`", PAGE) if "NAME" not in text]


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """The page's own templates beside those that come along."""
    folder = tmp_path_factory.mktemp("templates")
    for number, body in enumerate(body for language, body in BLOCKS if language == "yaml" and body.startswith("template:")):
        (folder / f"{number}.yaml").write_text(body)
    return load_templates([ROOT / "manifests" / "jobs", folder])


def rendered(values: dict[str, Any], template: Template) -> dict[str, Any]:
    job = render(RunSpec(
        template=template, name="run1", op="op1", owner="U0ALICE", gpus=values.get("gpus"), env=values.get("env") or {}, args=arguments_of(values),
        timeout=values.get("timeout_seconds"), retries=values.get("retries"), cpu=values.get("cpu"), memory=values.get("memory"),
        secrets=tuple(values.get("secrets") or ()), pool=values.get("pool"), spot_ok=bool(values.get("spot_ok")),
    ))  # fmt: skip
    return indexed(job, int(values["pods"])) if values.get("pods") else job


def accepted(job: dict[str, Any]) -> bool:
    """Whether the official model of a Job takes it."""
    for item in job["spec"]["template"]["spec"]["containers"]:
        for amounts in item["resources"].values():
            amounts.update({key: str(value) for key, value in amounts.items()})
    return V1Job.from_dict(yaml.safe_load(yaml.safe_dump(job))) is not None and "${" not in yaml.safe_dump(job)


@pytest.mark.parametrize("line", [*COMMANDS, *INLINE])
def test_every_command_on_the_page_can_be_typed_and_its_job_rendered(line: str, templates: dict[str, Template]) -> None:
    request = parse(line, templates=templates)
    assert isinstance(request, Request), request
    values = dict(request.values)
    if request.kind == "job.run":
        template = templates[values["template"]] if "template" in values else from_image(values["image"])
        assert accepted(rendered(values, template))


def test_both_ways_to_set_parameters_come_to_the_same(templates: dict[str, Template]) -> None:
    one, other = (parse(line, templates=templates) for line in COMMANDS[:2])
    assert isinstance(one, Request)
    assert isinstance(other, Request)
    jobs = [rendered(dict(request.values), templates["finetune"]) for request in (one, other)]
    assert jobs[0] == jobs[1]
    assert jobs[0]["spec"]["template"]["spec"]["containers"][0]["args"] == ["--epochs", "5", "--lr=0.0003", "--data", "small"]


def test_every_manifest_on_the_page_runs() -> None:
    manifests = [body for language, body in BLOCKS if language == "yaml" and body.startswith("apiVersion:")]
    assert manifests
    for body in manifests:
        template = from_manifest(body)
        assert unsafe(template.manifest) == []
        assert accepted(rendered({}, template))


@pytest.mark.parametrize("said", re.findall(r"`(@quartermaster [^`]+)`", PAGE))
def test_every_mention_on_the_page_is_understood(said: str) -> None:
    assert isinstance(parse_mention(said.replace("@quartermaster", "<@U0QM>")), Request)


def test_every_option_of_run_is_on_the_page() -> None:
    documented = set(re.findall(r"--[a-z-]+", PAGE))
    assert {f"--{option.name}" for option in BY_KIND["job.run"].options} <= documented
    known = {f"--{option.name}" for command in JOBS for option in command.options}
    assert {word for row in re.findall(r"^\| (`--.*?) \|", PAGE, re.MULTILINE) for word in re.findall(r"--[a-z-]+", row)} <= known
