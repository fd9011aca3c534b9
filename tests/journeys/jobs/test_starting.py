"""How a job is started: once more, with every option, from a manifest."""

from __future__ import annotations

import re

from tests.journeys.jobs.acts import IMAGE, MANIFEST, button, card_of, posted, ran, run_on_gpu
from tests.journeys.looking import Looking
from tests.playing import ALICE, GINA, GPU, Playing, shown, wait_until
from tests.security.test_secrets import ever_written


def test_a_job_runs_again_with_changes_and_is_compared_with_the_last(play: Playing, lab: Looking) -> None:
    _, name = ran(play, "run mnist --on lab --set max_steps=60 --env TEAM=vision -- --learning_rate=0.002", "mnist-")
    second, again = ran(play, f"job {name} --again --set max_steps=120", "mnist-")
    assert again != name
    assert re.search(r"[+-]\d\.?\d* over the last|\+0 over the last", shown(second)), shown(second)
    container = lab.job(again)["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["--max_steps", "120", "--learning_rate=0.002"]
    assert {"name": "TEAM", "value": "vision"} in container["env"]
    play.command(f"job {again}")
    history = play.card(r"Runs of mnist")
    assert shown(history).index(again) < shown(history).rindex(name)


def test_the_change_is_that_of_the_number_in_the_log(play: Playing) -> None:
    log = '["Epoch 1/1 val_acc: 0.800"]'
    run_on_gpu(play, posted(play, f"```{MANIFEST.format(name='compared', args=log, gpus=1)}```"))
    card, name = card_of(play, "compared-")
    first = play.reply(card["ts"], "succeeded: final val accuracy 0.8", seconds=60)
    assert "over the last" not in shown(first)
    play.command(f"job {name} --again -- 'Epoch 1/1 val_acc: 0.812'")
    again = play.card(rf"Done(.|\n)*`{name}` again with args unset → Epoch 1/1 val_acc: 0.812", seconds=60)
    assert "0.812 (+0.012 over the last)" in shown(play.reply(again["ts"], "succeeded: final val accuracy 0.812"))


def test_the_card_of_one_more_run_says_what_is_different(play: Playing) -> None:
    done, name = ran(play, "run mnist --on lab --set max_steps=30", "mnist-")
    play.command(f"job {name} --again --set max_steps=90000 --timeout 2h")
    card = play.card(rf"`{name}` again with max_steps 30 → 90000, timeout unset → 7200")
    play.click(card, "cancel")
    play.reply(card["ts"], "Cancelled")
    play.click(done, button(done, "Run again"))
    same = play.card(rf"`{name}` again, unchanged")
    play.reply(same["ts"], "succeeded: final", seconds=60)


def test_change_and_run_shows_the_arguments_to_change(play: Playing, lab: Looking) -> None:
    done, name = ran(play, "run mnist --on lab --set max_steps=40", "mnist-")
    play.click(done, button(done, "Change and run"))
    view = play.view("--max_steps=40")
    values = {"gpus": "1", "pods": "", "timeout": "90m", "args": "--max_steps 50"}
    answer = play.call("POST", "/views/submit", {"user": ALICE, "view_id": view["id"], "values": values})
    assert answer["ok"], answer
    changed = play.card(rf" on lab(.|\n)*`{name}` again with args unset → --max_steps 50")  # once it has a plan, and so a name
    other = shown(changed).split(" on lab")[0]
    job = wait_until(lambda: lab.job(other))
    assert job["spec"]["activeDeadlineSeconds"] == 5400
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["--max_steps", "50"]


def test_a_job_is_started_by_form_and_a_wrong_field_is_marked(play: Playing, lab: Looking) -> None:
    play.command("")
    menu = wait_until(lambda: next((one for one in reversed(play.messages(GPU, ALICE)) if one.get("ephemeral_to") and one["blocks"]), None))
    assert play.click(menu, "menu_run")["ok"]
    view = play.view('"work"')
    values = {"work": "vector-add", "on": "lab", "gpus": "0", "pods": "", "timeout": "2h", "args": ""}
    wrong = play.call("POST", "/views/submit", {"user": ALICE, "view_id": view["id"], "values": values})
    assert list(wrong["errors"]) == ["gpus"]
    assert "holds at least one GPU" in wrong["errors"]["gpus"]
    wrong = play.call("POST", "/views/submit", {"user": ALICE, "view_id": view["id"], "values": {**values, "gpus": "1", "timeout": "soon"}})
    assert list(wrong["errors"]) == ["timeout"]
    assert play.call("POST", "/views/submit", {"user": ALICE, "view_id": view["id"], "values": {**values, "gpus": "1"}})["ok"]
    card, name = card_of(play, "vector-add-")
    assert wait_until(lambda: lab.job(name))["spec"]["activeDeadlineSeconds"] == 7200
    play.reply(card["ts"], "succeeded: no metric in its log", seconds=60)


def test_every_option_reaches_the_manifest(play: Playing, lab: Looking) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "team-keys"}, "stringData": {"TOKEN": "t"}}
    lab.create("/api/v1/namespaces/default/secrets", secret)
    options = "--gpus 1 --cpu 500m --memory 2Gi --env EPOCHS=3 --secret team-keys --timeout 2h --retries 2 --spot-ok --name all-options"
    play.command(f"run {IMAGE} --on lab {options} -- --batch 64")
    job = wait_until(lambda: lab.job("all-options"))
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"], spec["ttlSecondsAfterFinished"]) == (7200, 2, 7 * 86400)
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "1", "memory": "2Gi"}
    assert container["resources"]["requests"]["cpu"] == "500m"
    assert container["resources"]["requests"]["memory"] == "2Gi"
    assert container["env"] == [{"name": "EPOCHS", "value": "3"}]
    assert container["envFrom"] == [{"secretRef": {"name": "team-keys", "optional": False}}]
    assert container["args"] == ["--batch", "64"]
    assert any(one["key"] == "kubernetes.azure.com/scalesetpriority" for one in pod["tolerations"])
    assert job["metadata"]["labels"]["quartermaster-owner"] == ALICE
    assert {"quartermaster-channel", "quartermaster-thread", "quartermaster-expires"} <= set(job["metadata"]["annotations"])


def test_a_job_can_be_bound_to_a_pool(play: Playing, lab: Looking) -> None:
    play.command(f"run {IMAGE} --on lab --pool gpu --name bound")
    job = wait_until(lambda: lab.job("bound"))
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"kubernetes.azure.com/agentpool": "gpu"}
    play.command(f"run {IMAGE} --on lab --pool gpu --pods 3 --name bound-wide --env PLAYGROUND_SECONDS=inf")
    wide = play.card(r"\Abound-wide on lab")
    play.reply(wide["ts"], r"has to wait: Only \d of 3 pods(.|\n)*`/gpu pool scale lab/gpu --nodes N` makes room there")
    play.click(wide, "cancel")
    play.reply(wide["ts"], "Cancelled")
    play.command(f"run {IMAGE} --on lab --pool nowhere --name unbound")
    play.card("Not started(.|\n)*Cluster `lab` has no node pool `nowhere`. It has `gpu`.")


def test_a_secret_that_is_not_there_is_told_before_anything_is_started(play: Playing, lab: Looking) -> None:
    play.command(f"run {IMAGE} --on lab --name no-keys --secret nobodys-keys")
    card = play.card(r"no-keys on lab - ⚪ \*Not started\*(.|\n)*a Secret that is not there: `nobodys-keys` in namespace `default` of `lab`")
    assert "kubectl create secret generic nobodys-keys" in shown(card)
    assert lab.job("no-keys") is None


def test_without_options_nothing_runs_for_ever_and_spot_nodes_are_left_alone(play: Playing, lab: Looking) -> None:
    play.command(f"run {IMAGE} --on lab --name no-options")
    spec = wait_until(lambda: lab.job("no-options"))["spec"]
    assert spec["activeDeadlineSeconds"] == 24 * 3600
    assert not any(one["key"] == "kubernetes.azure.com/scalesetpriority" for one in spec["template"]["spec"]["tolerations"])


def test_a_job_without_a_gpu_is_refused_at_once(play: Playing) -> None:
    said = play.command("run mnist --on lab --gpus 0")
    assert "holds at least one GPU" in said
    assert "`/gpu run mnist --on lab --gpus 1`" in said
    assert "Run on GPU" in said


def test_ones_own_template_runs_and_wrong_names_are_answered_with_what_is_there(play: Playing, lab: Looking) -> None:
    """The page on templates, as it stands there."""
    play.command("run finetune --on lab --set epochs=99")
    _, name = ran(play, "run finetune --on lab --set epochs=5 --set lr=0.0003", "finetune-")
    play.card(r"`99` does not fit `--epochs`: it must be a whole number from 1 to 50")
    assert lab.job(name)["spec"]["template"]["spec"]["containers"][0]["args"] == ["--epochs", "5", "--lr=0.0003", "--data", "small"]
    meant = {
        "run finetune --on lab --set epoch=1": r"The template `finetune` has no parameter `epoch`\. It has `epochs`, `lr`, `data`, `tag`",
        "logs finetune": rf"I know no job `finetune`, but runs of it\. The newest is `{name}`",
        "check lab/system": r"Cluster `lab` has no node pool `system`\. It has `gpu` with GPUs\.",
    }
    for command in meant:
        play.command(command)
    for said in meant.values():
        play.card(said)


def test_a_manifest_in_a_code_block_runs(play: Playing, lab: Looking) -> None:
    manifest = MANIFEST.format(name="from-text", args='["a < b", "http://example.com/x"]', gpus=1)
    run_on_gpu(play, posted(play, f"could you run this please?\n```yaml\n{manifest}```\nthanks"))
    card, name = card_of(play, "from-text-")
    play.reply(card["ts"], "succeeded", seconds=60)
    assert lab.job(name)["spec"]["template"]["spec"]["containers"][0]["args"] == ["a < b", "http://example.com/x"]


def test_an_attached_manifest_runs(play: Playing, lab: Looking) -> None:
    file = {"name": "train.yaml", "content": MANIFEST.format(name="from-file", args="[]", gpus=1)}
    run_on_gpu(play, posted(play, "here it is", [file]))
    card, name = card_of(play, "from-file-")
    play.reply(card["ts"], "succeeded", seconds=60)
    assert lab.job(name)


def test_a_manifest_without_a_gpu_runs_and_its_card_says_so(play: Playing) -> None:
    run_on_gpu(play, posted(play, f"```{MANIFEST.format(name='gpuless', args='[]', gpus=0)}```"))
    play.card(r"\Agpuless-\w+ on lab - (.|\n)*Done(.|\n)*It asks for no GPU")


def test_an_unsafe_manifest_is_refused_with_all_reasons(play: Playing, lab: Looking) -> None:
    bad = MANIFEST.format(name="grabby", args="[]", gpus=1).replace("restartPolicy: Never", "hostNetwork: true\n      hostPID: true")
    bad = bad.replace("image: ghcr.io", "securityContext: {privileged: true}\n          image: ghcr.io")
    bad = bad.replace("  name: grabby", "  name: grabby\n  namespace: kube-system")
    ts = posted(play, f"```{bad}```")
    run_on_gpu(play, ts)
    card = play.card(r"\ARun on GPU - (.|\n)*Not started(.|\n)*hostNetwork")
    for reason in ("hostNetwork", "hostPID", "privileged", "kube-system"):
        assert reason in shown(card), reason
    assert not [job for job in lab.jobs() if job["metadata"]["name"].startswith("grabby")]


def test_a_manifest_that_carries_a_secret_is_refused_and_never_written_down(play: Playing, lab: Looking) -> None:
    pasted, attached = "wandb" + "c0ffee42" * 4, "wandb" + "deadbee7" * 4
    text = MANIFEST.format(name="telling", args="[]", gpus=1).replace("args: []", "env: [{name: WANDB_API_KEY, value: %s}]")
    run_on_gpu(play, posted(play, f"```{text % pasted}```"))
    view = play.view("WANDB_API_KEY` carries what looks like a secret")
    play.call("POST", "/views/close", {"user": ALICE, "view_id": view["id"]})
    run_on_gpu(play, posted(play, "as a file", [{"name": "telling.yaml", "content": text % attached}]))
    play.card(r"\ARun on GPU - (.|\n)*Not started(.|\n)*WANDB_API_KEY` carries what looks like a secret")
    written = b"".join(file.read_bytes() for file in ever_written(play))
    assert b"telling.yaml" in written
    assert pasted.encode() not in written
    assert attached.encode() not in written
    assert not [job for job in lab.jobs() if job["metadata"]["name"].startswith("telling")]


def test_a_huge_file_is_not_read(play: Playing) -> None:
    run_on_gpu(play, posted(play, "", [{"name": "huge.yaml", "content": "#" * 70_000}]))
    play.card("That file is larger than 64 KiB")


def test_a_message_without_a_manifest_says_what_is_missing(play: Playing) -> None:
    run_on_gpu(play, posted(play, "no manifest here"))
    view = play.view("There is no Job manifest in that message")
    play.call("POST", "/views/close", {"user": ALICE, "view_id": view["id"]})


def test_a_guest_is_told_in_private_that_the_shortcut_is_not_for_guests(play: Playing) -> None:
    play.command("status", GINA)
    wait_until(lambda: "Guests" in play.command("status", GINA))
    run_on_gpu(play, posted(play, f"```{MANIFEST.format(name='guests', args='[]', gpus=1)}```"), GINA)
    play.view("Guests", GINA)


def test_a_guests_message_is_not_even_read_and_holds_up_nobody(play: Playing) -> None:
    """A run of spaces behind a fence, cubic for a careless pattern, froze every acknowledgement for most of an hour."""
    play.command("status", GINA)
    wait_until(lambda: "Guests" in play.command("status", GINA))
    for text in ("```" + " " * 12_000, "no manifest here"):
        run_on_gpu(play, posted(play, text), GINA)
        view = play.view("Guests", GINA)
        assert "no Job manifest" not in str(view)
        play.call("POST", "/views/close", {"user": GINA, "view_id": view["id"]})
    assert "On it" in play.command("jobs")


def test_the_gpu_runtimes_own_variables_are_refused_at_once(play: Playing) -> None:
    said = play.command("run mnist --on lab --env NVIDIA_VISIBLE_DEVICES=all")
    assert "`NVIDIA_VISIBLE_DEVICES` is not for jobs to set" in said
    assert "--gpus N" in said


def test_gpus_of_init_containers_count_against_the_limit(play: Playing, lab: Looking) -> None:
    many = MANIFEST.format(name="hidden", args="[]", gpus=1)
    many += "      initContainers: [{name: i, image: ubuntu, resources: {limits: {nvidia.com/gpu: 900}}}]\n"
    run_on_gpu(play, posted(play, f"```{many}```"))
    play.card(r"\ARun on GPU - (.|\n)*Not started(.|\n)*900 more GPUs")
    assert not [job for job in lab.jobs() if job["metadata"]["name"].startswith("hidden")]


def test_a_job_without_a_gpu_neither_sees_nor_reaches_those_of_others(play: Playing, lab: Looking) -> None:
    run_on_gpu(play, posted(play, f"```{MANIFEST.format(name='blind', args='[]', gpus=0)}```"))
    pod = wait_until(lambda: next((job for job in lab.jobs() if job["metadata"]["name"].startswith("blind")), None))["spec"]["template"]["spec"]
    assert pod["containers"][0]["env"] == [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}]
    assert not [item for item in pod.get("tolerations") or () if item["key"] in ("sku", "nvidia.com/gpu")]
