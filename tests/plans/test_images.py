"""The policy's list of images holds for whatever runs: images, manifests and templates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.approvals.gate import Gate
from bot.clock import Clock
from bot.cluster.render import RunSpec, render
from bot.cluster.templates import load_templates
from bot.plans.work import foreign_images
from tests.playing import GPU, ROOT, Playing, playing, wait_until

TEMPLATES = load_templates([ROOT / "manifests" / "jobs"])
TEAMS = """
template: teams
parameters: {{image: {{type: string, default: "ghcr.io/our-team/x:1"}}}}
manifest:
  apiVersion: batch/v1
  kind: Job
  spec: {{template: {{spec: {{containers: [{{name: main, image: "{image}"}}]}}}}}}
"""


@pytest.mark.parametrize("policy", ["playground/policy.toml", "manifests/policy.example.toml"])
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_templates_that_come_along_run_under_the_policies_that_come_along(name: str, policy: str) -> None:
    job = render(RunSpec(template=TEMPLATES[name], name="a", op="o", owner="u"))
    assert foreign_images(job, Gate.open(ROOT / policy, Clock()).policy) == []


@pytest.mark.parametrize("image", ["ghcr.io/our-team/../evil/x:1", "<!channel>", "evil.io/x:1", "ghcr.io/our-team", ""])
def test_an_image_in_an_init_container_or_a_parameter_is_held_to_the_list_too(tmp_path: Path, image: str) -> None:
    (tmp_path / "teams.yaml").write_text(TEAMS.format(image="${image}"))
    template = load_templates([tmp_path])["teams"]
    policy = Gate.open(ROOT / "manifests" / "policy.example.toml", Clock()).policy
    job = render(RunSpec(template=template, name="a", op="o", owner="u"))
    assert foreign_images(job, policy) == []
    assert len(foreign_images(render(RunSpec(template=template, name="a", op="o", owner="u", args=(f"--image={image}",))), policy)) == 1
    job["spec"]["template"]["spec"]["initContainers"] = [{"name": "i", "image": image}]
    assert len(foreign_images(job, policy)) == 1


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playing]:
    """A bot under a policy that lists one registry, with a template of another."""
    own = tmp_path_factory.mktemp("own")
    (own / "teams.yaml").write_text(TEAMS.format(image="ghcr.io/elsewhere/x:1"))
    policy = own / "policy.toml"
    policy.write_text((ROOT / "playground" / "policy.toml").read_text().replace('images = ["*"]', 'images = ["ghcr.io/our-team/*"]'))
    with playing("--no-bot", speed=200) as running:
        for name in ("worker", "web"):
            running.bot(name, QUARTERMASTER_POLICY=str(policy), QUARTERMASTER_TEMPLATES=str(own))
        wait_until(lambda: "On it" in running.command("status"), 30)
        yield running


def test_a_template_of_an_unlisted_image_is_not_run(play: Playing) -> None:
    for command in ("run teams", "run mnist"):
        play.command(command)
    play.card(r"The policy does not allow the image `ghcr\.io/elsewhere/x:1`", GPU)
    play.card(r"The policy does not allow the image `mcr\.microsoft\.com/azuredocs/samples-tf-mnist-demo:gpu`", GPU)
