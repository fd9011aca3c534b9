"""Templates and rendering: what a person types never changes more than it may."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client.models.v1_job import V1Job

from bot.cluster.pasted import MAX_MANIFEST
from bot.cluster.render import RunSpec, gpus_of, render
from bot.cluster.templates import Template, from_image, from_manifest, load_templates
from bot.errors import Failed, Refused

JOBS = Path(__file__).parents[2] / "manifests" / "jobs"
TEMPLATES = load_templates([JOBS])


def spec_for(template: Template, **fields: Any) -> RunSpec:
    return RunSpec(**{"template": template, "name": "run1", "op": "op1", "owner": "U0ALICE", **fields})


def container_of(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = manifest["spec"]["template"]["spec"]["containers"][0]
    return found


def test_the_documents_job_comes_out_as_the_document_has_it() -> None:
    job = render(spec_for(TEMPLATES["mnist"], name="samples-tf-mnist-demo"))
    main = container_of(job)
    assert main["image"] == "mcr.microsoft.com/azuredocs/samples-tf-mnist-demo:gpu"
    assert main["args"] == ["--max_steps", "500"]
    assert main["imagePullPolicy"] == "IfNotPresent"
    assert main["resources"]["limits"] == {"nvidia.com/gpu": 1}
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"
    keys = {item["key"] for item in job["spec"]["template"]["spec"]["tolerations"]}
    assert keys == {"sku", "nvidia.com/gpu", "kubernetes.azure.com/scalesetpriority"}


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_every_template_renders_to_a_job_that_the_official_model_accepts(name: str) -> None:
    job = yaml.safe_load(yaml.safe_dump(render(spec_for(TEMPLATES[name]))))
    for item in job["spec"]["template"]["spec"]["containers"]:
        limits = item["resources"]["limits"]
        limits.update({key: str(value) for key, value in limits.items()})
    assert V1Job.from_dict(job) is not None
    assert "${" not in yaml.safe_dump(job)


def test_declared_parameters_are_typed_and_others_are_appended() -> None:
    job = render(spec_for(TEMPLATES["mnist"], args=("--max_steps", "20", "--dropout=0.9", "--data_dir", "/tmp/d")))
    assert container_of(job)["args"] == ["--max_steps", "20", "--dropout=0.9", "--data_dir", "/tmp/d"]


@pytest.mark.parametrize("args", [("--max_steps", "many"), ("--max_steps", "0"), ("--max_steps",), ("--dropout", "nan"), ("--max_steps=1e9",)])
def test_a_value_that_does_not_fit_is_refused_with_the_rule(args: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as caught:
        render(spec_for(TEMPLATES["mnist"], args=args))
    assert "number" in caught.value.sentence


def test_several_pods_become_an_indexed_job_with_numbers_not_texts() -> None:
    job = render(spec_for(TEMPLATES["mnist-sweep"], args=("--pods", "5", "--at-once", "2")))
    assert (job["spec"]["completionMode"], job["spec"]["completions"], job["spec"]["parallelism"]) == ("Indexed", 5, 2)
    assert gpus_of(job) == ("nvidia.com/gpu", 1, 2)


def test_an_amount_of_gpus_is_read_as_kubernetes_spells_it() -> None:
    job = render(spec_for(TEMPLATES["mnist"]))
    container_of(job)["resources"] = {"limits": {"nvidia.com/gpu": "1k"}}  # somebody's own Job under our labels
    assert gpus_of(job) == ("nvidia.com/gpu", 1000, 1)


SIDE = {"name": "s", "image": "x", "restartPolicy": "Always", "resources": {"limits": {"nvidia.com/gpu": "2"}}}
INIT = {"name": "i", "image": "x", "resources": {"limits": {"nvidia.com/gpu": "8"}}}
MIG = {"name": "m", "image": "x", "resources": {"limits": {"nvidia.com/mig-1g.5gb": "3"}}}


@pytest.mark.parametrize(
    ("pod", "count"),
    [
        ({"initContainers": [SIDE]}, 3),
        ({"initContainers": [INIT]}, 8),
        ({"initContainers": [SIDE, INIT]}, 10),
        ({"initContainers": [INIT, SIDE]}, 8),
        ({"initContainers": [SIDE, SIDE]}, 5),
        ({"initContainers": [MIG]}, 4),
    ],
    ids=["sidecar", "init", "sidecar before init", "init before sidecar", "sidecars", "two kinds"],
)
def test_no_gpu_is_hidden_from_the_limit_in_an_init_container_a_sidecar_or_another_resource(pod: dict[str, Any], count: int) -> None:
    template = from_image("ubuntu")
    template.manifest["spec"]["template"]["spec"].update(pod)
    job = render(spec_for(template))
    assert gpus_of(job)[1] == count


def visible(container: dict[str, Any]) -> list[str]:
    return [item["value"] for item in container.get("env") or () if item["name"] == "NVIDIA_VISIBLE_DEVICES"]


def test_a_container_without_gpus_sees_none_whatever_its_image_asks_for() -> None:
    """Images of CUDA set NVIDIA_VISIBLE_DEVICES=all themselves (NVIDIA/k8s-device-plugin#87)."""
    template = from_image("nvcr.io/nvidia/cuda:12", gpus=1)
    pod = template.manifest["spec"]["template"]["spec"]
    none = {"name": "n", "image": "x", "resources": {"limits": {"nvidia.com/gpu": 0}}, "env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}
    pod["containers"].append(none)
    pod["initContainers"] = [{"name": "i", "image": "x"}, INIT]
    found = render(spec_for(template))["spec"]["template"]["spec"]
    assert [visible(item) for item in (*found["containers"], *found["initContainers"])] == [[], ["void"], ["void"], []]


def test_only_a_pod_that_asks_for_gpus_tolerates_their_nodes() -> None:
    job = render(spec_for(from_manifest(MANIFEST)))
    assert visible(container_of(job)) == ["void"]
    assert not job["spec"]["template"]["spec"].get("tolerations")
    spot = render(spec_for(from_manifest(MANIFEST), spot_ok=True))["spec"]["template"]["spec"]["tolerations"]
    assert [item["key"] for item in spot] == ["kubernetes.azure.com/scalesetpriority"]


@pytest.mark.parametrize("name", ["NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"])
def test_what_the_gpu_runtime_reads_cannot_be_set(name: str) -> None:
    with pytest.raises(Refused, match="does not hold"):
        render(spec_for(TEMPLATES["mnist"], env={name: "all"}))


def test_owner_thread_and_expiry_are_on_the_job_and_on_its_pods() -> None:
    expires = datetime(2026, 11, 21, tzinfo=UTC)
    job = render(spec_for(TEMPLATES["mnist"], channel="C0GPU", thread="1.2", expires=expires))
    for metadata in (job["metadata"], job["spec"]["template"]["metadata"]):
        assert metadata["labels"]["quartermaster-op"] == "op1"
        assert metadata["labels"]["quartermaster-owner"] == "U0ALICE"
        assert metadata["annotations"] == {
            "quartermaster-channel": "C0GPU",
            "quartermaster-thread": "1.2",
            "quartermaster-expires": "2026-11-21T00:00:00+00:00",
        }


def test_a_manifest_cannot_borrow_another_owner_or_operation() -> None:
    text = yaml.safe_dump(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "x", "labels": {"quartermaster-op": "stolen", "quartermaster-evil": "1", "team": "a"}},
            "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "ubuntu"}]}}},
        }
    )
    labels = render(spec_for(from_manifest(text)))["metadata"]["labels"]
    assert labels["quartermaster-op"] == "op1"
    assert "quartermaster-evil" not in labels
    assert labels["team"] == "a"


def test_an_image_gets_gpus_limits_environment_and_secrets() -> None:
    job = render(
        spec_for(
            from_image("ghcr.io/team/train:1.2"),
            gpus=2,
            args=("train.py", "--lr", "0.1"),
            env={"MODE": "a $(HOME) b"},
            secrets=("wandb",),
            cpu="500m",
            memory="16Gi",
            timeout=3600,
            retries=2,
            pool="gpu",
        )
    )
    main, body = container_of(job), job["spec"]
    assert main["args"] == ["train.py", "--lr", "0.1"]
    assert main["resources"] == {"limits": {"nvidia.com/gpu": 2, "memory": "16Gi"}, "requests": {"cpu": "500m", "memory": "16Gi"}}
    assert main["env"] == [{"name": "MODE", "value": "a $$(HOME) b"}]
    assert main["envFrom"] == [{"secretRef": {"name": "wandb", "optional": False}}]
    assert (body["activeDeadlineSeconds"], body["backoffLimit"]) == (3600, 2)
    assert body["template"]["spec"]["nodeSelector"] == {"kubernetes.azure.com/agentpool": "gpu"}
    assert body["template"]["spec"]["automountServiceAccountToken"] is False


def test_spot_is_tolerated_only_where_asked_or_harmless() -> None:
    def spot(job: dict[str, Any]) -> bool:
        return any(item["key"].endswith("scalesetpriority") for item in job["spec"]["template"]["spec"]["tolerations"])

    assert not spot(render(spec_for(from_image("ubuntu"))))
    assert spot(render(spec_for(from_image("ubuntu"), spot_ok=True)))
    assert spot(render(spec_for(TEMPLATES["mnist"])))


def test_another_resource_name_replaces_the_whole_gpu() -> None:
    job = render(spec_for(TEMPLATES["mnist"], resource="nvidia.com/mig-1g.5gb", gpus=3))
    assert container_of(job)["resources"]["limits"] == {"nvidia.com/mig-1g.5gb": 3}


@pytest.mark.parametrize(
    "fields",
    [{"name": "../x"}, {"name": "UPPER"}, {"namespace": "a/b"}, {"env": {"A-B": "1"}}, {"secrets": ("../s",)}, {"pool": ".."}, {"cpu": "lots"}],
)
def test_names_are_checked_again_at_the_edge(fields: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        render(spec_for(TEMPLATES["mnist"], **fields))


def test_rendering_leaves_the_template_as_it_was() -> None:
    before = yaml.safe_dump(TEMPLATES["mnist"].manifest)
    render(spec_for(TEMPLATES["mnist"], gpus=4, env={"A": "1"}, args=("--x",)))
    assert yaml.safe_dump(TEMPLATES["mnist"].manifest) == before


def test_a_value_cannot_change_the_structure() -> None:
    template = Template(name="t", manifest=from_image("ubuntu").manifest, arguments="append")
    hostile = '"]\n  privileged: true # ${max_steps}'
    assert container_of(render(spec_for(template, args=(hostile,))))["args"] == [hostile]


MANIFEST = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\nspec: {template: {spec: {containers: [{name: c, image: ubuntu}]}}}\n"


@pytest.mark.parametrize("text", [MANIFEST, f"```yaml\n{MANIFEST}```", f"```\n{MANIFEST}\n```", "---\n" + MANIFEST + "---\n"])
def test_a_pasted_job_is_taken_with_or_without_a_fence(text: str) -> None:
    assert from_manifest(text).name == "x"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 objects"),
        ("hello", "not a Job"),
        ("[1, 2]", "not a Job"),
        ("a: b: c", "not YAML"),
        ("kind: Pod\napiVersion: v1", "not a Job"),
        (MANIFEST + "---\n" + MANIFEST, "2 objects"),
        (MANIFEST.replace("image: ubuntu", "image: 5"), "image"),
        (MANIFEST.replace("[{name: c, image: ubuntu}]", "[]"), "no containers"),
        (MANIFEST.replace("image: ubuntu", "image: ubuntu, securityContext: yes"), "securityContext"),
        (MANIFEST.replace("spec: {template", "spec: {backoffLimit: many, template"), "backoffLimit"),
        ("x: &a [1]\ny: *a\n" + MANIFEST, "aliases"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("x" * 70_000, "64 KiB"),
        ("[" * 60_000, "nested too deeply"),
        (MANIFEST + "x: [" + "a," * 31_000 + "]", "too many"),
        ("a:\n" + "- 1\n" * 16_000, "too many"),
    ],
)
def test_what_is_no_job_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Refused) as caught:
        from_manifest(text)
    assert why.lower() in caught.value.sentence.lower()


@pytest.mark.parametrize(
    "body",
    [
        "template: t\nmanifest: {}",
        "template: T!\n",
        "nonsense: 1",
        "a: [",
        f"template: t\nparameters: {{n: {{type: integer, default: x}}}}\nmanifest: {yaml.safe_load(MANIFEST)}",
        f"template: t\nmanifest: {str(yaml.safe_load(MANIFEST)).replace('ubuntu', '${nope}')}",
    ],
)
def test_a_broken_template_is_found_when_it_is_loaded(tmp_path: Path, body: str) -> None:
    (tmp_path / "t.yaml").write_text(body)
    with pytest.raises(Failed) as caught:
        load_templates([tmp_path])
    assert "t.yaml" in caught.value.sentence


def test_a_users_directory_overrides_a_template_of_ours(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"template: mnist\ntitle: mine\nmanifest: {yaml.safe_load(MANIFEST)}")
    assert load_templates([JOBS, tmp_path])["mnist"].title == "mine"


def test_a_long_run_of_blank_lines_behind_a_fence_is_no_poison_for_the_workers() -> None:
    """A pattern that was quadratic here took a worker a minute each time, and every other worker after it."""
    for number in range(12):
        with pytest.raises(Refused):
            from_manifest("```\n" + "\n" * (MAX_MANIFEST - 20 - number) + "x")
    assert from_manifest("```yaml\n" + "\n" * 50_000 + MANIFEST + "```  \n").name == "x"
